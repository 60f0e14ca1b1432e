"""What the Write page shows: the upload of pairs, the ladder of students beside people's copy, drafts with their gates."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from core.tables.problems import AS_FOUND, ReadAs
from core.ui import frame, progress, teacher_drafts, uploads
from core.ui.standing import VERDICTS
from core.write import pairs, timing, training, use
from core.write.rungs import AUTO, rungs


def bring(view: frame.View, running: bool) -> None:
    """Upload, columns, and the button that imports and trains."""
    uploads.template("pairs")
    path = uploads.upload("Briefs with approved copy", "pairs")
    if path is None:
        st.caption(f"At least {pairs.FEWEST} approved pairs; 500 and more make drafts worth reading.")
        return
    how = uploads.read_as(path, "pairs")
    seen: pairs.Look = uploads.look(pairs.look, path, how)
    uploads.doubts(path, seen.doubts, "pairs")
    left, right = st.columns(2)
    key = uploads.as_read(path, how)
    brief = left.multiselect("Columns of the brief", seen.columns, [seen.brief], key=f"pairs-brief-{key}")
    named = "Column of the approved copy"
    copy = right.selectbox(named, seen.columns, seen.columns.index(seen.copy), key=f"pairs-copy-{key}")
    st.dataframe(pd.DataFrame(seen.head, columns=seen.columns), hide_index=True, placeholder="")
    if brief:
        will_take(view, uploads.look(pairs.sizes, path, tuple(brief), copy, how))
    if st.button("Import and train", type="primary", icon=":material/model_training:", disabled=running or not brief):
        start(view, path, brief, copy, how)


def will_take(view: frame.View, lengths: list[int]) -> None:
    """How long training takes on pairs of so many characters, said beforehand."""
    took = timing.expected(view.db, view.task, lengths)
    st.caption(frame.plain(f"{took.words} It goes on when you close the tab."))


def start(
    view: frame.View,
    path: Path | None = None,
    brief: list[str] | None = None,
    copy: str = "",
    how: ReadAs = AS_FOUND,
) -> None:
    """Queue the training, with the import of a file before it where there is one."""
    params = {"task_id": view.task.id, "student": AUTO, "read_as": asdict(how)}
    progress.start(view, "writers", params | {"file": str(path) if path else None, "brief": brief or [], "copy": copy})


def verdict(row: dict) -> None:
    """The verdict in a box."""
    judged = training.verdict_of(row)
    colour, icon = frame.VERDICT_LOOK[judged.decision]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(VERDICTS[judged.decision], color=colour, icon=icon)
            st.text(f"{rungs()[row['kind']].title} ({row['kind']} {row['id']})")
        st.write(frame.plain(judged.reason))
        st.write("**Next:** " + frame.plain(judged.next))


def attempt(view: frame.View, count: int = 3) -> None:
    """One brief in, drafts out."""
    with st.form("write", border=False):
        brief = st.text_area("The brief", key="write-brief", height=90, max_chars=use.LONGEST)
        spec = teacher_drafts.beside_choice(view)
        asked = st.form_submit_button("Write drafts", type="primary", icon=":material/edit_note:")
    if asked:
        with st.spinner("Writing …"):
            drafts = use.write(view.db, view.task, brief, count)
            drafts["beside"] = teacher_drafts.beside(view, brief, spec, drafts["handled"])
            st.session_state["drafts"] = drafts
    if drafts := st.session_state.get("drafts"):
        _drafts(drafts)


def _drafts(drafts: dict) -> None:
    st.caption(frame.plain(f"{drafts['title']}. " + rungs()[drafts["kind"]].about))
    _cards(drafts["drafts"])
    for name, some in drafts["fields"].items():
        st.text(f"{name.capitalize()}: {'; '.join(some)}")
    if not drafts["handled"]:
        st.warning("No draft passes every gate: this brief is for a person.", icon=":material/undo:")
    if beside := drafts.get("beside"):
        st.caption(frame.plain(beside["note"]))
        _cards(beside["drafts"])


def _cards(drafts: list[dict]) -> None:
    for draft in drafts:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(draft["text"], width="stretch")
                if draft["passed"]:
                    st.badge("passed", icon=":material/check:", color="green")
                else:
                    st.badge("stopped", icon=":material/block:", color="orange")
            for gate in draft["gates"]:
                if not gate["passed"]:
                    st.caption(f":material/block: {gate['name']}: " + frame.plain(gate["why"]))
            passed = [gate["name"] for gate in draft["gates"] if gate["passed"]]
            st.caption("Passed: " + ", ".join(passed))
