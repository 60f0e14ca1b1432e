"""Try one: a single asset, the student's answer beside the teacher's, with time, price, and whether it is handled."""

import streamlit as st

from core.evaluate.comparison import Comparison, comparison
from core.evaluate.versions import behind_words, name_of
from core.money.prices import SECONDS
from core.train.registry import all_students, looked_at
from core.ui import answers, facet_answers, frame, pins, try_image
from core.ui.figures import figure
from core.words import milliseconds, money, percent

ENTRY = {
    "place": 80,
    "section": "Use",
    "name": "Try one",
    "icon": "play_circle",
    "title": "Try one asset",
    "sentence": "Paste the words of one asset and see what student and teacher make of it.",
}
EXAMPLES = 4


def main() -> None:
    with frame.page("try_one") as view:
        students = all_students(view.db, view.task)
        if not students:
            frame.nothing_yet("There is no student to try yet.", "student", "Train one first")
        live = looked_at(view.db, view.task)
        st.caption(frame.plain(f"{name_of(live)} answers; it is {'live' if live['live'] else 'not live yet'}."))
        if behind := behind_words(view.db, live):
            st.warning(frame.plain(behind), icon=":material/account_tree:")
        text = _text(view, live)
        if not text.strip():
            return
        text = try_image.seen(view, text)
        result = comparison(view.db, live["id"])
        facet_answers.show(view, text)
        left, right = st.columns(2, gap="large")
        with left:
            answer = _student(view, live, text, result)
        with right:
            _teacher(view, live, text, answer, result)
        facet_answers.why(view, live, text)
        pins.pin(view, text, answer.top[0][0])


def _text(view: frame.View, live: dict) -> str:
    examples = answers.examples(view.db, live["id"], EXAMPLES)
    if examples:
        st.caption("Examples, out of the test assets")
        for place, asset in zip(st.columns(EXAMPLES), examples):
            label = frame.plain(asset["text"][:60].strip() + " …")
            if place.button(label, key=f"example-{asset['id']}", width="stretch"):
                st.session_state["try-text"] = asset["text"]
    try_image.upload(view, "try-text")
    with st.form("try", border=False):
        text = st.text_area("The asset's words", key="try-text", height=110, max_chars=20_000)
        asked = st.form_submit_button("Ask student and teacher", type="primary", icon=":material/play_arrow:")
    if not text.strip():
        st.caption("Type or paste the words of one asset" + (" first." if asked else ", then press the button."))
    return text


def _student(view: frame.View, live: dict, text: str, result: Comparison | None) -> answers.StudentAnswer:
    st.subheader("Student", anchor=False)
    answer = answers.ask_student(live["path"], text)
    if view.task.several:
        st.text(answer.says)
        st.caption("Each tag is as likely as its bar says; the least sure of all tags says how sure the student is.")
    for label, share in answer.top:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(label, width="stretch")
            st.progress(share, width=140)
            st.text(percent(share), width=60, text_alignment="right")
    cost = result.economics.per_1000["student"] if result else None
    first, second = st.columns(2)
    with first:
        figure(
            "Time",
            milliseconds(answer.milliseconds),
            "measured",
            "this call",
            help="On this machine, tokenising included.",
        )
    with second:
        figure(
            "Cost",
            money(cost / 1000 if cost else None),
            "estimated",
            "this asset",
            help="The machine's price per hour, shared out.",
        )
    return answer


def _teacher(view: frame.View, live: dict, text: str, answer: answers.StudentAnswer, result: Comparison | None) -> None:
    st.subheader("Teacher", anchor=False)
    teacher = answers.ask(view, live["label_run_id"], text)
    if teacher.label is None:
        st.text("no answer")
    else:
        same = teacher.label == answer.says
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(teacher.label)
            st.badge("they agree" if same else "they differ", color="green" if same else "orange")
    st.caption(frame.plain(teacher.note))
    first, second = st.columns(2)
    with first:
        figure(
            "Time",
            *_teacher_time(teacher, result),
            help="Where the teacher was not timed, the assumption of the Compare page.",
        )
    with second:
        cost = result.economics.per_1000["teacher"] if result else None
        basis = result.economics.line("teacher").basis if result else "estimated"
        figure(
            "Cost",
            money(cost / 1000 if cost is not None else None),
            basis,
            result.economics.priced_as if result else None,
        )
    if result:
        _handled(answer, result)


def _teacher_time(teacher: answers.TeacherAnswer, result: Comparison | None) -> tuple[str, str, str]:
    if teacher.milliseconds is not None:
        return milliseconds(teacher.milliseconds), teacher.basis, "this asset"
    spoken = result and result.figures.teacher_latency
    if spoken:
        return milliseconds(spoken.p50), spoken.basis, "median of its labels"
    seconds = result.assumptions.teacher_latency_s if result else SECONDS
    return milliseconds(1000 * seconds), "assumed", "one asset"


def _handled(answer: answers.StudentAnswer, result: Comparison) -> None:
    threshold = result.figures.certificate.threshold
    handled, why = facet_answers.standing(threshold, result.verdict.decision, answer.sure, answer.strange)
    if handled:
        st.success(why, icon=":material/check_circle:")
    elif threshold is None and not answer.strange:
        st.warning(why, icon=":material/undo:")
    else:
        st.info(why, icon=":material/undo:")


main()
