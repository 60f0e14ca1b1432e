"""After an import: label values that are no category, each with what it is near to, for a person to accept or leave out."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core import jobs, taxonomy
from core.assets import imports
from core.assets.label_columns import Unknown
from core.ui import frame, progress
from core.ui.frame import View
from core.words import counted

SHOWN = 20  # values on the page, the commonest
IMPORTS = ("import_assets", "import_images", "import_log")  # kinds of jobs that bring assets in
LEFT_OUT = "(no category)"


def settle(view: View) -> None:
    """The values of the client's last import that are no category, and the button that reads the file again as chosen."""
    last = view.db.execute("select max(id) from imports where client_id = ?", [view.task.client_id]).fetchone()[0]
    unknown = imports.unknown_labels(view.db, last) if last is not None else []
    if not unknown:
        return
    with st.container(border=True):
        _again(view, last, choose(unknown, labels_of(view), str(last)))


def labels_of(view: View) -> list[str]:
    """The labels of the client's taxonomy that a value may mean."""
    return [c.label for c in taxonomy.load(view.db, taxonomy.latest(view.db, view.task)) if c.assignable]


def choose(unknown: Sequence[Unknown], labels: Sequence[str], key: str) -> dict[str, str]:
    """The values that are no category, each with what it may mean: those that a person chose, value to label."""
    st.subheader("Labels that are no category", anchor=False)
    st.caption(
        "Choose the category that each of these stands for; the assets get it as their label. Nothing is changed until you press "
        "the button. (Upper and lower case and spaces make no difference: such labels are taken already.)"
    )
    nearest = st.toggle("Choose the nearest category wherever only one is near", key=f"labels-near-{key}")
    accepted = {one.value: _choose(one, labels, key, nearest) for one in unknown[:SHOWN]}
    if len(unknown) > SHOWN:
        many = counted(len(unknown) - SHOWN, "more value")
        st.caption(f"And {many}: settle these first, or give them all with --labels-map.")
    return {value: label for value, label in accepted.items() if label != LEFT_OUT}


def _choose(unknown: Unknown, labels: Sequence[str], key: str, nearest: bool) -> str:
    words, choice = st.columns([3, 2], vertical_alignment="center")
    words.text(unknown.sentence)
    options = [LEFT_OUT, *dict.fromkeys([*(label for label in unknown.near if label in labels), *labels])]
    return choice.selectbox(
        frame.plain(f"What “{unknown.value[:60]}” in {unknown.column} means"),
        options,
        index=int(nearest and len(unknown.near) == 1 and len(options) > 1),
        key=f"label-{key}-{unknown.column}-{unknown.value}-{nearest}",
        label_visibility="collapsed",
    )


def _again(view: View, import_id: int, accepted: dict[str, str]) -> None:
    imported = (job for job in jobs.recent(view.db, view.task, limit=50) if job.kind in IMPORTS and job.result)
    job = next((job for job in imported if job.result["import_id"] == import_id), None)
    if job is None:
        st.caption(
            "This file came by the command line: give the same command again with --labels-map or --accept-near."
        )
        return
    running = progress.active(view, *IMPORTS)
    if st.button("Use these labels", disabled=running or not accepted, icon=":material/label:"):
        before = job.params.get("accepted") or {}
        progress.start(view, job.kind, {**job.params, "accepted": before | accepted})
