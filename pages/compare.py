"""Compare: money, agreement and time first, the verdict in three lines, then a tab a question."""

import streamlit as st

from core.evaluate.comparison import Comparison, judgement
from core.report.headline import about, headlines
from core.train.registry import all_students
from core.ui import (
    compare_charts,
    compare_facets,
    compare_first,
    compare_writing,
    disagreement_list,
    frame,
    label_sources,
    money_inputs,
    progress,
    rival_block,
    rules_form,
)
from core.ui.compare_first import TABS
from core.ui.figures import HINTS, explained, figure
from core.write import training

ENTRY = {
    "place": 70,
    "section": "Teach",
    "name": "Compare",
    "icon": "balance",
    "title": "Decide: is the student good enough?",
    "sentence": "Student and teacher side by side: how good each is, what each costs, how long each takes.",
    "kinds": ("choose_one", "choose_several", "write"),
}


def main() -> None:
    with frame.page("compare") as view:
        if view.task.kind == training.KIND:
            return compare_writing.show(view)
        busy = progress.watch(view, "train", "distil")
        row = _student(view)
        if row is None:
            if busy:
                return
            frame.nothing_yet("There is no judged student yet.", "student", "Train a student first")
        result = judgement(view.db, row["id"])
        if compare_first.comparison(view, result):
            st.rerun()
        compare_first.verdict(view, row, result)
        rival_block.show(view, row, result)
        compare_facets.show(view)
        # Only the tab that is open is computed: each would take as long as the page.
        tabs = zip(st.tabs(TABS, key="compare-tab", on_change="rerun"), (_sure, _money, _fast, _where, _analyst))
        for tab, draw in tabs:
            if tab.open:
                with tab:
                    draw(view, row, result)


def _student(view: frame.View) -> dict | None:
    """The judged student looked at: the live one, unless another is chosen."""
    judged = {row["student_id"] for row in view.db.query("select student_id from evaluations where split = 'test'")}
    rows = {row["id"]: row for row in all_students(view.db, view.task) if row["id"] in judged}
    if not rows:
        return None
    first = next((id for id, row in rows.items() if row["live"]), next(iter(rows)))
    if len(rows) == 1:
        return rows[first]
    names = {id: f"{row['kind']} {id}{' (live)' if row['live'] else ''}" for id, row in rows.items()}
    picked = st.selectbox(
        "Student",
        list(rows),
        list(rows).index(first),
        format_func=names.__getitem__,
        width=280,
        label_visibility="collapsed",
    )
    return rows[picked]


def _sure(view: frame.View, row: dict, result: Comparison) -> None:
    """The reason with its intervals, the three figures it rests on, and how much the student may take on."""
    reason = result.verdict.reason
    st.markdown(frame.plain(reason), help=explained(reason))
    for column, headline in zip(st.columns(3), headlines(result)):
        with column:
            hints = " ".join(HINTS[hint] for hint in headline.hints)
            figure(headline.label, headline.value, headline.basis, headline.span, help=hints)
    st.caption(frame.plain(about(result)))
    compare_charts.sure(result.figures)
    label_sources.show(view, row)
    rules_form.show(view, result.rules)


def _money(view: frame.View, row: dict, result: Comparison) -> None:
    if money_inputs.other_models(view) != result.others:
        st.rerun()
    compare_charts.costs(result)
    money_inputs.others(view)
    compare_charts.formula_sheet(result)


def _fast(view: frame.View, row: dict, result: Comparison) -> None:
    compare_charts.times(result)


def _where(view: frame.View, row: dict, result: Comparison) -> None:
    compare_charts.weak_spots(result.figures, result.rules)
    disagreement_list.show(view.db, view.task, row["id"], result.figures)


def _analyst(view: frame.View, row: dict, result: Comparison) -> None:
    compare_charts.analyst(result.figures)


main()
