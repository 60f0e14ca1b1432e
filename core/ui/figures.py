"""A figure is never shown without its basis: measured, estimated or assumed."""

from __future__ import annotations

import streamlit as st

from core.escape import plain
from core.evaluate import cascade
from core.evaluate.metrics import METRICS

BASIS = {
    "measured": ("green", "Measured here, on this client's own assets."),
    "estimated": ("blue", "Worked out from measured figures and a dated price or a stated rate."),
    "assumed": ("orange", "Not measured: a stated assumption. Change it where you know better."),
}
HINTS = {
    "agreement": "Share of assets the student never saw in training on which it gives the teacher's category. "
    "It says how well the student stands in for the teacher, not how often the teacher is right.",
    "interval": "The range that holds the true value in 95 of 100 such measurements (exact binomial, Clopper-Pearson). "
    "Copies of one creative count once, and a concept's sizes, languages and markets as far as they differ.",
    **{one.name: one.hint for one in METRICS},
    **cascade.HINTS,
    "p50": "Half of all calls are faster than this; 95 % are faster than p95.",
    "saving": "What is no longer spent, as a share of the teacher's cost at the price chosen below.",
    "speed_up": "The teacher's median time for one asset divided by the student's.",
    "duplicates": "Copies and near copies of one creative form a group: labelled once, and never split between training and test.",
    "median": "Half of the assets have fewer words, half have more.",
    "fallback": "An asset the student is not sure enough of goes to the teacher, at the teacher's price.",
}

TERMS = {  # words of sentences that a newcomer may not know, each explained behind the (?) of the sentence it stands in
    "assets it was tried on": "They were kept from trial students, which then answered them: that tells how sure is sure enough.",
    "trial asset": "**Trial assets** say how sure the student must be to answer by itself. It was tried on them by students that "
    "had not learned from them.",
    "concept": "A **concept** is one idea in several sizes, languages or markets. Its versions repeat each other, so they count "
    "as far as they differ.",
}


def explained(sentence: str) -> str | None:
    """What the words of a sentence mean that a newcomer may not know; None where it has none."""
    return "\n\n".join(meaning for term, meaning in TERMS.items() if term in sentence) or None


def badge(basis: str) -> None:
    """What a figure rests on, with what that means behind it."""
    colour, meaning = BASIS[basis]
    st.badge(basis, color=colour, help=meaning)


def figure(label: str, value: str, basis: str, interval: str | None = None, help: str | None = None) -> None:
    """One big figure in a box: label with a hint, the value, then its basis (a dash has none) and, where there is one, its
    interval.

    Label, value and interval may hold words from files: they are escaped here."""
    with st.container(border=True, height="stretch"):
        st.metric(plain(label), plain(value), help=help)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if value != "–":
                badge(basis)
            if interval:
                st.caption(plain(interval))
