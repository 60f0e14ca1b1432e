"""The taxonomy as a tree with its counts; names and descriptions are changed in the row."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import pandas as pd
import streamlit as st

from core.label.runs import newest_in_use
from core.taxonomy import Category, diff, tagsets
from core.taxonomy.diff import Draft
from core.ui import frame
from core.ui.frame import View
from core.words import counted

STEP = "\u2003"  # an em space a tier
EDITABLE = ("Category", "Description")
ROWS = 14  # rows of the table on the screen


def show(view: View, draft: Draft, change: Callable[[View, Callable[[Draft], Draft]], None]) -> None:
    """The draft's categories below one another; what is changed in a row goes to the draft with one click."""
    rows, at = ordered(draft.categories)
    shown = table(rows, at, _labels(view))
    st.caption(
        "Change a name or a description in its row; the teacher reads both. Everything else is under *Other edits*."
    )
    edited = st.data_editor(
        shown,
        key=f"tree-{abs(hash(draft.categories))}",  # another draft, no edits left over
        hide_index=True,
        disabled=[column for column in shown if column not in EDITABLE],
        height=35 * min(len(shown) + 1, ROWS) + 3,
        column_config={
            "Category": st.column_config.TextColumn(width=220, required=True),
            "Description": st.column_config.TextColumn(width=410),
            "Labels": st.column_config.NumberColumn(
                format="localized", help="Labels of the run in use, those of the categories below included."
            ),
        },
    )
    edits = changes(rows, shown, edited)
    if edits and st.button(
        f"Take {counted(len(edits), 'change')} into the draft", type="primary", icon=":material/edit:"
    ):
        with frame.guard():
            change(view, lambda draft: reduce(lambda edited, edit: edit(edited), edits, draft))


def ordered(categories: tuple[Category, ...]) -> tuple[list[Category], list[int]]:
    """Every category below its parent, siblings in the taxonomy's order, and how deep each stands, from 0."""
    below: dict[str | None, list[Category]] = {}
    known = {category.label for category in categories}
    for category in categories:
        below.setdefault(category.parent if category.parent in known else None, []).append(category)
    rows: list[Category] = []
    depths: list[int] = []
    todo = [(category, 0) for category in reversed(below.get(None, []))]
    while todo:
        category, depth = todo.pop()
        rows.append(category)
        depths.append(depth)
        todo += [(child, depth + 1) for child in reversed(below.get(category.label, []))]
    return rows, depths


def table(rows: list[Category], depths: list[int], labels: dict[str, int]) -> pd.DataFrame:
    """A row a category: its name, indented by tier, its labels with those below it, description, number of examples, own id."""
    sums = [labels.get(category.label, 0) for category in rows]
    within: list[int] = []  # the rows that the row at hand stands below
    for row, depth in enumerate(depths):
        del within[depth:]
        for above in within:
            sums[above] += labels.get(rows[row].label, 0)
        within.append(row)
    return pd.DataFrame(
        {
            "Category": [STEP * depth + category.name for category, depth in zip(rows, depths)],
            "Labels": sums,
            "Description": [category.description for category in rows],
            "Examples": [len(category.examples) for category in rows],
            "Code": [category.key or "" for category in rows],
        }
    )


def changes(rows: list[Category], before: pd.DataFrame, after: pd.DataFrame) -> list[Callable[[Draft], Draft]]:
    """The edits that make `before` into `after`: descriptions first, then names from the last row up, so that every category is
    still found by its label."""
    described = [
        _describe(category, text)
        for category, old, text in zip(rows, before["Description"], after["Description"].fillna(""))
        if text.strip() != old
    ]
    renamed = [
        _rename(category, name.strip())
        for category, name in zip(rows, after["Category"].fillna(""))
        if name.strip() != category.name
    ]
    return described + renamed[::-1]


def _describe(category: Category, text: str) -> Callable[[Draft], Draft]:
    return lambda draft: diff.describe(draft, category.label, text, category.examples)


def _rename(category: Category, name: str) -> Callable[[Draft], Draft]:
    return lambda draft: diff.rename(draft, category.label, name)


def _labels(view: View) -> dict[str, int]:
    """Labels of the newest run in use, by category."""
    run_id = newest_in_use(view.db, view.task)
    return dict(
        view.db.execute(f"select c.label, n from categories c join ({tagsets.COUNTS}) on tag = c.id", {"run": run_id})
    )
