"""`passing`: calls that `serve --pass-to` passes on: what became of them, and the pattern that finds a task's assets in them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core import plain_text
from core.errors import InputError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.exchanges.patterns import Pattern
    from core.tasks import Task

SUMMARY = "calls passed on to a large model: what was kept, and the prompt pattern of a task"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--pattern",
        metavar="TEXT|@FILE",
        help="the text of the prompt's message (\\n a new line), with {asset} where the asset stands and {any} for other parts that"
        " change",
    )
    what.add_argument("--suggest", action="store_true", help="set the pattern that the last ten calls share")
    what.add_argument("--no-pattern", action="store_true", help="forget the task's pattern")
    what.add_argument("--take", action="store_true", help="make assets and labels of the answers that wait, now")
    what.add_argument(
        "--keep-last", choices=("yes", "no"), help="whether the last ten calls are kept, to set patterns by"
    )
    what.add_argument("--forget", action="store_true", help="forget the last ten calls and the counts; labels stay")
    more = command.add_argument_group("with --pattern")
    more.add_argument("--message", choices=("user", "system"), default="user", help="which message (default: user)")
    more.add_argument("--contains", metavar="TEXT", default="", help="what stands in prompts of this task alone")
    more.add_argument("--asset-field", metavar="A,B", default="", help="fields of the JSON that stands for the asset")
    more.add_argument(
        "--answer-field", metavar="NAME", default="", help="field of a JSON answer that names the category"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What was passed on, after doing what was asked."""
    from core import database, tasks
    from core.exchanges import kept, patterns

    db = database.connect()
    client_id = tasks.client_named(db, args.client)
    taken = None
    if args.pattern is not None or args.suggest or args.no_pattern:
        task = tasks.find(db, client_id, args.task)
        patterns.put(db, task, None if args.no_pattern else _suggested(db, task) if args.suggest else _pattern(args))
    elif args.take:
        taken = kept.take(db, client_id)
    elif args.keep_last:
        kept.keep_last(db, client_id, args.keep_last == "yes")
    elif args.forget:
        kept.forget(db, client_id)
    return _told(db, client_id, taken)


def _pattern(args: argparse.Namespace) -> Pattern:
    from core.exchanges.patterns import Pattern

    template = args.pattern.replace("\\n", "\n")  # as a shell hands it on
    if template.startswith("@"):
        template = plain_text.read(Path(template[1:]))
    return Pattern(template, args.message, args.contains, args.asset_field, args.answer_field)


def _suggested(db: Database, task: Task) -> Pattern:
    from core.exchanges import kept, patterns

    patterns.must_sort(task)
    found = patterns.suggested(db, task, [exchange for exchange, _, _ in kept.last(db, task.client_id)])
    if found is None:
        raise InputError(
            "No pattern can be told from the last calls.",
            "Pass on a few more with different assets, or give one with --pattern.",
        )
    return found[0]


def _told(db: Database, client_id: int, taken: dict | None) -> tuple[dict, str]:
    from core import tasks
    from core.exchanges import kept, logs, patterns
    from core.exchanges.patterns import Matched, Reading
    from core.words import counted

    found = patterns.of_client(db, client_id)
    readings = [Reading(db, task, pattern) for task, pattern in found]
    last = []
    for exchange, outcome, created in kept.last(db, client_id):
        read = [(one.task.name, told) for one in readings if isinstance(told := one(exchange), Matched)]
        labels = {name: told.category for name, told in read}
        last.append({"at": created, "outcome": outcome, "model": exchange.model, "labels": labels})
    labels = {
        task.name: {source: logs.worth(db, task, source) for source in logs.sources(db, task)}
        for task in tasks.of_client(db, client_id)
    }
    counts, waiting = kept.counts(db, client_id), kept.waiting(db, client_id)
    result = {
        "patterns": {task.name: asdict(pattern) for task, pattern in found},
        "calls": counts,
        "waiting": waiting,
        "labels": labels,
        "last": last,
        "taken": taken,
    }
    lines = []
    if taken is not None:
        lines.append(f"{counted(taken['answers'], 'answer')} taken, {counted(taken['assets'], 'new asset')}.")
        lines += [f"{name}: {counted(labels, 'label')}" for name, labels in taken["teachers"].items()]
    lines += [f"{task.name}: {' '.join(pattern.template.split())[:100]}" for task, pattern in found]
    if not found:
        lines.append("No task has a prompt pattern yet: nothing that is passed on becomes a label.")
    lines += [f"{n:>9,} {patterns.told(why)}" for why, n in counts.items()]
    if waiting:
        lines.append(f"{counted(waiting, 'answer waits', 'answers wait')} to become labels: --take does it now.")
    lines += [_took(name, source, told) for name, by in labels.items() for source, told in by.items()]
    return result, "\n".join(lines)


def _took(task: str, source: str, told: dict) -> str:
    """The labels of one model in a line: what they took (measured) and would cost (estimated)."""
    from core.words import counted, money

    line = f"{task}, {source}: {counted(told['labels'], 'label')}"
    if told["counted"]:
        line += f", {told['tokens_in'] or 0:,} tokens in ({told['tokens_cached'] or 0:,} cached), {told['tokens_out'] or 0:,} out"
    return line + (f", {money(told['usd'])} at the list price of {told['as_of']}" if told["usd"] is not None else "")
