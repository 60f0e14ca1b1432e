"""Labelling in rounds: asked for, watched, and the curve that grows with each round."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import rounds, settings
from core.errors import InputError
from core.label import forecast, runs
from core.report.charts import growth
from core.train import members
from core.ui import charts, frame, hosted_teacher, progress
from core.ui.figures import HINTS
from core.words import percent

METHODS = {
    rounds.DOUBT: "What the student doubts most",
    rounds.RANDOM: "At random",
}


def show(view: frame.View, teacher: str) -> None:
    """The form while there is anything left to label, the job under way, and the rounds of this teacher so far."""
    running = progress.active(view, "rounds")
    run_id = rounds.run_of(view.db, view.task, teacher)
    done = rounds.measured(view.db, run_id) if run_id else []
    try:
        expected = forecast.forecast(view.db, view.task, teacher)
    except InputError:  # the form above says what the teacher lacks
        return
    if not (expected.labels or done or running):
        return
    st.subheader("Label in rounds", anchor=False)
    st.caption(
        "Buys few labels at a time: after each round the student says which assets would teach it most, and you see how far it has "
        "come. The assets that judge it, up to 40 % of a round, are drawn at random beforehand."
    )
    target = settings.get(view.db, "target_agreement", view.task)
    if expected.labels or running:
        target = _ask(view, teacher, expected, len(done), min(target, 0.995), running)
    progress.watch(view, "rounds", expected=running)
    if done:
        _curve(done, target)


def _ask(view: frame.View, teacher: str, expected: forecast.Forecast, done: int, target: float, running: bool) -> float:
    """The form; returns the target chosen in it."""
    with st.container(border=True):
        left, middle, right = st.columns(3)
        per_round = left.number_input("Labels a round", rounds.FEWEST, 5000, 250, 50)
        more = middle.number_input(
            "Rounds at most", 1, 50, 5, help="They end earlier where the target is reached or nothing is left to label."
        )
        method = left.selectbox(
            "Which assets",
            list(METHODS),
            format_func=METHODS.__getitem__,
            help="The most doubtful assets, no two of a kind; in the first round, some of every kind. At random is to compare.",
        )
        kind = middle.selectbox(
            "Student",
            members.quick_kinds(),
            format_func=lambda kind: members.of(kind).name,
            help="Trained anew after each round.",
        )
        target = right.number_input(
            "Stop at agreement (%)", 50.0, 99.5, 100 * target, 0.5, format="%.1f", help=HINTS["agreement"]
        )
        right.caption(f"Measured on {rounds.FEWEST_TEST} test assets or more, and borne out by the rounds before.")
        budget, priced = _cap(right, view, teacher, expected, int(per_round) * int(more))
        label = f"Start round {done + 1}" if done else "Start the first round"
        busy = running or not priced or progress.active(view, "label", "distil")
        if st.button(label, disabled=busy, icon=":material/autorenew:"):
            params = {
                "task_id": view.task.id,
                "teacher": teacher,
                "per_round": int(per_round),
                "until": done + int(more),
                "kind": kind,
                "method": method,
                "target": target / 100,
                "budget_usd": budget,
            }
            progress.start(view, "rounds", params)
    return target / 100


def _cap(place, view: frame.View, teacher: str, expected: forecast.Forecast, labels: int) -> tuple[float | None, bool]:
    """The field for the cap where labels cost money; whether their price is known."""
    if not isinstance(expected, forecast.HostedForecast):
        return None, True
    if expected.cost is None or not expected.cost.high:
        return None, expected.cost is not None
    spent = runs.summary(view.db, expected.run_id)["spent_usd"] if expected.run_id else 0.0
    part = min(labels / max(expected.labels, 1), 1.0)
    filled = hosted_teacher.rounded_up(1.25 * (spent + part * expected.cost.high))
    hint = "All labels of this teacher together never cost more."
    key = f"rounds-cap-{teacher}-{labels}"
    cap = hosted_teacher.cap_field(place, filled, spent, hint, key, "Stop the rounds at (US dollars)")
    return cap, True


def _curve(done: list[rounds.Round], target: float) -> None:
    reach, last = rounds.reach(done, target), done[-1]
    title = reach.sentence if reach else f"{last.labels:,} labels so far: agreement {percent(last.agreement.value)}"
    note = f"Measured after each round on the test assets labelled by then, {last.agreement.n:,} now; bars: 95 % range."
    if reach:
        note += " Dashed line and band: estimated, if agreement grows on as it has so far."
    figure = growth(
        [one.train for one in done],
        [one.agreement for one in done],
        reach.law if reach else None,
        reach.draws if reach else [],
        2 * last.train,
        target,
    )
    charts.chart(title, figure, _table(done), "rounds", note=note, shares=("agreement", "low", "high"))


def _table(done: list[rounds.Round]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "round": round.number,
                "labels in all": round.labels,
                "to learn from": round.train,
                "to say how sure is sure enough": round.calibration,
                "to test": round.test,
                "agreement": round.agreement.value,
                "low": round.agreement.low,
                "high": round.agreement.high,
                "chosen by": rounds.METHODS[round.method],
                "student": round.kind,
                "basis": "measured",
            }
            for round in done
        ]
    )
