"""Who decides: asked for once, then said, so that no key meant for a desk lands in the field."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.ui import access


def name(place: DeltaGenerator, known: list[str]) -> str:
    """The reviewer's name, "" until it is given. `known`: who has decided here; somebody alone need not say it again."""
    if who := access.reviewer():  # who is logged in decides, and nobody under another name
        st.session_state["reviewer-name"] = who
        place.text(f"Decided by {who}")
        return who
    if "reviewer-name" not in st.session_state:
        st.session_state["reviewer-name"] = known[0] if len(known) == 1 else ""
    there = st.session_state["reviewer-name"]
    with place.container(horizontal=True, vertical_alignment="center"):
        if not there.strip():
            if typed := st.text_input("Your name", max_chars=80).strip():
                st.session_state["reviewer-name"] = typed
                st.rerun()
            return ""
        st.text(f"Decided by {there}")
        if st.button("Somebody else", type="tertiary"):
            st.session_state["reviewer-name"] = ""
            st.rerun()
    return there
