"""Must-pass examples on the pages: pinning the asset at hand, and the list of those there are."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import taxonomy
from core.train import must_pass, registry
from core.ui import frame
from core.ui.frame import View
from core.words import counted

WHY = "No student goes live that answers a must-pass example otherwise."


def pin(view: View, text: str, likely: str | None = None, asset_id: int | None = None) -> None:
    """The button that makes a text a must-pass example of the task, with the category it must get; `likely` stands first."""
    with st.popover("Pin as must-pass", icon=":material/push_pin:", help=WHY):
        labels = [one.label for one in taxonomy.load(view.db, taxonomy.latest(view.db, view.task)) if one.assignable]
        place = labels.index(likely) if likely in labels else None
        key = f"pin-{asset_id or abs(hash(text))}"
        category = st.selectbox("Every live student must answer", labels, place, key=f"{key}-category")
        if st.button("Pin", key=key, type="primary", disabled=category is None):
            with frame.guard():
                must_pass.pin(view.db, view.task, text, category, asset_id)
                st.toast("Pinned. Review lists all must-pass examples.", icon=":material/push_pin:")


def show(view: View) -> None:
    """The task's must-pass examples, with what the student at work says of those it misses; nothing where none is pinned."""
    examples = must_pass.listed(view.db, view.task)
    if not examples:
        return
    live = registry.find(view.db, view.task) if registry.any_live(view.db, view.task) else None
    missed = _missed(view, live, tuple(one.id for one in examples)) if live else {}
    told = f", {len(missed):,} missed by the student at work" if missed else ""
    with st.expander(f"{counted(len(examples), 'must-pass example')}{told}", icon=":material/push_pin:"):
        st.caption(WHY)
        says = [missed.get(one.id, "the same") if live else "no student is at work" for one in examples]
        table = pd.DataFrame(
            {
                "Asset": [one.asset or "–" for one in examples],
                "Words": [one.text for one in examples],
                "Must be": [one.category for one in examples],
                "The student at work says": says,
            }
        )
        st.dataframe(table, hide_index=True, key="must-pass")
        names = {one.id: f"{one.category}: {one.text[:60]}" for one in examples}
        choice, button = st.columns([5, 1], vertical_alignment="bottom")
        chosen = choice.selectbox(
            "Take one away", list(names), None, names.__getitem__, placeholder="Choose an example"
        )
        if button.button("Take away", disabled=chosen is None, width="stretch"):
            must_pass.unpin(view.db, view.task, chosen)
            st.rerun()


def _missed(view: View, live: dict, examples: tuple[int, ...]) -> dict[int, str]:
    """What the student at work says of the examples it misses, by number; asked once for the same examples and student."""
    held = st.session_state.get("pins-missed")
    key = live["id"], examples
    if held is None or held[0] != key:
        held = key, {one.example.id: one.said for one in must_pass.missed(view.db, live)}
        st.session_state["pins-missed"] = held
    return held[1]
