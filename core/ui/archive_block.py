"""All of a client as files: a button that has them written, the progress of it, and a download of the newest."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core import jobs, settings, tasks
from core.ui import access, frame, progress


def show(view: frame.View, client_id: int, name: str) -> None:
    """The button and the download, of this client."""
    of_it = replace(view, chosen=tasks.of_client(view.db, client_id)[0])
    running = progress.active(of_it, "archive")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All of it as files", disabled=running, icon=":material/folder_zip:", key=f"archive-{client_id}"):
            folder = settings.subfolder("output") / f"client-{client_id}"
            folder.mkdir(exist_ok=True)
            to = folder / f"{re.sub(r'[^0-9A-Za-z]+', '-', name).strip('-') or 'client'}.zip"
            progress.start(of_it, "archive", {"client_id": client_id, "to": str(to)})
        if newest := _newest(of_it):
            access.download(
                "Download",
                Path(newest.result["output"]).read_bytes,
                file_name=Path(newest.result["output"]).name,
                mime="application/zip",
                key=f"archive-{newest.id}",
                icon=":material/download:",
                on_click="ignore",
                deed="house",
            )
            st.caption(f"Made {newest.finished[:10]}, {newest.result['bytes'] / 1e6:,.1f} MB.")
        else:
            st.caption("A ZIP of its assets, labels, taxonomies, decisions, students, reports and images; no keys.")
    progress.watch(of_it, "archive", expected=running)


def _newest(view: frame.View) -> jobs.Job | None:
    done = (job for job in jobs.recent(view.db, view.chosen, limit=200) if job.kind == "archive")
    return next((job for job in done if job.state == "done" and Path(job.result["output"]).exists()), None)
