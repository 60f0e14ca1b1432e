"""Would more labels help? The learning curve of a label run: asked for, watched, drawn."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.evaluate import learning_curve
from core.evaluate.kept import assumptions_of, teacher_price
from core.evaluate.learning_curve import Curve, Forecast
from core.report.charts import growth
from core.train import members
from core.ui import charts, frame, progress
from core.words import money, percent, ranged

MORE = st.column_config.NumberColumn(format="localized")
POINTS = st.column_config.NumberColumn(format="%+.1f", help="Agreement gained, in percentage points.")


def show(view: frame.View, run_id: int) -> None:
    """The button, the job under way, and the curve of the label run where one has been measured."""
    st.subheader("Would more labels help?", anchor=False)
    running = progress.active(view, "curve")
    curve = learning_curve.stored(view.db, run_id)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            "Measured with",
            members.quick_kinds(),
            format_func=lambda kind: f"{kind} students",
            width=220,
            help="A student of this kind is trained on five growing parts of the labels chosen above. "
            "Kinds that take longer to train usually lie above its curve.",
        )
        label = "Find out" if curve is None else "Measure again"
        if st.button(label, disabled=running, icon=":material/trending_up:"):
            params = {"task_id": view.task.id, "run_id": run_id, "kind": kind}
            progress.start(view, "curve", params)
        if curve is None and not running:
            st.caption(f"Takes little longer than training one {kind} student.")
    progress.watch(view, "curve", expected=running)
    if curve:
        _curve(view, run_id, curve)


def _curve(view: frame.View, run_id: int, curve: Curve) -> None:
    assumptions = assumptions_of(view.db, view.task)
    forecast = learning_curve.forecast(curve, assumptions, teacher_price(view.db, assumptions))
    note = (
        f"Measured: {curve.kind} students on {curve.agreement[-1].n:,} test assets; bars: 95 % range. Dashed line and band: "
        f"estimated, if agreement grows on as it has so far. Of new labels "
        f"{percent(curve.sizes[-1] / curve.labels)} would train, as of those at hand."
    )
    if slower := [kind for kind in members.ladder() if curve.kind in members.of(kind).needs]:
        note += f" A {slower[-1]} student usually lies above."
    if learning_curve.outdated(view.db, run_id, curve):
        note += " There are other labels now than when this was measured: measure again."
    figure = growth(curve.sizes, curve.agreement, curve.law, curve.draws, 2 * curve.sizes[-1])
    charts.chart(
        forecast.sentence, figure, _points(curve), "learning-curve", note=note, shares=("agreement", "low", "high")
    )
    st.dataframe(
        _steps(forecast),
        hide_index=True,
        key="more-labels",
        column_config={"another … labels": MORE, "points": POINTS, **_dollars()},
    )
    st.caption(
        frame.plain(
            f"Price of 1,000 labels: {forecast.price.formula} = {money(forecast.price.value)}. {forecast.price.note}."
        )
    )
    charts.download(_steps(forecast), "more-labels")


def _points(curve: Curve) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "labelled assets": size,
                "agreement": share.value,
                "low": share.low,
                "high": share.high,
                "n": share.n,
                "basis": "measured",
            }
            for size, share in zip(curve.sizes, curve.agreement)
        ]
    )


def _steps(forecast: Forecast) -> pd.DataFrame:
    rows = [
        {
            "another … labels": step.more,
            "points": 100 * step.value,
            "95 % range": ranged(100 * step.low, 100 * step.high, "{:.1f}".format),
            "US dollars": step.usd,
            "basis": "estimated",
        }
        for step in forecast.steps
    ]
    return pd.DataFrame(rows).astype({"US dollars": float})


def _dollars() -> dict:
    return {
        "US dollars": st.column_config.NumberColumn(format="dollar", help="At the teacher's price chosen on Compare.")
    }
