"""The values of a JSON file one after the other: JSON lines, one array, or objects written one behind the other.

Lists are read element by element, so that a file takes no more memory than its largest element; what must be read whole is
bounded by its size and by the number of values in it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.tables.problems import LINE_LIMIT

MAX_WHOLE = 50_000_000  # bytes of a file that is one object
MAX_VALUES = 6_000_000  # brackets and commas in it: each may stand for a value of some 60 to 100 bytes
READ = 1 << 16
LINES_TRIED = 50
BROKEN = object()  # a line that is no JSON

_decode = json.JSONDecoder().raw_decode


def values(path: Path, encoding: str, progress: Callable[[float], None]) -> tuple[bool, Iterator[tuple[int, Any]]]:
    """Whether the file may be one object, and its (row, value): line numbers of JSON lines, places in a list otherwise.

    BROKEN stands for a line that is no JSON. Raises InputError, also while it is iterated, for a file that is no JSON at all.
    """
    first, lines = _beginning(path, encoding)
    if lines:
        return False, _lines(path, encoding, progress)
    return first != "[", _streamed(path, encoding, progress, first)


def _streamed(path: Path, encoding: str, progress: Callable[[float], None], first: str) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as binary:
        stream = _Stream(io.TextIOWrapper(binary, encoding=encoding, errors="replace"), path.name)
        size = path.stat().st_size
        for row, value in enumerate(stream.elements() if first == "[" else stream.objects(size), 1):
            progress(min(binary.tell() / size, 1.0))
            yield row, value


def load_whole(path: Path, encoding: str) -> Any:
    """The value of a JSON file. Raises InputError where it is too large or no JSON."""
    if path.stat().st_size > MAX_WHOLE:
        raise _too_large(path.name)
    text = path.read_text(encoding=encoding, errors="replace")
    _must_be_few(text, path.name)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid(error.msg, error.lineno, error.colno, path.name) from error
    except (RecursionError, ValueError) as error:
        raise _too_deep(path.name) from error


def _beginning(path: Path, encoding: str) -> tuple[str, bool]:
    """The first character of the file, and whether most of its first lines are JSON values of their own."""
    tried = good = 0
    first = ""
    with path.open(encoding=encoding, errors="replace") as handle:
        for line in islice(iter(lambda: handle.readline(LINE_LIMIT), ""), 4 * LINES_TRIED):
            if not line.strip():
                continue
            first = first or line.lstrip()[0]
            tried += 1
            good += isinstance(_parsed(line), dict | list)
            if tried == LINES_TRIED or not line.endswith("\n"):
                break
    if tried == 1 and good:
        return first, False  # one line: a list, or one object
    return first, good * 2 >= tried or (first not in ("[", "{") and path.suffix.lower() != ".json")


def _lines(path: Path, encoding: str, progress: Callable[[float], None]) -> Iterator[tuple[int, Any]]:
    size, row = path.stat().st_size, 0
    with path.open("rb") as binary:
        handle = io.TextIOWrapper(binary, encoding=encoding, errors="replace")
        while line := handle.readline(LINE_LIMIT + 1):
            if len(line) > LINE_LIMIT:
                raise InputError(
                    f"One line is longer than {LINE_LIMIT:,} characters.",
                    "Write one JSON object a line.",
                    where=path.name,
                )
            row += 1
            progress(binary.tell() / size)
            if line.strip():
                yield row, _parsed(line)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line.rstrip().removesuffix(","))
    except (ValueError, RecursionError):
        return BROKEN


class _Stream:
    """Takes values out of a text that is read piece by piece."""

    def __init__(self, handle: io.TextIOBase, name: str):
        self.handle, self.name = handle, name
        self.text, self.place = "", 0
        self.line = 1  # of the first character of `text`
        self.ended = False

    def elements(self) -> Iterator[Any]:
        """The elements of every list in the file."""
        while self._skip():
            self._expect("[")
            comma = False
            while self._skip() != "]":
                if comma:
                    self._expect(",")
                    if self._skip() == "]":
                        break  # a comma behind the last one: forgiven
                yield self._value(LINE_LIMIT)
                comma = True
            self._expect("]")

    def objects(self, size: int) -> Iterator[Any]:
        """The objects of the file, with or without commas between them; the first may be the whole file."""
        most = LINE_LIMIT
        if size <= MAX_WHOLE:
            most = MAX_WHOLE
        while self._skip():
            yield self._value(most)
            if self._skip() == ",":
                self._expect(",")

    def _more(self, amount: int = READ) -> bool:
        block = "" if self.ended else self.handle.read(amount)
        self.ended = self.ended or not block
        if block:
            self.line += self.text.count("\n", 0, self.place)
            self.text, self.place = self.text[self.place :] + block, 0
        return bool(block)

    def _skip(self) -> str:
        """Pass over white space; the next character, "" at the end."""
        while True:
            while self.place < len(self.text):
                if not self.text[self.place].isspace() and self.text[self.place] != "\ufeff":
                    return self.text[self.place]
                self.place += 1
            if not self._more():
                return ""

    def _expect(self, character: str) -> None:
        if self._skip() != character:
            raise self._broken(f"Expecting '{character}'", self.place)
        self.place += 1

    def _value(self, most: int) -> Any:
        self._skip()
        while True:
            try:
                value, end = _decode(self.text, self.place)
                if end < len(self.text) or not self._more():  # a number may go on in the next piece
                    self.place = end
                    return value
            except json.JSONDecodeError as error:
                if self.ended or not (error.msg.startswith("Unterminated string") or error.pos > len(self.text) - 100):
                    raise self._broken(error.msg, error.pos) from error
                if len(self.text) - self.place > most:
                    raise _too_large(self.name) from error
                # Twice as much each time: what is read again and again stays in proportion.
                if not self._more(max(READ, len(self.text) - self.place)):
                    raise self._broken(error.msg, error.pos) from error
                if len(self.text) > LINE_LIMIT:
                    _must_be_few(self.text, self.name)
            except (RecursionError, ValueError) as error:
                raise _too_deep(self.name) from error

    def _broken(self, what: str, place: int) -> InputError:
        column = place - self.text.rfind("\n", 0, place)
        return _invalid(what, self.line + self.text.count("\n", 0, place), column, self.name)


def _must_be_few(text: str, name: str) -> None:
    if sum(map(text.count, "[{,")) > MAX_VALUES:
        raise _too_large(name)


def _too_large(name: str) -> InputError:
    return InputError(
        f"A JSON file of more than {MAX_WHOLE // 1_000_000} MB cannot be read in one piece, nor one of so many values.",
        "Write it as JSON lines, one object a line (.jsonl).",
        where=name,
    )


def _too_deep(name: str) -> InputError:
    return InputError("The file is no JSON that can be read.", "Export it again, less deeply nested.", where=name)


def _invalid(what: str, line: int, column: int, name: str) -> InputError:
    return InputError(
        f"The file is no valid JSON: {what} in line {line}, column {column}.",
        "Correct it there, or export it again.",
        where=name,
    )
