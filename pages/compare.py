"""Compare: the verdict first, three figures, then one chart a question."""

import pandas as pd
import streamlit as st

from core.evaluate import outlook
from core.evaluate.kept import teacher_price
from core.evaluate.run import comparison
from core.report import money
from core.report.answers import share_words, span_words
from core.report.speed import median_range
from core.train.run import all_students
from core.ui import compare_charts, disagreement_list, frame, label_list, money_inputs, progress, rules_form
from core.ui.figures import HINTS, figure
from core.words import milliseconds, percent

BOXES = {"replace": st.success, "fallback": st.info, "not_ready": st.warning}
TITLES = {
    "replace": "Replace the teacher with this student.",
    "fallback": "Let the student answer, with the teacher behind it.",
    "not_ready": "Not ready.",
}
MODES = {"student": "alone", "cascade": "with the teacher behind it"}
QUESTIONS = ("How well does it agree?", "What does it save?", "How fast is it?", "Where does it differ?")


def main() -> None:
    with frame.page("compare") as view:
        busy = progress.watch(view, "train", "distil")
        row = _student(view)
        if row is None:
            if busy:
                return
            frame.nothing_yet("There is no judged student yet.", "student", "Train a student first")
        result = comparison(view.db, row["id"])
        found = result["figures"]
        mode = "cascade" if result["verdict"].decision == "fallback" else "student"
        _verdict(result)
        _figures(view, result, mode)
        rules_form.show(view, result["rules"])
        asked = st.radio("Question", QUESTIONS, horizontal=True, label_visibility="collapsed")
        if asked == QUESTIONS[0]:
            compare_charts.agreement(found)
        elif asked == QUESTIONS[1]:
            _money(view, result, mode)
        elif asked == QUESTIONS[2]:
            compare_charts.times(found, result["economics"], result["assumptions"].teacher_latency_s)
        else:
            compare_charts.weak_spots(found)
            disagreement_list.show(view.db, row["id"], found)


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


def _verdict(result: dict) -> None:
    verdict = result["verdict"]
    BOXES[verdict.decision](
        f"**{TITLES[verdict.decision]}** {frame.plain(verdict.reason)}\n\n**Next:** {frame.plain(verdict.next)}",
        icon=frame.VERDICT_LOOK[verdict.decision][1],
    )


def _figures(view: frame.View, result: dict, mode: str) -> None:
    found, sheet, seen = result["figures"], result["economics"], result["figures"]["agreement"]
    handled, price = (found["handled"]["low"], found["handled"]["high"]), teacher_price(view.db, result["assumptions"])
    ends = outlook.ranges(result["measured"], result["assumptions"], price, mode, handled, median_range(found))
    agreement, saving, speed = st.columns(3)
    with agreement:
        said = share_words(seen["value"], seen["n"])
        figure("Agreement", said, "measured", span_words(seen), help=f"{HINTS['agreement']} {HINTS['interval']}")
    for place, label, value, span, words in (
        (saving, "Saving", sheet.saving[mode], ends[0], lambda share: percent(share, 1)),
        (speed, "Speed-up", sheet.speed_up[mode], ends[1], _times),
    ):
        hint = label.lower().replace("-", "_")
        with place:
            said = f"{words(span[0])} to {words(span[1])}" if span else None
            figure(
                label,
                "–" if value is None else words(value),
                sheet.line(f"{mode}_{hint}").basis,
                said,
                help=HINTS[hint],
            )
    time = f"it takes {milliseconds(found['latency']['p50'])} by itself (measured)"
    teacher = label_list.teacher_words(found["teacher"]["name"])
    st.caption(
        frame.plain(f"The teacher here: {teacher}. Saving and speed-up are those of the student {MODES[mode]}; {time}.")
    )


def _times(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×"


def _money(view: frame.View, result: dict, mode: str) -> None:
    """Prices and volume first: the page is drawn again from the verdict down where one has changed."""
    left, middle, right = st.columns(3, gap="large")
    with left:
        money_inputs.price_as(view)
    with middle:
        assumed = money_inputs.volume(view)
    with right:
        others = money_inputs.other_models(view)
    if assumed != result["assumptions"]:
        st.rerun()
    price, sheet, measured = teacher_price(view.db, assumed), result["economics"], result["measured"]
    courses, steps = outlook.courses(measured, assumed, price, others, sheet)
    handled = (result["figures"]["handled"]["low"], result["figures"]["handled"]["high"])
    swings = outlook.tornado(measured, assumed, price, mode, handled)
    compare_charts.costs(courses, swings, sheet, mode)
    money_inputs.others(view)
    compare_charts.formula_sheet(pd.concat([money.steps(sheet.formulas), money.steps(steps)]))


main()
