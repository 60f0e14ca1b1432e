"""Delimited text as rows: what parts the cells, what quotation marks mean in it, and how no row is lost to a stray mark.

    dialect = sniff(path, "utf-8", known);  for number, cells in delimited_rows(table, "utf-8", dialect, problems): ...

Lines are read one by one. A cell in quotation marks may go over several, where its marks close and what they take in are not
rows of their own; a mark that nothing closes, or that stands inside a cell, is text.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from core.ingest.headers import is_number, squash
from core.ingest.problems import LINE_LIMIT, Problems, clean_cells
from core.words import counted

if TYPE_CHECKING:
    from core.ingest.files import Table

DELIMITERS = ("\t", ";", "|", ",")  # a comma comes by chance more often than the others
NO_DELIMITER = "\x1f"  # for files of one column: a comma in their text splits nothing
DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "none": NO_DELIMITER}
SAMPLE = 200_000  # characters looked at
SAMPLE_LINES = 1_000
RECORD_LINES = 2_000  # lines in one row; beyond this a quotation mark was left open
ROWS_INSIDE = 50  # lines with exactly a row's delimiters inside an open quotation: rows, not text
FEW_LINES = 4  # so few lines may have a row's delimiters by chance
MAX_MARKS, MAX_FITTED, MAX_CELLS = 60, 100_000, 100  # marks, characters, cells of a row whose reading is searched for
_SEP = re.compile(r'\ufeff?"?sep=(.)"?[\s;,]*$', re.IGNORECASE | re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

csv.field_size_limit(4 * LINE_LIMIT)


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `marks`: "quoted" (standard), "backslash" (escapes as databases write them) or "text" (no quoting).

    `width`: the cells most rows have; `shapes`: by column, what nearly every cell looks like ("" where they differ); `first`: the
    first line that belongs to the table (a line sep=; is passed over).
    """

    delimiter: str
    marks: str = "quoted"
    width: int = 0
    shapes: tuple[str, ...] = ()
    first: int = 1


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


# --- finding out ----------------------------------------------------------------------------------------------------


def sniff(path: Path, encoding: str, known: Collection[str] = (), named: str | None = None) -> Dialect:
    """The dialect of a file by its first 200,000 characters; `named` is the delimiter a person gave."""
    lines, first = _sample(path, encoding), 1
    if lines and (sep := _SEP.match(lines[0])):
        lines, first = lines[1:], 2
        named = named or sep[1]
    filled = [line for line in lines if line.strip()][:SAMPLE_LINES]
    backslashes = any("\\" in line for line in filled)
    found = [
        _Measure(filled, delimiter, marks, place)
        for place, delimiter in enumerate((named,) if named else DELIMITERS)
        for marks in (("quoted", "backslash") if backslashes else ("quoted",))
    ]
    best = max(found, key=lambda one: one.score)
    if named is None and not best.is_table(known):
        marks = "text" if any("," in line and '"' not in line for line in filled) else "quoted"
        return Dialect(NO_DELIMITER, marks, 1, first=first)
    marks = best.marks if best.marks == "backslash" or not best.unquoted() else "text"
    return Dialect(best.delimiter, marks, best.width, best.shapes(), first)


def _sample(path: Path, encoding: str) -> list[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as handle:
        lines = list(io.StringIO(handle.read(SAMPLE), newline=""))
        if len(lines) > 1 and handle.read(1):
            lines.pop()
    return lines


class _Measure:
    """How well one delimiter, with one meaning of marks, explains the first lines."""

    def __init__(self, lines: list[str], delimiter: str, marks: str, place: int):
        self.delimiter, self.marks, self.lines = delimiter, marks, lines
        alone = [self._alone(line) for line in lines]
        together = self._together()
        self.rows = [cells for cells in alone if cells]
        widths = Counter(len(cells) for cells in self.rows if len(cells) > 1)
        joint = Counter(len(cells) for cells in together if len(cells) > 1)
        self.width, count = max(widths.items(), key=lambda one: (one[1], one[0]), default=(1, 0))
        self.share = count / max(len(lines), 1)
        if together and joint:  # where most rows go over several lines
            width, count = joint.most_common(1)[0]
            if count / len(together) > self.share:
                self.width, self.share, self.rows = width, count / len(together), together
        self.fitting = [cells for cells in self.rows if len(cells) == self.width]
        self.score = (round(self.share, 1), self._headed(), self.marks == "quoted", self.width, -place)
        if marks == "backslash":  # only where it explains more
            self.score = (round(self.share - 0.05, 2), *self.score[1:])

    def _alone(self, line: str) -> list[str] | None:
        """The cells of a line by itself, None where it opens a quotation or is no clean row."""
        if self.marks == "backslash":
            return unescaped(line.rstrip("\r\n"), self.delimiter)
        if '"' not in line:
            return line.rstrip("\r\n").split(self.delimiter)
        try:
            return next(csv.reader([line], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            return None

    def _together(self) -> list[list[str]]:
        if self.marks == "backslash" or not any('"' in line for line in self.lines):
            return []
        try:
            return [
                row for row in islice(csv.reader(self.lines, delimiter=self.delimiter, strict=True), 300) if any(row)
            ]
        except csv.Error:
            return []

    def _headed(self) -> bool:
        """Whether the first row of that width could be column names."""
        head = [cell.strip() for cell in self.fitting[0]] if self.fitting else []
        return bool(head) and all(head) and len(set(head)) == len(head) and not any(map(is_number, head))

    def is_table(self, known: Collection[str]) -> bool:
        """Whether this is a table of several columns, rather than lines of text that happen to hold the delimiter."""
        if self.width < 2:
            return False
        first = self.rows[0] if self.rows else []
        if len(first) == self.width and self.share >= 0.5:
            return True
        prose = sum(cell.startswith(" ") for cells in self.fitting for cell in cells[1:])
        prose = self.delimiter in ",;|" and prose > 0.5 * sum(len(cells) - 1 for cells in self.fitting)
        heads = any(squash(cell) in known for cells in self.rows[:100] if len(cells) > 1 for cell in cells)
        if prose or (len(first) == 1 and squash(first[0]) in known and not heads):
            return False
        return self.share >= 0.5 or self._headed() or heads

    def unquoted(self) -> bool:
        """Whether the file is written without quoting: marks hold nothing together, and some of them do not close or are text.

        A tab-separated file counts as such as well where only some of its cells stand in marks that they would not need.
        """
        needed = needless = broken = 0
        for line in self.lines:
            if '"' not in line:
                continue
            cells = self._alone(line)
            if cells is None:
                broken += 1
                continue
            for raw in re.findall(rf'(?:^|{re.escape(self.delimiter)})"((?:[^"]|"")*)"', line):
                wanted = self.delimiter in raw or '""' in raw or (self.delimiter == "\t" and "," in raw)
                needed, needless = needed + wanted, needless + (not wanted)
        if needed:
            return False
        if broken:
            return needless < 2 * broken and not any(len(r) == self.width for r in self._together()[1:])
        quoted = sum('"' in line for line in self.lines)
        return self.delimiter == "\t" and needless > 0 and quoted < 0.5 * len(self.lines)

    def shapes(self) -> tuple[str, ...]:
        """By column, what nine in ten cells look like: a number, a code such as a9, one of a few words; "" where nothing does."""
        rows = self.fitting[1:300]
        return tuple(_shape_of([cells[place].strip() for cells in rows]) for place in range(self.width))


def _shape(cell: str) -> str:
    """A code's letters as a, its digits as 9, runs as one; "" for text of several words or without a digit."""
    if " " in cell or not any(c.isdigit() for c in cell):
        return ""
    return re.sub(
        r"9+", "9", re.sub(r"a+", "a", "".join("9" if c.isdigit() else "a" if c.isalpha() else c for c in cell))
    )


def _shape_of(cells: list[str]) -> str:
    filled = [cell for cell in cells if cell]
    if len(filled) < 3:
        return ""
    shape, count = Counter(map(_shape, filled)).most_common(1)[0]
    if shape and count >= 0.9 * len(filled):
        return shape
    if len(filled) >= 6 and len(words := set(filled)) <= min(50, len(filled) // 3) and max(map(len, words)) < 60:
        return "\n".join(("", *words, ""))  # one of these
    return ""


def _agrees(shape: str, cell: str) -> bool:
    return f"\n{cell}\n" in shape if "\n" in shape else _shape(cell) == shape


# --- reading --------------------------------------------------------------------------------------------------------


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
        reader = _Rows(lines, replace(dialect, width=len(table.columns) or dialect.width))
        strip = str.rstrip if indents else str.strip
        for row, cells in enumerate(reader, 1):
            if not row % 64:
                table.share = binary.tell() / size
            if row < dialect.first:
                continue
            if reader.odd:
                cells = clean_cells(cells, row, problems)
            for what, todo in reader.told:
                problems.add(row, None, what, todo)
            reader.told.clear()
            yield row, [strip(cell) for cell in cells]
        table.share = 1.0
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
        self.odd = False  # a NUL or a character that could not be decoded is in the row
        self.told: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[list[str]]:
        read, delimiter = self.lines.read, self.dialect.delimiter
        escaped = self.dialect.marks == "backslash"
        while line := read():
            self.row += 1
            self.odd = "\0" in line or "\ufffd" in line
            if escaped and ("\\" in line or '"' in line):
                yield self._escaped(line)
            elif '"' not in line:
                yield line.rstrip("\r\n").split(delimiter)
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
            return len(taken) > 20
        alike = 0
        for line in taken[1:]:
            cells = self._fitted(line.rstrip("\r\n"))
            if cells is None:
                return False
            fits = [_agrees(shape, cell.strip()) for shape, cell in zip(shapes, cells) if shape]
            if fits and sum(fits) * 2 <= len(fits):
                return False
            alike += bool(fits)
        if self._fitted(taken[0].rstrip("\r\n")) is None:
            return False
        if alike == len(taken) - 1 or len(taken) > FEW_LINES:
            return True
        self.told.append((
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


def unescaped(text: str, delimiter: str) -> list[str] | None:
    r"""The cells of a row written with backslash escapes (\", \, \\ \n \t); None where a quotation or an escape is not closed."""
    cells, place = [], 0
    quoted, bare = _patterns(delimiter)
    while True:
        match = quoted.match(text, place)
        if match is None:
            if text[place : place + 1] == '"':
                return None
            match = bare.match(text, place)
        cell, end = match[1], match.end(1) if match.re is bare else match.end()
        if match.re is bare and end < len(text) and text[end] != delimiter:
            return None  # a backslash at the very end
        cells.append(
            re.sub(r"\\(.)", lambda m: _meant(m[1], delimiter), cell, flags=re.DOTALL) if "\\" in cell else cell
        )
        if match.re is quoted:
            cells[-1] = cells[-1].replace('""', '"')
        if cell == "\\N":  # a database's word for nothing
            cells[-1] = ""
        if end >= len(text):
            return cells
        place = end + 1


def _meant(character: str, delimiter: str) -> str:
    if character in ('"', "\\", "'", "\n", "\r", delimiter):
        return character
    return _ESCAPES.get(character, "\\" + character)


_known_patterns: dict[str, tuple[re.Pattern, re.Pattern]] = {}


def _patterns(delimiter: str) -> tuple[re.Pattern, re.Pattern]:
    if delimiter not in _known_patterns:
        d = re.escape(delimiter)
        quoted = rf'"((?:[^"\\]|\\.|"")*+)"(?={d}|\Z)'
        _known_patterns[delimiter] = re.compile(quoted, re.DOTALL), re.compile(rf"((?:[^\\{d}]|\\.)*+)", re.DOTALL)
    return _known_patterns[delimiter]


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
                found = (inner.replace('""', '"'), following + 1 if following >= 0 else -1)
                if '"' not in inner.replace('""', ""):
                    yield found
                elif re.search(r'(?<!")"(?!")', inner) and not _closes(inner):
                    loose.append(found)
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
