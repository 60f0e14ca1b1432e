"""The part of the Teacher page where a paid teacher gets the images beside the words, or the words alone, and what either costs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.images import kept
from core.label import forecast, forecast_joint, looking
from core.label.forecast import HostedForecast
from core.label.forecast_joint import JointForecast
from core.label.model import connection_of, name_of
from core.tasks import Task
from core.ui import frame
from core.wires import pictures
from core.words import money

WAYS = {False: "The words alone", True: "The words and the image"}
Expected = HostedForecast | JointForecast


def show(view: frame.View, teacher: str, facets: Sequence[Task], running: bool) -> Expected:
    """The choice, where the client has images; gives the forecast of the way that is chosen, of `facets` together where they are
    several. InputError where it is to look and cannot: nothing is changed by that."""
    client_id = view.task.client_id
    if not kept.any_of(view.db, client_id):
        return _forecast(view, teacher, facets, None)
    connection = connection_of(view.db, client_id, teacher)
    before = looking.chosen(view.db, client_id, name_of(teacher, connection))
    possible = looking.possible(view.db, client_id, teacher)
    if not possible:
        if before:  # chosen while it took them
            if st.button("Have it read the words alone", disabled=running, key=f"no-look-{client_id}-{teacher}"):
                looking.choose(view.db, client_id, teacher, False)
                st.rerun()
            frame.link("connections", "See its connection")
            pictures.must_take(connection)
        said = (
            f"{connection.name} takes no images"
            if possible is False
            else f"Whether {connection.model} takes images is not known"
        )
        st.caption(frame.plain(f"{said}: it reads the words alone, unless its connection says otherwise."))
        frame.link("connections", "Say so there")
        return _forecast(view, teacher, facets, False)
    either = {looks: _forecast(view, teacher, facets, looks) for looks in WAYS}
    looks = st.radio(
        "What the teacher gets",
        list(WAYS),
        int(before),
        format_func=WAYS.__getitem__,
        captions=[frame.plain(_cost(expected)) for expected in either.values()],
        horizontal=True,
        disabled=running,
        key=f"look-{client_id}-{teacher}-{before}",
        help="An image is scaled to what the provider looks at and paid for by its size. Labels with and without it are two runs: "
        "neither takes the other's place, and none is bought twice.",
    )
    if looks != before:
        looking.choose(view.db, client_id, teacher, looks)
        st.rerun()
    return either[looks]


def _forecast(view: frame.View, teacher: str, facets: Sequence[Task], looks: bool | None) -> Expected:
    if len(facets) > 1:
        return forecast_joint.forecast_together(view.db, facets, teacher, looks)
    return forecast.forecast(view.db, view.task, teacher, looks)


def _cost(found: Expected) -> str:
    """What is still to be bought that way."""
    expected = found.together if isinstance(found, JointForecast) else found
    if not expected.labels:
        return "All labels are in."
    if expected.cost is None:
        return f"{expected.labels:,} labels to get"
    basis = "estimated" if expected.measured_on else "assumed"
    return f"{expected.labels:,} labels to get, about {money(expected.cost.likely)} ({basis})"
