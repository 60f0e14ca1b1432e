"""`tasks`: a client's tasks: list them, add, rename or delete one."""

from __future__ import annotations

import argparse

from core.task_kinds import KINDS
from core.words import counted

SUMMARY = "list a client's tasks, add, rename or delete one"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="NAME", help="a further job over the client's assets")
    what.add_argument("--rename", metavar="NEW", help="give the task of --task another name")
    what.add_argument(
        "--delete", action="store_true", help="say what goes with the task of --task; with --yes, delete it"
    )
    command.add_argument(
        "--kind", choices=list(KINDS), default="choose_one", help="what it does (default: %(default)s)"
    )
    command.add_argument("--yes", action="store_true", help="delete it, not only say what goes with it")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The client's tasks, after adding or renaming one where asked; or what goes with one, after deleting it with --yes."""
    from core import database, removal, tasks

    db = database.connect()
    if args.delete:
        task = tasks.named(db, args.client, args.task)
        return removal.answer(removal.remove_task(db, task) if args.yes else removal.of_task(db, task), args.yes)
    client_id = tasks.client_named(db, args.client)
    if args.add is not None:
        tasks.add(db, client_id, args.add, args.kind)
    if args.rename is not None:
        tasks.rename(db, tasks.named(db, args.client, args.task), args.rename)
    rows = list(
        db.query(
            """select id, name, kind, created, (select version from taxonomies where task_id = t.id order by version desc limit 1)
               as taxonomy_version, (select count(*) from students where task_id = t.id and ready = 1) as students,
               (select id from students where task_id = t.id and live = 1) as live from tasks t where client_id = ? order by id""",
            [client_id],
        )
    )
    lines = [
        f"{row['name']:<32} {KINDS[row['kind']].label:<26} {counted(row['students'], 'student'):>12}"
        + (f", student {row['live']} is live" if row["live"] else "")
        for row in rows
    ]
    return {"client": args.client, "tasks": rows}, "\n".join(lines)
