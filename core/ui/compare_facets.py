"""The part of Compare that shows all facets of a client's assets at once: each one's agreement, how often all are right, and what
they cost together."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core import tasks
from core.evaluate import joint, joint_money, kept
from core.evaluate.comparison import Comparison, judgement
from core.report import money as money_charts
from core.tasks import Task
from core.ui import charts, frame
from core.ui.figures import figure
from core.ui.frame import View
from core.ui.standing import VERDICTS
from core.words import money, percent, ranged, spoken


def show(view: View) -> None:
    """All facets in a fold that says the joint figure; nothing for a client with one task that sorts."""
    students = joint.looked_at(view.db, view.task.client_id)
    if len(students) < 2:
        return
    with frame.guard():
        stamp = tuple(view.db.execute("select max(certified_at), max(created), count(*) from evaluations").fetchone())
        together = _joint(view.db, view.task.client_id, tuple(students.values()), stamp)
        share = together.agreement
        there = sum(task.sorts for task in tasks.of_client(view.db, view.task.client_id))
        which = f"All {there}" if len(students) == there else f"{len(students)} of {there}"
        with st.expander(f"{which} facets of an asset right: {percent(share.value)}"):
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
            if len(students) < there:
                st.caption("The other facets have no student that was judged, so nothing is said of them.")
            charts.download(table, "facets")
            _money(view, students, stamp)


def _money(view: View, students: dict[Task, int], stamp: tuple) -> None:
    """What all facets cost together: the students and one call for what falls back, beside the teacher asked about all of them."""
    rests = tuple((task, student, kept.assumptions_of(view.db, task)) for task, student in students.items())
    priced = tuple(view.db.execute("select * from price_overrides order by model").fetchall())
    cost, why_not = _cost(view.db, rests, priced, stamp)
    if cost is None:
        st.caption(frame.plain(f"What they cost together: {why_not}"))
        return
    with_students, teacher, saved = st.columns(3)
    with with_students:
        note = "one call to the teacher for whatever facets fall back"
        figure("A month with students", money(cost.monthly["cascade"]), "estimated", note)
    with teacher:
        figure("A month of the teacher", money(cost.monthly["teacher"]), "estimated", "all facets in one call")
    with saved:
        share = "–" if cost.saving is None else "0 %" if cost.saves_nothing else percent(cost.saving)
        figure(
            "Saved a month" if cost.takes_over else "Would save a month",
            money(cost.saving_month),
            "estimated",
            f"{share} of the teacher's cost",
        )
    st.caption(frame.plain(f"{joint_money.sentence(cost)} {joint_money.basis(cost)}"))
    table = pd.DataFrame(joint_money.rows(cost))
    dollars = {name: st.column_config.NumberColumn(format="dollar") for name in table.columns if name[:3] == "USD"}
    st.dataframe(table, hide_index=True, key="facets-money", column_config=dollars)
    charts.download(money_charts.steps(cost.lines), "facets-money")


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
def _cost(_db: Database, rests: tuple, priced: tuple, stamp: tuple) -> tuple[joint_money.JointMoney | None, str]:
    return joint_money.or_why_not(_db, {task: student for task, student, _ in rests})


@st.cache_data(max_entries=16, show_spinner=False)
def _joint(_db: Database, client_id: int, students: tuple[int, ...], stamp: tuple) -> joint.AllFacets | None:
    return joint.of_client(_db, client_id)
