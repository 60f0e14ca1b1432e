"""Putting a student to work: chosen, then confirmed in full knowledge of what changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import streamlit as st

from core.errors import InputError
from core.evaluate import going_live
from core.evaluate.evaluation import judged
from core.evaluate.versions import name_of
from core.train import registry
from core.ui import access, frame

ASKED = "going-live"  # the student somebody has chosen and not yet confirmed


class Confirmed(Protocol):
    """What a change says of itself: who would be at work, who is (None: nobody), what changes and what to beware of."""

    new: str
    old: str | None
    lines: Sequence[str]
    warnings: Sequence[str]


def choose(view: frame.View, rows: list[dict]) -> None:
    """The judged students that are not at work, one of them to be made live, the way back, and the confirmation once asked for."""
    names = {row["id"]: name_of(row) for row in rows}
    live = next((row["id"] for row in rows if row["live"]), None)
    others = [id for id in names if id != live and judged(view.db, id)]  # one just trained is being judged
    before = registry.before_live(view.db, view.task)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if others:
            label = "Put another student to work" if live else "Put a student to work"
            picked = st.selectbox(label, others, format_func=names.__getitem__, width=280)
            if access.button(
                "promote", "Make live …", help="It says first what changes. Nothing happens until you confirm."
            ):
                ask(picked)
        if before in names and access.button(
            "promote",
            frame.plain(f"Roll back to {names[before]} …"),
            icon=":material/undo:",
            help="The student that was live before this one.",
        ):
            ask(before, back=True)
        frame.link("compare", "Read the verdict")
    confirmation(view)


def ask(student_id: int, back: bool = False) -> None:
    """Have confirmation() ask whether the student is to go live, from now on; `back`: by rolling back to it."""
    st.session_state[ASKED] = student_id, back


def confirmation(view: frame.View) -> None:
    """What changes if the student asked for goes live, with yes and no; nothing where none is asked for."""
    if ASKED not in st.session_state:
        return
    student_id, back = st.session_state[ASKED]
    change = going_live.change(view.db, view.task, student_id)
    box(ASKED, change, lambda: _moves(change), lambda: _change(view, student_id, back))


def _moves(change: going_live.Change) -> None:
    if len(change.changes):
        with st.expander("Which assets would change category"):
            moves = change.changes.set_axis([f"{change.old} says", f"{change.new} says", "assets"], axis=1)
            st.dataframe(moves, hide_index=True, height=min(38 + 35 * len(moves), 248))


def box(asked: str, change: Confirmed, more: Callable[[], None], act: Callable[[], None]) -> None:
    """What changes and the question, with yes, which calls `act`, and no; `more` draws what else is worth seeing, `asked` is where
    the session keeps who was chosen."""
    with st.container(border=True, key=f"confirm-{asked}"):
        st.subheader(frame.plain(f"Make {change.new} live?"), anchor=False)
        for line in change.lines:
            st.markdown(frame.plain(line))
        for line in change.warnings:
            st.warning(frame.plain(line), icon=":material/warning:")
        more()
        with st.container(horizontal=True):
            yes = st.button(
                frame.plain(f"Yes, make {change.new} live"), type="primary", icon=":material/rocket_launch:"
            )
            no = st.button(frame.plain(f"No, keep {change.old}") if change.old else "No, not yet")
        if yes:
            access.need("promote")
            act()
        if yes or no:
            del st.session_state[asked]
            st.rerun()


def _change(view: frame.View, student_id: int, back: bool) -> None:
    """Put the student to work; where it cannot be, the box stays and the frame says why."""
    if not back:
        registry.set_live(view.db, student_id)
    elif registry.before_live(view.db, view.task) == student_id:
        registry.roll_back(view.db, view.task)
    else:
        del st.session_state[ASKED]
        raise InputError("Another student has gone live meanwhile.", "Look at the list again, then choose.")
