"""The part of Compare that shows all facets of a client's assets at once: each one's agreement, and how often all are right."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core.evaluate import joint
from core.evaluate.comparison import Comparison, judgement
from core.ui import charts, frame
from core.ui.frame import View
from core.ui.standing import VERDICTS
from core.words import percent, ranged, spoken


def show(view: View) -> None:
    """All facets in a fold that says the joint figure; nothing for a client with one task that sorts."""
    students = joint.looked_at(view.db, view.task.client_id)
    if len(students) < 2:
        return
    with frame.guard():
        stamp = tuple(view.db.execute("select max(certified_at), max(created), count(*) from evaluations").fetchone())
        together = _joint(view.db, view.task.client_id, tuple(students.values()), stamp)
        share = together.agreement
        with st.expander(f"All {len(students)} facets of an asset right: {percent(share.value)}"):
            rows = [_row(task.name, judgement(view.db, id)) for task, id in students.items()]
            whole = {"Facet": "All together", "Agreement": spoken(share.value), "Range": ranged(share.low, share.high)}
            whole |= {"Test assets": share.n, "Handled": spoken(together.handled.value), "Verdict": "–"}
            table = pd.DataFrame([*rows, whole])
            shares = {name: st.column_config.NumberColumn(format="percent") for name in ("Agreement", "Handled")}
            st.dataframe(table, hide_index=True, key="facets", placeholder="", column_config=shares)
            st.caption(frame.plain(joint.sentence(together)))
            st.caption(
                "Measured on test assets that have a label in every facet. An asset is as sure as its least sure facet."
            )
            charts.download(table, "facets")


def _row(name: str, result: Comparison) -> dict[str, object]:
    share = result.figures.agreement
    return {
        "Facet": name,
        "Agreement": spoken(share.value),
        "Range": ranged(share.low, share.high),
        "Test assets": share.n,
        "Handled": spoken(result.figures.handled.value),
        "Verdict": VERDICTS[result.verdict.decision],
    }


@st.cache_data(max_entries=16, show_spinner=False)
def _joint(_db: Database, client_id: int, students: tuple[int, ...], stamp: tuple) -> joint.AllFacets | None:
    return joint.of_client(_db, client_id)
