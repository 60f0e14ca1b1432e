"""The part of the Write page that takes a file of briefs: upload, columns, a job, and the files of drafts there are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from core import jobs
from core.deploy import brief_files
from core.tables.problems import ReadAs
from core.ui import frame, progress, scored_files, uploads
from core.words import counted, duration
from core.write import pairs

KIND = "briefs"
LISTED = 10  # rows left out, shown at once


def section(view: frame.View, live: dict) -> None:
    """A file of briefs for the student at work, and what became of those before."""
    running = progress.active(view, KIND)
    with st.expander("A file of briefs", icon=":material/table:", expanded=running):
        path = uploads.upload("Briefs (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "brief-file")
        if path is not None:
            with frame.guard():
                _ask(view, live, path, running)
        st.caption(
            "You get your rows back with the drafts behind them, what stops each, and whether one passes every gate. A brief that "
            "comes twice is drafted once. Rows without a brief are listed with the reason."
        )
    progress.watch(view, KIND, expected=running)
    _files(view)


def _ask(view: frame.View, live: dict, path: Path, running: bool) -> None:
    how = uploads.read_as(path, KIND)
    seen: pairs.Look = uploads.look(pairs.look, path, how)
    uploads.doubts(path, seen.doubts, KIND)
    columns = st.multiselect(
        "Columns of the brief",
        seen.columns,
        [seen.brief],
        key=f"brief-columns-{uploads.as_read(path, how)}",
        help="Those that the student learned from, in the same order.",
    )
    st.dataframe(pd.DataFrame(seen.head, columns=seen.columns), hide_index=True, placeholder="")
    left, right = st.columns(2)
    count = left.number_input("Drafts of each brief", 1, brief_files.MOST_DRAFTS, 3)
    kind = right.radio(
        "Write as", ["XLSX", "CSV"], horizontal=True, format_func={"XLSX": "Excel (XLSX)", "CSV": "CSV"}.get
    )
    figures = live["figures"]
    took = f"{duration(figures.seconds_per_brief.p50)} when the student was judged{figures.drafted_with}"
    st.caption(f"A brief took {took}. It goes on when you close the tab.")
    if st.button(
        "Write drafts of this file", type="primary", icon=":material/play_arrow:", disabled=running or not columns
    ):
        progress.start(view, KIND, _params(view, live, path, how, columns, int(count), kind))


def _params(view: frame.View, live: dict, path: Path, how: ReadAs, columns: list[str], count: int, kind: str) -> dict:
    return {
        "task_id": view.task.id,
        "student": live["id"],
        "input": str(path),
        "output": str(brief_files.output_of(path, live["id"], kind)),
        "columns": columns,
        "count": count,
        "read_as": asdict(how),
    }


def _files(view: frame.View) -> None:
    """The task's files of drafts that are still there, the newest first."""
    done = [job for job in jobs.recent(view.db, view.task, limit=50) if job.kind == KIND and job.state == "done"]
    files = {job.result["output"]: job for job in reversed(done) if Path(job.result["output"]).exists()}
    if not files:
        return
    st.subheader("Files of drafts", anchor=False)
    for job in reversed(files.values()):
        with st.container(gap="xxsmall"):
            _file(job)


def _file(job: jobs.Job) -> None:
    result = job.result
    scored_files.download(job, brief_files.in_words(result))
    shown = result["problem_list"][:LISTED]
    for problem in shown:
        scored_files.show_problem(problem)
    if (more := result["problems"] - sum(not one.get("remark") for one in shown)) > 0:
        st.text(f"and {counted(more, 'more problem')}; the write command with --problems lists them.")
