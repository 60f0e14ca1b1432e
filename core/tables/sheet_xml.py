"""The XML inside a workbook as streams: cells, shared strings, styles, each bounded before the parser takes memory for it.

Elements are known by their local names, so that Transitional, Strict and prefixed documents are read alike. Text reaches us in
pieces and is counted as it comes; what the parser would have to hold whole (a tag, a comment) may not outgrow MAX_TOKEN; and a
DOCTYPE, the only place where entities that grow or point elsewhere can be defined, is refused.
"""

from __future__ import annotations

import re
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO
from xml.parsers import expat

BLOCK = 1 << 16
MAX_TOKEN = 1_000_000  # bytes of one tag
MAX_CELL = 1_000_000  # characters; Excel itself holds 32,767
MAX_ROW = 4_000_000  # characters in one row, shared strings written out
MAX_WIDTH = 16_384  # columns of a sheet, Excel's own limit
MAX_STYLES = 100_000
MAX_MERGED = 200_000

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\ufffe\uffff]")
_ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
_FILLED = re.compile(rb"<(?:\w+:)?[vt][\s>]")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^<>]*?\bref\s*=\s*[\"']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})[\"']")


class TooMuch(Exception):
    """A part of the workbook holds more than a cell, a row or a tag may; `str` says what."""


def parsed(handle: IO[bytes], parser: expat.XMLParserType) -> Iterator[None]:
    """Feed a part to a parser block by block. Raises TooMuch, ValueError for a DOCTYPE, expat.ExpatError."""

    def refuse(*_: object) -> None:
        raise ValueError("DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    fed = 0
    while block := handle.read(BLOCK):
        parser.Parse(block)
        fed += len(block)
        if fed - max(parser.CurrentByteIndex, 0) > MAX_TOKEN:
            raise TooMuch("one tag is larger than a whole row may be")
        yield
    parser.Parse(b"", True)
    yield


def elements(handle: IO[bytes], element: Callable[[str, dict[str, str]], None]) -> None:
    """Call `element` with the local name and attributes (local names, too) of every element of a small part."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: element(
        _local(name), {_local(key): value for key, value in attributes.items()}
    )
    for _ in parsed(handle, parser):
        pass


def _local(name: str) -> str:
    return name[name.rfind(":") + 1 :]


def unescaped(text: str) -> str:
    """Text without Excel's own escapes: _x000D_ is a line break, _x005F_x000D_ is _x000D_; other controls are dropped."""
    if "_x" in text:
        text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
        if any("\ud800" <= c <= "\udfff" for c in text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = _CONTROL.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n")


class Strings:
    """A workbook's shared strings, read no further than was asked for and kept as bytes, not as objects."""

    def __init__(self, handle: IO[bytes] | None):
        self._bytes, self._ends = bytearray(), array("Q", [0])
        self._pieces: list[str] = []
        self._length = self._inside = 0
        self._taken = False
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        self._more = parsed(handle, parser) if handle is not None else (_ for _ in ())

    def __getitem__(self, place: int) -> str:
        if place < 0:
            raise IndexError(place)
        while place >= len(self._ends) - 1:
            try:
                next(self._more)
            except StopIteration:
                raise IndexError(place) from None
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Give the memory back: parser and strings hold each other."""
        self._more.close()
        self._bytes, self._ends = bytearray(), array("Q", [0])

    def _start(self, name: str, _: dict) -> None:
        name = _local(name)
        if name == "si":
            self._pieces, self._length = [], 0
        elif name == "rPh":  # how a Japanese text is pronounced
            self._inside += 1
        self._taken = name == "t" and not self._inside

    def _end(self, name: str) -> None:
        name = _local(name)
        self._taken = False
        if name == "rPh":
            self._inside -= 1
        elif name == "si":
            self._bytes += unescaped("".join(self._pieces)).encode("utf-8", "surrogatepass")
            self._ends.append(len(self._bytes))
            self._pieces = []

    def _text(self, text: str) -> None:
        if self._taken:
            self._pieces.append(text)
            self._length += len(text)
            if self._length > MAX_CELL:
                raise TooMuch(f"one cell holds more than {MAX_CELL:,} characters")


@dataclass
class SheetRow:
    """One row of a sheet: its number, its cells as (kind, style, text), and what is wrong with some of them.

    `wrong` holds (column, kind): an Excel error's name, or "" for a formula that was never calculated.
    """

    number: int
    hidden: bool = False
    cells: list[tuple[str, int, str]] = field(default_factory=list)
    wrong: list[tuple[int, str]] = field(default_factory=list)


BLANK = ("", 0, "")


class Rows:
    """Reads a sheet's rows one by one. `most` bytes are read of it at the most, where given."""

    def __init__(self, handle: IO[bytes], strings: Strings, most: int | None = None):
        self._handle, self._strings, self._most = handle, strings, most
        self._ready: list[SheetRow] = []
        self._row = SheetRow(0)
        self._kind = self._style = self._column = self._length = self._inside = 0
        self._formula = self._taken = False
        self._value: list[str] = []
        self._names: dict[str, str] = {}

    def __iter__(self) -> Iterator[SheetRow]:
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        for blocks, _ in enumerate(parsed(self._handle, parser), 1):
            ready, self._ready = deque(self._ready), []
            while ready:  # a row that was handed on is not held
                yield self._completed(ready.popleft())
            if self._most is not None and blocks * BLOCK > self._most:
                return

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = self._names.get(name) or self._names.setdefault(name, _local(name))
        if name == "c":
            place = attributes.get("r")
            self._column = column_of(place) if place else self._column + 1
            if self._column >= MAX_WIDTH:
                raise TooMuch(f"one row has more than {MAX_WIDTH:,} cells")
            self._kind, self._style = attributes.get("t", "n"), int(attributes.get("s", 0))
            self._value, self._length, self._formula = [], 0, False
        elif name == "v" or (name == "t" and not self._inside):
            self._taken = True
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._inside += 1
        elif name == "row":
            number = int(attributes.get("r", self._row.number + 1))
            self._row = SheetRow(number, attributes.get("hidden") in ("1", "true"))
            self._column = -1

    def _end(self, name: str) -> None:
        name = self._names[name]
        if name == "v" or name == "t":
            self._taken = False
        elif name == "c":
            self._cell()
        elif name == "rPh":
            self._inside -= 1
        elif name == "row":
            self._ready.append(self._row)

    def _text(self, text: str) -> None:
        if self._taken:
            self._value.append(text)
            self._length += len(text)
            if self._length > MAX_CELL:
                raise TooMuch(f"one cell, in row {self._row.number:,}, holds more than {MAX_CELL:,} characters")

    def _cell(self) -> None:
        text, kind = "".join(self._value), self._kind
        if kind in ("str", "inlineStr"):
            text = unescaped(text)
        elif kind == "e":
            self._row.wrong.append((self._column, text or "#ERROR"))
            text = ""
        elif self._formula and not text:
            self._row.wrong.append((self._column, ""))
        if not text:
            return
        cells = self._row.cells
        if self._column < len(cells):  # the same cell twice: the later one stands, as in Excel
            cells[self._column] = (kind, self._style, text)
            return
        cells.extend([BLANK] * (self._column - len(cells)))
        cells.append((kind, self._style, text))

    def _completed(self, row: SheetRow) -> SheetRow:
        """Put a row's shared strings in place, one row at a time: a small file may name a long string in every cell."""
        length = 0
        for place, (kind, style, text) in enumerate(row.cells):
            if kind == "s":
                text = self._strings[_place(text)]
                row.cells[place] = kind, style, text
            length += len(text)
            if length > MAX_ROW:
                raise TooMuch(f"row {row.number:,} holds more than {MAX_ROW:,} characters")
        return row


def _place(number: str) -> int:
    """The place of a shared string. Raises ValueError for one below the first, which Python would count from the end."""
    if (place := int(number)) < 0:
        raise ValueError
    return place


def column_of(place: str) -> int:
    """The column, from 0, of a cell's place such as AB12. Raises ValueError."""
    column = 0
    for c in place:
        if not "A" <= c <= "Z":
            break
        column = column * 26 + ord(c) - 64
    if not column:
        raise ValueError(place)
    return column - 1


def column_letters(column: int) -> str:
    """AB for 27."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@dataclass(frozen=True)
class Survey:
    """What the bytes of a sheet say without being parsed: rows that hold something, and cells merged downwards.

    `merged` maps a row to the (column, last row) of the merged cells that begin in it.
    """

    rows: int
    merged: dict[int, list[tuple[int, int]]]


def survey(handle: IO[bytes]) -> Survey:
    """Count a sheet's filled rows and find its merged cells, which stand behind all rows, at the speed of unpacking."""
    rows, merged, rest, merges = 0, {}, b"", 0
    while block := handle.read(1 << 20):
        data = rest + block
        starts = [m.start() for m in _ROW.finditer(data)]
        if starts:
            edges = pairwise(starts)
            rows += sum(_FILLED.search(data, start, end) is not None for start, end in edges)
            rest = data[starts[-1] :]
        else:
            rest = data
        if len(rest) > 4 * MAX_ROW:  # behind the last row, or a row that will be refused when it is read
            merges += _note_merged(rest[:-4096], merged)
            rest = rest[-4096:]
        if merges > MAX_MERGED:
            break
    rows += bool(_ROW.match(rest)) and _FILLED.search(rest) is not None
    _note_merged(rest, merged)
    return Survey(rows, merged)


def _note_merged(data: bytes, merged: dict[int, list[tuple[int, int]]]) -> int:
    count = 0
    for left, top, _, bottom in _MERGED.findall(data):
        if int(bottom) > int(top):
            merged.setdefault(int(top), []).append((column_of(left.decode()), int(bottom)))
        count += 1
    return count
