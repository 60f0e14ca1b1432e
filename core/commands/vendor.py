"""vendor: hand out a blind pack, import a vendor's answers, print the scorecard."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.commands import reading, vendor_drafts
from core.errors import InputError, Problem
from core.whole import write_whole
from core.wires import providers
from core.words import counted

if TYPE_CHECKING:
    from core.tasks import Task
    from core.vendor.scorecard import Scorecard

STEPS = {
    "pack": "write the blind pack to --to",
    "import": "read the answers in --file (or of label run --run) as those of --name",
    "ask": "have --teacher (connection:NAME, openai:MODEL …) answer the set as --name, for at most --budget",
    "scorecard": "judge --name (default: the newest) beside student and teacher",
    "list": "the vendors judged so far",
    "sets": "the blind packs handed out",
    "blind": "put the drafts of --name beside approved copy and the student's in the blind test (tasks that write)",
    "remove": "forget the answers of --name",
}


SUMMARY = "judge a vendor's answers beside student and teacher"


def options(command: argparse.ArgumentParser) -> None:
    """The options of all steps."""
    command.add_argument("step", choices=STEPS, help="; ".join(f"{name}: {what}" for name, what in STEPS.items()))
    command.add_argument(
        "--to", type=Path, metavar="FILE", help="where the pack goes (.zip; .csv for a task that writes)"
    )
    command.add_argument("--size", type=terminal.count, metavar="N", help="assets in the pack (default: all held out)")
    command.add_argument("--set", type=terminal.count, metavar="ID", help="which set (default: the newest handed out)")
    command.add_argument("--name", metavar="VENDOR", help="what the vendor is called")
    command.add_argument("--file", type=Path, metavar="FILE", help="its answers: CSV, TSV, XLSX, JSONL, Parquet")
    command.add_argument("--run", type=terminal.count, metavar="ID", help="a label run to take the answers from")
    command.add_argument("--teacher", metavar="SPEC", help=f"an endpoint to ask: connection:NAME, {providers.specs()}")
    command.add_argument("--budget", type=terminal.usd, metavar="USD", help="what asking it may cost")
    command.add_argument(
        "--brief-column", metavar="NAME", help="column of the brief, in a file of drafts (default: guessed)"
    )
    command.add_argument("--draft-column", metavar="NAME", help="column of the draft (default: guessed)")
    command.add_argument("--id-column", metavar="NAME", help="column of the asset's id (default: guessed)")
    command.add_argument("--label-column", metavar="NAME", help="column of the label (default: guessed)")
    reading.options(command)
    reading.label_options(command)
    reading.problem_option(command)
    command.add_argument("--price-per-1000", type=terminal.usd, metavar="USD", help="what 1,000 assets cost")
    command.add_argument(
        "--student",
        type=terminal.count,
        nargs="+",
        metavar="ID",
        help="students beside it; the first decides (default: live)",
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """One step; see STEPS."""
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    if task.kind == "write":
        result, text = vendor_drafts.step(db, task, args, _needs)
        return {"client": args.client, **result}, text
    if args.step == "blind":
        raise InputError("Only drafts of a task that writes go into a blind test.", "Name such a task with --task.")
    result, text = {"pack": _pack, "import": _import, "ask": _ask, "scorecard": _scorecard, "remove": _remove}.get(
        args.step, _list
    )(db, task, args)
    return {"client": args.client, **result}, text


def _needs(args: argparse.Namespace, option: str) -> None:
    if getattr(args, option) in (None, ""):
        raise InputError(f"--{option} is missing.", f"vendor {args.step}: {STEPS[args.step]}.")


def _pack(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    _needs(args, "to")
    from core import taxonomy
    from core.vendor import sets

    set_id = args.set or sets.held_out(db, task, args.size)
    chosen = sets.find(db, task, set_id)
    try:
        args.to.parent.mkdir(parents=True, exist_ok=True)
        write_whole(args.to, sets.pack(db, chosen["id"]))
    except OSError as error:
        raise InputError(f"{args.to} cannot be written ({error.strerror}).", "Choose another file.") from error
    version = taxonomy.version_of(db, chosen["taxonomy_id"])
    many = counted(chosen["size"], "asset")
    return {"set": chosen["id"], "assets": chosen["size"], "taxonomy": version, "output": str(args.to)}, (
        f"set {chosen['id']}: {many} without labels, version {version} of the taxonomy, in {args.to}"
    )


def _import(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    _needs(args, "name")
    from core import vendor
    from core.vendor import files

    price = {"set_id": args.set, "usd_per_1000": args.price_per_1000}
    if args.run is not None:
        vendor.import_run(db, task, args.name, args.run, **price)
    else:
        _needs(args, "file")
        terminal.must_exist(args.file)
        how = reading.read_as(args)
        seen = files.look(args.file, how)
        reading.tell_doubts(seen.doubts)
        named = {"id": args.id_column, "label": args.label_column}
        columns = replace(seen.guess, **{role: column for role, column in named.items() if column})
        vendor.import_file(db, task, args.name, args.file, columns=columns, read_as=how, **price)
    accepted = _accepted(db, vendor.find(db, task, args.name), args)
    test = vendor.find(db, task, args.name)
    problems = [Problem(**one) for one in test["problems"]]
    reading.write_problems(args.problems, [(test["source"].partition(":")[2], problems)])
    unknown = vendor.unknown(db, test)
    lines = [vendor.read_words(test), *reading.problem_lines(problems, test["counts"]["problems"])]
    result = {"test": test, "accepted": accepted, "unknown_labels": [asdict(one) for one in unknown]}
    return result, "\n".join([*lines, *reading.unknown_lines(unknown)])


def _accepted(db, test: dict, args: argparse.Namespace) -> int:
    """Take what is no category as --labels-map says, and with --accept-near what is near to one only; how many answers."""
    from core import vendor
    from core.assets.label_columns import nearest

    near = nearest(vendor.unknown(db, test)) if args.accept_near else {}
    accepted = near | reading.labels_map(args)
    return vendor.accept(db, test, accepted) if accepted else 0


def _ask(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    _needs(args, "name")
    _needs(args, "teacher")
    from core import jobs, vendor

    params = {"name": args.name, "teacher": args.teacher, "set_id": args.set, "budget_usd": args.budget}
    jobs.run_here(db, "vendor", {"task_id": task.id, **params}, task, terminal.Log())
    test = vendor.find(db, task, args.name)
    return {"test": test}, vendor.read_words(test)


def _scorecard(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core import vendor
    from core.vendor import scorecard

    card = scorecard.scorecard(db, vendor.find(db, task, args.name), args.student)
    return scorecard.as_json(card), text_of(card)


def text_of(card: Scorecard) -> str:
    """The scorecard as lines."""
    from core.vendor import scorecard

    head = (
        f"{card.judged:,} of {counted(card.test['size'], 'asset')} judged, {card.gold:,} settled by people;"
        f" teacher: {card.teacher}. Shares are measured."
    )
    tables = [scorecard.table_of(card), scorecard.tests_of(card)]
    shown = [_columns([list(table.columns), *table.astype(str).to_numpy().tolist()]) for table in tables]
    versions = [words] if (words := scorecard.versions_words(card)) else []
    return "\n\n".join(
        [
            head,
            *versions,
            *shown,
            "\n".join(scorecard.sources_of(card)),
            f"{card.verdict.reason}\nNext: {card.verdict.next}",
        ]
    )


def _columns(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def _list(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    from core import vendor
    from core.vendor import sets

    if args.step == "sets":
        from core import taxonomy

        rows = sets.sets(db, task)
        rows = [row | {"taxonomy": taxonomy.version_of(db, row["taxonomy_id"])} for row in rows]
        lines = [
            f"set {row['id']}: {counted(row['size'], 'asset')}, taxonomy version {row['taxonomy']}, {row['created'][:16]}"
            for row in rows
        ]
        return {"sets": rows}, "\n".join(lines) or "No blind pack was handed out yet."
    rows = vendor.tests(db, task)
    return {"tests": rows}, "\n".join(map(vendor.read_words, rows)) or "No vendor's answers are here yet."


def _remove(db, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    _needs(args, "name")
    from core import vendor

    test = vendor.find(db, task, args.name)
    vendor.remove(db, test["id"])
    return {"removed": test["name"]}, f"The answers of {test['name']} are forgotten."
