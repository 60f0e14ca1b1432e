"""One draft at a time, by keyboard: approved as it is, edited, or rejected; and what became of drafts by month."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core import database
from core.errors import InputError
from core.tasks import Task
from core.ui import access, blind_desk, charts, focus, frame, keys
from core.words import counted, spoken
from core.write import desk, pairs

KEYS = {"a": "approve", "e": "edit", "x": "reject", "u": "undo"}
FIELD = "draft-edit"
COLUMNS = {
    "month": "Month",
    "writer": "Writer",
    "approved": "Approved",
    "edited": "Edited",
    "rejected": "Rejected",
    "kept": "Words kept",
}
KEPT = "Of the words in texts that people approved or edited, those they left as they were."


@st.fragment
def show(task: Task, reviewer: str) -> None:
    """The draft that waits, and the keys to decide."""
    with frame.guard(), closing(database.connect()) as db:
        if failed := st.session_state.pop("draft-error", None):
            st.error(frame.plain(failed), icon=":material/error:")
        draft = desk.next_draft(db, task)
        left, done = desk.counts(db, task)
        st.progress(done / max(left + done, 1), text=f"{done:,} decided, {left:,} to decide")
        open_ = draft is not None and st.session_state.get("draft-open") == draft.id
        _listen(draft, open_)
        if draft is None:
            st.success("No draft waits. The Write page makes them.", icon=":material/check_circle:")
            st.button("Undo", key=_key("undo", None), shortcut="u", on_click=_undo, args=(task, reviewer))
        else:
            blind_desk.text("Brief", draft.brief)
            _edit(draft, reviewer) if open_ else _decide(task, draft, reviewer)
        if count := desk.to_learn(db, task):
            st.caption(f"The next training learns from {counted(count, 'draft')} that people approved or edited.")
        _months(db, task)


def _key(what: str, draft: desk.Waiting | None) -> str:
    return f"draft-{what}-{draft.id if draft else 'none'}"


def _listen(draft: desk.Waiting | None, open_: bool) -> None:
    there = {key: _key(what, draft) for key, what in KEYS.items() if draft or what == "undo"}
    keys.listen(there, "".join(KEYS), FIELD if open_ else None, "e")


def _decide(task: Task, draft: desk.Waiting, reviewer: str) -> None:
    blind_desk.text(f"Draft of {frame.plain(draft.who)}", draft.text)
    with st.container(horizontal=True, gap="small"):
        _button("a", draft, _put, (draft.id, reviewer, draft.text))
        _button("e", draft, _open, (draft.id,))
        _button("x", draft, _put, (draft.id, reviewer, None))
        _button("u", draft, _undo, (task, reviewer))


def _button(key: str, draft: desk.Waiting, does: Callable[..., None], args: tuple) -> None:
    what = KEYS[key]
    st.button(what.capitalize(), key=_key(what, draft), shortcut=key, width="stretch", on_click=does, args=args)


def _edit(draft: desk.Waiting, reviewer: str) -> None:
    with st.form("draft-form", border=False):
        st.text_area("The draft", draft.text, key=FIELD, max_chars=pairs.MOST_COPY)
        st.form_submit_button(
            "Keep the edit",
            type="primary",
            help="Ctrl and Enter in the field do the same.",
            on_click=_edited,
            args=(draft.id, reviewer),
        )
    st.button("Close", shortcut="Escape", on_click=_open, args=(None,))
    focus.into(FIELD)


def _months(db: Database, task: Task) -> None:
    """What became of texts by month and writer, as a table."""
    table = pd.DataFrame([vars(rate) for rate in desk.rates(db, task)], columns=list(COLUMNS))
    if table.empty:
        return
    table["kept"] = [None if pd.isna(share) else spoken(share) for share in table["kept"]]
    table = table.rename(columns=COLUMNS)
    st.subheader("What became of drafts", anchor=False)
    config = {"Words kept": st.column_config.NumberColumn(format="percent", help=KEPT)}
    st.dataframe(table, hide_index=True, key="draft-rates", placeholder="", column_config=config)
    charts.download(table, "drafts-by-month")


# --- what the keys do: before the fragment is drawn, so that it is drawn once -------------------------------------------


@access.deed("review")
def _put(draft_id: int, reviewer: str, text: str | None) -> None:
    try:
        with closing(database.connect()) as db, db.atomic():
            desk.decide(db, draft_id, reviewer, text)
        _open(None)
    except InputError as error:
        st.session_state["draft-error"] = str(error)


def _edited(draft_id: int, reviewer: str) -> None:
    _put(draft_id, reviewer, st.session_state[FIELD])


def _open(draft_id: int | None) -> None:
    st.session_state["draft-open"] = draft_id


@access.deed("review")
def _undo(task: Task, reviewer: str) -> None:
    with closing(database.connect()) as db, db.atomic():
        if not desk.undo(db, task, reviewer):
            st.session_state["draft-error"] = "There is nothing of yours to take back."
