"""`clients`: list them; rename or delete the one that --client names."""

from __future__ import annotations

import argparse

SUMMARY = "list, rename or delete clients"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--rename", metavar="NEW", help="give the client of --client another name")
    what.add_argument("--delete", action="store_true", help="say what goes with the client; with --yes, delete it")
    command.add_argument("--yes", action="store_true", help="delete it, not only say what goes with it")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The clients, after renaming one where asked; or what goes with one, after deleting it with --yes."""
    from core import database, removal, tasks

    db = database.connect()
    if args.delete:
        client_id = tasks.client_named(db, args.client)
        hanging = removal.remove_client(db, client_id) if args.yes else removal.of_client(db, client_id)
        return removal.answer(hanging, args.yes)
    if args.rename is not None:
        removal.rename_client(db, tasks.client_named(db, args.client), args.rename)
    rows = list(
        db.query(
            """select name, created, synthetic, (select count(*) from assets a where a.client_id = c.id) as assets,
               (select count(*) from tasks t where t.client_id = c.id) as tasks, (select count(*) from students s
               join tasks t on t.id = s.task_id where t.client_id = c.id and s.ready = 1) as students
               from clients c order by name collate nocase"""
        )
    )
    lines = [
        f"{row['name']:<32} {row['assets']:>9,} assets {row['students']:>4} students, made {row['created'][:10]}"
        for row in rows
    ]
    return {"clients": rows}, "\n".join(lines) or "There are no clients yet."
