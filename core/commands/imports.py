"""`imports`: list a client's imports, undo one, delete assets."""

from __future__ import annotations

import argparse

from core import terminal

SUMMARY = "list imports, undo one, delete assets"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    terminal.removal_options(what, command, "--undo", "N", "say what goes with this import; with --yes, undo it")
    what.add_argument(
        "--delete-assets",
        type=terminal.names,
        metavar="ID,ID",
        help="say what goes with these assets; with --yes, delete them",
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The client's imports; or what goes with one, or with assets, after removing them with --yes."""
    from core import database, removal, tasks

    db = database.connect()
    client_id = tasks.client_named(db, args.client)
    if args.undo is not None:
        do = removal.undo_import if args.yes else removal.of_import
        return removal.answer(do(db, client_id, args.undo), args.yes)
    if args.delete_assets:
        do = removal.remove_assets if args.yes else removal.of_assets
        return removal.answer(do(db, client_id, args.delete_assets), args.yes)
    rows = removal.imports(db, client_id)
    lines = [
        f"{row['id']:>5}  {row['created'][:16]}  {row['filename']:<40} {row['rows']:>9,} rows, {row['assets']:,} of its assets now"
        for row in rows
    ]
    return {"client": args.client, "imports": rows}, "\n".join(lines) or "Nothing was imported yet."
