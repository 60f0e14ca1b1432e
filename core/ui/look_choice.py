"""The part of the Teacher page where a paid teacher gets the images beside the words, or the words alone, and what either costs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.images import kept
from core.label import forecast, forecast_joint, looking
from core.label.forecast import HostedForecast
from core.label.model import connection_of, name_of
from core.tasks import Task
from core.ui import frame
from core.words import money

WAYS = {False: "The words alone", True: "The words and the image"}


def show(view: frame.View, teacher: str, facets: Sequence[Task], running: bool) -> None:
    """The choice, where the client has images; `facets`: the tasks that are asked about together."""
    client_id = view.task.client_id
    if not kept.any_of(view.db, client_id):
        return
    connection = connection_of(view.db, client_id, teacher)
    before, possible = (
        looking.chosen(view.db, client_id, name_of(teacher, connection)),
        looking.possible(view.db, client_id, teacher),
    )
    if not possible:
        said = (
            f"{connection.name} takes no images"
            if possible is False
            else f"Whether {connection.model} takes images is not known"
        )
        st.caption(frame.plain(f"{said}: it reads the words alone, unless its connection says otherwise."))
        frame.link("connections", "Say so there")
        if before:  # chosen while it took them
            looking.choose(view.db, client_id, teacher, False)
            st.rerun()
        return
    looks = st.radio(
        "What the teacher gets",
        list(WAYS),
        int(before),
        format_func=WAYS.__getitem__,
        captions=[frame.plain(_cost(_forecast(view, teacher, facets, looks))) for looks in WAYS],
        horizontal=True,
        disabled=running,
        key=f"look-{client_id}-{teacher}-{before}",
        help="An image is scaled to what the provider looks at and paid for by its size. Labels with and without it are two runs: "
        "neither takes the other's place, and none is bought twice.",
    )
    if looks != before:
        looking.choose(view.db, client_id, teacher, looks)
        st.rerun()


def _forecast(view: frame.View, teacher: str, facets: Sequence[Task], looks: bool) -> HostedForecast:
    if len(facets) > 1:
        return forecast_joint.forecast_together(view.db, facets, teacher, looks).together
    return forecast.forecast(view.db, view.task, teacher, looks)


def _cost(expected: HostedForecast) -> str:
    """What is still to be bought that way."""
    if not expected.labels:
        return "All labels are in."
    if expected.cost is None:
        return f"{expected.labels:,} labels to get"
    basis = "estimated" if expected.measured_on else "assumed"
    return f"{expected.labels:,} labels to get, about {money(expected.cost.likely)} ({basis})"
