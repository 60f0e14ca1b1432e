"""Tables of any common format, streamed row by row: CSV, TSV, XLSX, JSON lines, JSON, Parquet.

    table = open_table(Path("assets.csv"))
    for row, cells in table.records(problems): ...       # row as a spreadsheet shows it, cells in the order of table.columns

Encoding and delimiter are found, not asked for. What one row got wrong becomes a Problem of that row and the rest is read;
what makes the whole file unreadable is an InputError. Nothing here knows what the columns mean.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from core.errors import InputError
from core.tables import jsons, name_parts, parquets
from core.tables.cells import is_error
from core.tables.delimited import delimited_rows
from core.tables.dialects import named_delimiter, sniff
from core.tables.encodings import is_mojibake, look, named_encoding
from core.tables.headers import TOTAL_INITIALS, find_header, is_total, squash
from core.tables.problems import AS_FOUND, NO_HEADER, Doubt, Problems, ReadAs
from core.tables.workbooks import Workbook
from core.words import counted

MAX_BYTES = 200_000_000
MAX_ROWS = 500_000
MAX_COLUMNS = 1_000
HEAD = 200  # rows read ahead
HEAD_CELL = 4_000  # characters of each of their cells
TAIL = 200  # rows at the end of a file that may be notes
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")


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
        self.left_out = 0  # rows that records() listed instead of yielding
        self.aside = 0  # those of them that are no rows of the table: totals, notes, column names once more
        self.header_row = 0
        self.named = True  # whether a row holds the column names
        self.above: list[str] = []  # the rows before it
        self.names: list[str] = []  # as the file writes them
        self.usual = 0  # cells that most rows fill
        self.mojibake = False  # most accented texts are UTF-8 read as something else
        self.escaped = False  # & is written as &amp; throughout
        self.columns: list[str] = []
        self.head: list[list[str]] = []  # the cells of the first rows, to show and to guess from
        self.width = 0  # columns of the file itself; others come of names that are taken apart
        self.rule: name_parts.Rule | None = None  # how they are
        self._names_at = 0  # the place of the column that holds them

    def read_header(self, known: Collection[str]) -> None:
        """Find the row of column names among the first rows (see headers); a row that a person named is taken as it is."""
        raw = islice(self._raw(self, Problems()), HEAD)
        head = [(row, [cell[:HEAD_CELL] for cell in cells]) for row, cells in raw if any(cells)]
        if not head:
            raise InputError(
                "The file holds no rows.", "Choose a file with a header row and data below it.", where=self.path.name
            )
        place = self._header_place(head, known)
        begin = place + 1 if self.named else place
        self.header_row = head[place][0] if self.named else head[place][0] - 1
        self.above = [" ".join(filter(None, cells)) for _, cells in head[:place]]
        header = head[place][1] if self.named else [""] * max(len(cells) for _, cells in head[begin:])
        width = len(header)
        while width and not header[width - 1] and not any(len(c) >= width and c[width - 1] for _, c in head[begin:]):
            width -= 1
        if width > MAX_COLUMNS:
            raise InputError(
                f"The file has {width:,} columns, at most {MAX_COLUMNS:,} can be read.",
                "Delete the columns that are not needed.",
                where=self.path.name,
            )
        body = [[*cells, *[""] * width][:width] for _, cells in head[begin:]]
        self.escaped = _is_escaped([header, *body])
        self.columns = _column_names([_unescaped(cell) for cell in header[:width]] if self.escaped else header[:width])
        self.head = [[_unescaped(cell) for cell in cells] for cells in body] if self.escaped else body
        self.usual = sorted(len(cells) - cells.count("") for cells in body)[3 * len(body) // 4] if body else 0
        if self.kind in ("json", "parquet"):  # they hold rows alone
            self.usual = 0
        self.names = header[:width] if self.named and width > 1 else []
        self.head = [cells for cells in self.head if not (self.usual > 1 and is_total(cells, self.usual))]
        accented = [cell for cells in self.head for cell in cells if not cell.isascii()]
        self.mojibake = bool(accented) and sum(map(is_mojibake, accented)) >= 0.8 * len(accented)
        self.width = len(self.columns)
        if self.read_as.names:
            self._take_apart(self.read_as.names)
        self.share = 0.0

    def _take_apart(self, column: str) -> None:
        """Add the parts of a column's names as columns. InputError where there is no such column, or its names follow no rule."""
        if column not in self.columns:
            raise InputError(
                f"There is no column '{column}'.", f"The columns are: {', '.join(self.columns)}.", where=self.path.name
            )
        self._names_at = self.columns.index(column)
        rule = name_parts.told(column, [cells[self._names_at] for cells in self.head])
        if rule is None:
            raise InputError(
                f"The names in {column} follow no one rule, by position (brand_product_format) or by key (format:UGC - market:DE).",
                "Name another column, or import the file without taking names apart.",
                where=self.path.name,
            )
        columns = _column_names([*self.columns, *rule.parts])
        self.rule = replace(rule, parts=tuple(columns[self.width :]))
        self.columns = columns
        self.head = [cells + self._parts(cells) for cells in self.head]

    def _parts(self, cells: list[str]) -> list[str]:
        """What a row's name says, "" throughout where the rule does not explain it."""
        if self.rule is None:
            return []
        values = self.rule.apart(cells[self._names_at])
        return [""] * len(self.rule.parts) if values is None else values

    def _header_place(self, head: list[tuple[int, list[str]]], known: Collection[str]) -> int:
        """The place in `head` of the column names, or of the first row where there are none (`named` says which)."""
        if self.kind in ("json", "parquet"):
            return 0
        header = find_header(head, known)
        place = header.others[0] if header.place is None else header.place
        self.named = header.place is not None
        if (wanted := self.read_as.header) is not None:
            self.named = wanted > 0
            place = next((i for i, (row, _) in enumerate(head) if row == wanted), -1) if wanted else 0
            if place < 0:
                raise InputError(
                    f"Row {wanted} is empty or not among the first {HEAD}.",
                    "Name the row that holds the column names.",
                    where=self.path.name,
                )
        if not header.sure:
            self.doubts.append(self._header_doubt(head, place))
        return place

    def _header_doubt(self, head: list[tuple[int, list[str]]], place: int) -> Doubt:
        row = head[place][0]
        rows = sorted({row, *(number for number, _ in head[:10])})
        what = (
            f"Row {row} is taken for the column names."
            if self.named
            else "No row looks like column names; all are read as data."
        )
        lines = tuple(
            f"{number}: {' | '.join(cells)[:200]}" for number, cells in head[max(place - 1, 0) : max(place - 1, 0) + 3]
        )
        return Doubt("header", what, (NO_HEADER, *map(str, rows)), str(row) if self.named else NO_HEADER, lines)

    def records(self, problems: Problems, *, pad: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells), one cell a column. Blank rows are skipped; ragged ones, totals and notes below the table are
        counted in `left_out` and listed in `problems`, as is once what stands above it.

        With `pad`, rows that end early are filled up with empty cells instead (hand-written lists).
        """
        self.left_out = self.aside = 0
        pad = pad or self.kind not in ("csv", "tsv")
        if self.above:
            problems.remark(
                None,
                None,
                f"{counted(len(self.above), 'row')} above the column names {'was' if len(self.above) == 1 else 'were'} left out: "
                f"{'; '.join(self.above)[:150]}.",
                "If they belong to the table, say which row holds the column names.",
            )
        if self.mojibake:
            problems.add(
                None,
                None,
                "The texts look as if they had been turned into another encoding once too often (Ã© for é, â€™ for ’); they were "
                "kept as they stand.",
                "Export them again from where they come from, as UTF-8.",
            )
        decoded = 0
        unexplained: list[int] = []
        for row, cells in self._without_tail(problems):
            fitted = self._fit(row, cells, problems, pad)
            if fitted is None:
                continue
            if self.escaped and any("&" in cell for cell in fitted):
                fitted = [_unescaped(cell) for cell in fitted]
                decoded += 1
            if any(map(is_error, fitted)):
                fitted = self._without_errors(row, fitted, problems)
            if self.rule:
                fitted = [*fitted, *(parts := self._parts(fitted))]
                if not any(parts):
                    unexplained.append(row)
            yield row, fitted
        if unexplained:
            self._tell_unexplained(unexplained, problems)
        if decoded:
            problems.remark(
                None,
                None,
                f"The file writes & as &amp; and the like; {counted(decoded, 'row was', 'rows were')} turned into plain text.",
                "Nothing, if the texts are right as they are.",
            )

    def _tell_unexplained(self, rows: list[int], problems: Problems) -> None:
        first = ", ".join(map(str, rows[:5])) + (" …" if len(rows) > 5 else "")
        names = counted(len(rows), "name is", "names are")
        problems.add(
            rows[0],
            self.rule.column,
            f"{names} not made as the others (row {first}), so nothing was read from {'it' if len(rows) == 1 else 'them'}.",
            "Correct the names if their parts are wanted; the rows themselves are read.",
        )

    def _without_tail(self, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, without totals and without notes at the end: sparse rows below a blank one or `Name:`."""
        waiting: list[tuple[int, list[str]]] = []
        before, gaps = self.header_row, 0
        for row, cells in self._raw(self, problems):
            if row <= self.header_row or not any(cells):
                continue
            gap, before = row - before > 1, row
            gaps += gap
            if self.usual > 1:
                if self.names and cells == self.names:
                    self._leave_out(row, cells, "The row repeats the column names", problems)
                    continue
                if cells[0][:1] in TOTAL_INITIALS and is_total(cells, self.usual):
                    self._leave_out(row, cells, "The row is a total of the report", problems)
                    continue
                below = gap or bool(waiting)
                if gaps < 4 and len(waiting) < TAIL and self._may_be_note(cells, below):
                    waiting.append((row, cells))
                    continue
            if waiting:
                yield from waiting
                waiting = []
            yield row, cells
        for row, cells in waiting:
            self._leave_out(row, cells, "The row is a note below the table", problems)

    def _may_be_note(self, cells: list[str], below: bool) -> bool:
        """Whether a row fills so few cells that it may be a note: `below` a blank row or other notes, or beginning `Name:`."""
        filled = len(cells) - cells.count("")
        if cells[0].endswith(":"):
            return below or filled < self.usual
        return below and filled <= max(1, self.usual // 2)

    def _leave_out(self, row: int, cells: list[str], what: str, problems: Problems) -> None:
        self.left_out += 1
        self.aside += 1
        shown = ", ".join(cell for cell in cells if cell)[:80]
        problems.remark(row, None, f"{what} ({shown}); it was left out.", "Nothing, if that is right.")

    def _fit(self, row: int, cells: list[str], problems: Problems, pad: bool) -> list[str] | None:
        """Cells as many as columns; None, with a problem, for a ragged row."""
        width = self.width
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]
        if len(cells) < width and pad:
            cells = cells + [""] * (width - len(cells))
        if len(cells) == width:
            return cells
        self.left_out += 1
        problems.add(
            row,
            None,
            f"The row has {len(cells)} cell{'s' * (len(cells) != 1)}, the header has {width}; it was left out.",
            "Put text that holds the delimiter or a line break in quotation marks and give every column its cell.",
        )
        return None

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
        detected = look(path)
        encoding = named_encoding(read_as.encoding) if read_as.encoding else detected.encoding
        if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
            table = Table(
                path, "json", encoding, lambda table, problems: jsons.json_rows(table, encoding, problems), read_as
            )
        else:
            named = named_delimiter(read_as.delimiter) if read_as.delimiter else None
            dialect = sniff(path, encoding, known, named)
            table = Table(
                path,
                "tsv" if dialect.delimiter == "\t" else "csv",
                f"{encoding}, {dialect.delimiter!r}",
                lambda table, problems: delimited_rows(table, encoding, dialect, problems, indents),
                read_as,
            )
        if detected.doubt:
            chosen = read_as.encoding or detected.encoding
            choices = tuple(dict.fromkeys((*detected.doubt.choices, chosen)))
            table.doubts.append(replace(detected.doubt, choices=choices, chosen=chosen))
    table.read_header(known)
    return table


def _is_escaped(rows: list[list[str]]) -> bool:
    """Whether every & of these rows begins an entity such as &amp; or &#39;, and there is one."""
    marked = [cell for cells in rows for cell in cells if "&" in cell]
    return bool(marked) and not any("&" in _ENTITY.sub("", cell) for cell in marked) and any(map(_changes, marked))


def _changes(cell: str) -> bool:
    return _unescaped(cell) != cell


def _unescaped(cell: str) -> str:
    """Text with its entities as the characters they mean."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), cell)


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
