"""Deploy: the live student, scoring a whole file with it, taking it elsewhere, and serving it."""

from dataclasses import asdict
from pathlib import Path

import streamlit as st

from core import jobs, settings
from core.deploy import scoring
from core.evaluate.run import comparison
from core.evaluate.versions import behind_words
from core.ingest.problems import AS_FOUND, ReadAs
from core.train.run import all_students, folder_of
from core.ui import exports, frame, go_live, progress, serving, teacher_rows, uploads
from core.ui.figures import HINTS, figure
from core.ui.standing import VERDICTS
from core.words import milliseconds, percent, stated_percent

KINDS_OF_JOBS = "score", "send"
KINDS = {"XLSX": "Excel (XLSX)", "CSV": "CSV", "Parquet": "Parquet"}


def main() -> None:
    with frame.page("deploy") as view:
        students = all_students(view.db, view.client_id)
        live = next((row for row in students if row["live"]), None)
        if live is None:
            _none_live(view, students)
        _live(view, live)
        file, engineer = st.tabs(["Classify a file", "For your engineer"], key="deploy-tab")
        with file:
            running = progress.active(view, *KINDS_OF_JOBS)
            _score(view, live, running)
            progress.watch(view, *KINDS_OF_JOBS, expected=running)
            _scored(view, running)
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
    found = result["figures"]
    verdict, handled, speed = st.columns(3)
    with verdict:
        figure("Verdict", VERDICTS[result["verdict"].decision], "measured", f"target {stated_percent(found['target'])}")
    with handled:
        certified = found["certificate"]["certified"]
        share = percent(found["handled"]["value"]) if certified else "–"
        note = f"surer than {percent(found['certificate']['threshold'])}" if certified else "nothing proven yet"
        figure("Handled by itself", share, "measured", note, help=f"{HINTS['handled']} {HINTS['certified']}")
    with speed:
        figure(
            "One asset",
            milliseconds(found["latency"]["p50"]),
            "measured",
            f"95 of 100 within {milliseconds(found['latency']['p95'])}",
        )


def _score(view: frame.View, live: dict, running: bool) -> None:
    with st.container(border=True):
        st.subheader("Classify a file", anchor=False)
        path = uploads.upload("File of assets (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "score-file")
        with frame.guard():
            how = uploads.read_as(path, "score") if path else AS_FOUND
            texts = _text_columns(view, path, how) if path else []
            kind = st.radio("Write as", ["XLSX", "CSV", "Parquet"], horizontal=True, format_func=KINDS.get)
            if st.button(
                "Classify this file", type="primary", disabled=running or not texts, icon=":material/play_arrow:"
            ):
                output = settings.subfolder("output") / path.parent.name
                output.mkdir(exist_ok=True)
                params = {"client_id": view.client_id, "student": live["id"], "input": str(path), "text_columns": texts}
                params["read_as"] = asdict(how)
                params["output"] = str(output / f"{path.stem}-student-{live['id']}.{kind.lower()}")
                progress.start(view, "score", params)
        st.caption(
            "You get your file back with three more columns: `category`, `confidence` (how sure the student is) and `handled`. "
            "Rows whose `handled` is not true are for the teacher: send them from here afterwards. It is false where the student "
            "is not sure enough, or where the asset has no text or is unlike anything it learned from; it is empty where nothing "
            "is proven yet. The student is surer of assets it learned from than of new ones."
        )


def _text_columns(view: frame.View, path: Path, how: ReadAs) -> list[str]:
    """The columns to read: those of the last import, or those that look like text, unless others are chosen."""
    seen = uploads.preview(view, path, how, families=False)
    uploads.doubts(path, seen.doubts, "score")
    likely = scoring.learnt_columns(view.db, view.client_id, seen.columns) or list(seen.guess.text)
    return st.multiselect(
        "Text columns",
        seen.columns,
        default=likely,
        key=f"score-text-{uploads.as_read(path, how)}",
        placeholder="Choose at least one",
        help="What the student reads, in this order. At first those of the last import.",
    )


def _scored(view: frame.View, running: bool) -> None:
    done = [
        job
        for job in jobs.recent(view.db, view.client_id, limit=50)
        if job.kind in KINDS_OF_JOBS and job.state == "done"
    ]
    files = {job.result["output"]: job for job in reversed(done) if Path(job.result["output"]).exists()}
    if not files:
        return
    teacher_rows.section(view, list(reversed(files.values())), running)
    st.subheader("Classified files", anchor=False)
    for output, job in reversed(files.items()):
        path, result = Path(output), job.result
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                "Download",
                path.read_bytes,
                file_name=path.name,
                key=f"scored-{job.id}",
                icon=":material/download:",
                on_click="ignore",
            )
            told = f"{path.name}: {result['rows']:,} rows, {result['handled']:,} handled by the student itself"
            told += f", {result['without_text']:,} without text" if result["without_text"] else ""
            told += f", {result['left_out']:,} rows left out" if result["left_out"] else ""
            told += teacher_rows.told(result)
            st.text(told)
            for reason, count in result.get("reasons", {}).items():
                st.text(f"{count:,} without the teacher's answer: {reason}")
            for problem in result["problem_list"][:10]:
                st.text(f"Row {problem['row'] or '–'}: {problem['what']} {problem['todo']}")
            if result["problems"] > 10:
                st.text(f"and {result['problems'] - 10:,} more; the score command with --problems lists them.")


main()
