"""Charts on pages: the sentence that is the answer, the figure (core/report/charts.py), a table and a CSV under it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.escape import file_name, plain
from core.report.charts import LETTERS
from core.report.workbook import csv
from core.ui import access
from core.ui.figures import explained
from core.words import spoken

SHARE = st.column_config.NumberColumn(format="percent")
DOLLARS = st.column_config.NumberColumn(format="dollar")


def chart(title: str, fig: go.Figure, table: pd.DataFrame, name: str, *, note: str = "", **table_options) -> None:
    """A chart under the sentence that is its answer, then its table and CSV folded away. `name` is key and file name.

    `title` and `note` may hold words from files: they are escaped here. `table_options` are those of details().
    """
    st.subheader(plain(title), anchor=False)
    if note:
        st.caption(plain(note), help=explained(note))
    draw(fig, name, title)
    details(table, name, **table_options)


INK = {
    "light": "#10151b",
    "dark": "#e4e8ee",
}  # of the theme in use: its charts' own grey stands less than 4.5:1 off the page


def draw(fig: go.Figure, name: str, alt: str) -> None:
    """The figure, its letters large and dark enough to be read on the page as it looks now."""
    ink = {"color": INK.get(st.context.theme.type or "light", INK["light"])}
    fig = go.Figure(fig).update_layout(font={"size": LETTERS, **ink})
    fig.update_annotations(font=ink)
    for axis in (fig.update_xaxes, fig.update_yaxes):
        axis(tickfont=ink, title_font=ink)
    st.plotly_chart(fig, key=f"chart-{name}", config={"displayModeBar": False}, alt=alt)


def details(
    table: pd.DataFrame,
    name: str,
    *,
    label: str = "Table and CSV",
    shares: tuple[str, ...] = (),
    dollars: tuple[str, ...] = (),
    **columns,
) -> None:
    """A table folded away, with its CSV download: the columns `shares` (0..1) and `dollars` as sentences say them, the others by
    `columns`, which is st.dataframe's column_config. `label` is escaped here."""
    config = dict.fromkeys(shares, SHARE) | dict.fromkeys(dollars, DOLLARS) | columns
    with st.expander(plain(label)):
        shown = as_said(table, shares)
        st.dataframe(shown, hide_index=True, column_config=config or None, key=f"table-{name}", placeholder="")
        download(table, name)


def as_said(table: pd.DataFrame, shares: tuple[str, ...]) -> pd.DataFrame:
    """The table with the columns of shares rounded as sentences round them (core.words.percent)."""
    return table.assign(**{name: table[name].map(spoken, na_action="ignore") for name in shares})


def download(table: pd.DataFrame, name: str) -> None:
    """A CSV download button for the table."""
    access.download(
        "Download CSV",
        csv(table),
        file_name=f"{file_name(name)}.csv",
        mime="text/csv",
        key=f"csv-{name}",
        icon=":material/download:",
        on_click="ignore",
    )
