"""`export`: a student as files that run anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal
from core.words import percent

SUMMARY = "write a student to a folder or ZIP that runs anywhere"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--to", required=True, type=Path, metavar="FOLDER", help="a new or empty folder, or a file ending in .zip"
    )
    command.add_argument("--zip", action="store_true", help="write FOLDER.zip instead of the folder")
    terminal.student_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """A student as files that need neither Understudy nor torch."""
    from core import database, tasks

    db = database.connect()
    task = tasks.named(db, args.client, args.task)
    from core.deploy import export as exporting

    packed = args.zip and args.to.suffix.lower() != ".zip"
    to = args.to.with_name(f"{args.to.name}.zip") if packed else args.to
    result = exporting.export(db, task=task, student=args.student, to=to, progress=terminal.Log())
    parity = result["parity"]
    text = (
        f"student {result['student']} in {result['output']}, {result['size_mb']:.1f} MB, {len(result['files'])} files"
    )
    same = ", ".join(f"{name} {percent(parity[name], digits=2)}" for name in ("fp32", "int8", "served"))
    return result, f"{text}; same labels on {parity['n']:,} test assets: {same}"
