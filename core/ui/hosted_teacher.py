"""The part of the Teacher page for a teacher that is paid: forecast, trial, cap, run; what became of the last run."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from core.label import runs
from core.label.forecast import HostedForecast
from core.label.spending import DRY_RUN, Spread
from core.ui import frame, label_list, money_inputs, progress
from core.ui.figures import figure
from core.words import counted, duration, money, percent

STOP_AT = "Stop at (US dollars)"
CHOSEN = "teacher-chosen"  # the session's selection on the Teacher page, also where another page has made it


def show(view: frame.View, teacher: str, expected: HostedForecast, running: bool) -> None:
    """Forecast and the buttons that spend money; what is left to buy, once something has been bought."""
    run = runs.summary(view.db, expected.run_id) if expected.run_id else None
    if not expected.labels:
        label_list.all_in(expected.wanted)
        st.caption(frame.plain(f"They cost {money(run['spent_usd'], exact=True)}; the Ledger has the particulars."))
        return
    offer(view, {"task_id": view.task.id, "teacher": teacher}, expected, run, running)


def offer(
    view: frame.View,
    params: dict,
    expected: HostedForecast,
    run: dict | None,
    running: bool,
    saving: tuple[str, str] | None = None,
) -> None:
    """The forecast of what is left to buy, with what is saved (a figure, and of what) where there is something to compare with,
    and the buttons that start the job with these `params`. `run`: what there is of it so far."""
    if expected.price is None:
        frame.unpriced()
        return
    _forecast(expected, saving)
    capped = run is not None and run["state"] == "capped" and not running
    if capped:
        st.warning(
            frame.plain(
                f"Stopped at the cap of {money(run['budget_usd'], exact=True)}: {run['count']:,} of {expected.wanted:,} labels are "
                f"in, for {money(run['spent_usd'], exact=True)}. None of them is lost or bought again."
            ),
            icon=":material/savings:",
        )
    _buttons(view, params, expected, run, capped, running)


def _forecast(expected: HostedForecast, saving: tuple[str, str] | None) -> None:
    labels, cost, *saved, seconds = st.columns(4 if saving else 3)
    with labels:
        figure("Labels to get", f"{expected.labels:,}", "measured", f"of {expected.wanted:,}")
    with cost:
        spread = expected.cost
        figure(
            "Cost, most likely",
            money(spread.likely),
            "estimated" if expected.measured_on else "assumed",
            spread_words(spread) if spread.high else "nothing is charged",
            help="Tokens an answer takes, times the price. Before a trial, tokens are guessed from the length of the texts.",
        )
    if saving:
        with saved[0]:
            figure(
                "Saved",
                saving[0],
                "estimated",
                saving[1],
                help="Against asking for each of these tasks in calls of its own.",
            )
    with seconds:
        figure("Time", duration(expected.seconds), expected.seconds_basis, f"{expected.calls:,} calls")
    images = " and the size of the images" if expected.looks else ""
    known = f"Guessed from the length of the texts{images}, until a trial has measured it."
    if expected.measured_on:
        known = f"Measured on {expected.measured_on:,} labels."
    if expected.copies:
        known += f" {expected.copies:,} copies share another asset's label and cost nothing."
    st.caption(frame.plain(f"{known} {money_inputs.price_words(expected.price)}"))


def spread_words(spread: Spread) -> str:
    """The bounds of a forecast."""
    low, high = money(spread.low), money(spread.high)
    return f"{low} to {high}" if low != high else f"give or take {money((spread.high - spread.low) / 2)}"


def _buttons(
    view: frame.View, params: dict, expected: HostedForecast, run: dict | None, capped: bool, running: bool
) -> None:
    """Cap and way, then a trial or the whole: whichever is the next step stands out."""
    teacher, together = params["teacher"], len(params.get("facets", [0]))
    spent = run["spent_usd"] if run else 0.0
    free = not expected.cost.high
    left, right = st.columns(2, vertical_alignment="bottom")
    budget = None if free else _cap(left, teacher, spent + expected.cost.high, spent, capped)
    cheaper = (
        expected.batch_usd is not None and expected.batch_usd < expected.cost.likely
    )  # not where a cache serves the prompt
    batch = cheaper and right.toggle(
        frame.plain(f"Wait up to a day, pay about {money(expected.batch_usd)}"),
        key=f"batch-{teacher}",
        help="The provider answers in its quiet hours at its batch price. You can close everything meanwhile.",
    )
    params = params | {"budget_usd": budget, "batch": bool(batch)}
    trial = not (expected.measured_on or free or capped) and expected.labels > DRY_RUN * together
    whole = "Raise the cap and carry on" if capped else f"Get {expected.labels:,} labels"
    off = running or (budget is None and not free)
    with st.container(horizontal=True):
        if trial and st.button(
            f"Try it on {DRY_RUN} assets first",
            type="primary",
            disabled=off,
            icon=":material/science:",
            help="Buys so many labels, measures what one takes, and keeps them. Always at once, never as a batch.",
        ):
            progress.start(view, "label", params | {"batch": False, "limit": DRY_RUN})
        settled = 0 if together > 1 else _settled(view)
        if (
            trial
            and settled
            and st.button(
                f"Try it on the {settled:,} assets people settled",
                disabled=off,
                icon=":material/fact_check:",
                help="Enough to test this wording against another, on the Review page, before spending on all assets.",
            )
        ):
            progress.start(view, "label", params | {"batch": False, "gold_only": True})
        kind = "secondary" if trial else "primary"
        if st.button(
            whole, type=kind, disabled=off or (capped and budget <= run["budget_usd"]), icon=":material/school:"
        ):
            progress.start(view, "label", params)


def _settled(view: frame.View) -> int:
    """How many duplicate groups people have decided on."""
    query = "select count(distinct group_id) from gold_labels where task_id = ?"
    return view.db.execute(query, [view.task.id]).fetchone()[0]


def _cap(place, teacher: str, most: float, spent: float, capped: bool) -> float | None:
    """The field for the cap. It is filled with a quarter more than the upper end of the forecast: a call is only made where the
    most that it can cost still fits."""
    label = "Raise the cap to (US dollars)" if capped else STOP_AT
    hint = "The run stops before it costs more than this in all, whatever the forecast said. You can then raise it."
    return cap_field(place, rounded_up(1.25 * most), spent, hint, f"cap-{teacher}-{capped}", label)


def cap_field(place, filled: float, spent: float, hint: str, key: str, label: str = STOP_AT) -> float | None:
    """A field for a cap in USD, filled with `filled`; another such sum makes it anew. `spent` stands in its hint."""
    if spent:
        hint += f" {money(spent, exact=True)} is spent already and counts."
    return place.number_input(
        label,
        min_value=0.0,
        value=filled,
        format="%.2f" if filled >= 0.1 else "%.4g",
        step=rounded_up(filled / 10),
        help=frame.plain(hint),
        key=f"{key}-{filled}",
    )


def rounded_up(usd: float) -> float:
    """`usd` (above 0) rounded up to two digits that tell something: 0.0123 -> 0.013, 41.2 -> 42."""
    scale = 10.0 ** (math.floor(math.log10(usd)) - 1)
    return round(math.ceil(usd / scale - 1e-9) * scale, 12)


def went(view: frame.View, run_id: int) -> None:
    """How a run went: spent, near misses, and which assets have no label for which reason."""
    run = runs.summary(view.db, run_id)
    if not (run["mapped"] or run["failed"]):
        return
    asked = run["count"] + run["failed"]
    have = "has" if run["failed"] == 1 else "have"
    heading = f"{counted(run['failed'], 'asset')} {have} no label" if run["failed"] else "How the answers were read"
    with st.expander(heading, icon=":material/rule:"):
        if run["mapped"]:
            st.write(
                f"{run['mapped']:,} answers ({percent(run['mapped'] / asked)}) were near misses, such as a category's name in "
                "other capitals. Each went to the one category it can mean."
            )
        if right := runs.remarks(view.db, run_id):
            table = pd.DataFrame(right).rename(columns={"remark": "What was put right", "count": "Assets"})
            st.dataframe(table, hide_index=True, key="remarks")
        if run["failed"]:
            st.write("They have no label rather than a wrong one. Get labels again to ask about them again.")
            table = pd.DataFrame(runs.reasons(view.db, run_id)).rename(columns={"reason": "Reason", "count": "Assets"})
            st.dataframe(table, hide_index=True, key="reasons")
