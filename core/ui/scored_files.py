"""Files that a student has classified: the download, what came of the rows, and the rows that could not be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core import jobs
from core.deploy import scoring
from core.ui import access, frame, teacher_rows
from core.words import counted

KINDS = "score", "send"  # of jobs that write such a file
LISTED = 10  # rows that could not be used, shown at once


def show(view: frame.View, running: bool) -> None:
    """The client's classified files that are still there, the newest first."""
    done = [job for job in jobs.recent(view.db, view.task, limit=50) if job.kind in KINDS and job.state == "done"]
    files = {job.result["output"]: job for job in reversed(done) if Path(job.result["output"]).exists()}
    if not files:
        return
    newest = list(reversed(files.values()))
    teacher_rows.section(view, newest, running)
    st.subheader("Classified files", anchor=False)
    for job in newest:
        with st.container(gap="xxsmall"):
            _file(job)


def download(job: jobs.Job, words: str) -> None:
    """The file that a job made, to be downloaded, and what came of it in words."""
    path = Path(job.result["output"])
    with st.container(horizontal=True, vertical_alignment="center"):
        access.download(
            "Download",
            path.read_bytes,
            file_name=path.name,
            key=f"file-{job.id}",
            icon=":material/download:",
            on_click="ignore",
            deed="export",
        )
        st.text(f"{path.name}: {words}")


def _file(job: jobs.Job) -> None:
    result = job.result
    download(job, f"{scoring.in_words(result)}{teacher_rows.in_words(result)}")
    for reason, count in result.get("reasons", {}).items():
        st.text(f"{count:,} without the teacher's answer: {reason}")
    shown = result["problem_list"][:LISTED]
    for problem in shown:
        show_problem(problem)
    if (more := result["problems"] - sum(not one.get("remark") for one in shown)) > 0:
        st.text(f"and {counted(more, 'more problem')}; the score command with --problems lists them.")


def show_problem(problem: dict[str, Any]) -> None:
    """One row that could not be used, and in a line of its own what to do about it."""
    where = f"Row {problem['row']:,}" if problem["row"] else "The whole file"
    st.text(f"{where}: {problem['what']}\nWhat to do: {problem['todo']}")
