"""Putting the cursor into a field that a key has just opened: Streamlit cannot, and without it typing would press other keys."""

from __future__ import annotations

import streamlit as st

JS = """
export default function({ data }) {
    const field = document.querySelector(`.st-key-${data.key} :is(input, textarea)`);
    if (field && document.activeElement !== field) { field.focus(); }
}
"""
_mount = st.components.v2.component("understudy-focus", js=JS)


def into(key: str) -> None:
    """Put the cursor into the input inside the element with this key, once it is drawn."""
    _mount(data={"key": key}, key=f"focus-{key}", height=1)
