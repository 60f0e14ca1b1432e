"""An asset at a time with all its facets, by keyboard: the doubtful facet first, then the next, then the next asset."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import streamlit as st
from sqlite_utils import Database

from core import database, review
from core.review import facets
from core.review.facets import Facet
from core.tasks import Task
from core.ui import frame, pins, review_desk
from core.words import counted, duration, percent

MODE = "queue"
DONE = "No facet of any asset waits for you. When labels or students have changed, press *Find anew*."
OPEN = "review-facets-asset"  # the asset that is gone through


@st.fragment
def show(tasks: Sequence[Task], reviewer: str) -> None:
    """The asset that waits for `reviewer`, each of its facets, and the keys to decide the one that is most in doubt."""
    with frame.guard(), closing(database.connect()) as db:
        review_desk.refused()
        left, total = facets.counts(db, tasks, reviewer)
        asset_id = facets.next_asset(db, tasks, reviewer, st.session_state.get(OPEN))
        _progress(db, reviewer, left, total)
        if asset_id is None:
            review_desk.listen(MODE, None)
            st.success(DONE, icon=":material/check_circle:")
            review_desk.take_back(tasks, reviewer, MODE)
            return
        st.session_state[OPEN] = asset_id
        every = facets.facets(db, tasks, asset_id, reviewer, most=len(review_desk.KEYS))
        first = every[0]
        review_desk.listen(MODE, first.item)
        review_desk.timed(first.item)
        one, two = st.columns([11, 10], gap="medium")
        with one:
            review_desk.words(db, first.task, first.item)
            _facets(every)
            review_desk.grounds(first.item)
            pins.pin(frame.View(db, "", first.task), first.item.text, asset_id=asset_id)
        with two:
            ask = "which is it?" if first.item.tags is None else "which tags fit? Enter saves them."
            st.markdown(f"**{frame.plain(first.task.name)}**: {ask}")
            review_desk.choices(first.task, reviewer, first.item, tasks)


def _progress(db: Database, reviewer: str, left: int, total: int) -> None:
    pace = review.pace(db, reviewer)
    parts = [f"{total - left:,} of {counted(total, 'asset')} gone through"]
    if pace and left:
        parts += [f"{60 / max(pace, 0.1):,.1f} decisions a minute", f"about {duration(left * pace)} left"]
    st.progress((total - left) / total if total else 1.0, text=" · ".join(parts))


def _facets(every: list[Facet]) -> None:
    """The asset's facets, a line each: the one that is decided now, those that follow, and what is known of the others."""
    with st.container(border=True, gap="xxsmall"):
        for place, facet in enumerate(every):
            icon = "arrow_right" if place == 0 else "help" if facet.item else "check"
            name = f":material/{icon}: **{frame.plain(facet.task.name)}**"
            known = f"{facet.label}, says {facet.by}" if facet.label else "no label yet"
            if place == 0:
                known = f"in doubt now ({percent(facet.worth, digits=0)}): {known}"
            elif facet.item:
                known = f"in doubt, comes next ({percent(facet.worth, digits=0)}): {known}"
            st.markdown(f"{name} · {frame.plain(known)}")
