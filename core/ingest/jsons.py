"""JSON lines, and JSON files that hold a list of objects, as streams of rows with the fields as columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.ingest.cells import cell_text
from core.ingest.problems import LINE_LIMIT, Problems, clean_cells

if TYPE_CHECKING:
    from core.ingest.files import Table

HOW = 'Write one object a row: {"text": "...", "label": "..."}.'
MAX_WHOLE = 50_000_000  # a JSON file that is one value is read whole, which takes some ten times its size
LOOK_AHEAD = 1_000  # rows whose fields become the columns


def json_rows(table: Table, encoding: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields' names as row 0, then (line number or place in the list, cells in that order)."""
    objects = _objects(table, encoding, problems)
    first = list(islice(objects, LOOK_AHEAD))
    if not first:
        raise InputError("The file holds no JSON object.", HOW, where=table.path.name)
    columns = list(dict.fromkeys(name for _, record in first for name in record))
    yield 0, [text_of(name) for name in columns]
    known = set(columns)
    for row, record in chain(first, objects):
        if late := record.keys() - known:
            known |= late
            problems.add(
                row,
                None,
                f"The field {', '.join(sorted(map(text_of, late)))} first appears here; it was left out.",
                f"Give it to one of the first {LOOK_AHEAD:,} rows as well, as null if need be.",
            )
        cells = [text_of(record.get(name)) for name in columns]
        if any("\0" in cell or "\ufffd" in cell for cell in cells):
            cells = clean_cells(cells, row, problems)
        yield row, cells


def load_whole(path: Path, encoding: str) -> Any:
    """The value of a JSON file. Raises InputError where it is too large or no JSON."""
    if path.stat().st_size > MAX_WHOLE:
        raise InputError(
            f"A JSON file of more than {MAX_WHOLE // 1_000_000} MB cannot be read in one piece.",
            "Write it as JSON lines, one object a line (.jsonl).",
            where=path.name,
        )
    try:
        return json.loads(path.read_text(encoding=encoding, errors="replace"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"The file is no valid JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Correct it there, or export it again.",
            where=path.name,
        ) from error
    except (RecursionError, ValueError) as error:
        raise InputError(
            "The file is no JSON that can be read.", "Export it again, less deeply nested.", where=path.name
        ) from error


def _objects(table: Table, encoding: str, problems: Problems) -> Iterator[tuple[int, dict]]:
    path, size = table.path, table.path.stat().st_size
    with path.open(encoding=encoding, errors="replace") as handle:
        first, more = handle.readline(LINE_LIMIT), handle.readline(LINE_LIMIT).strip()
    whole = path.suffix.lower() == ".json" and not (more and _is_object(first))
    if whole:
        value = load_whole(path, encoding)
        rows = next((v for v in value.values() if isinstance(v, list)), [value]) if isinstance(value, dict) else value
        lines: Iterator[tuple[int, Any]] = enumerate(rows if isinstance(rows, list) else [rows], 1)
        for row, record in lines:
            table.share = row / max(len(rows), 1)
            if isinstance(record, dict):
                yield row, record
            else:
                _not_an_object(table, problems, row)
        return
    with path.open("rb") as binary:
        for row, line in enumerate(_lines(binary, encoding, path.name), 1):
            table.share = binary.tell() / size
            if not line.strip():
                continue
            record = _parsed(line)
            if isinstance(record, dict):
                yield row, record
            else:
                _not_an_object(table, problems, row)


def _lines(binary: Any, encoding: str, name: str) -> Iterator[str]:
    handle = io.TextIOWrapper(binary, encoding=encoding, errors="replace")
    while line := handle.readline(LINE_LIMIT + 1):
        if len(line) > LINE_LIMIT:
            raise InputError(
                f"One line is longer than {LINE_LIMIT:,} characters.", "Write one JSON object a line.", where=name
            )
        yield line


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_object(line: str) -> bool:
    return isinstance(_parsed(line), dict)


def _not_an_object(table: Table, problems: Problems, row: int) -> None:
    table.left_out += 1
    problems.add(
        row,
        None,
        "The row is no JSON object; it was left out.",
        HOW,
    )


def text_of(value: Any) -> str:
    """A JSON value as one cell: nested values as JSON; half a surrogate pair, which no file can hold, as \ufffd."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    text = cell_text(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
