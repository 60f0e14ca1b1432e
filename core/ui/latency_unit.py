"""The question for a latency's unit, where neither the column's name nor its cells say it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.assets import imports, previews
from core.escape import plain
from core.tables.columns import Mapping
from core.tables.numbers import MILLISECONDS
from core.words import milliseconds

NAMES = {"s": "seconds", "ms": "milliseconds"}


def ask(seen: previews.Preview, mapping: Mapping, key: str) -> Mapping:
    """The mapping with the unit a person chose; without a choice the latencies are left out."""
    samples = imports.unit_question(seen, mapping)
    if not samples:
        return mapping
    unit = st.selectbox(
        plain(f"What does {samples[0]} in the column {mapping.latency_ms} mean?"),
        list(NAMES),
        index=None,
        format_func=lambda unit: f"{NAMES[unit]}: {', '.join(samples)} are {_in_unit(samples, unit)}",
        placeholder="Choose seconds or milliseconds",
        key=key,
        help="How long the teacher took. Until you choose, these latencies are left out.",
    )
    return replace(mapping, latency_unit=unit)


def _in_unit(samples: tuple[str, ...], unit: str) -> str:
    try:
        return ", ".join(milliseconds(float(sample) * MILLISECONDS[unit]) for sample in samples)
    except ValueError:
        return NAMES[unit]
