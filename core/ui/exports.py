"""The part of the Deploy page that makes a student's ZIP and hands it out."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import jobs
from core.deploy import card
from core.ui import access, frame, progress
from core.words import percent


def take_along(view: frame.View, live: dict) -> None:
    """A button that makes the ZIP of the live student, the progress of doing so, and a download of the newest ZIP."""
    running = progress.active(view, "export")
    with st.container(border=True):
        st.subheader("Take it with you", anchor=False)
        st.caption(
            "A ZIP that runs anywhere, without Understudy: the model (ONNX), its bar, a model card and predict.py, which needs "
            "numpy, onnxruntime and tokenizers only. It is made only if it gives the student's labels on the test assets: its "
            "exact graphs every one, its small graphs 99.5 % of them."
        )
        if st.button("Make the ZIP", disabled=running, icon=":material/package_2:"):
            progress.start(view, "export", {"task_id": view.task.id, "student": live["id"]})
        newest = _newest(view)
        if newest:
            _download(newest)
    progress.watch(view, "export", expected=running)


def _newest(view: frame.View) -> jobs.Job | None:
    done = (job for job in jobs.recent(view.db, view.task, limit=200) if job.kind == "export")
    return next((job for job in done if job.state == "done" and Path(job.result["output"]).exists()), None)


def _download(job: jobs.Job) -> None:
    result, parity = job.result, job.result["parity"]
    with st.container(horizontal=True, vertical_alignment="center"):
        access.download(
            "Download",
            Path(result["output"]).read_bytes,
            file_name=Path(result["output"]).name,
            mime="application/zip",
            key=f"export-{job.id}",
            icon=":material/download:",
            on_click="ignore",
            deed="export",
        )
        st.text(
            f"{result['kind'].capitalize()} {result['student']}, {result['size_mb']:,.0f} MB, made {job.finished[:10]}. "
            f"Same label as here on {percent(parity['served'])} of {parity['n']:,} test assets."
        )
    if parity["served"] < card.LIKE_HERE:
        st.caption(
            "Its labels differ from those given here on more assets than rounding should change: what is proven holds for the "
            "student here. The model card compares both with the teacher."
        )
