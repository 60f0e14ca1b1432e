"""A figure is never shown without its basis: measured, estimated or assumed."""

from __future__ import annotations

import math

import streamlit as st

BASIS = {
    "measured": ("green", "Measured here, on this client's own assets."),
    "estimated": ("blue", "Computed from measured quantities and a dated price or a stated rate."),
    "assumed": ("orange", "Not measured: a stated assumption. Change it where you know better."),
}
HINTS = {
    "agreement": "Share of assets the student never saw in training on which it gives the teacher's category. "
    "It says how well the student stands in for the teacher, not how often the teacher is right.",
    "interval": "The range that holds the true value in 95 of 100 such measurements (exact binomial, Clopper-Pearson). "
    "Copies of one creative count once.",
    "macro_f1": "Agreement averaged over categories, so that a rare category counts as much as a frequent one. 1 is perfect.",
    "kappa": "Agreement beyond what chance would give (Cohen). 1 is perfect, 0 is chance.",
    "ac1": "Agreement beyond chance by Gwet's formula, which holds up when a few categories dominate.",
    "ece": "How far the stated confidence is from the share that proves right, on average. 0 is perfect.",
    "handled": "Share of assets the student answers itself; the others fall back to the teacher.",
    "threshold": "The student answers when it is at least this sure; otherwise the asset falls back to the teacher.",
    "p50": "Half of all calls are faster than this; 95 % are faster than p95.",
    "saving": "What is no longer spent, as a share of the teacher's cost at the price chosen below.",
    "speed_up": "The teacher's median time for one asset divided by the student's.",
    "duplicates": "Copies and near copies of one creative form a group: labelled once, and never split between training and test.",
    "median": "Half of the assets have fewer words, half have more.",
    "fallback": "An asset the student is not sure enough of goes to the teacher, at the teacher's price.",
    "certified": "An exact test on the calibration assets backs it: agreement on handled assets is at least the target, with "
    "95 % confidence.",
}


def figure(label: str, value: str, basis: str, interval: str | None = None, help: str | None = None) -> None:
    """One big figure in a box: label with a hint, the value, then its basis and, where there is one, its interval."""
    colour, meaning = BASIS[basis]
    with st.container(border=True, height="stretch"):
        st.metric(label, value, help=help)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.badge(basis, color=colour, help=meaning)
            if interval:
                st.caption(interval)


def money(usd: float | None) -> str:
    """US dollars with as many digits as tell something: 12,345 · 12.30 · 0.0042 · < 0.0001; None -> a dash."""
    if usd is None or not math.isfinite(usd):
        return "–"
    if usd == 0:
        return "$0"
    if abs(usd) >= 1000:
        return f"${usd:,.0f}"
    if abs(usd) >= 0.1:
        return f"${usd:,.2f}"
    if abs(usd) < 0.0001:
        return "< $0.0001"
    return f"${usd:.{1 - math.floor(math.log10(abs(usd)))}f}"


def duration(seconds: float | None) -> str:
    """A time in words: 0.8 s · 42 s · 3 min 20 s · 2 h 5 min; None -> a dash."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def milliseconds(ms: float | None) -> str:
    """A latency: 0.4 ms · 12 ms · 2,300 ms; None -> a dash."""
    if ms is None or not math.isfinite(ms):
        return "–"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"
