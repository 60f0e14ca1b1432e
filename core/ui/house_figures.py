"""The head of the overview: what all clients' students save and have filed, and what needs somebody."""

from __future__ import annotations

import streamlit as st

from core.evaluate import house
from core.evaluate.house import TaskMoney
from core.ui import address, frame
from core.ui.figures import HINTS, figure
from core.words import counted, money, percent, task_title

BARS = "▁▂▃▄▅▆▇█"
SCORED = (
    "Files that students classified, texts that servers answered, and briefs that students drafted for: the teacher's price for "
    "what the student answered, less the machine's."
)
STATED = "What the live students save at the assets a month that each client has stated on Compare, by their verdict."
NOTICES = 5  # shown at once


def show(tasks: list[TaskMoney], waiting: dict[int, int]) -> None:
    """Five figures over all clients; the made-up ones only where there are no others."""
    own = [one for one in tasks if not one.synthetic] or tasks
    this = house.months(1)[0]
    month, ever = (sum(s for one in own for m, s in one.saved.items() if m == this or every) for every in (False, True))
    filed, all_filed = (
        sum(n for one in own for m, n in one.filed.items() if m == this or every) for every in (False, True)
    )
    columns = st.columns(5, gap="small")
    with columns[0]:
        figure("Saved this month", money(month), "estimated", f"so far {money(ever)}", help=SCORED)
    with columns[1]:
        stated = [one.stated_usd for one in own if one.stated_usd is not None]
        figure(
            "Planned a month",
            money(sum(stated) if stated else None),
            "assumed",
            "at the stated volumes",
            help=STATED,
        )
    with columns[2]:
        figure(
            "Filed this month",
            f"{filed:,}",
            "measured",
            f"so far {all_filed:,}",
            help="Assets of files that students classified, texts that servers answered, and briefs drafted for.",
        )
    with columns[3]:
        judged = [one for one in own if one.agreement is not None]
        n = sum(one.n for one in judged)
        share = percent(sum(one.agreement * one.n for one in judged) / n) if n else "–"
        lowest = f"lowest {percent(min(one.agreement for one in judged))}" if len(judged) > 1 else f"n = {n:,}"
        figure("Agreement", share, "measured", lowest if n else "no student is live", help=HINTS["agreement"])
    with columns[4]:
        ids = {one.task_id for one in own}
        open_now = sum(n for id, n in waiting.items() if id in ids)
        figure(
            "Open reviews",
            f"{open_now:,}",
            "measured",
            help="Assets in the clients' review queues that nobody has decided.",
        )
    if any(one.synthetic for one in own):
        st.caption("These figures are of the sample client, whose texts and labels are made up.")
    elif len(own) < len(tasks):
        st.caption("The sample client is not counted: its texts and labels are made up.")


def needs(notices: list[house.Notice]) -> None:
    """What needs somebody, each with the link to where it is seen to."""
    if not notices:
        return
    st.subheader("Needs somebody", anchor=False)
    for notice in notices[:NOTICES]:
        _notice(notice)
    if len(notices) > NOTICES:
        with st.expander(f"{len(notices) - NOTICES:,} more"):
            for notice in notices[NOTICES:]:
                _notice(notice)


def _notice(notice: house.Notice) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        name = task_title(notice.client, notice.task, 1 + bool(notice.task))
        whose = f"**{frame.plain(name)}**: " if name else ""
        st.markdown(f":material/warning: {whose}{frame.plain(notice.words)}", width="stretch")
        frame.link(notice.page, to=address.named(notice.client, notice.task) if notice.client else None)


def saving(task: TaskMoney) -> tuple[str, str]:
    """A task's saving in a line, and its trend over the last months; empty where nothing was saved lately nor is stated."""
    months = house.months()
    usd = [task.saved.get(month, 0.0) for month in months]
    if any(usd):
        words = f"{money(usd[-1])} saved this month (estimated), {money(usd[-2])} the month before"
        return words, _spark(usd)
    if task.stated_usd is not None:
        return f"saves {money(task.stated_usd)} a month at {counted(task.volume, task.thing)} (assumed)", ""
    return "", ""


def _spark(values: list[float]) -> str:
    """Six bars in a line, the highest as high as can be."""
    top = max(*values, 1e-9)
    return "".join(BARS[round((len(BARS) - 1) * max(value, 0) / top)] for value in values)
