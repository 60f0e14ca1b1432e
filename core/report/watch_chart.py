"""Agreement of audited answers over the weeks, beside the line that was promised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import plotly.graph_objects as go

from core.report.charts import NEUTRAL, STUDENT, layout
from core.watch.standing import Week
from core.words import percent, stated_percent


def weeks(found: Sequence[Week], promise: float) -> go.Figure:
    """The band of agreement of each week, each week's own audits as dots, and the promise."""
    known = [week for week in found if week.low is not None]
    days = [datetime.fromtimestamp(week.start, UTC) for week in known]
    fig = go.Figure()
    fig.add_scatter(x=days, y=[100 * week.high for week in known], mode="lines", line={"width": 0}, hoverinfo="skip")
    fig.add_scatter(
        x=days,
        y=[100 * week.low for week in known],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor="rgba(47, 127, 208, 0.22)",
        hoverinfo="skip",
    )
    own = [(day, week) for day, week in zip(days, known) if week.audits]
    fig.add_scatter(
        x=[day for day, _ in own],
        y=[100 * week.agreed / week.audits for _, week in own],
        mode="markers",
        marker={"color": STUDENT, "size": [min(16, 5 + week.audits**0.5) for _, week in own]},
        text=[f"{week.agreed:,} of {week.audits:,} agreed ({percent(week.agreed / week.audits)})" for _, week in own],
        hovertemplate="%{x|%-d %B}: %{text}<extra></extra>",
    )
    fig.add_hline(
        y=100 * promise,
        line={"color": NEUTRAL, "width": 2, "dash": "dash"},
        annotation_text=f"promised: {stated_percent(promise)}",
        annotation_position="bottom right",
    )
    low = min([promise, *(week.low for week in known), *(week.agreed / week.audits for _, week in own)], default=0.0)
    fig = layout(fig, "week beginning", "agreement (%)", 300)
    fig.update_yaxes(range=[max(0.0, 100 * low - 3), 100.5])
    return fig
