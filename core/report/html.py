"""The client report as one HTML file: opens offline and in any preview, prints to PDF as it looks, and runs nothing at all.

Its charts are SVG (core/report/svg.py), so that a converter or a mail program shows them too; the numbers of every chart stand in
a table below it as well. Text from files reaches the page through Jinja's escaping only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2
import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from core.evaluate.phrases import FEW
from core.money.economics import show
from core.report import svg
from core.report.answers import Answer
from core.report.client import ClientReport
from core.report.content import Report
from core.report.thumbnails import Thumbnails
from core.report.writing_report import WritingReport
from core.words import money, percent

ROWS = 60  # of a chart's table; the workbook has all


def render(report: Report | WritingReport | ClientReport) -> str:
    """The whole file, a chapter for each of the report's parts."""
    picture = Thumbnails().address
    helpers = {"picture": picture, "svg": _svg, "table": _table, "frame": _frame, "assumptions": _assumptions}
    parts = report.parts if isinstance(report, ClientReport) else [report]
    columns = max(len(part.pairs) for part in parts)  # charts beside each other
    return _template("report.html.j2").render(report=report, parts=parts, columns=columns, **helpers).lstrip()


@cache
def _template(name: str) -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=_unbroken
    )
    return environment.get_template(name)


def _unbroken(value: object) -> object:
    """A number and its sign stay on one line."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _svg(figure: go.Figure, title: str, width: int = 900) -> Markup:
    return Markup(svg.draw(figure, width, title))  # which escapes every word


def _table(answer: Answer) -> list[list[str]]:
    """Head and rows of an answer's table, as words."""
    return _frame(answer.table.head(ROWS), answer.shares, answer.dollars)


def _frame(table: pd.DataFrame, shares: tuple[str, ...] = (), dollars: tuple[str, ...] = ()) -> list[list[str]]:
    """Head and rows as words; a share of the rows that a column n counts is as precise as they are."""
    kinds = [(column in shares, column in dollars) for column in table.columns]
    counts = table["n"] if "n" in table.columns else [FEW] * len(table)
    rows = zip(table.itertuples(index=False, name=None), counts)
    words = [[_cell(value, *kind, few=n < FEW) for kind, value in zip(kinds, row)] for row, n in rows]
    return [list(map(str, table.columns)), *words]


def _assumptions(rows: list[dict]) -> list[list[str]]:
    """What was assumed; what nobody gave, because it was measured or worked out, is left out."""
    cells = []
    for row in rows:
        share = row["unit"] == "share"
        if row["value"] is not None:
            cells.append([row["label"], _cell(row["value"], share, False), "" if share else row["unit"], row["note"]])
    return [["assumption", "value", "unit", "why"], *cells]


def _cell(value: object, share: bool, dollars: bool, few: bool = False) -> str:
    """A value as people write it: yes and no, thousands parted, nothing for nothing."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if share:
        return percent(value, digits=0 if few else 1)
    if dollars:
        return money(value)
    if isinstance(value, str):
        return value
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    return show(float(f"{value:.6g}")) if pd.api.types.is_number(value) else str(value)
