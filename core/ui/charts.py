"""Charts on pages: the sentence that is the answer, the figure (core/report/charts.py), a table and a CSV under it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.ingest.files import defuse
from core.ui.frame import plain


def csv(table: pd.DataFrame) -> bytes:
    """The table as UTF-8 CSV with a byte-order mark (spreadsheets need it), formulas in cells defused."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [defuse(str(cell)) if pd.notna(cell) else "" for cell in safe[column]]
    safe.columns = [defuse(str(column)) for column in safe.columns]
    return safe.to_csv(index=False).encode("utf-8-sig")


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
    """A table folded away, with its CSV download; `columns` is st.dataframe's column_config. `label` is escaped here."""
    with st.expander(plain(label)):
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
