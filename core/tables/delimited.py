"""Delimited text as rows, so that none is lost to a stray quotation mark.

    for number, cells in delimited_rows(table, "utf-8", dialects.sniff(path, "utf-8"), problems): ...

Lines are read one by one. A cell in quotation marks may go over several, where its marks close and what they take in are not
rows of their own; a mark that nothing closes, or that stands inside a cell, is text.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from core.errors import InputError
from core.tables.dialects import Dialect, agrees, clean, unescaped
from core.tables.problems import LINE_LIMIT, Problems, clean_cells
from core.words import counted

if TYPE_CHECKING:
    from core.tables.files import Table

RECORD_LINES = 2_000  # lines in one row; beyond this a quotation mark was left open
ROWS_INSIDE = 50  # lines with exactly a row's delimiters inside an open quotation: rows, not text
FEW_LINES = 4  # so few lines may have a row's delimiters by chance
MAX_MARKS, MAX_FITTED, MAX_CELLS = 60, 100_000, 100  # marks, characters, cells of a row whose reading is searched for


class _Lines:
    """Lines of a file that can be given back."""

    def __init__(self, handle: io.TextIOBase, name: str):
        self.handle, self.name = handle, name
        self.waiting: deque[str] = deque()

    def read(self) -> str:
        """The next line with its end, "" after the last. Raises InputError for one no table has."""
        if self.waiting:
            return self.waiting.popleft()
        line = self.handle.readline(LINE_LIMIT + 1)
        if len(line) > LINE_LIMIT:
            raise InputError(
                f"One line is longer than {LINE_LIMIT:,} characters.",
                "This is no table, or its line breaks are missing: export it again.",
                where=self.name,
            )
        return line

    def give_back(self, lines: list[str]) -> None:
        """Queue lines for reading again."""
        self.waiting.extendleft(reversed(lines))


def delimited_rows(
    table: Table, encoding: str, dialect: Dialect, problems: Problems, indents: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells) of a file; with `indents` the spaces before a text stay. Marks taken as text are said once."""
    size = table.path.stat().st_size
    with table.path.open("rb") as binary:
        lines = _Lines(io.TextIOWrapper(binary, encoding=encoding, errors="replace", newline=""), table.path.name)
        reader = _Rows(lines, replace(dialect, width=table.width or dialect.width))
        strip = str.rstrip if indents else str.strip
        for row, cells in enumerate(reader, 1):
            if not row % 64:
                table.share = binary.tell() / size
            if row < dialect.first:
                continue
            if reader.odd:
                cells = clean_cells(cells, row, problems)
            for what, todo in reader.remarks:
                problems.add(row, None, what, todo)
            reader.remarks.clear()
            yield row, [strip(cell) for cell in cells]
        table.share = 1.0
        if reader.joined:
            problems.remark(
                None,
                None,
                f"{counted(reader.joined, 'cell')} in quotation marks {'goes' if reader.joined == 1 else 'go'} over several lines.",
                "Nothing, if each is one text; else write marks that belong to a text twice.",
            )
        if reader.literal:
            problems.add(
                None,
                None,
                f"{counted(reader.literal, 'row has', 'rows have')} quotation marks that nothing closes or that stand inside a "
                f"text (first in row {reader.first_literal:,}); they were kept as text.",
                "Nothing, if the texts are right as they are.",
            )


class _Rows:
    """An iterator over the rows of lines under one dialect."""

    def __init__(self, lines: _Lines, dialect: Dialect):
        self.lines, self.dialect = lines, dialect
        self.literal = self.first_literal = self.row = 0
        self.joined = 0  # quotations over several lines in a table of one column
        self.odd = False  # a NUL or a character that could not be decoded is in the row
        self.remarks: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[list[str]]:
        read, delimiter, width = self.lines.read, self.dialect.delimiter, self.dialect.width
        escaped, quoted = self.dialect.marks == "backslash", self.dialect.marks == "quoted"
        while line := read():
            self.row += 1
            self.odd = "\0" in line or "\ufffd" in line
            if escaped and ("\\" in line or '"' in line):
                yield self._escaped(line)
            elif '"' not in line:
                yield line.rstrip("\r\n").split(delimiter)
            elif quoted and (cells := clean(line, delimiter)) is not None and len(cells) == width:
                yield cells
            else:
                yield self._marked(line)

    def _marked(self, line: str) -> list[str]:
        """The cells of a row that begins with this line and holds quotation marks."""
        width, bare = self.dialect.width, line.rstrip("\r\n")
        if self.dialect.marks == "text" and width > 1:
            cells = bare.split(self.dialect.delimiter)
            if len(cells) == width:
                self._count_literal(bare[0] == '"' or f'{self.dialect.delimiter}"' in bare)
                return cells
        cells, taken = self._gather(line)
        if cells is not None and len(taken) == 1:
            return cells if len(cells) == width else (self._fitted(bare) or cells)
        if cells is not None and len(taken) > 1 and len(cells) == width and not self._are_rows(taken):
            self.odd = any("\0" in one or "\ufffd" in one for one in taken)
            return cells
        self.lines.give_back(taken[1:])
        self._count_literal()
        fitted = self._fitted(bare)
        if fitted is None:
            fitted = self._over_lines(line)
        return fitted if fitted is not None else bare.split(self.dialect.delimiter)

    def _count_literal(self, is_so: bool = True) -> None:
        self.literal += is_so
        self.first_literal = self.first_literal or (self.row if is_so else 0)

    def _gather(self, line: str) -> tuple[list[str] | None, list[str]]:
        """The row that strict reading makes of this line and those its quotation takes in; None where it is not closed cleanly."""
        taken, length, inside = [line], len(line), 0
        delimiter, wanted = self.dialect.delimiter, self.dialect.width - 1

        def more() -> Iterator[str]:
            nonlocal length, inside
            yield line
            while len(taken) < RECORD_LINES and length <= LINE_LIMIT and inside < ROWS_INSIDE:
                following = self.lines.read()
                if not following:
                    return
                taken.append(following)
                length += len(following)
                inside = inside + 1 if wanted > 0 and following.count(delimiter) == wanted else 0
                yield following

        try:
            return next(csv.reader(more(), delimiter=delimiter, strict=True)), taken
        except (csv.Error, StopIteration):
            return None, taken

    def _are_rows(self, taken: list[str]) -> bool:
        """Whether lines that a quotation takes in are rows of their own: each reads as one, and looks like the others."""
        width, shapes = self.dialect.width, self.dialect.shapes
        if width < 2:
            self.joined += len(taken) <= 20
            return len(taken) > 20
        if self.dialect.opens and not all(line.startswith('"') for line in taken):
            return False
        for line in taken:
            cells = self._fitted(line.rstrip("\r\n"))
            if cells is None:
                return False
            fits = [agrees(shape, cell.strip()) for shape, cell in zip(shapes, cells) if shape]
            if fits and sum(fits) * 2 <= len(fits):
                return False
        if any(shapes) or len(taken) > FEW_LINES:
            return True
        self.remarks.append((
            f"A cell in quotation marks goes over {len(taken)} lines, each of which would make a row; it was kept as one cell.",
            "Write marks that belong to the text twice, if these are rows.",
        ))  # fmt: skip
        return False

    def _over_lines(self, line: str) -> list[str] | None:
        """A row with marks inside a quoted cell that goes over several lines; None where no reading has a row's width."""
        joined, taken = line, []
        for _ in range(20):
            following = self.lines.read()
            if not following:
                break
            taken.append(following)
            joined += following
            alone = following.rstrip("\r\n").split(self.dialect.delimiter)
            if len(alone) == self.dialect.width:
                break
            cells = self._fitted(joined.rstrip("\r\n"), quoted=True)
            if cells is not None:
                return cells
        self.lines.give_back(taken)
        return None

    def _fitted(self, text: str, quoted: bool = False) -> list[str] | None:
        return fitted(text, self.dialect.delimiter, self.dialect.width, self.dialect.marks == "text", quoted)

    def _escaped(self, line: str) -> list[str]:
        """The cells of a row with backslash escapes, over as many lines as a quotation or a backslash at a line's end takes in."""
        delimiter, width = self.dialect.delimiter, self.dialect.width
        joined, taken = line, []
        while True:
            cells = unescaped(joined.rstrip("\r\n"), delimiter)
            if cells is not None:
                break
            following = self.lines.read() if len(taken) < RECORD_LINES and len(joined) < LINE_LIMIT else ""
            alone = unescaped(following.rstrip("\r\n"), delimiter) if following else None
            if not following or (width > 1 and alone is not None and len(alone) == width):
                self.lines.give_back([*taken, following] if following else taken)
                self._count_literal()
                return line.rstrip("\r\n").split(delimiter)
            taken.append(following)
            joined += following
        self.odd = "\0" in joined or "\ufffd" in joined
        return cells


def fitted(text: str, delimiter: str, width: int, literal: bool = False, quoted: bool = False) -> list[str] | None:
    """The reading of a row with loose quotation marks that has `width` cells, the likeliest first; None where none has.

    A cell that opens with a mark ends at one that a delimiter or the end follows, or is text with its marks; with `literal` the
    latter goes first, with `quoted` at least one cell must be in marks.
    """
    if not 1 <= width <= MAX_CELLS or len(text) > MAX_FITTED or text.count('"') > MAX_MARKS:
        plain = text.split(delimiter)
        return plain if len(plain) == width and not quoted else None
    failed: set[tuple[int, int]] = set()
    closing = [m.start() for m in re.finditer(rf'"(?=[ ]*(?:{re.escape(delimiter)}|\Z))', text)]

    def readings(place: int) -> Iterator[tuple[str, int]]:
        """(cell, where the next begins; -1 at the end) for each way to read the cell that begins here."""
        cut = text.find(delimiter, place)
        plain = (text[place:cut] if cut >= 0 else text[place:], cut + 1 if cut >= 0 else -1)
        start = place + len(text[place:]) - len(text[place:].lstrip(" "))
        if text[start : start + 1] != '"' or delimiter == '"':
            yield plain
            return
        loose = []
        for end in closing:
            if end > start:
                inner = text[start + 1 : end]
                following = text.find(delimiter, end)
                candidate = (inner.replace('""', '"'), following + 1 if following >= 0 else -1)
                if '"' not in inner.replace('""', ""):
                    yield candidate
                elif re.search(r'(?<!")"(?!")', inner) and not _closes(inner):
                    loose.append(candidate)
        if literal:
            yield plain
        yield from loose
        if not literal:
            yield plain

    def search(place: int, left: int) -> list[str] | None:
        if (place, left) in failed:
            return None
        for cell, following in readings(place):
            if following < 0:
                if left == 1:
                    return [cell]
            elif left > 1 and (rest := search(following, left - 1)) is not None:
                return [cell, *rest]
        failed.add((place, left))
        return None

    cells = search(0, width)
    return None if cells is not None and quoted and cells == text.split(delimiter) else cells


def _closes(inner: str) -> bool:
    """Whether the first mark inside looks like the end of a quotation ("Big" sale), not the beginning of one (said "hi")."""
    at = re.search(r'(?<!")"(?!")', inner).start()
    before, after = inner[at - 1 : at], inner[at + 1 : at + 2]
    return bool(before.strip()) and not after.isalnum()
