"""`archive`: all that is kept of one client, as files in one ZIP."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write all that is kept of a client as files"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--to", type=Path, required=True, metavar="F.zip", help="the ZIP")


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What was written."""
    from dataclasses import asdict

    from core import database, tasks, terminal
    from core.keeping.archive import archive

    db = database.connect()
    made = archive(db, tasks.client_named(db, args.client), args.to, terminal.Log())
    return asdict(made), made.sentence()
