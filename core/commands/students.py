"""`students`: list them, put one to work, roll back, compare two."""

from __future__ import annotations

import argparse

from core import terminal
from core.commands import writers
from core.words import percent, ranged

SUMMARY = "list students, make one live, roll back, compare two"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument(
        "--go-live",
        "--make-live",
        type=terminal.count,
        metavar="ID",
        help="put this student to work, and say what changes",
    )
    what.add_argument(
        "--would-change",
        type=terminal.count,
        metavar="ID",
        help="say what changes if this student goes live, and leave it",
    )
    terminal.removal_options(what, command, "--delete", "ID", "say what goes with this student; with --yes, delete it")
    command.add_argument("--even-live", action="store_true", help="with --delete: the live one, too")
    what.add_argument("--roll-back", action="store_true", help="put the one that was live before back to work")
    what.add_argument(
        "--compare", type=terminal.count, nargs=2, metavar=("A", "B"), help="two students on the same test assets"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The client's students, after making one live or rolling back where asked; or two of them compared."""
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    if task.kind == "write":
        return writers.of_task(db, task, args)
    from core import removal
    from core.evaluate import going_live, versions
    from core.train import registry

    for student_id in args.compare or []:
        registry.find(db, task, student_id)
    if args.compare:
        result = versions.as_json(versions.compare(db, *args.compare))
        moves = [f"{row['assets']:>5} {row['first']} -> {row['second']}" for row in result["changes"][:10]]
        return {"client": args.client, **result}, "\n".join([result["sentence"], *moves])
    if args.delete is not None:
        hanging = removal.of_student(db, task, args.delete)
        if args.yes:
            removal.remove_student(db, task, args.delete, even_live=args.even_live)
        return removal.answer(hanging, args.yes)
    lines, change = [], None
    if args.would_change is not None:
        change = going_live.change(db, task, args.would_change)
        return {"client": args.client, "change": going_live.as_json(change)}, "\n".join(
            [*change.lines, *change.warnings]
        )
    if args.go_live is not None:
        change = going_live.go_live(db, task, args.go_live)
        lines = [*change.lines, *change.warnings]
    if args.roll_back:
        registry.roll_back(db, task)
    rows = versions.listed(db, task)
    lines += [
        f"{row['name']:<16} {'live' if row['live'] else '':<5} {_agreement_text(row['agreement']):<38}"
        f" {row['made_from']['train']:,} assets by {row['made_from']['teacher']}, {row['made_from']['created'][:16]}"
        + ("" if row["whole"] else "; its files are missing")
        for row in rows
    ]
    result = {"client": args.client, "students": rows, "history": registry.history(db, task)}
    if change:
        result["change"] = going_live.as_json(change)
    return result, "\n".join(lines) or "There are no students yet."


def _agreement_text(share: dict | None) -> str:
    return f"{percent(share['value'])} ({ranged(share['low'], share['high'])})" if share else "not judged"
