"""Agreement of audited answers over days or weeks, beside the line that was promised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import plotly.graph_objects as go

from core.report.charts import NEUTRAL, STUDENT, layout
from core.watch.standing import DAY, Stretch
from core.words import percent, stated_percent

MOST_TICKS = 14


def over_time(found: Sequence[Stretch], step: int, promise: float) -> go.Figure:
    """The band of agreement of each stretch of `step` seconds, its own audits as dots, and the promise."""
    known = [one for one in found if one.low is not None]
    days = [datetime.fromtimestamp(one.start, UTC) for one in known]
    margin = timedelta(seconds=step / 2)
    fig = go.Figure()
    fig.add_scatter(x=days, y=[100 * one.high for one in known], mode="lines", line={"width": 0}, hoverinfo="skip")
    fig.add_scatter(
        x=days,
        y=[100 * one.low for one in known],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(47, 127, 208, 0.22)",
        hoverinfo="skip",
    )
    own = [(day, one) for day, one in zip(days, known) if one.audits]
    fig.add_scatter(
        x=[day for day, _ in own],
        y=[100 * one.agreed / one.audits for _, one in own],
        mode="markers",
        cliponaxis=False,
        marker={"color": STUDENT, "size": [min(16, 5 + one.audits**0.5) for _, one in own]},
        text=[f"{one.agreed:,} of {one.audits:,} agreed ({percent(one.agreed / one.audits)})" for _, one in own],
        hovertemplate="%{x|%-d %B}: %{text}<extra></extra>",
    )
    for day, one in zip(days, known) if len(known) == 1 else ():  # a band of one is a line
        fig.add_scatter(
            x=[day, day],
            y=[100 * one.low, 100 * one.high],
            mode="lines",
            line={"color": STUDENT, "width": 2},
            hoverinfo="skip",
        )
    fig.add_hline(
        y=100 * promise,
        line={"color": NEUTRAL, "width": 2, "dash": "dash"},
        annotation_text=f"promised: {stated_percent(promise)}",
        annotation_position="bottom right",
    )
    low = min([promise, *(one.low for one in known), *(one.agreed / one.audits for _, one in own)], default=0.0)
    fig = layout(fig, "day" if step == DAY else "week beginning", "agreement (%)", 300)
    fig.update_xaxes(tickformat="%-d %b", range=[days[0] - margin, days[-1] + margin] if days else None)
    if len(days) < MOST_TICKS:
        fig.update_xaxes(tick0=days[0] if days else None, dtick=1000 * step)
    fig.update_yaxes(range=[max(0.0, 100 * low - 3), 100.5])
    return fig
