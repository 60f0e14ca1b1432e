"""Excel workbooks and Parquet files as streams of rows, guarded against files that unpack to more than a machine holds."""

from __future__ import annotations

import datetime
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from core.errors import InputError

if TYPE_CHECKING:
    import openpyxl

    from core.ingest.files import Table

# A sheet of 500,000 rows unpacks to a few hundred MB at ten to thirty times its packed size; bombs reach a thousand.
MAX_UNPACKED = 1_000_000_000
MAX_STRINGS = 400_000_000
MAX_RATIO = 200
SMALL = 50_000_000  # below this the ratio does not matter
MAX_CELLS = 50_000_000
SHARED_STRINGS = "xl/sharedStrings.xml"


def check_workbook(path: Path) -> None:
    """Raise InputError for a workbook that unpacks to too much, defines entities, or is none.

    Sizes are read from the archive's directory, before anything is unpacked (zipfile never unpacks more than it says).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked = sum(m.file_size for m in members)
            strings = sum(m.file_size for m in members if m.filename == SHARED_STRINGS)
            ratio = unpacked / max(path.stat().st_size, 1)
            if unpacked > MAX_UNPACKED or strings > MAX_STRINGS or (unpacked > SMALL and ratio > MAX_RATIO):
                raise InputError(
                    f"The workbook unpacks to {unpacked / 1e6:,.0f} MB, more than a file of its size should; it was not opened.",
                    "Save the sheet as CSV (UTF-8) and import that.",
                    where=path.name,
                )
            if not any(m.filename.startswith("xl/") for m in members):
                raise _unreadable(path)
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    with archive.open(member) as handle:
                        _refuse_entities(handle)
    except (*_reading.FAILURES, expat.ExpatError) as error:
        raise _unreadable(path) from error


def _refuse_entities(handle: IO[bytes]) -> None:
    """Raise ValueError where XML has a DOCTYPE, the only place where entities that grow or point elsewhere can be defined.

    A workbook has none. Knowing that, its XML can be read by the fast parser rather than defusedxml's, six times slower.
    """
    parser, begun = expat.ParserCreate(), []

    def refuse(*_: object) -> None:
        raise ValueError("DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda *_: begun.append(True)
    while not begun and (block := handle.read(1 << 14)):
        parser.Parse(block)


def workbook_rows(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells as text) of the first visible sheet; a formula's cell is what was calculated last."""
    cells = 0
    with _reading(table.path) as book:
        page = next((sheet for sheet in book.worksheets if sheet.sheet_state == "visible"), None)
        if page is None:
            raise InputError(
                "The workbook has no visible sheet.",
                "Show the sheet with the data and save it again.",
                where=table.path.name,
            )
        total = page.max_row or 0
        page.reset_dimensions()  # the declared size may be wrong, or a trap
        for row, values in enumerate(page.iter_rows(values_only=True), 1):
            cells += len(values)
            if cells > MAX_CELLS:
                raise InputError(
                    f"The sheet has more than {MAX_CELLS:,} cells.",
                    "Delete the columns that are not needed and save it again.",
                    where=table.path.name,
                )
            table.share = min(row / total, 1.0) if total else 0.0
            yield row, [cell_text(value) for value in values]


class _reading:
    """openpyxl's read-only workbook, closed at the end, with its many ways to fail told as one sentence."""

    FAILURES = (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, ParseError),
        *(KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, OSError, EOFError, RuntimeError),
    )

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> openpyxl.Workbook:
        os.environ.setdefault("OPENPYXL_DEFUSEDXML", "False")  # see _refuse_entities
        import openpyxl  # a quarter of a second that other formats need not pay

        self.handle = self.path.open("rb")  # by its name, openpyxl would refuse a workbook called .csv
        try:
            self.book = openpyxl.load_workbook(self.handle, read_only=True, data_only=True, keep_links=False)
        except self.FAILURES as error:
            self.handle.close()
            raise _unreadable(self.path) from error
        return self.book

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self.book.close()
        self.handle.close()
        if kind is not None and issubclass(kind, self.FAILURES) and not issubclass(kind, InputError):
            raise _unreadable(self.path) from error


def _unreadable(path: Path) -> InputError:
    return InputError(
        "The file cannot be read as an Excel workbook.",
        "Open it in Excel, save it as .xlsx or CSV, and try again.",
        where=path.name,
    )


def parquet_rows(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells as text) of a Parquet file, the column names as row 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(table.path) as file:
            unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
            if unpacked > MAX_UNPACKED:
                raise InputError(
                    f"The file unpacks to {unpacked / 1e6:,.0f} MB.",
                    "Split it into several files.",
                    where=table.path.name,
                )
            yield 1, [str(name) for name in file.schema_arrow.names]
            row, total = 1, max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=5_000):
                for values in zip(*(column.to_pylist() for column in batch.columns)):
                    row += 1
                    yield row, [cell_text(value) for value in values]
                table.share = (row - 1) / total
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "The file cannot be read as Parquet.", "Save it as CSV (UTF-8).", where=table.path.name
        ) from error


def cell_text(value: Any) -> str:
    """A typed cell as the text a person would see: 3.0 is 3, a date is ISO 8601, nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
