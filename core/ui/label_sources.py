"""Where several sources have labelled the same assets: how they agree with each other, and the student with each of them."""

from __future__ import annotations

import streamlit as st

from core.evaluate import sources
from core.ui import frame


def show(view: frame.View, student: dict) -> None:
    """The student against every source of labels, and the sources against each other; nothing where there is only one."""
    if len(sources.listed(view.db, view.task)) < 2:
        return
    st.markdown("**The student by each source of labels, and these by each other**")
    for by in sources.judged(view.db, student):
        st.markdown(frame.plain(f"{sources.by_words(by)}."))
    st.caption("Copies of one creative count once here, so these figures can differ a little from the agreement above.")
    for pair in sources.between(view.db, view.task):
        st.markdown(frame.plain(f"{sources.between_words(pair)}."))
