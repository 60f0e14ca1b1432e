"""The client report as one HTML file: opens offline, prints to PDF from the browser, runs nothing but its own charts.

Plotly goes in compressed and is unpacked by the browser (DecompressionStream), which takes the file from 5 MB to 2. Every chart's
numbers stand in a table below it as well. Text from files reaches the page through Jinja's escaping only, and chart data as JSON
in which no markup can end the script element.
"""

from __future__ import annotations

import base64
import gzip
import os
from functools import cache
from pathlib import Path

import jinja2
import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from core.report.answers import Answer
from core.report.content import Report
from core.words import money, percent

ROWS = 60  # of a chart's table; the workbook has all


def render(report: Report) -> str:
    """The whole file."""
    return _template().render(report=report, plotly=_plotly(), figures=_figures, table=_table)


def write(report: Report, path: Path) -> Path:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_text(render(report), encoding="utf-8")
    draft.replace(path)
    return path


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    made = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("report.html.j2")


@cache
def _plotly() -> str:
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _figures(report: Report) -> Markup:
    """The charts as JSON by name, safe inside a script element (HTML ends it at "</" whatever the quotes say)."""
    parts = (f'"{a.name}": {_look(a.figure).to_json()}' for _, some in report.chapters for a in some if a.figure)
    return Markup("{" + ", ".join(parts).replace("<", "\\u003c").replace(">", "\\u003e") + "}")


def _look(figure: go.Figure) -> go.Figure:
    made = go.Figure(figure)
    made.update_layout(template="plotly_white", font={"family": "system-ui, sans-serif", "size": 12}, autosize=True)
    return made


def _table(answer: Answer) -> list[list[str]]:
    """Head and rows of an answer's table, as words."""
    shown = answer.table.head(ROWS)
    rows = shown.itertuples(index=False, name=None)
    cells = (
        [_cell(value, column in answer.shares, column in answer.dollars) for column, value in zip(shown.columns, row)]
        for row in rows
    )
    return [list(map(str, shown.columns)), *cells]


def _cell(value: object, share: bool, dollars: bool) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if share:
        return percent(value)
    if dollars:
        return money(value)
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
