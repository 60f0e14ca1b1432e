"""A task's pairs at a glance, before anything is trained on them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.ui import frame
from core.words import counted, percent
from core.write import profile


def glance(view: frame.View) -> None:
    """Lengths, repeats, facts, languages, channels and the voice of approved copy, folded away."""
    box = st.expander("Your pairs at a glance", key="pairs-glance", on_change="rerun")  # worked out once it is opened
    if not box.open:
        return
    with box:
        told = profile.of(view.db, view.task)
        if told is None:
            st.caption("No pair is approved yet.")
            return
        lines = [(what, words) for what, words in _lines(told).items() if words]
        st.dataframe(pd.DataFrame(lines, columns=["What", "Found"]), hide_index=True, key="pair-profile")
        st.caption(
            "Of approved copy. Facts of the brief are filled in after writing, so that a student cannot make them up."
        )


def _lines(told: profile.Profile) -> dict[str, str]:
    voice = told.voice
    return {
        "Pairs": ", ".join(f"{name} {count:,}" for name, count in told.statuses.items()),
        "Length of the copy": f"{_lengths(told.copy)}; {counted(voice.words, 'word')} in half of the lines at the most",
        "Length of the brief": _lengths(told.brief),
        "Lines that stand more than once": percent(told.repeated),
        "Facts of the brief in the copy": _shares({kind.lower(): share for kind, share in told.facts.items()}),
        "Language": _shares(told.languages),
        "Channel": _counts(told.channels),
        "Market": _counts(told.markets),
        "Exclamation marks, questions": f"{percent(voice.exclamations)} of lines, {percent(voice.questions)}",
        "Words of its own": _shares(voice.top),
    }


def _lengths(some: profile.Lengths) -> str:
    return f"half have up to {some.usual:,} characters; 90 of 100 have {some.low:,} to {some.high:,}"


def _shares(some: dict[str, float]) -> str:
    return ", ".join(f"{name} {percent(share)}" for name, share in some.items())


def _counts(some: dict[str, int]) -> str:
    return "" if set(some) == {"none"} else ", ".join(f"{name} {count:,}" for name, count in some.items())
