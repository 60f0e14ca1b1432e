"""`taxonomy`: the client's versions, a file compared with the one in use, saved as the next, and what the labels suggest."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading
from core.errors import InputError

if TYPE_CHECKING:
    from core.tasks import Task

ACTIONS = ("versions", "write", "diff", "apply", "suggestions")


SUMMARY = "versions of the taxonomy: compare, change, keep the labels that hold"


def options(command: argparse.ArgumentParser) -> None:
    """versions, write FILE, diff FILE, apply FILE --yes, suggestions."""
    command.add_argument("action", nargs="?", default="versions", choices=ACTIONS, help="default: %(default)s")
    command.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="write: the version in use goes to this CSV, to be edited; diff and apply: the taxonomy as it should be",
    )
    reading.options(command)
    reading.taxonomy_options(command)
    reading.problem_option(command)
    command.add_argument(
        "--accept", type=_numbers, default=[], metavar="N,N|all", help="guesses of diff that are right, by number"
    )
    command.add_argument(
        "--became",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="OLD goes on as NEW (may be given several times)",
    )
    command.add_argument(
        "--ask-again", action="append", default=[], metavar="LABEL", help="ask again about the assets of this category"
    )
    command.add_argument("--yes", action="store_true", help="apply: save the version and carry the labels over")
    command.add_argument(
        "--look", action="store_true", help="suggestions: look for categories that are two (takes a while)"
    )


def _numbers(value: str) -> list[int] | str:
    return "all" if value == "all" else [terminal.count(number) for number in value.split(",")]


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What the action brings, as a dict and as text."""
    if args.action in ("write", "diff", "apply") and args.file is None:
        raise InputError(f"taxonomy {args.action} needs a file.", f"Write: taxonomy {args.action} FILE.")
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    result, text = {
        "versions": _versions, "write": _write, "diff": _diff, "apply": _apply, "suggestions": _suggestions
    }[args.action](db, task, args)  # fmt: skip
    return {"client": args.client, **result}, text


def _versions(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core.taxonomy import versions

    rows = versions.versions(db, task)
    lines = [
        f"version {row['version']}{', live' if row['live'] else '':<6} {row['assignable']:,} categories, {row['labels']:,} labels,"
        f" {row['students']} students, {row['source']}, {row['created'][:10]}"
        for row in rows
    ]
    return {"versions": rows}, "\n".join(lines) or "There is no taxonomy yet."


def _write(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core import taxonomy
    from core.taxonomy import versions

    if args.file.exists():
        raise InputError("The file is there already.", "Name another one.", where=str(args.file))
    categories = taxonomy.load(db, versions.in_use(db, task))
    with args.file.open("w", newline="", encoding="utf-8-sig") as out:
        out.write(taxonomy.to_csv(categories))
    many = sum(c.assignable for c in categories)
    return {"file": str(args.file), "categories": many}, f"{many:,} categories in {args.file}"


def _drafted(db, task: Task, args: argparse.Namespace):
    """The draft from the file with what was said to be so, the guesses that are left, and the file's problems."""
    terminal.must_exist(args.file)
    from core import taxonomy
    from core.taxonomy import columns, diff, resemblance, versions

    base = versions.in_use(db, task)
    how = reading.read_as(args)
    file = taxonomy.read(args.file, taxonomy.chosen(args.file, reading.taxonomy_columns(args), how), how)
    reading.tell_doubts(file.doubts)
    if unused := columns.unused_columns(file.columns, file.mapping):
        terminal.say(unused)
    reading.write_problems(args.problems, [(args.file.name, file.problems)])
    draft = diff.compare(taxonomy.load(db, base), file.categories)
    for pair in args.became:
        draft = diff.linked(draft, *_became(pair, {c.label for c in draft.before}))
    guesses = resemblance.proposals(draft)
    chosen = range(1, len(guesses) + 1) if args.accept == "all" else args.accept
    for number in chosen:
        if number > len(guesses):
            raise InputError(f"There is no guess {number}.", f"There are {len(guesses)}.", where="--accept")
        draft = resemblance.accept(draft, guesses[number - 1])
    labels = {c.label for c in draft.categories}
    for label in args.ask_again:
        if label not in labels:
            raise InputError(f"There is no category {label} in the file.", "Write its label.", where="--ask-again")
    left = [guess for number, guess in enumerate(guesses, 1) if number not in chosen]
    return versions.KeptDraft(base, args.file.name, draft, tuple(args.ask_again)), left, file.problems


def _became(pair: str, labels: set[str]) -> tuple[str, str]:
    """OLD and NEW of OLD=NEW; a label may hold an = itself."""
    parts = pair.split("=")
    pairs = [("=".join(parts[:at]).strip(), "=".join(parts[at:]).strip()) for at in range(1, max(len(parts), 2))]
    return next((one for one in pairs if one[0] in labels), pairs[0])


def _diff(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    return _answer(db, task, *_drafted(db, task, args))


def _answer(db, task: Task, kept_draft, guesses: list, problems: list) -> tuple[dict, str]:
    """What changes, what may have happened, and what it takes."""
    from dataclasses import asdict

    from core.evaluate.kept import assumptions_of, teacher_price
    from core.label import relabel
    from core.taxonomy import diff
    from core.words import counted, duration, money

    changes = diff.diff(kept_draft.draft)
    plan = relabel.plan(db, task, kept_draft)
    usd = plan.usd(teacher_price(db, assumptions_of(db, task)))
    lines = [f"{change.kind:<10} {diff.in_words(change)}" for change in changes] or ["nothing changes"]
    if problems:
        lines = [
            f"{counted(sum(not one.remark for one in problems), 'problem')} in {kept_draft.source}",
            *reading.problem_lines(problems),
            *lines,
        ]
    for number, guess in enumerate(guesses, 1):
        before, after = " + ".join(guess.before), " + ".join(guess.after)
        lines.append(f"guess {number:<4} {guess.kind}: {before} -> {after} ({guess.why}); if so: --accept {number}")
    if changes and plan.run_id is not None:
        span = f", {plan.ask_low:,} to {plan.ask_high:,}" if plan.ask_low < plan.ask_high else ""
        cost = f"{money(usd)} at the teacher's price, {duration(plan.seconds)}"
        lines.append(f"to ask again: {plan.ask:,} of {plan.labels:,} labels ({plan.basis}{span}); {cost}")
        lines += [f"  {row.assets:,} {row.category or 'assets'}: {relabel.WHY[row.why]}" for row in plan.rows]
        lines += [f"  described anew: {label} ({n:,}); if it matters: --ask-again" for label, n in plan.described]
    result = {
        "problems": [one.as_dict() for one in problems],
        "changes": [
            {
                "kind": c.kind,
                "before": [o.label for o in c.before],
                "after": [n.label for n in c.after],
                "fields": c.fields,
            }
            for c in changes
        ],
        "guesses": [asdict(guess) for guess in guesses],
        "plan": asdict(plan) | {"keep": plan.keep, "usd": usd, "basis": plan.basis},
    }
    return result, "\n".join(lines)


def _apply(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core import jobs
    from core.taxonomy import versions

    kept_draft, guesses, problems = _drafted(db, task, args)
    if not args.yes:
        raise InputError("Nothing was saved.", "Read what taxonomy diff says, then add --yes.", where=str(args.file))
    result, text = _answer(db, task, kept_draft, guesses, problems)
    versions.keep(db, task, kept_draft)
    saved = jobs.run_here(db, "taxonomy", {"task_id": task.id}, task, terminal.Log()).result
    runs = [
        run.get("left") or f"{run['teacher']}: {run['carried']:,} labels carried over, {run['asked']:,} to ask"
        for run in saved["runs"]
    ]
    return result | saved, "\n".join([text, f"version {saved['version']} saved", *runs])


def _suggestions(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core import jobs
    from core.evaluate import suggestions
    from core.words import percent

    if args.look:
        jobs.run_here(db, "suggestions", {"task_id": task.id}, task, terminal.Log())
    suggested = suggestions.as_json(db, task)
    lines = [
        f"one? {pair['first']} + {pair['second']}: exchanged on {pair['swapped']:,} of {pair['assets']:,} test assets,"
        f" {percent(pair['share'])}"
        for pair in suggested["one"]
    ] or ["No two categories are confused either way."]
    lines += [
        f"two? {double['label']}: "
        + " | ".join(f"{part['name']} ({percent(part['share'])})" for part in double["parts"])
        for double in suggested["two"] or []
    ]
    if suggested["two"] is None:
        lines.append("For categories that are two, add --look.")
    return suggested, "\n".join(lines)
