"""Tables for spreadsheets: CSV, and the workbook of a client report: a sheet a chart, numbers as numbers, no formulas."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from core.escape import Cells, defuse
from core.report.content import Report
from core.report.writing_report import WritingReport


def csv(table: pd.DataFrame) -> bytes:
    """The table as UTF-8 CSV with a byte-order mark (spreadsheets need it), formulas in cells defused."""
    out = io.StringIO(newline="")
    cells = Cells(out)
    cells.row(*table.columns)
    cells.rows(table.astype(object).where(table.notna(), None).itertuples(index=False, name=None))
    return out.getvalue().encode("utf-8-sig")


def workbook(report: Report | WritingReport) -> bytes:
    """The XLSX file: summary, every test asset in a row, then a sheet for each answer, assumptions and money steps."""
    sheets = {"Summary": report.summary, "results": report.results}
    sheets |= {answer.name: answer.table for _, some in report.chapters for answer in some}
    sheets |= report.more
    sheets["assumptions"] = pd.DataFrame(report.assumptions)[["label", "value", "unit", "note", "basis"]]
    sheets["formula sheet"] = report.sheet
    sheets["provenance"] = pd.DataFrame([*report.provenance, ("Teacher's terms", report.licence)])
    return written(sheets)


def written(sheets: Mapping[str, pd.DataFrame]) -> bytes:
    """An XLSX file of tables by the names of their sheets."""
    book = Workbook(write_only=True)
    for name, table in sheets.items():
        _sheet(book, name, table)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _sheet(book: Workbook, name: str, table: pd.DataFrame) -> None:
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", name)[:31])
    head = [WriteOnlyCell(sheet, _cell(str(column))) for column in table.columns]
    for cell in head:
        cell.font = Font(bold=True)
    sheet.append(head)
    for row in table.itertuples(index=False, name=None):
        sheet.append([_cell(value) for value in row])


def _cell(value: object) -> object:
    """Numbers as they are; text without what no workbook may hold, and never a formula."""
    if value is None or (not isinstance(value, (str, list, dict)) and pd.isna(value)):
        return None
    if isinstance(value, (bool, int, float)):
        return value
    if hasattr(value, "item"):
        return value.item()
    return defuse(ILLEGAL.sub("", str(value)))


ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
