"""Deploy: the live student, scoring a whole file with it, taking it elsewhere, and serving it."""

import streamlit as st

from core.evaluate.comparison import comparison
from core.evaluate.latency import while_busy
from core.evaluate.versions import behind_words
from core.train.registry import all_students, folder_of
from core.ui import exports, frame, go_live, progress, score_form, scored_files, serving, writer_versions
from core.ui.figures import HINTS, figure
from core.ui.standing import VERDICTS
from core.words import milliseconds, percent, stated_percent

ENTRY = {
    "place": 90,
    "section": "Use",
    "name": "Deploy",
    "icon": "rocket_launch",
    "title": "Put the student to work",
    "sentence": "The live student works on whole files or answers over HTTP, and marks what it is not sure of for the teacher.",
    "kinds": ("choose_one", "choose_several", "write"),
}


def main() -> None:
    with frame.page("deploy") as view:
        if view.task.kind == "write":
            writer_versions.show(view)
            return
        students = all_students(view.db, view.task)
        live = next((row for row in students if row["live"]), None)
        if live is None:
            _none_live(view, students)
        _live(view, live)
        file, engineer = st.tabs(["Classify a file", "For your engineer"], key="deploy-tab")
        with file:
            running = progress.active(view, *scored_files.KINDS)
            score_form.show(view, live, running)
            progress.watch(view, *scored_files.KINDS, expected=running)
            scored_files.show(view, running)
        with engineer:
            exports.take_along(view, live)
            serving.section(view)
            st.caption(frame.plain(f"The student's files, ready to copy: {folder_of(view.db, live['id'])}"))


def _none_live(view: frame.View, students: list[dict]) -> None:
    """Which student could go live, with the click that does it; ends the page."""
    if not students:
        frame.nothing_yet("There is no student to put to work yet.", "student", "Train one first")
    st.write("No student of this client is live. Choose one: you see what changes, then confirm.")
    go_live.choose(view, students)
    st.stop()


def _live(view: frame.View, live: dict) -> None:
    st.subheader(f"Live: {live['kind']} {live['id']}", anchor=False)
    if behind := behind_words(view.db, live):
        st.warning(frame.plain(behind), icon=":material/account_tree:")
    result = comparison(view.db, live["id"])
    if result is None:
        st.caption("This student has not been judged yet.")
        return
    figures = result.figures
    verdict, handled, speed = st.columns(3)
    with verdict:
        figure("Verdict", VERDICTS[result.verdict.decision], "measured", f"target {stated_percent(figures.target)}")
    with handled:
        threshold = figures.certificate.threshold
        share = "–" if threshold is None else percent(figures.handled.value)
        note = "nothing proven yet" if threshold is None else _sure(threshold)
        figure("Handled by itself", share, "measured", note, help=f"{HINTS['handled']} {HINTS['certified']}")
    with speed:
        within = f"95 of 100 within {milliseconds(figures.latency.p95)}"
        notes = [within, while_busy(figures.latency.machine)]
        figure("One asset", milliseconds(figures.latency.p50), "measured", ", ".join(filter(None, notes)))


def _sure(threshold: float) -> str:
    return f"surer than {percent(threshold)}" if threshold > 0 else "however sure it is"


main()
