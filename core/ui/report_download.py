"""The client report from Compare: one HTML file, or the figures as a workbook; made when asked for."""

from __future__ import annotations

from contextlib import closing

from core import database, tasks
from core.escape import file_name
from core.evaluate.disagreements import results
from core.report import client as client_report
from core.report import content, html, workbook
from core.ui import access
from core.ui.frame import View
from core.write import training

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show(view: View, student_id: int) -> None:
    """Three downloads, and the report of all tasks where there are several. They run outside the page, so each opens the database
    for itself."""
    task, client = view.task, view.client
    writes = task.kind == training.KIND

    def page() -> str:
        with closing(database.connect()) as db:
            return html.render(content.of(db, task, str(student_id)))

    def every_task() -> str:
        with closing(database.connect()) as db:
            return html.render(client_report.of(db, task.client_id))

    def figures() -> bytes:
        with closing(database.connect()) as db:
            return workbook.workbook(content.of(db, task, str(student_id)))

    def rows() -> bytes:
        with closing(database.connect()) as db:
            return workbook.csv(content.of(db, task, str(student_id)).results if writes else results(db, student_id))

    name = file_name(client, "client")
    access.download(
        "Report for the client",
        page,
        file_name=f"{name}-student-{student_id}.html",
        mime="text/html",
        icon=":material/description:",
        on_click="ignore",
        help="One file that opens anywhere without internet and prints to PDF. Name, logo and colour are in Settings.",
    )
    if len(tasks.of_client(view.db, task.client_id)) > 1:
        access.download(
            "Report of all tasks",
            every_task,
            file_name=f"{name}-all-tasks.html",
            mime="text/html",
            icon=":material/library_books:",
            on_click="ignore",
            help="One file with a chapter for each task that has a judged student.",
        )
    access.download(
        "Figures (XLSX)",
        figures,
        file_name=f"{name}-student-{student_id}.xlsx",
        mime=XLSX,
        icon=":material/table:",
        on_click="ignore",
    )
    access.download(
        "Results (CSV)",
        rows,
        file_name=f"{name}-student-{student_id}-results.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="Texts for test briefs in rows, with what the gates say."
        if writes
        else "Every test asset in a row: what the teacher and the student said, and who would have answered.",
    )
