"""`label`: a client's assets labelled by a teacher, within a budget; stopped or killed, the same command carries on."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core import plain_text, terminal
from core.errors import InputError
from core.wires import providers

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.label.looking import Other
    from core.tasks import Task


SUMMARY = "get labels from a teacher, within a budget"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--teacher",
        default="built-in",
        metavar="T",
        help=f"built-in (default), recorded:COLUMN, connection:NAME, {providers.specs()}",
    )
    command.add_argument("--budget", type=terminal.usd, metavar="USD", help="the most the run may cost in all")
    command.add_argument("--batch", action="store_true", help="the provider answers within a day, at its batch price")
    command.add_argument(
        "--instructions", type=Path, metavar="FILE", help="what a hosted teacher is asked, from now on"
    )
    command.add_argument(
        "--examples", type=int, metavar="N", help="how many assets decided by people it is shown, from now on"
    )
    look_option(command)
    command.add_argument(
        "--facets",
        type=terminal.names,
        metavar="A,B",
        help="tasks to ask about together, in one call an asset; all: every one (default with a hosted teacher, unless --task "
        "names one)",
    )
    what = command.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="buy 20 labels only, so that the forecast is measured")
    what.add_argument(
        "--gold-only",
        action="store_true",
        help="only assets that people have decided on: enough to compare a wording with another (review --compare)",
    )
    what.add_argument("--forecast", action="store_true", help="buy nothing: say what is left to get and what it costs")


def look_option(command: argparse.ArgumentParser) -> None:
    """Whether a hosted teacher gets the images."""
    command.add_argument(
        "--look",
        action=argparse.BooleanOptionalAction,
        help="whether a hosted teacher gets the image beside the text of an asset that has one, from now on (default: as chosen "
        "before, else not)",
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The run in figures, or its forecast. InputError where labels cannot be had, as core/label/labelling.py says."""
    from core import database
    from core.commands import joint

    db = database.connect()
    asked = _asked(db, args)
    if args.look is not None:
        _look(db, asked[0].client_id, args)
    if args.instructions or args.examples is not None:
        for task in asked:
            _reword(db, task, args)
    if len(asked) > 1:
        result, lines = (joint.forecast if args.forecast else joint.label)(db, asked, args)
    else:
        result, lines = (_forecast if args.forecast else _label)(db, asked[0], args)
    return {"client": args.client, "teacher": args.teacher, **result}, "\n".join(lines)


def _asked(db: Database, args: argparse.Namespace) -> list[Task]:
    """The task that is meant, or the facets to be asked about together."""
    from core import tasks
    from core.label.teachers import is_hosted
    from core.taxonomy import facets

    if args.facets and args.task:
        raise InputError("--task names one task and --facets several.", "Give one of them.")
    client_id = tasks.client_named(db, args.client)
    together = is_hosted(args.teacher) and not (args.task or args.gold_only)
    if args.facets or (together and len(facets.of_client(db, client_id)) > 1):
        if args.gold_only:
            raise InputError("A wording is tried on one task at a time.", "Name it with --task.")
        return facets.chosen(db, client_id, args.facets or ["all"])
    return [tasks.find(db, client_id, args.task)]


def _look(db: Database, client_id: int, args: argparse.Namespace) -> None:
    """Keep whether the teacher looks. InputError for one that is not hosted, or whose model takes no images."""
    from core.label import looking
    from core.label.teachers import is_hosted

    if not is_hosted(args.teacher):
        raise looking.NOT_HOSTED
    looking.choose(db, client_id, args.teacher, args.look)


def _reword(db: Database, task: Task, args: argparse.Namespace) -> None:
    """Keep the wording as the client's next version; what is not given stays."""
    from core.label import prompts

    before = prompts.current(db, task)
    instructions = before.instructions
    if args.instructions:
        instructions = plain_text.read(args.instructions)
    prompts.save(db, task, instructions, before.gold_examples if args.examples is None else args.examples)


def _label(db: Database, task: Task, args: argparse.Namespace) -> tuple[dict, list[str]]:
    from core import jobs
    from core.label import runs
    from core.label.spending import DRY_RUN
    from core.words import money

    params = {"task_id": task.id, "teacher": args.teacher, "budget_usd": args.budget, "batch": args.batch}
    params |= {"limit": DRY_RUN} if args.dry_run else {}
    params |= {"gold_only": True} if args.gold_only else {}
    result = jobs.run_here(db, "label", params, task, terminal.Log()).result
    why = runs.reasons(db, result["run_id"])
    lines = [
        f"{result['count']:,} labels, {result['failed']:,} assets without, {money(result['spent_usd'], exact=True)} spent"
    ]
    right = runs.remarks(db, result["run_id"])
    lines += [f"{row['count']:>7,}  {row['reason']}" for row in why]
    lines += [f"{row['count']:>7,}  {row['remark']}" for row in right]
    if result["state"] == "capped":
        lines.append("Stopped at the budget: the same command with a higher one carries on.")
    return {**result, "reasons": why, "remarks": right}, lines


def _forecast(db: Database, task: Task, args: argparse.Namespace) -> tuple[dict, list[str]]:
    from core.label import looking
    from core.label.forecast import HostedForecast, forecast
    from core.words import duration, money

    expected = forecast(db, task, args.teacher)
    time = f"{duration(expected.seconds)} ({expected.seconds_basis})"
    lines = [f"{expected.labels:,} of {expected.wanted:,} labels to get, about {time}"]
    other = None
    if isinstance(expected, HostedForecast):
        lines.append(f"{expected.tokens_in:,.0f} tokens in, {expected.tokens_out:,.0f} out ({expected.tokens_basis})")
        cost = expected.cost
        lines.append(
            f"{money(cost.likely)}, between {money(cost.low)} and {money(cost.high)}, "
            f"at {expected.price.source} {expected.price.as_of}"
            if cost
            else "No price is known for this model: give one with `connections --add NAME --price IN,OUT` or `prices --set`."
        )
        if expected.batch_usd is not None:
            lines.append(f"{money(expected.batch_usd)} as a batch")
        other = looking.other_way(
            db, task.client_id, args.teacher, lambda looks: forecast(db, task, args.teacher, looks)
        )
    lines += look_lines(other)
    return {"forecast": asdict(expected), "other_way": other and asdict(other)}, lines


def look_lines(other: Other | None) -> list[str]:
    """What the labels would cost with the images, or without, where that is the other way."""
    from core.words import money

    if other is None or other.forecast.cost is None:
        return []
    how = "with the images, too (--look)" if other.looks else "with the words alone (--no-look)"
    return [f"{money(other.forecast.cost.likely)} {how}"]
