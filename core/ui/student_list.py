"""What the Student page shows of the students there are: the table, which one is live, two compared, what each was made from."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import jobs
from core.evaluate import versions
from core.evaluate.evaluation import judged
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.versions import name_of
from core.train import registry
from core.ui import charts, frame, go_live, removing
from core.ui.figures import HINTS
from core.words import duration, ranged, spoken, teacher_words


def show(view: frame.View) -> None:
    """All of it, or what to do first."""
    rows = registry.all_students(view.db, view.task)
    if not rows:
        st.caption("No student yet: choose a kind and press *Train*.")
        return
    st.subheader("Students of this task", anchor=False)
    _why(view, {row["id"] for row in rows})
    figures = {row["id"]: judged(view.db, row["id"]) for row in rows}
    table = pd.DataFrame([_row(row, figures[row["id"]]) for row in rows])
    st.dataframe(
        table,
        hide_index=True,
        key="students",
        placeholder="",
        column_config={
            "Agreement": st.column_config.NumberColumn(format="percent", help=HINTS["agreement"]),
            "95 % range": st.column_config.TextColumn(help=HINTS["interval"]),
            "Test assets": st.column_config.NumberColumn(
                format="localized", help="How many the agreement is measured on."
            ),
            "Categories alike": st.column_config.NumberColumn(format="%.3f", help=HINTS["macro_f1"]),
            "ms an asset": st.column_config.NumberColumn(
                format="%.2f", help="Median of single calls on this machine. " + HINTS["p50"]
            ),
            "MB": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    st.caption("Agreement and milliseconds are measured on test assets that no student learned from.")
    charts.download(table, "students")
    with frame.guard():
        go_live.choose(view, rows)
    known = [row for row in rows if figures[row["id"]]]
    if len(known) > 1:
        _compare(view, known)
    _origins(view, rows)
    removing.students(view, {row["id"]: name_of(row) for row in rows})


def _why(view: frame.View, there: set[int]) -> None:
    """What *Choose for me* chose last, and why."""
    for job in jobs.recent(view.db, view.task, limit=50):
        if job.kind == "train" and job.state == "done":
            if job.result.get("why") and job.result["chosen"] in there:
                st.text(job.result["why"])
            return


def _row(row: dict, figures: ChooseOneFigures | None) -> dict:
    share = figures and figures.agreement
    return {
        "Student": name_of(row),
        "Live": "live" if row["live"] else "" if figures else "not judged yet",
        "Agreement": share and spoken(share.value),
        "with": teacher_words(figures.taught.teacher) if figures else "",
        "95 % range": ranged(share.low, share.high) if share else "",
        "ms an asset": figures and figures.latency.p50,
        "Trained in": duration(row["train_seconds"]),
        "Learned from": f"{row['params'].get('train', 0):,} assets",
        "Made": _when(row["created"]),
        "Test assets": share and share.n,
        "Categories alike": figures and figures.macro_f1,
        "MB": row["size_mb"],
    }


def _compare(view: frame.View, judged: list[dict]) -> None:
    names = {row["id"]: name_of(row) + (" (live)" if row["live"] else "") for row in judged}
    live = next((row["id"] for row in judged if row["live"]), judged[-1]["id"])
    box = st.expander("Compare two students", key="compare-two", on_change="rerun")  # worked out once it is opened
    if not box.open:
        return
    with box:
        left, right = st.columns(2)
        first = left.selectbox("This one", list(names), index=list(names).index(live), format_func=names.__getitem__)
        others = [id for id in names if id != first]
        second = right.selectbox("with that one", others, format_func=names.__getitem__)
        comparison = versions.compare(view.db, first, second)
        st.markdown(frame.plain(comparison.sentence))
        st.caption("Copies of one creative count once here, so agreement can differ a little from the table above.")
        if comparison.apart:
            st.caption(
                f"On {comparison.apart:,} of the {comparison.n:,} test assets the labels that the two learned from differ, so each "
                "row of agreement says by whose labels it is."
            )
        st.dataframe(versions.table_of(comparison), hide_index=True, key="two-students")
        if comparison.changed:
            st.caption("Assets that would change category:")
            columns = [f"{version.name} says" for version in (comparison.first, comparison.second)]
            moves = comparison.changes.set_axis([*columns, "assets"], axis=1)
            st.dataframe(moves, hide_index=True, key="changes", height=min(38 + 35 * len(moves), 248))
            charts.download(moves, "changes")


def _origins(view: frame.View, rows: list[dict]) -> None:
    with st.expander("What each student was made from, and which was live when"):
        table = pd.DataFrame(
            [{"Student": name_of(row), **_origin(versions.made_from(view.db, row["id"]))} for row in rows]
        )
        table["Files"] = ["there" if registry.is_whole(view.db, row["id"]) else "missing" for row in rows]
        st.dataframe(table, hide_index=True, key="origins")
        past = registry.history(view.db, view.task)
        if past:
            lines = [f"{one['kind']} {one['student_id']} since {_when(one['created'])}" for one in past]
            st.caption(frame.plain(f"Live: {'; before that '.join(lines)}."))


def _origin(origin: dict) -> dict:
    return {
        "Teacher": teacher_words(origin["teacher"]),
        "Learned from": f"{origin['train']:,} assets",
        "Bar set on": "the same, by trial students that did not learn from them"
        if origin["crossfitted"]
        else f"{origin['calibration']:,} assets",
        "Taxonomy": f"version {origin['taxonomy']}",
        "Encoder": " and ".join(name for name in (origin["encoder"], origin["large_encoder"]) if name),
        "Made": _when(origin["created"]),
        "After": origin["parent"] or "",
        "Data": origin["data"],
    }


def _when(created: str) -> str:
    return created[:16].replace("T", " ")
