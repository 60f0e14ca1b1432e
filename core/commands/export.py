"""`export`: a student as files that run anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from core import terminal
from core.words import percent

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task

SEVERAL_TASKS = True
SUMMARY = "write a student to a folder or ZIP that runs anywhere"
DEED = "export"  # in the audit trail


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--to", required=True, type=Path, metavar="FOLDER", help="a new or empty folder, or a file ending in .zip"
    )
    command.add_argument("--zip", action="store_true", help="write FOLDER.zip instead of the folder")
    terminal.student_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """A student as files that need neither Understudy nor torch."""
    from core import database
    from core.train import registry
    from core.write import training

    db = database.connect()
    task, *beside = registry.named(db, args.client, args.task, args.student)
    packed = args.zip and args.to.suffix.lower() != ".zip"
    to = args.to.with_name(f"{args.to.name}.zip") if packed else args.to
    if beside:
        return _facets(db, [task, *beside], to)
    if task.kind == training.KIND:
        return _writer(db, task, args.student, to)
    from core.deploy import export as exporting

    result = exporting.export(db, task=task, student=args.student, to=to, progress=terminal.Log())
    parity = result["parity"]
    same = ", ".join(f"{name} {percent(parity[name], digits=2)}" for name in ("fp32", "int8", "served"))
    return result, f"{_where(result)}; same labels on {parity['n']:,} test assets: {same}"


def _facets(db: Database, tasks: list[Task], to: Path) -> tuple[dict, str]:
    from core.deploy import facets_export

    result = facets_export.export(db, tasks=tasks, to=to, progress=terminal.Log())
    names = ", ".join(f"{name} (student {one['student']})" for name, one in result["facets"].items())
    return result, f"{names} in {result['output']}, {result['size_mb']:.1f} MB, {len(result['files'])} files"


def _writer(db: Database, task: Task, student: str, to: Path) -> tuple[dict, str]:
    from core.deploy import writer_export

    result = writer_export.export(db, task=task, student=student, to=to, progress=terminal.Log())
    if (parity := result["parity"]) is None:
        return result, _where(result)
    more = percent(parity["file"] / parity["here"] - 1, digits=2)
    return (
        result,
        f"{_where(result)}; its loss on {parity['n']:,} copies kept for the test is {more} above the student's here",
    )


def _where(result: dict) -> str:
    return (
        f"student {result['student']} in {result['output']}, {result['size_mb']:.1f} MB, {len(result['files'])} files"
    )
