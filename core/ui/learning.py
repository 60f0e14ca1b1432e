"""The blocks of the Watch page that look ahead: agreement over all answers, labels from work to train on, champion and challenger,
and what is unlike anything seen."""

from __future__ import annotations

import streamlit as st

from core import settings
from core.evaluate.evaluation import judged
from core.evaluate.versions import name_of
from core.tasks import Task
from core.train import registry
from core.ui import access, frame, go_live, progress
from core.ui.figures import figure
from core.watch import learning, meeting, themes, weighted
from core.words import counted, percent, ranged


def overall(view: frame.View) -> None:
    """How often the student agrees over all it was asked, whoever answered."""
    found = weighted.of_live(view.db, view.task)
    if found is None:
        return
    left, right = st.columns([1, 2], vertical_alignment="center")
    with left:
        figure("Agreement over all answers", percent(found.value), "estimated", ranged(found.low, found.high))
    right.caption(
        frame.plain(
            f"{found.sentence()} So each checked answer stands for those it was drawn from, and all that fell back for themselves."
        )
    )


def learn(view: frame.View) -> None:
    """The labels that work has left, with the button that trains on them."""
    found = learning.found(view.db, view.task)
    if found.champion_id is None:
        return
    st.subheader("Learn from work", anchor=False)
    running = progress.active(view, "learn", "train", "distil")
    st.markdown(frame.plain(found.sentence()))
    if found.new and access.button("train", found.button, disabled=running, icon=":material/model_training:"):
        progress.start(view, "learn", {"task_id": view.task.id, "kind": found.kind})
    if found.new:
        st.caption(
            "A fifth of them is kept aside for the comparison below. They teach; the test and the promise rest on other assets, as "
            "before. Nothing goes live by itself."
        )
    progress.watch(view, "learn", expected=progress.active(view, "learn"))


def contest(view: frame.View) -> None:
    """How the newest student met the one at work, and the ways to put it to work and to go back."""
    row = meeting.challenger(view.db, view.task)
    before = registry.before_live(view.db, view.task)
    if row is None and before is None:
        return
    st.subheader("Champion and challenger", anchor=False)
    running = progress.active(view, "learn", "meet")
    if row is not None:
        _met(view, row)
    with st.container(horizontal=True):
        if row is not None:
            if access.button(
                "train", "Let them meet on the newest answers", disabled=running, icon=":material/balance:"
            ):
                progress.start(view, "meet", {"task_id": view.task.id, "student": row["id"]})
            if judged(view.db, row["id"]) and access.button(
                "promote",
                f"Make {name_of(row)} live …",
                help="It says first what changes. Nothing happens until you confirm.",
            ):
                go_live.ask(row["id"])
        if before is not None and access.button(
            "promote", f"Roll back to {name_of(registry.find(view.db, view.task, before))} …", icon=":material/undo:"
        ):
            go_live.ask(before, back=True)
    go_live.confirmation(view)
    progress.watch(view, "meet", expected=running and progress.active(view, "meet"))


def _met(view: frame.View, row: dict) -> None:
    live = registry.find(view.db, view.task)
    names = f"Champion: {name_of(live)}, at work. Challenger: {name_of(row)}."
    met = meeting.stored(view.db, view.task, live["id"], row["id"])
    if met is None:
        st.markdown(frame.plain(f"{names} They have not met yet."))
        return
    looks = {"challenger": st.success, "champion": st.warning}.get(met.better, st.info)
    looks(frame.plain(met.sentence()))
    left = (
        f" {counted(met.learned, 'answer was', 'answers were')} left out: one of them learned from it."
        if met.learned
        else ""
    )
    st.caption(frame.plain(f"{names} Measured on {met.created[:10]}.{left}"))


@st.cache_data(max_entries=20, show_spinner=False)
def _grouped(home: str, task: Task, stamp: tuple[int, ...]) -> themes.Themes:
    """Half a second with a thousand texts, and the same until another strange one comes."""
    return themes.themes(task)


def strange(view: frame.View) -> None:
    """What is unlike anything the student learned from, in groups."""
    stamp = themes.stamp(view.task)
    found = _grouped(str(settings.home()), view.task, stamp) if stamp else themes.Themes()
    if not found.strange:
        return
    st.subheader("Unlike anything seen", anchor=False)
    if found.untold == found.strange:
        st.markdown(
            f"{counted(found.strange, 'answer was', 'answers were')} about texts unlike any the student learned from. Their texts "
            "are not kept, so they cannot be grouped: below, have texts kept."
        )
        return
    if not found.groups:
        st.markdown(
            f"{counted(found.strange, 'answer was', 'answers were')} about texts unlike any the student learned from: too few "
            "of them are kept, or they are too unlike one another, to make groups yet."
        )
        return
    rest = f" {counted(found.single, 'text belongs', 'texts belong')} to no group." if found.single else ""
    st.markdown(
        f"{counted(found.strange, 'answer was', 'answers were')} about texts unlike any the student learned from; the newest "
        f"{counted(found.texts, 'text makes', 'texts make')} {counted(len(found.groups), 'group')}.{rest}"
    )
    for number, group in enumerate(found.groups):
        head = f"{', '.join(group.words[:4])}: {counted(group.texts, 'text')} in {counted(group.answers, 'answer')}"
        with st.expander(frame.plain(head)):
            st.markdown(frame.plain(f"Told apart by: {', '.join(group.words)}."))
            for example in group.examples:
                st.markdown(frame.plain(f"“{example}”"))
            with st.container(horizontal=True, vertical_alignment="bottom"):
                name = st.text_input("A new theme? Name it", key=f"theme-{number}-{group.words[:1]}", max_chars=120)
                if access.button(
                    "settings", "Make it a category", key=f"theme-add-{number}", disabled=not name.strip()
                ):
                    themes.into_draft(view.db, view.task, group, name.strip())
                    frame.go("taxonomy")
            st.caption(
                "It joins the draft of the taxonomy, with these words and examples; nothing else changes until that is used."
            )
