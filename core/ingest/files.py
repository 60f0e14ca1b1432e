"""Tables of any common format, streamed row by row: CSV, TSV, XLSX, JSON lines, JSON, Parquet.

    table = open_table(Path("assets.csv"))
    for row, cells in table.records(problems): ...       # row as a spreadsheet shows it, cells in the order of table.columns

Encoding and delimiter are found, not asked for. What one row got wrong becomes a Problem of that row and the rest is read;
what makes the whole file unreadable is an InputError. Nothing here knows what the columns mean.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import deque
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from core.errors import InputError
from core.ingest import jsons, parquets
from core.ingest.cells import is_error
from core.ingest.encodings import find_encoding, named_encoding
from core.ingest.problems import AS_FOUND, LINE_LIMIT, Doubt, Problems, ReadAs, clean_cells
from core.ingest.workbooks import Workbook

MAX_BYTES = 200_000_000
MAX_ROWS = 500_000
MAX_COLUMNS = 1_000
RECORD_LINES = 2_000  # lines in one row; beyond this a quotation mark was left open
HEAD = 200  # rows read ahead
HEAD_CELL = 4_000  # characters of each of their cells
HEADER_DEPTH = 10  # rows looked at for the header: some files open with a title
DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x1f"  # for files of one column: a comma in their text splits nothing

DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "none": NO_DELIMITER}

csv.field_size_limit(4 * LINE_LIMIT)


def squash(text: str) -> str:
    """Letters and digits only, in one case: how names are compared. "Asset ID", "asset_id" and "assetId" are one."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def defuse(cell: str) -> str:
    """A cell safe to open in a spreadsheet: text that would run as a formula gets a leading apostrophe; numbers stay.

    So does text that would run without the apostrophes it begins with: `undefuse` gives back exactly what went in.
    """
    return "'" + cell if _runs(cell.lstrip("'")) else cell


def undefuse(cell: str) -> str:
    """A cell without the one apostrophe that `defuse` put before it."""
    return cell[1:] if cell.startswith("'") and _runs(cell.lstrip("'")) else cell


def _runs(cell: str) -> bool:
    head = cell.lstrip(" ")[:1]
    if not head or head not in "=+-@\t\r\n＝＋－＠":
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


class Table:
    """An opened file: its columns, and its rows as often as wanted. `share` says how much of the file was read so far."""

    def __init__(
        self,
        path: Path,
        kind: str,
        detail: str,
        raw: Callable[[Table, Problems], Iterator[tuple[int, list[str]]]],
        read_as: ReadAs = AS_FOUND,
    ):
        self.path, self.kind, self.detail, self.read_as = path, kind, detail, read_as
        self.doubts: list[Doubt] = []  # what the file leaves open, for a person to settle by `read_as`
        self._raw = raw
        self.share = 0.0
        self.left_out = 0  # rows that records() listed as problems instead of yielding
        self.header_row = 0
        self.columns: list[str] = []
        self.head: list[list[str]] = []  # the cells of the first rows, to show and to guess from

    def read_header(self, known: Collection[str]) -> None:
        """Find the header among the first rows: row one, unless a later one holds names we know and row one none.

        A row that a person named is taken as it is.
        """
        raw = islice(self._raw(self, Problems()), HEAD)
        head = [(row, [cell[:HEAD_CELL] for cell in cells]) for row, cells in raw if any(cells)]
        if not head:
            raise InputError(
                "The file holds no rows.", "Choose a file with a header row and data below it.", where=self.path.name
            )
        scores = [sum(squash(cell) in known for cell in cells) for _, cells in head[:HEADER_DEPTH]]
        best = 0 if scores[0] else max(range(len(scores)), key=lambda i: (scores[i], -i))
        if self.read_as.header is not None:
            best = next((i for i, (row, _) in enumerate(head) if row == self.read_as.header), -1)
            if best < 0:
                raise InputError(
                    f"Row {self.read_as.header} is empty or not among the first {HEAD}.",
                    "Name the row that holds the column names.",
                    where=self.path.name,
                )
        self.header_row, header = head[best]
        width = len(header)
        while (
            width and not header[width - 1] and not any(len(c) >= width and c[width - 1] for _, c in head[best + 1 :])
        ):
            width -= 1
        if width > MAX_COLUMNS:
            raise InputError(
                f"The file has {width:,} columns, at most {MAX_COLUMNS:,} can be read.",
                "Delete the columns that are not needed.",
                where=self.path.name,
            )
        self.columns = _column_names(header[:width])
        self.head = [[*cells, *[""] * width][:width] for _, cells in head[best + 1 :]]
        self.share = 0.0

    def records(self, problems: Problems, *, pad: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells), one cell a column; blank rows are skipped, ragged ones listed in `problems`.

        With `pad`, rows that end early are filled up with empty cells instead (hand-written lists).
        """
        width, self.left_out = len(self.columns), 0
        pad = pad or self.kind not in ("csv", "tsv")
        for row, cells in self._raw(self, problems):
            if row <= self.header_row or not any(cells):
                continue
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            if len(cells) < width and pad:
                cells = cells + [""] * (width - len(cells))
            if len(cells) != width:
                self.left_out += 1
                problems.add(
                    row,
                    None,
                    f"The row has {len(cells)} cell{'s' * (len(cells) != 1)}, the header has {width}; it was left out.",
                    "Put text that holds the delimiter or a line break in quotation marks and give every column its cell.",
                )
                continue
            if any(map(is_error, cells)):
                cells = self._without_errors(row, cells, problems)
            yield row, cells

    def _without_errors(self, row: int, cells: list[str], problems: Problems) -> list[str]:
        """Cells with a spreadsheet's errors (#NAME?, #N/A) left empty, each of them listed."""
        for column, cell in zip(self.columns, cells):
            if is_error(cell):
                problems.add(
                    row,
                    column,
                    f"The cell holds the error {cell[:20]}; it was left empty.",
                    "Correct the formula, or the column's width, and export the file again.",
                )
        return ["" if is_error(cell) else cell for cell in cells]


def open_table(
    path: Path,
    known: Collection[str] = (),
    *,
    read_as: ReadAs = AS_FOUND,
    max_bytes: int = MAX_BYTES,
    indents: bool = False,
) -> Table:
    """Open a table file of any supported format; `known` are squashed column names that mark the header row.

    `indents` keeps the spaces before a cell's text (lists that show their levels so); elsewhere they are taken off.

    What `read_as` leaves open is found out; where the file leaves a doubt, it stands in the table's `doubts`.
    Raises InputError where the file is missing, empty, too large, binary or of a format that cannot be read, and where
    `read_as` asks for what is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("There is no such file.", "Check the path.", where=str(path))
    size = path.stat().st_size
    if size == 0:
        raise InputError("The file is empty.", "Export it again and check that it holds rows.", where=path.name)
    if size > max_bytes:
        raise InputError(
            f"The file is {size / 1e6:,.0f} MB, at most {max_bytes / 1e6:,.0f} MB can be read.",
            "Split it into several files and import them one after the other.",
            where=path.name,
        )
    with path.open("rb") as handle:
        start = handle.read(8)
    if start.startswith(b"PK\x03\x04"):
        book = Workbook(path, indents)
        book.choose(lambda cell: squash(cell) in known, read_as.sheet)
        table = Table(path, "xlsx", f"Excel, sheet {book.sheet.name}", book.rows, read_as)
        table.doubts = book.doubts
    elif start.startswith(b"PAR1"):
        table = Table(path, "parquet", "Parquet", parquets.parquet_rows, read_as)
    else:
        encoding = named_encoding(read_as.encoding) if read_as.encoding else find_encoding(path)
        if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
            table = Table(
                path, "json", encoding, lambda table, problems: jsons.json_rows(table, encoding, problems), read_as
            )
        else:
            delimiter = named_delimiter(read_as.delimiter) if read_as.delimiter else find_delimiter(path, encoding)
            table = Table(
                path,
                "tsv" if delimiter == "\t" else "csv",
                f"{encoding}, {delimiter!r}",
                lambda table, problems: _delimited_rows(table, encoding, delimiter, problems, indents),
                read_as,
            )
    table.read_header(known)
    return table


def named_delimiter(name: str) -> str:
    """The delimiter a person named: tab, comma, semicolon, pipe, none, or the character itself. Raises InputError."""
    delimiter = DELIMITER_NAMES.get(name.strip().casefold(), name)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"{name} is no delimiter.",
            f"Write one character, or one of: {', '.join(DELIMITER_NAMES)}.",
            where="delimiter",
        )
    return delimiter


def find_delimiter(path: Path, encoding: str) -> str:
    """The delimiter under which most of the first rows have as many cells as the header, and the header the most cells."""
    with path.open(encoding=encoding, errors="replace", newline="") as handle:
        lines = list(io.StringIO(handle.read(200_000), newline=""))
        if len(lines) > 1 and handle.read(1):
            lines.pop()
    best, best_score = NO_DELIMITER, (0.0, 0)
    for delimiter in DELIMITERS:
        records = [r for r in islice(csv.reader(iter(lines), delimiter=delimiter), 100) if any(r)]
        widths = [len(r) for r in records]
        if not widths or widths[0] < 2:
            continue
        score = (round(sum(w == widths[0] for w in widths) / len(widths), 1), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


class _Lines:
    """Lines for csv.reader that remember the current row's, so that a quotation mark left open costs one row, not the file."""

    def __init__(self, handle: io.TextIOBase, name: str):
        self.handle, self.name = handle, name
        self.waiting: deque[str] = deque()
        self.begin_row()

    def begin_row(self) -> None:
        """Forget the row before."""
        self.row_lines: list[str] = []
        self.length = 0
        self.cut_short = False
        self.odd = False  # a NUL or a character that could not be decoded is in the row

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        # csv.reader asks for another line of a row only inside an open quotation: ending it here gives the row back.
        over = len(self.row_lines) >= RECORD_LINES or self.length > LINE_LIMIT
        line = "" if over else (self.waiting.popleft() if self.waiting else self.handle.readline(LINE_LIMIT + 1))
        if not line:
            self.cut_short = bool(self.row_lines)
            raise StopIteration
        if len(line) > LINE_LIMIT:
            raise InputError(
                f"One line is longer than {LINE_LIMIT:,} characters.",
                "This is no table, or its line breaks are missing: export it again.",
                where=self.name,
            )
        self.row_lines.append(line)
        self.length += len(line)
        if "\0" in line or "\ufffd" in line:
            self.odd = True
        return line

    def give_back(self) -> None:
        """Queue all lines of the current row but the first for reading again."""
        self.waiting.extendleft(reversed(self.row_lines[1:]))


def _delimited_rows(
    table: Table, encoding: str, delimiter: str, problems: Problems, indents: bool = False
) -> Iterator[tuple[int, list[str]]]:
    size = table.path.stat().st_size
    with table.path.open("rb") as binary:
        lines = _Lines(io.TextIOWrapper(binary, encoding=encoding, errors="replace", newline=""), table.path.name)
        reader = csv.reader(lines, delimiter=delimiter)
        row = 0
        while True:
            lines.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            row += 1
            table.share = binary.tell() / size
            if lines.cut_short:
                problems.add(
                    row,
                    None,
                    "A quotation mark is opened in this row and never closed; the row was left out.",
                    "Close it, or write it twice where it belongs to the text.",
                )
                lines.give_back()
                table.left_out += 1
                continue
            if lines.odd:
                cells = clean_cells(cells, row, problems)
            yield row, [cell.rstrip() if indents else cell.strip() for cell in cells]


def _column_names(header: list[str]) -> list[str]:
    """Unique names: empty ones become "column 3", repeated ones "text (2)"."""
    names: list[str] = []
    taken: set[str] = set()
    for position, cell in enumerate(header, 1):
        base = " ".join(cell.split())[:100] or f"column {position}"
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base} ({count})"
        taken.add(name)
        names.append(name)
    return names
