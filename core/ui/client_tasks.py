"""A client with several sorting tasks on the overview: a row a task with agreement, handled, saving, verdict and next step."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st
from sqlite_utils import Database
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError
from core.evaluate import evaluation
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.house import TaskMoney
from core.jobs.kinds import KINDS
from core.tasks import Task
from core.train import registry
from core.ui import access, address, frame, house_figures, progress, standing
from core.ui.figures import HINTS
from core.words import counted, money, percent, ranged

WIDTHS = [2.6, 1.9, 1.7, 2.2, 1.9, 2.0]
HEADS = {
    "Task": None,
    "Agreement": HINTS["agreement"],
    "Handled": "The share of assets that the student answers by itself; the rest goes to the teacher.",
    "Saving": "What the student saves: this month where it worked, else a month at the volume stated on Compare.",
    "Verdict": None,
    "Next step": None,
}

# Where somebody goes who does not see the page of the next step.
ELSE = (("review", "Review"), ("compare", "Read the verdict"))


def show(view: frame.View, client: str, tasks: list[Task], earned: dict[int, TaskMoney]) -> None:
    """The client's tasks as rows under its name."""
    wheres = [standing.of(view.db, task) for task in tasks]
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(client)
            if wheres[0].synthetic:
                st.badge("made up", color="gray", help="Its texts and labels are: a program wrote them.")
        st.caption(f"{counted(wheres[0].assets, 'asset')}, {len(tasks)} questions about each")
        for place, (name, hint) in zip(st.columns(WIDTHS), HEADS.items()):
            place.caption(name, help=hint)
        for where in wheres:
            _row(view, where, earned[where.task.id])


def _row(view: frame.View, where: standing.Standing, earned: TaskMoney) -> None:
    name, agreement, handled, saving, verdict, action = st.columns(WIDTHS, vertical_alignment="center")
    figures = _figures(view.db, where.task)
    name.text(where.task.name, help=frame.plain(" · ".join(f"{what} {state}" for what, state in where.lines()[:4])))
    if figures:
        share = figures.agreement
        agreement.text(percent(share.value), help=f"Range {ranged(share.low, share.high)}, n = {share.n:,}")
        handled.text(percent(figures.handled.value) if figures.certificate.certified else "none yet")
    else:
        agreement.text("–")
        handled.text("–")
    saving.text(_saving(earned), help=house_figures.saving(earned)[0] or None)
    verdict_and_step(view, where, verdict, action)


def verdict_and_step(
    view: frame.View, where: standing.Standing, verdict: DeltaGenerator, action: DeltaGenerator
) -> None:
    """A task's verdict, or what is under way, in one place; in the other the button that goes to its next step."""
    with verdict:
        if where.busy:
            st.caption(f"{where.busy}\u00a0…")  # on one line with its last word
        elif where.verdict:
            colour, icon = frame.VERDICT_LOOK[where.verdict]
            st.badge(standing.VERDICTS[where.verdict], color=colour, icon=icon, help=frame.plain(where.reason))
    key, label = where.next_step()
    client = where.task.client_id
    if not access.sees(key, client):
        key, label = next((page for page in ELSE if access.sees(page[0], client)), ("", ""))
    if key and not where.busy and action.button(label, key=f"open-{where.task.id}", width="stretch"):
        address.choose(where.task, where.client, where.several)
        frame.go(key)
    if where.busy:  # also what brings the row up to date when the job ends
        progress.watch(frame.View(view.db, where.client, where.task), *KINDS, expected=True)


def _figures(db: Database, task: Task) -> ChooseOneFigures | None:
    """Those of the student to look at; None where there is none, or it is not judged."""
    with suppress(InputError):
        return evaluation.figures_of(db, registry.looked_at(db, task)["id"])
    return None


def _saving(earned: TaskMoney) -> str:
    if any(usd := [earned.saved.get(month, 0.0) for month in house_figures.house.months()]):
        return f"{money(usd[-1])} this month"
    return f"{money(earned.stated_usd)} a month" if earned.stated_usd is not None else "–"
