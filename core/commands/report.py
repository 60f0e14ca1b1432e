"""`report`: what Compare says, as a file for the client."""

from __future__ import annotations

import argparse
from pathlib import Path

from core import terminal
from core.errors import InputError
from core.whole import write_whole

SUMMARY = "write what Compare says as a file for the client"
DEED = "download"  # in the audit trail


def options(command: argparse.ArgumentParser) -> None:
    """The options of `report`."""
    command.add_argument(
        "--to",
        required=True,
        type=Path,
        metavar="FILE",
        help="a file ending in .html, in .xlsx for the figures, or in .csv for the test assets one a row",
    )
    terminal.student_option(command)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """Write the report of a judged student."""
    kind = args.to.suffix.lower()
    if kind not in (".html", ".xlsx", ".csv"):
        raise InputError(
            "A report is HTML, XLSX or CSV.", "Let the name end in .html, .xlsx or .csv.", where=str(args.to)
        )
    from core import database, tasks
    from core.report import client, content, html, workbook

    db = database.connect()
    client_id = tasks.client_named(db, args.client)
    whole_client = args.task is None and args.student == "live" and len(tasks.of_client(db, client_id)) > 1
    if whole_client and kind != ".html":
        raise InputError("Figures and rows are of one task.", "Name it with --task, or let the file end in .html.")
    if whole_client:
        report = client.of(db, client_id)
    else:
        report = content.of(db, tasks.named(db, args.client, args.task), args.student)
    args.to.parent.mkdir(parents=True, exist_ok=True)
    if kind == ".html":
        write_whole(args.to, html.render(report))
    elif kind == ".xlsx":
        write_whole(args.to, workbook.workbook(report))
    else:
        write_whole(args.to, workbook.csv(report.results))
    size = args.to.stat().st_size
    answer = {"client": report.client, "student": args.student, "output": str(args.to), "bytes": size}
    return answer | {"decision": report.decision}, f"{args.to}, {size / 1e6:.1f} MB: {report.title}"
