"""The test assets on which student and teacher differ, to read, filter and download."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core.evaluate.run import count_disagreements, disagreements
from core.ui import charts

ROWS = 20


def show(db: Database, student_id: int, found: dict) -> None:
    """A filtered, paginated list; the texts reach the page as table cells only."""
    total = count_disagreements(db, student_id)
    st.subheader(f"They differ on {total:,} of {found['agreement']['n']:,} test assets: who is right?", anchor=False)
    if not total:
        return
    labels = {row["teacher"]: row["teacher_label"] for row in found["confusions"]}
    left, right = st.columns(2)
    teacher = left.selectbox(
        "Teacher says",
        [None, *labels],
        format_func=lambda id: labels[id] if id else "any category",
        key=f"differ-{student_id}",
    )
    text = right.text_input("Words in the text", key=f"words-{student_id}")
    filters = {"teacher": teacher, "text": text.strip()}
    count = count_disagreements(db, student_id, filters)
    pages = max(-(-count // ROWS), 1)
    page = st.pagination(pages, key=f"differ-page-{student_id}-{teacher}-{text}") if pages > 1 else 1
    st.dataframe(
        _named(disagreements(db, student_id, limit=ROWS, offset=(page - 1) * ROWS, filters=filters)),
        hide_index=True,
        key="disagreements",
        column_config={
            "text": st.column_config.TextColumn(width=260),
            "confidence": st.column_config.NumberColumn("student's confidence", format="percent"),
        },
    )
    st.caption(f"{count:,} in all, those the student was surest of first.")
    charts.download(_named(disagreements(db, student_id, limit=100_000, filters=filters)), "disagreements")


def _named(table: pd.DataFrame) -> pd.DataFrame:
    table = table.drop(columns="asset_id").rename(
        columns={"external_id": "asset", "teacher": "teacher says", "student": "student says"}
    )
    return table if table["gold"].notna().any() else table.drop(columns="gold")
