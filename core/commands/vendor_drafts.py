"""The part of `vendor` for tasks that write: test briefs out, drafts in, the card."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading
from core.errors import InputError
from core.whole import write_whole
from core.words import counted

if TYPE_CHECKING:
    from core.tasks import Task


def step(
    db, task: Task, args: argparse.Namespace, needs: Callable[[argparse.Namespace, str], None]
) -> tuple[dict, str]:
    """One step of `vendor`; `needs` says which option is missing."""
    steps = {
        "pack": _pack,
        "import": _import,
        "ask": _ask,
        "scorecard": _card,
        "blind": _blind,
        "list": _list,
        "remove": _remove,
    }
    if args.step not in steps:
        raise InputError(f"A task that writes has no {args.step}.", f"Choose one of: {', '.join(steps)}.")
    for option in {"pack": ["to"], "import": ["name", "file"], "ask": ["name", "teacher"], "remove": ["name"]}.get(
        args.step, []
    ):
        needs(args, option)
    return steps[args.step](db, task, args)


def _pack(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.write import vendors

    try:
        args.to.parent.mkdir(parents=True, exist_ok=True)
        write_whole(args.to, vendors.pack(db, task))
    except OSError as error:
        raise InputError(f"{args.to} cannot be written ({error.strerror}).", "Choose another file.") from error
    count = len(vendors.test_briefs(db, task))
    return {"briefs": count, "output": str(args.to)}, f"{counted(count, 'test brief')} in {args.to}"


def _import(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.write import vendors

    terminal.must_exist(args.file)
    columns = {"brief": args.brief_column, "text": args.draft_column}
    how = reading.read_as(args)
    test = vendors.import_file(db, task, args.name, args.file, read_as=how, usd_per_1000=args.price_per_1000, **columns)
    problems = list(test.counts.problems)
    reading.write_problems(args.problems, [(args.file.name, problems)])
    result, text = _card(db, task, argparse.Namespace(name=test.name))
    return result, "\n".join([text, *reading.problem_lines(problems, len(problems))])


def _ask(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core import jobs

    params = {"task_id": task.id, "name": args.name, "teacher": args.teacher, "budget_usd": args.budget}
    jobs.run_here(db, "vendor_drafts", params, task, terminal.Log())
    return _card(db, task, args)


def _card(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.report import writing_vendor as cards
    from core.write import measures, vendors

    card = cards.card(db, task, vendors.find(db, task, args.name))
    lines = [f"{card.test.name}: {cards.TITLES[card.decision]} {card.reason}", f"Next: {card.next}", card.price]
    lines.append(cards.counts_words(card.test.counts))
    for one in measures.applicable(card.sides):
        told = ", ".join(f"{side.who} {one.told(side)}" for side in card.sides if one.value(side) is not None)
        lines.append(f"{one.words}: {told}")
    return {"test": cards.as_json(card)}, "\n".join(lines)


def _blind(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.write import comparison, vendors

    test, rows = vendors.find(db, task, args.name), comparison.training.all_writers(db, task)
    row = comparison.looked_at(db, task) if rows else None
    new = vendors.into_blind(db, task, test, row and row["id"])
    beside = f" and beside those of {row['kind']} {row['id']}" if row else ""
    words = f"{counted(new, 'pair')} more to compare: the drafts of {test.name} beside approved copy{beside}."
    return {"name": test.name, "student": row and str(row["id"]), "pairs": new}, words


def _list(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.report import writing_vendor as cards
    from core.write import vendors

    there = vendors.tests(db, task)
    lines = [f"{one.name}: {cards.counts_words(one.counts)}" for one in there]
    rows = [
        {"name": one.name, "source": one.source, "answered": one.counts.answered, "created": one.created}
        for one in there
    ]
    return {"tests": rows}, "\n".join(lines) or "No vendor's drafts are here yet."


def _remove(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.write import vendors

    name = vendors.find(db, task, args.name).name
    vendors.remove(db, task, name)
    return {"removed": name}, f"The drafts of {name} are forgotten."
