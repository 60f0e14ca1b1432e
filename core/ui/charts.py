"""Charts of one look: two fixed colours, direct labels, axis titles with units; a table and a CSV under each.

Text from files reaches Plotly only through `clean`: Plotly reads a few HTML tags in labels and hover text.
"""

from __future__ import annotations

import html
import math

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.ingest.files import defuse
from core.ui.frame import plain
from core.words import milliseconds

# Blue and orange keep apart under every common colour blindness, and both stand 3:1 off white and off the dark background.
STUDENT, TEACHER, NEUTRAL = "#2f7fd0", "#d9730d", "#7b8694"


def clean(text: object, limit: int = 60) -> str:
    """`text` safe inside a Plotly label or hover: escaped, on one line, cut to `limit` characters."""
    return html.escape(short(text, limit)).replace("{", "&#123;").replace("$", "&#36;")


def short(text: object, limit: int) -> str:
    """`text` on one line, cut to `limit` characters."""
    line = " ".join(str(text).split())
    if len(line) > limit:  # of a path the end tells most, of anything else the beginning
        line = f"… > {line.rpartition(' > ')[2]}" if " > " in line else line
        line = line if len(line) <= limit else line[: limit - 1] + "…"
    return line


def csv(table: pd.DataFrame) -> bytes:
    """The table as UTF-8 CSV with a byte-order mark (spreadsheets need it), formulas in cells defused."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [defuse(str(cell)) if pd.notna(cell) else "" for cell in safe[column]]
    safe.columns = [defuse(str(column)) for column in safe.columns]
    return safe.to_csv(index=False).encode("utf-8-sig")


def layout(fig: go.Figure, x: str, y: str, height: int = 320) -> go.Figure:
    """Axis titles, margins and a quiet grid; no legend (charts label their lines directly)."""
    fig.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 12, "b": 8},
        showlegend=False,
        xaxis_title=x,
        yaxis_title=y,
        hoverlabel={"align": "left"},
        bargap=0.25,
    )
    fig.update_xaxes(automargin=True, zeroline=False)
    fig.update_yaxes(automargin=True, zeroline=False)
    return fig


def chart(title: str, fig: go.Figure, table: pd.DataFrame, name: str, *, note: str = "", **columns) -> None:
    """A chart under the sentence that is its answer, then its table and CSV folded away. `name` is key and file name.

    `title` and `note` may hold words from files: they are escaped here.
    """
    st.subheader(plain(title), anchor=False)
    if note:
        st.caption(plain(note))
    st.plotly_chart(fig, key=f"chart-{name}", config={"displayModeBar": False}, alt=title)
    details(table, name, **columns)


def details(table: pd.DataFrame, name: str, *, label: str = "Table and CSV", **columns) -> None:
    """A table folded away, with its CSV download; `columns` is st.dataframe's column_config."""
    with st.expander(label):
        st.dataframe(table, hide_index=True, column_config=columns or None, key=f"table-{name}")
        download(table, name)


def download(table: pd.DataFrame, name: str) -> None:
    """A CSV download button for the table."""
    st.download_button(
        "Download CSV",
        csv(table),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv-{name}",
        icon=":material/download:",
        on_click="ignore",
    )


def shares(
    table: pd.DataFrame, label: str, value: str, low: str, high: str, count: str, *, colour: str = STUDENT
) -> go.Figure:
    """Horizontal dots with intervals, one row a category: shares (0..1) drawn in percent, n at the row's name."""
    rows = table.iloc[::-1]
    names = [f"{clean(name, 38)}  <i>n={n:,}</i>" for name, n in zip(rows[label], rows[count])]
    fig = go.Figure(
        go.Scatter(
            x=100 * rows[value],
            y=list(range(len(names))),
            text=names,
            mode="markers",
            cliponaxis=False,
            marker={"color": colour, "size": 8},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": 100 * (rows[high] - rows[value]),
                "arrayminus": 100 * (rows[value] - rows[low]),
                "color": colour,
                "thickness": 1.2,
                "width": 0,
            },
            customdata=100 * rows[[low, high]].to_numpy(),
            hovertemplate="%{text}<br>%{x:.1f} % (%{customdata[0]:.1f}–%{customdata[1]:.1f} %)<extra></extra>",
        )
    )
    fig.update_xaxes(range=[0, 101], ticksuffix=" %")
    return _names(fig, names)


def bars(names: list[str], values: list[float], texts: list[str], colours: list[str] | str = NEUTRAL) -> go.Figure:
    """Horizontal bars labelled with their own values, first name on top."""
    shown = [clean(name) for name in names][::-1]
    fig = go.Figure(
        go.Bar(
            y=list(range(len(shown))),
            x=list(values)[::-1],
            text=list(texts)[::-1],
            textposition="outside",
            cliponaxis=False,
            orientation="h",
            marker_color=list(colours)[::-1] if isinstance(colours, list) else colours,
            hovertemplate="%{customdata}: %{text}<extra></extra>",
            customdata=shown,
        )
    )
    return _names(fig, shown)


def _names(fig: go.Figure, names: list[str]) -> go.Figure:
    """Names along a numbered axis: two names that read alike once cut short stay two rows."""
    return fig.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.7, len(names) - 0.3])


def cascade(curve: pd.DataFrame, target: float, certified: float | None) -> go.Figure:
    """Handled share against agreement on those; the target as a line, the share handled at the certified threshold as a mark."""
    fig = go.Figure(
        go.Scatter(
            x=100 * curve["handled"],
            y=100 * curve["agreement"],
            mode="lines",
            line={"color": STUDENT, "width": 2.5},
            customdata=100 * curve["threshold"],
            hovertemplate="%{x:.1f} % handled<br>%{y:.1f} % agreement on them<br>threshold %{customdata:.1f} %<extra></extra>",
        )
    )
    fig.add_hline(
        y=100 * target,
        line={"color": NEUTRAL, "dash": "dot", "width": 1.5},
        annotation={"text": f"target {100 * target:g} %", "showarrow": False, "yanchor": "bottom"},
        annotation_position="bottom left",
    )
    if certified is not None and not curve.empty:
        at = curve.iloc[(curve["handled"] - certified).abs().argmin()]
        fig.add_scatter(
            x=[100 * certified],
            y=[100 * at["agreement"]],
            mode="markers+text",
            marker={"color": STUDENT, "size": 13, "line": {"color": "white", "width": 2}},
            text=[f"certified: {100 * certified:.1f} % handled"],
            textposition="bottom left" if certified > 0.5 else "bottom right",
            hoverinfo="skip",
        )
    low = min(100 * target, 100 * curve["agreement"].min()) if not curve.empty else 0
    fig.update_xaxes(range=[0, 102], ticksuffix=" %")
    fig.update_yaxes(range=[max(low - 3, 0), 100.8], ticksuffix=" %")
    return fig


def latencies(rows: list[tuple[str, float, float | None, str]]) -> go.Figure:
    """Median to p95 of each (name, p50, p95, colour) in milliseconds on a log axis, labelled directly."""
    fig = go.Figure()
    for name, p50, p95, colour in reversed(rows):
        ends = [p50, p95 if p95 else p50]
        text = [milliseconds(p50), f"p95 {milliseconds(p95)}" if p95 and p95 > p50 * 1.02 else ""]
        fig.add_scatter(
            x=ends,
            y=[clean(name)] * 2,
            mode="lines+markers+text",
            line={"color": colour, "width": 4},
            marker={"color": colour, "size": [13, 8], "opacity": 1},
            text=text,
            textposition=["top center", "bottom center"],
            cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    low, high = min(row[1] for row in rows), max(row[2] or row[1] for row in rows)
    fig.update_xaxes(type="log", range=[math.log10(low) - 0.5, math.log10(high) + 0.5], dtick=1, tickformat=",~r")
    fig.update_yaxes(range=[-0.6, len(rows) - 0.4])
    return fig
