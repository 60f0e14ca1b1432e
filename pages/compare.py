"""Compare: the verdict first, three figures, then one chart a question."""

import pandas as pd
import streamlit as st

from core.evaluate import outlook
from core.evaluate.kept import teacher_price
from core.evaluate.run import comparison
from core.report import money
from core.report.headline import TITLES, about, headlines, mode_of
from core.train.run import all_students
from core.ui import (
    compare_charts,
    disagreement_list,
    frame,
    money_inputs,
    progress,
    report_download,
    rules_form,
)
from core.ui.figures import HINTS, figure
from core.words import teacher_words

BOXES = {"replace": st.success, "fallback": st.info, "not_ready": st.warning, "trial": st.info}
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
        mode = mode_of(result)
        _verdict(result)
        _figures(view, result)
        report_download.show(view.client_id, view.client, row["id"])
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
            disagreement_list.show(view.db, view.client_id, row["id"], found)


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


def _figures(view: frame.View, result: dict) -> None:
    for column, one in zip(st.columns(3), headlines(result, teacher_price(view.db, result["assumptions"]))):
        with column:
            figure(one.label, one.value, one.basis, one.span, help=" ".join(HINTS[hint] for hint in one.hints))
    st.caption(frame.plain(about(result, teacher_words(result["figures"]["teacher"]["name"]))))


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
