"""The client's assets as a table to search and to choose from, a page at a time."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import taxonomy
from core.label import search
from core.label.runs import newest_in_use
from core.label.search import Wanted
from core.ui import pictures
from core.ui.frame import View
from core.words import counted

PAGE = 50
ANY, UNLABELLED = "any", "none yet"
ROW_HEIGHT = 72  # of rows with images
SPLITS = ("train", "calibration", "test")


def show(view: View) -> list[int]:
    """Search fields, the page of assets they find, and turning pages; the ids of the rows that are ticked."""
    st.subheader("The assets", anchor=False)
    wanted = _wanted(view)
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    key = f"asset-page-{wanted}"
    page = st.session_state.get(key, 1)
    run_id = newest_in_use(view.db, view.task)
    matching, total = search.search(view.db, view.task, run_id, wanted, PAGE * (page - 1), PAGE)
    left.text(f"{counted(total, 'asset')} found" if wanted != Wanted() else counted(total, "asset"))
    pages = max(-(-total // PAGE), 1)
    if pages > 1:
        right.number_input(f"Page, of {pages:,}", 1, pages, page, key=key)
    if not matching:
        return []
    table = pd.DataFrame(matching).rename(
        columns={"external_id": "Asset", "text": "Words", "label": "Label", "split": "Split"}
    )
    shown = pictures.first(view.db, view.task.client_id, table.drop(columns="id").fillna(""), table["id"])
    picked = st.dataframe(
        shown,
        hide_index=True,
        key=f"assets-{page}-{wanted}",
        on_select="rerun",
        selection_mode="multi-row",
        height=min((ROW_HEIGHT if pictures.IMAGE in shown else 35) * (len(table) + 1) + 3, 400),
        column_config={"Words": st.column_config.TextColumn(width=520)} | pictures.columns(shown),
        row_height=ROW_HEIGHT if pictures.IMAGE in shown else None,
    )
    return [int(table["id"].iloc[row]) for row in picked.selection.rows]


def _wanted(view: View) -> Wanted:
    words, label, split = st.columns([3, 2, 1])
    with words:
        searched = st.text_input("Search words or ids", key="asset-words", placeholder="half price")
    with label:
        labels = [c.label for c in taxonomy.load(view.db, taxonomy.latest(view.db, view.task)) if c.assignable]
        picked = st.selectbox("Label", [ANY, UNLABELLED, *labels], key="asset-label")
    with split:
        part = st.selectbox("Split", [ANY, *SPLITS], key="asset-split")
    of = None if picked == ANY else search.NONE if picked == UNLABELLED else picked
    return Wanted(searched, of, None if part == ANY else part)
