"""The part of a page that makes a writing student's ZIP and hands it out."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import jobs
from core.ui import access, frame, progress
from core.words import percent
from core.write import llama
from core.write.rungs import rungs

KIND = "writer_export"


def take_along(view: frame.View, live: dict) -> None:
    """A button that makes the ZIP of the student at work, the progress of doing so, and a download of the newest ZIP."""
    running = progress.active(view, KIND)
    reads = rungs()[live["kind"]].reads
    with st.expander("Take it with you"):
        st.caption(
            "A ZIP that drafts without Understudy: guide, gates, a model card and write.py"
            + (
                ", with the model as one file (GGUF). It is made only if that finds approved copy as likely as here."
                if reads
                else "."
            )
            + " Drafts that people edit there come back as pairs: upload the file above."
        )
        missing = reads and not llama.installed()
        if missing:
            st.caption(
                "The package xllamacpp is needed to check the model: `.venv/bin/pip install -r requirements-write.lock`"
            )
        if st.button("Make the ZIP", disabled=running or missing, icon=":material/package_2:"):
            progress.start(view, KIND, {"task_id": view.task.id, "student": live["id"]})
        if newest := _newest(view):
            _download(newest)
    progress.watch(view, KIND, expected=running)


def _newest(view: frame.View) -> jobs.Job | None:
    done = (job for job in jobs.recent(view.db, view.task, limit=200) if job.kind == KIND)
    return next((job for job in done if job.state == "done" and Path(job.result["output"]).exists()), None)


def _download(job: jobs.Job) -> None:
    result, parity = job.result, job.result["parity"]
    with st.container(horizontal=True, vertical_alignment="center"):
        access.download(
            "Download",
            Path(result["output"]).read_bytes(),
            file_name=Path(result["output"]).name,
            mime="application/zip",
            key=f"writer-export-{job.id}",
            icon=":material/download:",
            on_click="ignore",
            deed="export",
        )
        more = parity and percent(parity["file"] / parity["here"] - 1, digits=2)
        checked = (
            f" Its loss on {parity['n']:,} copies kept aside is {more} above the student's here." if parity else ""
        )
        st.text(
            f"{result['kind'].capitalize()} {result['student']}, {result['size_mb']:,.0f} MB, made {job.finished[:10]}.{checked}"
        )
