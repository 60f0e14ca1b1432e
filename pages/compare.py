"""Compare: the verdict first, three figures, then one chart a question."""

import streamlit as st

from core.evaluate.economics import Assumptions
from core.evaluate.run import comparison
from core.train.run import all_students
from core.ui import compare_charts, disagreement_list, frame, label_list, money_inputs, progress
from core.ui.figures import HINTS, figure
from core.words import milliseconds, percent

BOXES = {"replace": st.success, "fallback": st.info, "not_ready": st.warning}
TITLES = {
    "replace": "Replace the teacher with this student.",
    "fallback": "Let the student answer, with the teacher behind it.",
    "not_ready": "Not ready.",
}
MODES = {"student": "student alone", "cascade": "with the teacher behind it"}


def main() -> None:
    with frame.page("compare") as view:
        busy = progress.watch(view, "train", "distil")
        row = _student(view)
        if row is None:
            if busy:
                return
            frame.nothing_yet("There is no judged student yet.", "student", "Train a student first")
        top, agreement, costs = st.container(), st.container(), st.container()
        with costs:
            assumptions = _inputs(view)
            left, right = st.columns(2, gap="large")
        result = comparison(view.db, row["id"], assumptions)
        with top:
            _verdict(result)
            st.caption(
                frame.plain(f"The teacher here: {label_list.teacher_words(result['figures']['teacher']['name'])}.")
            )
            _figures(result)
        with agreement:
            _agreement(result["figures"])
            compare_charts.gold(result["figures"])
        with left:
            compare_charts.cost(result["economics"])
        with right:
            compare_charts.latency(result["figures"], result["economics"], assumptions.teacher_latency_s)
        money_inputs.others(view)
        compare_charts.more_measures(result["figures"])
        disagreement_list.show(view.db, row["id"], result["figures"])


def _student(view: frame.View) -> dict | None:
    """The judged student looked at: the live one, unless another is chosen."""
    judged = {row["student_id"] for row in view.db.query("select student_id from evaluations where split = 'test'")}
    rows = {row["id"]: row for row in all_students(view.db, view.client_id) if row["id"] in judged}
    if not rows:
        return None
    first = next((id for id, row in rows.items() if row["live"]), next(iter(rows)))
    if len(rows) == 1:
        return rows[first]
    names = {id: f"{row['kind']} {id}{' (live)' if row['live'] else ''}" for id, row in rows.items()}
    picked = st.selectbox(
        "Student", list(rows), index=list(rows).index(first), format_func=names.__getitem__, width=280
    )
    return rows[picked]


def _inputs(view: frame.View) -> Assumptions:
    """Volume and price come before the chart that shows them, so that the verdict on top already counts a change."""
    left, right = st.columns(2, gap="large")
    with left:
        money_inputs.price_as(view)
    with right:
        return money_inputs.volume(view)


def _verdict(result: dict) -> None:
    verdict = result["verdict"]
    BOXES[verdict.decision](
        f"**{TITLES[verdict.decision]}** {frame.plain(verdict.reason)}\n\n**Next:** {frame.plain(verdict.next)}",
        icon=frame.VERDICT_LOOK[verdict.decision][1],
    )


def _figures(result: dict) -> None:
    found, sheet = result["figures"], result["economics"]
    mode = "cascade" if result["verdict"].decision == "fallback" else "student"
    agreement, saving, speed = st.columns(3)
    share = found["agreement"]
    with agreement:
        span = f"{percent(share['low'], 1)} to {percent(share['high'], 1)}, n = {share['n']:,}"
        figure(
            "Agreement", percent(share["value"], 1), "measured", span, help=f"{HINTS['agreement']} {HINTS['interval']}"
        )
    with saving:
        value = sheet.saving[mode]
        basis = compare_charts.line(sheet, f"{mode}_saving").basis
        figure("Saving", "–" if value is None else percent(value, 1), basis, MODES[mode], help=HINTS["saving"])
    with speed:
        value = sheet.speed_up[mode]
        basis = compare_charts.line(sheet, f"{mode}_speed_up").basis
        against = f"{MODES[mode]}; student {milliseconds(found['latency']['p50'])} (measured)"
        figure(
            "Speed-up",
            "–" if value is None else f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×",
            basis,
            against,
            help=HINTS["speed_up"],
        )


def _agreement(found: dict) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        compare_charts.per_category(found)
    with right:
        compare_charts.cascade(found)
        compare_charts.confusions(found)


main()
