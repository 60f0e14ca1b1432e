"""Deploy: the live student, scoring a whole file with it, taking it elsewhere, and serving it."""

from dataclasses import asdict
from pathlib import Path

import streamlit as st

from core import settings
from core.deploy import inputs
from core.evaluate.comparison import comparison
from core.evaluate.latency import while_busy
from core.evaluate.versions import behind_words
from core.tables.problems import AS_FOUND, ReadAs
from core.tasks import Task
from core.train.registry import all_students, at_work, folder_of
from core.ui import exports, frame, go_live, progress, scored_files, serving, uploads, writer_versions
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
KINDS = {"XLSX": "Excel (XLSX)", "CSV": "CSV", "Parquet": "Parquet"}


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
            _score(view, live, running)
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


def _score(view: frame.View, live: dict, running: bool) -> None:
    with st.container(border=True):
        st.subheader("Classify a file", anchor=False)
        path = uploads.upload("File of assets (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "score-file")
        with frame.guard():
            how = uploads.read_as(path, "score") if path else AS_FOUND
            texts = _text_columns(view, path, how) if path else []
            beside = _facets(view)
            kind = st.radio("Write as", ["XLSX", "CSV", "Parquet"], horizontal=True, format_func=KINDS.get)
            if st.button(
                "Classify this file", type="primary", disabled=running or not texts, icon=":material/play_arrow:"
            ):
                output = settings.subfolder("output") / path.parent.name
                output.mkdir(exist_ok=True)
                params = {"task_id": view.task.id, "student": live["id"], "input": str(path), "text_columns": texts}
                params |= {"student": "live", "beside": [task.id for task in beside]} if beside else {}
                params["read_as"] = asdict(how)
                who = "all-facets" if beside else f"student-{live['id']}"
                params["output"] = str(output / f"{path.stem}-{who}.{kind.lower()}")
                progress.start(view, "score", params)
        st.caption(
            "You get your file back with three more columns: `category`, `confidence` (how sure the student is) and `handled`. "
            "Rows whose `handled` is not true are for the teacher: send them from here afterwards. It is false where the student "
            "is not sure enough, or where the asset has no text or is unlike anything it learned from; it is empty where nothing "
            "is proven yet. The student is surer of assets it learned from than of new ones."
            + (" Of several facets there are three such columns each, called after them." if beside else "")
        )


def _facets(view: frame.View) -> list[Task]:
    """The client's other tasks with a student at work that are to answer as well: all or none of them."""
    others = [task for task in at_work(view.db, view.task.client_id) if task.id != view.task.id]
    if not others:
        return []
    names = ", ".join(task.name for task in [view.task, *others])
    one, all_ = f"{view.task.name} alone", f"All facets ({names})"
    return others if st.radio("Answer", [all_, one], horizontal=True, format_func=frame.plain) == all_ else []


def _text_columns(view: frame.View, path: Path, how: ReadAs) -> list[str]:
    """The columns to read: those of the last import, or those that look like text, unless others are chosen."""
    seen = uploads.preview(view, path, how, families=False)
    uploads.doubts(path, seen.doubts, "score")
    likely = inputs.learnt_columns(view.db, view.task, seen.columns) or list(seen.guess.text)
    return st.multiselect(
        "Text columns",
        seen.columns,
        default=likely,
        key=f"score-text-{uploads.as_read(path, how)}",
        placeholder="Choose at least one",
        help="What the student reads, in this order. At first those of the last import.",
    )


main()
