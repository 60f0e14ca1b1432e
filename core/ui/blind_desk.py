"""Two texts of one brief side by side, by keyboard, nobody knows whose: a fragment, so that an answer draws the next pair alone."""

from __future__ import annotations

import time
from contextlib import closing

import streamlit as st
from sqlite_utils import Database

from core import database
from core.tasks import Task
from core.ui import access, frame, keys
from core.write import blind

CHOICES = {"1": ("Left", "left"), "2": ("Right", "right"), "3": ("Both fine", "both"), "4": ("Neither", "neither")}
UNDO = "u"
LONG_TEXT, TEXT_HEIGHT = 700, 260  # a text of more characters scrolls in so many px


@st.fragment
def show(task: Task, writer_id: int | None, reviewer: str) -> None:
    """The pair that waits for `reviewer`, and the keys to judge it."""
    with frame.guard(), closing(database.connect()) as db:
        item = blind.next_item(db, task, writer_id, reviewer)
        left, done = blind.counts(db, task, writer_id, reviewer)
        st.progress(done / max(left + done, 1), text=f"{done:,} of {left + done:,} judged by you")
        _listen(item)
        if item is None:
            st.success("Nothing waits for you: every pair is judged.", icon=":material/check_circle:")
            st.button("Undo", key="blind-undo-none", shortcut=UNDO, on_click=_undo, args=(task, writer_id, reviewer))
        else:
            _timed(item)
            _pair(item)
            _choices(item, task, writer_id, reviewer)
        standing(db, task, writer_id, bool(item))


def standing(db: Database, task: Task, writer_id: int | None, judging: bool) -> None:
    """How it stands; folded away while the reviewer still judges: a share that moves with an answer tells whose text it chose."""
    results = [] if writer_id is None else blind.compared(db, task, writer_id)
    told = [(one, blind.sentence(one)) for one in results if one.pairs]
    told += [(one, blind.of_vendor_words(name, one)) for name, one in blind.of_vendors(db, task).items()]
    hidden = judging and any(one.outcome == blind.OPEN for one, _ in told)
    with st.expander("How it stands (whoever judges does better not to look)") if hidden else st.container():
        for one, words in told:
            result(one, words)


def result(compared: blind.Result, words: str) -> None:
    """How a blind test stands, in words."""
    icon = {blind.NOT_WORSE: ":material/check_circle:", blind.WORSE: ":material/thumb_down:"}
    st.markdown(f"{icon.get(compared.outcome, ':material/hourglass_top:')} {frame.plain(words)}")
    if agreed := blind.agreed_words(compared):
        st.caption(frame.plain(agreed))


def _key(key: str, item: blind.Item | None) -> str:
    """A button's key for this pair alone: one pressed twice judges nothing unseen."""
    return f"blind-{'undo' if key == UNDO else key}-{item.id if item else 'none'}"


def _listen(item: blind.Item | None) -> None:
    every = "".join(CHOICES) + UNDO
    keys.listen({key: _key(key, item) for key in (every if item else UNDO)}, every)


def _timed(item: blind.Item) -> None:
    """Remember when this pair first came on the screen."""
    if st.session_state.get("blind-shown", (None, 0))[0] != item.id:
        st.session_state["blind-shown"] = item.id, time.monotonic()


def _pair(item: blind.Item) -> None:
    text("Brief", item.brief)
    left, right = st.columns(2)
    with left:
        text("Left", item.left)
    with right:
        text("Right", item.right)


def text(name: str, shown: str) -> None:
    """A text under its name, as it stands; a long one scrolls."""
    with st.container(border=True):
        st.caption(name)
        with st.container(height=TEXT_HEIGHT if len(shown) > LONG_TEXT else "content", border=False):
            st.text(shown)


def _choices(item: blind.Item, task: Task, writer_id: int | None, reviewer: str) -> None:
    with st.container(horizontal=True, gap="small"):
        for key, (label, choice) in CHOICES.items():
            st.button(
                label,
                key=_key(key, item),
                shortcut=key,
                width="stretch",
                on_click=_answer,
                args=(item.id, reviewer, choice),
            )
        st.button("Undo", key=_key(UNDO, item), shortcut=UNDO, on_click=_undo, args=(task, writer_id, reviewer))


@access.deed("review")
def _answer(pair_id: int, reviewer: str, choice: str) -> None:
    shown, since = st.session_state.pop("blind-shown", (None, 0.0))
    if shown == pair_id:  # a key pressed twice counts once
        with closing(database.connect()) as db, db.atomic():
            blind.answer(db, pair_id, reviewer, choice, time.monotonic() - since)


@access.deed("review")
def _undo(task: Task, writer_id: int | None, reviewer: str) -> None:
    with closing(database.connect()) as db, db.atomic():
        if not blind.undo(db, task, writer_id, reviewer):
            st.toast("There is nothing of yours to take back.")
