"""One asset at a time, by keyboard: a fragment, so that a decision draws the next asset and nothing else of the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import streamlit as st
from sqlite_utils import Database

from core import database, review, taxonomy
from core.errors import InputError
from core.report.charts import short
from core.review import Item, facets
from core.tasks import Task
from core.ui import access, focus, frame, keys, pictures, pins, review_tags
from core.words import duration, teacher_words

KINDS = {  # of reasons: icon
    "student": ":material/compare_arrows:",
    "quality": ":material/troubleshoot:",
    "votes": ":material/how_to_vote:",
    "copies": ":material/content_copy:",
    "rare": ":material/filter_1:",
    "sent": ":material/forward_to_inbox:",
}
DONE = {
    "queue": "Nothing waits for you. When labels or students have changed, press *Find anew*.",
    "random": "You have decided the whole random sample.",
    "conflict": "Reviewers agree wherever two of them decided, or somebody has settled it.",
}
NOTHING = {  # listed at all
    "queue": "No label looks doubtful. Settle some of the random sample: it says how often teacher and student are right.",
    "random": "There is no random sample yet: it is drawn from the test assets of a student that was judged.",
}
TEXT_HEIGHT, LONG_TEXT = 200, 500  # px in which a text of more characters scrolls
NEIGHBOURS = 3
KEYS = "1234567890qwertyiopa"  # of the categories, in their order
OTHERS = {"f": "find", "n": "note", "s": "skip", "u": "undo"}
SAVE = "enter"  # where an asset may have several tags, each key takes one or lets go of it, and this one saves them
FIELDS = {"find": "review-find", "note": "review-note"}


@st.fragment
def show(task: Task, reviewer: str, mode: str) -> None:
    """The asset that waits for `reviewer` in this mode, what it may be, and the keys to decide."""
    with frame.guard(), closing(database.connect()) as db:
        refused()
        if not review.counts(db, task, reviewer, mode)[1] and mode != "conflict":
            st.success(NOTHING[mode], icon=":material/check_circle:")
            return
        item = review.next_item(db, task, reviewer, mode, most=len(KEYS))
        _progress(db, task, reviewer, mode)
        listen(mode, item)
        if item is None:
            st.success(DONE[mode], icon=":material/check_circle:")
            take_back((task,), reviewer, mode)
            return
        timed(item)
        left, right = st.columns([11, 10], gap="medium")
        with left:
            _asset(db, task, item)
            pins.pin(frame.View(db, "", task), item.text, asset_id=item.asset_id)
        with right:
            choices(task, reviewer, item)


def refused() -> None:
    """What the last key could not do, in a sentence."""
    if failed := st.session_state.pop("review-error", None):
        st.error(frame.plain(failed), icon=":material/error:")


def take_back(tasks: Sequence[Task], reviewer: str, mode: str) -> None:
    """The button that takes back the last decision, where no asset waits any more."""
    key = _key("undo", mode)
    st.button("Take the last one back", key=key, shortcut="U", on_click=_undo, args=(tasks, reviewer))


def _key(what: str, mode: str, item: Item | None = None) -> str:
    """The key of a button of this asset (and facet) alone: one pressed twice decides nothing unseen."""
    return f"{what}-{mode}-{f'{item.asset_id}{item.facet}' if item else 'none'}"


def listen(mode: str, item: Item | None) -> None:
    """What each key presses while this asset is on the screen."""
    places = {"u": _key("undo", mode)}
    if item:
        places = {key: _key(what, mode, item) for key, what in OTHERS.items()} | {SAVE: _key("save", mode, item)}
        places |= {key: _key(f"pick-{key}", mode, item) for key, _ in zip(KEYS, item.suggestions)}
    what, asset_id = st.session_state.get("review-open") or (None, None)
    open_ = FIELDS[what] if item and asset_id == item.asset_id else None
    every = [*KEYS, *OTHERS, *([SAVE] if item and item.tags is not None else [])]
    keys.listen(places, every, open_, "fn")


def _progress(db: Database, task: Task, reviewer: str, mode: str) -> None:
    left, total = review.counts(db, task, reviewer, mode)
    pace = review.pace(db, reviewer)
    parts = [f"{left:,} to settle" if mode == "conflict" else f"{total - left:,} of {total:,} decided or skipped"]
    if pace and left:
        parts += [f"{60 / max(pace, 0.1):,.1f} decisions a minute", f"about {duration(left * pace)} left"]
    st.progress((total - left) / total if total else 1.0, text=" · ".join(parts))


def timed(item: Item) -> None:
    """Remember when this asset first came on the screen."""
    if st.session_state.get("review-shown", (None, 0))[0] != item.asset_id:
        st.session_state["review-shown"] = item.asset_id, time.monotonic()


def _asset(db: Database, task: Task, item: Item) -> None:
    words(db, task, item)
    grounds(item)


def words(db: Database, task: Task, item: Item) -> None:
    """The asset itself: its image, where it has one, and its words."""
    with st.container(border=True):
        long = len(item.text) > LONG_TEXT
        with (
            pictures.beside(db, task.client_id, item.asset_id),
            st.container(height=TEXT_HEIGHT if long else "content", border=False),
        ):
            st.text(item.text)
        st.caption(f"Asset {frame.plain(item.external_id)}")


def grounds(item: Item) -> None:
    """Why it is before a person, what was said of it, and the labelled assets nearest to it."""
    for reason in item.reasons:
        st.markdown(f"{KINDS.get(reason['kind'], ':material/help:')} {frame.plain(reason['words'])}")
    for decision in item.decisions:
        note = f" ({decision['note']})" if decision["note"] else ""
        st.markdown(f":material/person: {frame.plain(decision['reviewer'] + ': ' + decision['label'] + note)}")
    for label in item.labels:
        st.markdown(f":material/label: {frame.plain(teacher_words(label['teacher']) + ': ' + label['label'])}")
    if item.mode == "random":
        st.caption("Drawn at random. You do not see what teacher and student said, so that it does not sway you.")
    if item.neighbours:
        st.caption("The nearest labelled assets, by their words")
        for near in item.neighbours[:NEIGHBOURS]:
            st.markdown(f":gray-badge[{frame.plain(short(near['label'], 40))}]")  # st.badge would escape brackets again
            st.text(short(near["text"], 140))


def choices(task: Task, reviewer: str, item: Item, undoes: Sequence[Task] = ()) -> None:
    """The suggestions that somebody makes one under the other, the rest in two columns; then the other keys. Undo takes back the
    last decision about one of the tasks it `undoes`, else about this one."""
    with st.container(gap="xsmall"):
        picked = review_tags.picked(item)
        keyed = list(zip(KEYS, item.suggestions))
        for key, choice in keyed:
            if choice["by"]:
                _choice(reviewer, item, key, choice, picked)
        columns = st.columns(2, gap="small")
        for place, (key, choice) in enumerate(one for one in keyed if not one[1]["by"]):
            with columns[place % 2], st.container(gap="xsmall"):
                _choice(reviewer, item, key, choice, picked)
        if picked is not None:
            _save(task, reviewer, item, picked)
    open_ = st.session_state.get("review-open")
    if open_ == ("find", item.asset_id):
        _find(task, reviewer, item)
    elif open_ == ("note", item.asset_id):
        _note(item.asset_id)
    with st.container(horizontal=True, gap="small"):
        if open_ and open_[1] == item.asset_id:
            st.button("Close", shortcut="Escape", on_click=_open, args=(None, item.asset_id))
        else:
            _other("Find", item, _open, ("find", item.asset_id), "Any other category.")
            _other("Note", item, _open, ("note", item.asset_id), "Kept with your decision.")
            _other("Skip", item, _skip, (task, item.asset_id, reviewer, item.mode))
            _other("Undo", item, _undo, (tuple(undoes) or (task,), reviewer))
    note = st.session_state.get(f"note-{item.asset_id}")
    if note:
        st.caption(f":material/edit_note: {frame.plain(short(note, 200))}")


def _other(label: str, item: Item, what: Callable[..., None], args: tuple, help: str | None = None) -> None:
    key = _key(label.lower(), item.mode, item)
    st.button(label, key=key, shortcut=label[0], on_click=what, args=args, help=help)


def _choice(reviewer: str, item: Item, key: str, choice: dict, picked: set[int] | None) -> None:
    """A category to decide for, or where there are some `picked`, a tag to take or to let go of."""
    category, how = choice["category_id"], {}
    if picked is None:
        how = {"on_click": _decide, "args": (item.asset_id, reviewer, category, item.mode)}
    else:
        how = {"on_click": review_tags.toggle, "args": (item, category)}
        how |= {"type": "primary", "icon": ":material/check:"} if category in picked else {}
    st.button(
        frame.plain(short(choice["label"], 48 if choice["by"] else 26)),
        key=_key(f"pick-{key}", item.mode, item),
        shortcut=key,
        width="stretch",
        help=frame.plain(f"{choice['label']}. {choice['description']}"),
        **how,
    )
    hint = " · ".join(part for part in (", ".join(choice["by"]), choice["description"]) if part)
    if hint and (
        choice["by"] or item.mode == "random"
    ):  # the less likely ones keep theirs in the tooltip, so that all fit
        st.caption(frame.plain(short(hint, 100 if choice["by"] else 56)))


def _save(task: Task, reviewer: str, item: Item, picked: set[int]) -> None:
    """The tags that are picked, and the key that keeps them."""
    with closing(database.connect()) as db:
        words = review_tags.words(db, task, picked)
    st.button(
        frame.plain(f"Save: {short(words, 60)}"),
        key=_key("save", item.mode, item),
        shortcut="Enter",
        width="stretch",
        icon=":material/save:",
        help=frame.plain(words),
        on_click=_decide_tags,
        args=(task, item.asset_id, reviewer, tuple(picked), item.mode),
    )
    st.caption("A key takes a tag or lets go of it; Enter saves them all.")


def _find(task: Task, reviewer: str, item: Item) -> None:
    with closing(database.connect()) as db:
        labels = {c.id: c.label for c in taxonomy.load(db, taxonomy.latest(db, task)) if c.assignable}
    st.selectbox(
        "Category",
        list(labels),
        format_func=labels.__getitem__,
        index=None,
        placeholder="Type a part of its name",
        key="review-find",
        on_change=_picked,
        args=(item, reviewer),
    )
    focus.into("review-find")


def _note(asset_id: int) -> None:
    key = "review-note"
    st.text_input(
        "What should be known of this decision?",
        st.session_state.get(f"note-{asset_id}", ""),
        max_chars=500,
        key=key,
        on_change=_noted,
        args=(asset_id,),
    )
    focus.into(key)


# --- what the keys do: before the fragment is drawn, so that it is drawn once -------------------------------------------


@contextmanager
def _writing() -> Iterator[Database]:
    """A database to write to; what a person did wrong is shown when the fragment is drawn."""
    try:
        with closing(database.connect()) as db:
            yield db
            db.conn.commit()
    except InputError as error:
        st.session_state["review-error"] = str(error)


@access.deed("review")
def _decide(asset_id: int, reviewer: str, category_id: int, mode: str) -> None:
    seconds = _leave(asset_id)
    if seconds is not None:
        with _writing() as db:
            note = st.session_state.pop(f"note-{asset_id}", "")
            review.decide(db, asset_id, reviewer, category_id, mode, note=note, seconds=seconds)


@access.deed("review")
def _decide_tags(task: Task, asset_id: int, reviewer: str, tags: tuple[int, ...], mode: str) -> None:
    seconds = _leave(asset_id)
    if seconds is not None:
        with _writing() as db:
            note = st.session_state.pop(f"note-{asset_id}", "")
            review.decide_tags(db, task, asset_id, reviewer, tags, mode, note=note, seconds=seconds)


@access.deed("review")
def _skip(task: Task, asset_id: int, reviewer: str, mode: str) -> None:
    if _leave(asset_id) is not None:
        with _writing() as db:
            review.skip(db, task, asset_id, reviewer, mode, st.session_state.pop(f"note-{asset_id}", ""))


def _leave(asset_id: int) -> float | None:
    """The seconds the asset was on the screen; None where it is there no more: a key pressed twice counts once."""
    shown, since = st.session_state.pop("review-shown", (None, 0.0))
    return time.monotonic() - since if shown == asset_id else None


@access.deed("review")
def _undo(tasks: Sequence[Task], reviewer: str) -> None:
    with _writing() as db:
        task = facets.latest_task(db, tasks, reviewer)
        if task is None or review.undo(db, task, reviewer) is None:
            raise InputError("There is nothing of yours to take back.")


def _open(what: str | None, asset_id: int) -> None:
    st.session_state["review-open"] = (what, asset_id) if what else None


def _picked(item: Item, reviewer: str) -> None:
    found = st.session_state["review-find"]
    if found is not None:
        _open(None, item.asset_id)
        if item.tags is None:
            _decide(item.asset_id, reviewer, found, item.mode)
        else:
            review_tags.toggle(item, found)


def _noted(asset_id: int) -> None:
    st.session_state[f"note-{asset_id}"] = st.session_state["review-note"]
    _open(None, asset_id)
