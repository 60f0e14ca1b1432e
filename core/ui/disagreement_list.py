"""The test assets on which student and teacher differ, to read, filter and download."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core import database, review
from core.assets.image_rows import FILE
from core.evaluate.disagreements import count_disagreements, disagreements
from core.evaluate.figures import ChooseOneFigures
from core.tasks import Task
from core.ui import access, charts, frame, pictures
from core.ui.asset_table import ROW_HEIGHT

ROWS = 20
SENT = 100  # sent to review at a time


def show(db: Database, task: Task, student_id: int, figures: ChooseOneFigures) -> None:
    """A filtered, paginated list; the texts reach the page as table cells only."""
    total = count_disagreements(db, student_id)
    st.subheader(f"They differ on {total:,} of {figures.agreement.n:,} test assets: who is right?", anchor=False)
    if not total:
        return
    filters = _filters(student_id, figures)
    count = count_disagreements(db, student_id, filters)
    pages = max(-(-count // ROWS), 1)
    page = st.pagination(pages, key=f"differ-page-{student_id}-{hash(str(filters))}") if pages > 1 else 1
    found = disagreements(db, student_id, limit=ROWS, offset=(page - 1) * ROWS, filters=filters)
    shown = pictures.first(db, task.client_id, charts.as_said(_named(found), ("confidence",)), found["asset_id"])
    st.dataframe(
        shown,
        hide_index=True,
        key="disagreements",
        column_config={
            "text": st.column_config.TextColumn(width=260),
            "confidence": st.column_config.NumberColumn("student is sure", format="percent"),
            **pictures.columns(shown),
        },
        row_height=ROW_HEIGHT if pictures.IMAGE in shown else None,
    )
    st.caption(f"{count:,} in all, those the student was surest of first.")
    with st.container(horizontal=True, vertical_alignment="center"):
        _send(db, task, student_id, filters, min(count, SENT))
        access.download(
            "Download CSV",
            lambda: _csv(student_id, filters),
            file_name="disagreements.csv",
            mime="text/csv",
            key="csv-disagreements",
            icon=":material/download:",
            on_click="ignore",
        )


def _send(db: Database, task: Task, student_id: int, filters: dict[str, Any], count: int) -> None:
    """A button that puts the first `count` of them before people."""
    help = f"People decide who is right: these come first on the Review page, {SENT} at a time at most."
    label = f"Send {count:,} to review"
    if access.button("review", label, disabled=not count, icon=":material/rate_review:", help=help):
        ids = [int(one) for one in disagreements(db, student_id, limit=count, filters=filters)["asset_id"]]
        st.success(
            f"{review.send(db, task, student_id, ids):,} are at the head of the queue; decided ones are left out."
        )
        frame.link("review", "Settle them")


def _filters(student_id: int, figures: ChooseOneFigures) -> dict[str, Any]:
    """The choices above the list: the pair of categories, words of the text, how sure the student was."""
    labels = figures.labels
    differ = [(teacher, student) for teacher, student, _ in figures.pairs if teacher != student]
    first, second, words, least, most = st.columns([3, 3, 3, 1.5, 1.5])
    teacher = _category(first, "Teacher says", {theirs for theirs, _ in differ}, labels, f"differ-{student_id}")
    students = {other for theirs, other in differ if teacher in (None, theirs)}
    student = _category(second, "Student says", students, labels, f"said-{student_id}-{teacher}")
    text = words.text_input("Words in the text", key=f"words-{student_id}")
    low = least.number_input("Sure from (%)", 0, 100, 0, 5, key=f"least-{student_id}")
    high = most.number_input("to (%)", 0, 100, 100, 5, key=f"most-{student_id}")
    bounds = {"low": low / 100 if low else None, "high": high / 100 if high < 100 else None}
    return {"teacher": teacher, "student": student, "text": text.strip(), **bounds}


def _category(place: Any, label: str, ids: set[int], labels: dict[int, str], key: str) -> int | None:
    options = sorted(ids, key=labels.__getitem__)
    return place.selectbox(
        label, [None, *options], format_func=lambda id: labels[id] if id else "any category", key=key
    )


def _csv(student_id: int, filters: dict[str, Any]) -> bytes:
    """All of them, read when the download is asked for: by then the page's connection is closed."""
    with closing(database.connect()) as db:
        return charts.csv(_named(disagreements(db, student_id, limit=1_000_000, filters=filters), files=True))


def _named(table: pd.DataFrame, *, files: bool = False) -> pd.DataFrame:
    table = table.drop(columns="asset_id").rename(
        columns={"external_id": "asset", "teacher": "teacher says", "student": "student says"}
    )
    table = table.drop(columns=FILE) if table[FILE].isna().all() or not files else table
    if table["gold"].isna().all():
        return table.drop(columns="gold")
    return table.fillna({"gold": ""})
