"""How a delimited file is written: what parts its cells, what quotation marks and backslashes mean in it.

dialect = sniff(path, "utf-8", known)
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.errors import InputError
from core.tables.headers import is_number, squash
from core.tables.problems import LINE_LIMIT

DELIMITERS = ("\t", ";", "|", ",")  # a comma comes by chance more often than the others
NO_DELIMITER = "\x1f"  # for files of one column: a comma in their text splits nothing
DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "none": NO_DELIMITER}
SAMPLE = 200_000  # characters looked at
SAMPLE_LINES = 1_000
OPEN_ROWS = 3  # times the lines of the longest row that the sample's last one may be cut after
_SEP = re.compile(r'\ufeff?"?sep=(.)"?[\s;,]*$', re.IGNORECASE | re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

csv.field_size_limit(4 * LINE_LIMIT)


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `marks`: "quoted" (standard), "backslash" (escapes as databases write them) or "text" (no quoting).

    `width`: the cells most rows have; `shapes`: by column, what nearly all cells look like ("" where they differ); `opens`: nearly
    every row begins with a mark; `first`: the first line that belongs to the table (a line sep=; is passed over).
    """

    delimiter: str
    marks: str = "quoted"
    width: int = 0
    shapes: tuple[str, ...] = ()
    opens: bool = False
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


def sniff(path: Path, encoding: str, known: Collection[str] = (), named: str | None = None) -> Dialect:
    """The dialect of a file by its first 200,000 characters; `named` is the delimiter a person gave."""
    lines, first = _sample(path, encoding), 1
    if lines and (sep := _SEP.match(lines[0])):
        lines, first = lines[1:], 2
        named = named or sep[1]
    filled = [line for line in lines if line.strip()][:SAMPLE_LINES]
    backslashes = any("\\" in line for line in filled)
    dialects = [
        _Measure(filled, delimiter, marks, place)
        for place, delimiter in enumerate((named,) if named else DELIMITERS)
        for marks in (("quoted", "backslash") if backslashes else ("quoted",))
    ]
    best = max(dialects, key=lambda one: one.score)
    if named is None and not best.is_table(known):
        marks = "text" if any("," in line and '"' not in line for line in filled) else "quoted"
        return Dialect(NO_DELIMITER, marks, 1, first=first)
    marks = best.marks if best.marks == "backslash" or not best.unquoted() else "text"
    return Dialect(best.delimiter, marks, best.width, best.shapes(), best.opens(), first)


def _sample(path: Path, encoding: str) -> list[str]:
    with path.open(encoding=encoding, errors="replace", newline="") as handle:
        lines = list(io.StringIO(handle.read(SAMPLE), newline=""))
        if len(lines) > 1 and handle.read(1):
            lines.pop()
    return lines


class _Measure:
    """How well one delimiter, with one meaning of marks, explains the first lines."""

    def __init__(self, lines: list[str], delimiter: str, marks: str, place: int):
        if marks == "backslash":
            lines = _continued(lines)
        self.delimiter, self.marks, self.lines = delimiter, marks, lines
        alone = [self._alone(line) for line in lines]
        together = self._together()
        self.rows = [cells for cells in alone if cells]
        # A line with a stray mark has as many delimiters as any other.
        cut = [cells or line.split(delimiter) for cells, line in zip(alone, lines)]
        widths: Counter[int] = Counter()
        for cells, whole in zip(cut, alone):
            if len(cells) > 1:
                widths[len(cells)] += 1 if whole else 0.5
        joint = Counter(len(cells) for cells in together if len(cells) > 1)
        self.width, count = max(widths.items(), key=lambda one: (one[1], one[0]), default=(1, 0))
        self.share = count / max(len(lines), 1)
        if together and joint:  # where most rows go over several lines
            width, count = joint.most_common(1)[0]
            if count / len(together) > self.share:
                self.width, self.share, self.rows = width, count / len(together), together
        self.fitting = [cells for cells in self.rows if len(cells) == self.width]
        headed = self._headed()
        begins = 0.15 * (headed and len(cut[0]) == self.width)  # the header is the file's first line
        self.score = (round(self.share + begins, 1), headed, self.marks == "quoted", self.width, -place)
        if marks == "backslash":  # only where it explains more
            self.score = (round(self.share + begins - 0.05, 2), *self.score[1:])

    def _alone(self, line: str) -> list[str] | None:
        """The cells of a line by itself, None where it opens a quotation or is no clean row."""
        if self.marks == "backslash":
            return unescaped(line.rstrip("\r\n"), self.delimiter)
        if '"' not in line:
            return line.rstrip("\r\n").split(self.delimiter)
        return clean(line, self.delimiter)

    def _together(self) -> list[list[str]]:
        if self.marks == "backslash" or not any('"' in line for line in self.lines):
            return []
        rows, last, longest = [], 0, 0
        reader = csv.reader(self.lines, delimiter=self.delimiter, strict=True)
        try:
            for row in islice(reader, 300):
                longest, last = max(longest, reader.line_num - last), reader.line_num
                rows += [row] if any(row) else []
        except csv.Error:
            # The sample ends within a cell; where a mark is astray, what follows it is longer than any row.
            return rows if len(rows) > 2 and len(self.lines) - last <= OPEN_ROWS * longest else []
        return rows

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

    def opens(self) -> bool:
        """Whether nearly every line that is a row by itself begins with a mark."""
        rows = [line for line in self.lines if len(self._alone(line) or ()) == self.width]
        return bool(rows) and sum(line.startswith('"') for line in rows) >= 0.9 * len(rows)

    def shapes(self) -> tuple[str, ...]:
        """By column, what nine in ten cells look like: a number, a code such as a9, one of a few words; "" where nothing does."""
        rows = self.fitting[1:300]
        return tuple(_shape_of([cells[place].strip() for cells in rows]) for place in range(self.width))


def _continued(lines: list[str]) -> list[str]:
    """Lines with those put together that a backslash at their end continues."""
    joined, open_ = [], False
    for line in lines:
        bare = line.rstrip("\r\n")
        if open_:
            joined[-1] += line
        else:
            joined.append(line)
        open_ = (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
    return joined


def clean(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line that is a whole row with its marks in order, else None."""
    try:
        return next(csv.reader((line,), delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


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


def agrees(shape: str, cell: str) -> bool:
    return f"\n{cell}\n" in shape if "\n" in shape else _shape(cell) == shape


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
