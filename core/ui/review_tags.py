"""The tags that a person picks for the asset on the desk, before they are saved."""

from __future__ import annotations

import streamlit as st
from sqlite_utils import Database

from core import taxonomy
from core.review import Item
from core.tasks import Task
from core.taxonomy import tagsets

KEY = "review-tags"  # the asset and facet, and what is picked of it


def picked(item: Item) -> set[int] | None:
    """The tags (category ids) picked so far, at first those the asset comes with; None where it has one category."""
    if item.tags is None:
        return None
    of = item.asset_id, item.facet, item.mode
    held = st.session_state.get(KEY)
    if held is None or held[0] != of:
        held = st.session_state[KEY] = of, set(item.tags)
    return held[1]


def toggle(item: Item, tag: int) -> None:
    """Take a tag, or let go of it."""
    tags = picked(item)
    if tags is not None:
        tags.symmetric_difference_update({tag})


def words(db: Database, task: Task, tags: set[int]) -> str:
    """How people read them."""
    return tagsets.words(tags, {one.id: one.label for one in taxonomy.load(db, taxonomy.latest(db, task))})
