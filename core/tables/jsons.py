"""JSON files of any shape as streams of rows with the fields as columns (json_values reads them, json_shapes knows the shapes)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.tables.json_shapes import fields, rows_of, text_of
from core.tables.json_values import load_whole, values
from core.tables.problems import Problems, clean_cells

if TYPE_CHECKING:
    from core.tables.files import Table

__all__ = ["json_rows", "load_whole", "text_of"]

HOW = 'Write one object a row: {"text": "...", "label": "..."}.'
LOOK_AHEAD = 1_000  # rows whose fields become the columns


def json_rows(table: Table, encoding: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields' names as row 0, then (line number or place in the list, cells in that order)."""
    records = _records(table, encoding, problems)
    first = list(islice(records, LOOK_AHEAD))
    if not first:
        raise InputError("The file holds no JSON object.", HOW, where=table.path.name)
    columns = list(dict.fromkeys(name for _, record in first for name in record))
    yield 0, columns
    known = set(columns)
    for row, record in chain(first, records):
        if late := record.keys() - known:
            known |= late
            problems.add(
                row,
                None,
                f"The field {', '.join(sorted(late))} first appears here; it was left out.",
                f"Give it to one of the first {LOOK_AHEAD:,} rows as well, as null if need be.",
            )
        cells = [record.get(name, "") for name in columns]
        if any("\0" in cell or "\ufffd" in cell for cell in cells):
            cells = clean_cells(cells, row, problems)
        yield row, cells


def _records(table: Table, encoding: str, problems: Problems) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (row, its cells by column); what is no row is listed."""
    header: list[str] | None = None
    for row, value in _rows(table, encoding, problems):
        if isinstance(value, dict):
            yield row, fields(value)
        elif isinstance(value, str) and value.strip():
            yield row, {"text": text_of(value)}
        elif isinstance(value, list) and header is None and value and all(isinstance(one, str) for one in value):
            header = _unique(value)
        elif isinstance(value, list) and header is not None and len(value) == len(header):
            yield row, {name: text_of(one) for name, one in zip(header, value)}
        else:
            table.left_out += 1
            problems.add(row, None, "The row is no JSON object; it was left out.", HOW)


def _unique(names: list[str]) -> list[str]:
    return [
        text_of(name) if name not in names[:place] else f"{text_of(name)} ({place + 1})"
        for place, name in enumerate(names)
    ]


def _rows(table: Table, encoding: str, problems: Problems) -> Iterator[tuple[int, Any]]:
    """The rows of the file; an object that is the whole file is opened."""

    def progress(share: float) -> None:
        table.share = share

    whole, records = values(table.path, encoding, progress)
    head = list(islice(records, 2)) if whole else []
    if len(head) != 1 or not isinstance(head[0][1], dict):
        yield from chain(head, records)
        return
    rows, name, left = rows_of(head[0][1])
    if left:
        problems.add(
            None,
            None,
            f"The list {name} was read; left unread: {', '.join(left)[:300]}.",
            "Import the other lists as files of their own if you need them.",
        )
    yield from enumerate(rows, 1)
