"""The part of the Teacher page where a paid teacher is asked about several of the client's tasks in one call."""

from __future__ import annotations

import streamlit as st

from core.label import runs
from core.label.forecast_joint import JointForecast
from core.tasks import Task
from core.taxonomy import facets as facets_of
from core.ui import frame, hosted_teacher, label_list
from core.words import money, percent


def choose(view: frame.View, teacher: str) -> list[Task]:
    """The tasks to be asked about together, the chosen one among them; that one alone where there is no other."""
    there = facets_of.of_client(view.db, view.task.client_id)
    others = [task for task in there if task.id != view.task.id]
    if not others or len(others) == len(there):
        return [view.task]
    names = {task.id: task.name for task in others}
    picked = st.pills(
        "Ask together with",
        list(names),
        selection_mode="multi",
        default=list(names),
        format_func=lambda id: frame.plain(names[id]),
        key=f"together-{view.task.id}-{teacher}",
        help="One call asks about an asset for all of these tasks: its text and the instructions are paid for once. Each task "
        "still gets its own label, and only labels that are missing are asked for.",
    )
    return [task for task in there if task.id == view.task.id or task.id in picked]


def show(view: frame.View, facets: list[Task], teacher: str, expected: JointForecast, running: bool) -> None:
    """Forecast, saving and the buttons that spend money; what is left to buy, once something has been bought."""
    told, run = expected.together, runs.summed(view.db, expected.runs)
    if not told.labels:
        label_list.all_in(told.wanted)
        st.caption(frame.plain(f"They cost {money(run['spent_usd'], exact=True)}; the Ledger has the particulars."))
        return
    left = ", ".join(f"{name} {n:,}" for name, n in expected.lacking.items())
    st.caption(frame.plain(f"Labels to get: {left}."))
    saving = None
    if expected.saved_usd is not None:
        saving = money(max(expected.saved_usd, 0.0)), f"{percent(max(expected.saved_tokens, 0.0))} of the tokens"
    params = {"task_id": view.task.id, "facets": [task.id for task in facets], "teacher": teacher}
    hosted_teacher.offer(view, params, told, run, running, saving)
