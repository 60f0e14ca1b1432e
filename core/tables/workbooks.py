"""Excel workbooks as streams of rows: the sheet that holds the table is found by what stands in it, the others are named.

    book = Workbook(path);  book.choose(known.__contains__, None);  for number, cells in book.rows(table, problems): ...

Nothing is unpacked that the archive's directory says is too much, and no cell, row or tag grows past its bound (sheet_xml).
"""

from __future__ import annotations

import lzma
import math
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from core.errors import InputError
from core.tables.cell_formats import EPOCH_1900, EPOCH_1904, Styles
from core.tables.problems import Doubt, Problems
from core.tables.sheet_xml import Rows, Strings, Survey, TooMuch, column_letters, elements, survey
from core.words import counted

if TYPE_CHECKING:
    from core.tables.files import Table

# A sheet of 500,000 rows unpacks to a few hundred MB at ten to thirty times its packed size; bombs reach a thousand.
MAX_UNPACKED = 1_000_000_000
MAX_STRINGS = 200_000_000
MAX_RATIO = 200
SMALL = 50_000_000  # below this the ratio does not matter
MAX_PARTS = 10_000
MAX_CELLS = 50_000_000
MAX_CHARACTERS = 2_000_000_000  # shared strings written out wherever they stand
MAX_SHEETS = 100  # looked into for a table
LOOK_ROWS, LOOK_BYTES = 60, 4_000_000  # of a sheet that is looked into
INDENT = "  "  # one step of a cell's indent, where indents are kept

_FAILURES = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, expat.ExpatError, EOFError, OSError),
    *(KeyError, ValueError, IndexError, OverflowError, NotImplementedError, RuntimeError),
)
# What else a ZIP archive may be, by the name of something in it.
_OTHERS = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
    ("word/", "a Word document"),
    ("ppt/", "a PowerPoint presentation"),
    ("content.xml", "an OpenDocument file"),
    ("Index/", "an Apple Numbers or Pages document"),
)


@dataclass(frozen=True)
class Sheet:
    """A sheet of cells: its name, the part of the archive it stands in, and whether a person sees its tab."""

    name: str
    part: str
    visible: bool


@dataclass(frozen=True)
class _Look:
    """What a look into a sheet found: how many rows it has (below a header), the first of all, and how much speaks for a table."""

    sheet: Sheet
    rows: int
    head: list[list[str]]
    header: tuple[str, ...]
    points: float
    table: bool


class Workbook:
    """An Excel workbook (.xlsx, .xlsm, .xltx; Transitional or Strict). Raises InputError for one that cannot be read.

    `indents` keeps spaces before a text and puts two for each step of a cell's indent.
    """

    def __init__(self, path: Path, indents: bool = False):
        self.path, self.indents = path, indents
        self.doubts: list[Doubt] = []
        self._left: list[_Look] = []
        with self._archive() as archive:
            self._check(archive)
            self._read_directory(archive)
        self.sheet = self.sheets[0]

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                yield archive
        except TooMuch as error:
            raise self._too_much(str(error)) from error
        except _FAILURES as error:
            raise InputError(
                "The file cannot be read as an Excel workbook.",
                "Open it in Excel, save it as .xlsx or CSV, and try again.",
                where=self.path.name,
            ) from error

    def _too_much(self, what: str) -> InputError:
        return InputError(
            f"The workbook holds more than can be read: {what}.",
            "Save the sheet as CSV (UTF-8) and import that.",
            where=self.path.name,
        )

    def _check(self, archive: zipfile.ZipFile) -> None:
        """Raise InputError by the sizes in the archive's directory (zipfile never unpacks more than it says) and its names."""
        members = archive.infolist()
        names = [member.filename for member in members]
        if not any(name.startswith("xl/") and name.endswith(".xml") for name in names):
            kind = next((kind for start, kind in _OTHERS if any(name.startswith(start) for name in names)), None)
            shown = ", ".join(name for name in names[:3] if len(name) < 100)
            raise InputError(
                f"The file is {kind}, not a table." if kind else f"The file is a ZIP archive ({shown}), not a table.",
                "Save it as CSV (UTF-8) or as an Excel workbook (.xlsx)."
                if kind
                else "Unpack it and import what it holds.",
                where=self.path.name,
            )
        unpacked = sum(member.file_size for member in members)
        ratio = unpacked / max(self.path.stat().st_size, 1)
        if unpacked > MAX_UNPACKED or (unpacked > SMALL and ratio > MAX_RATIO):
            raise InputError(
                f"The workbook unpacks to {unpacked / 1e6:,.0f} MB, more than a file of its size should; it was not opened.",
                "Save the sheet as CSV (UTF-8) and import that.",
                where=self.path.name,
            )
        if len(members) > MAX_PARTS:
            raise self._too_much(f"it has {len(members):,} parts")

    def _read_directory(self, archive: zipfile.ZipFile) -> None:
        """Find the sheets, the shared strings and the styles by the relations that name them, in either dialect."""
        self._names = {name.casefold(): name for name in archive.namelist()}
        top = self._relations(archive, "")
        book = next((target for kind, target in top.values() if kind == "officeDocument"), "xl/workbook.xml")
        parts = self._relations(archive, book)
        self._strings = next((target for kind, target in parts.values() if kind == "sharedStrings"), None)
        if (
            self._strings
            and self._has(self._strings)
            and archive.getinfo(self._part(self._strings)).file_size > MAX_STRINGS
        ):
            raise TooMuch(f"its shared strings unpack to more than {MAX_STRINGS // 1_000_000} MB")
        self.sheets: list[Sheet] = []
        epoch = EPOCH_1900

        def on_element(name: str, attributes: dict[str, str]) -> None:
            nonlocal epoch
            if name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                epoch = EPOCH_1904
            elif name == "sheet":
                kind, part = parts.get(attributes.get("id", ""), ("", ""))
                if kind == "worksheet":
                    self.sheets.append(
                        Sheet(attributes.get("name", ""), part, attributes.get("state", "visible") == "visible")
                    )

        with self._open(archive, book) as handle:
            elements(handle, on_element)
        if not self.sheets:
            raise InputError(
                "The workbook has no sheet of cells.", "Save the data as a sheet and try again.", where=self.path.name
            )
        styles = next((target for kind, target in parts.values() if kind == "styles"), None)
        if styles and self._has(styles):
            with self._open(archive, styles) as handle:
                self._styles = Styles(handle, epoch)
        else:
            self._styles = Styles(None, epoch)

    def _part(self, name: str) -> str:
        return self._names.get(name.casefold(), name)

    def _has(self, name: str) -> bool:
        return name.casefold() in self._names

    def _open(self, archive: zipfile.ZipFile, name: str) -> IO[bytes]:
        return archive.open(self._part(name))

    def _relations(self, archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
        """The relations of a part by their id: (last word of the type, the part meant)."""
        folder, name = posixpath.split(part)
        relations: dict[str, tuple[str, str]] = {}

        def on_relation(element: str, attributes: dict[str, str]) -> None:
            if element == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, attributes.get("Target", ""))).lstrip("/")
                relations[attributes.get("Id", "")] = (attributes.get("Type", "").rsplit("/", 1)[-1], target)

        try:
            with self._open(archive, posixpath.join(folder, "_rels", f"{name}.rels")) as handle:
                elements(handle, on_relation)
        except KeyError:
            pass
        return relations

    @contextmanager
    def _reading(self, sheet: Sheet, most: int | None = None) -> Iterator[Rows]:
        with self._archive() as archive, self._open(archive, sheet.part) as handle:
            if self._strings and self._has(self._strings):
                with self._open(archive, self._strings) as part, closing(Strings(part)) as strings:
                    yield Rows(handle, strings, most)
            else:
                yield Rows(handle, Strings(None), most)

    def _surveyed(self, sheet: Sheet) -> Survey:
        with self._archive() as archive, self._open(archive, sheet.part) as handle:
            return survey(handle)

    def choose(self, knows: Callable[[str], bool], name: str | None) -> None:
        """Take the sheet of that name, or the one where most speaks for a table; the others with rows become a doubt.

        `knows` tells the name of a column that is looked for. Raises InputError where no sheet has that name or holds a row.
        """
        looks = [look for sheet in self.sheets[:MAX_SHEETS] if (look := self._look(sheet, knows)).head]
        if name is not None:
            self.sheet = self._named(name)
        elif looks:
            self.sheet = _best(looks).sheet
        chosen = next((look for look in looks if look.sheet == self.sheet), None)
        self._left = [look for look in looks if look is not chosen]
        if not looks:
            raise InputError(
                "The file holds no rows.", "Choose a file with a header row and data below it.", where=self.path.name
            )
        if self._left:
            others = ", ".join(f"{look.sheet.name} ({_size(look)})" for look in self._left)
            self.doubts = [
                Doubt(
                    "sheet",
                    f"The workbook has {counted(len(looks), 'sheet')} with rows. Left unread: {others}.",
                    tuple(look.sheet.name for look in looks)
                    if chosen
                    else (self.sheet.name, *(one.sheet.name for one in looks)),
                    self.sheet.name,
                    tuple(
                        " | ".join(cell for cell in cells if cell)[:200]
                        for cells in (chosen.head[:3] if chosen else ())
                    ),
                )
            ]

    def _named(self, name: str) -> Sheet:
        for same in (lambda a: a == name, lambda a: a.strip().casefold() == name.strip().casefold()):
            if named := next((sheet for sheet in self.sheets if same(sheet.name)), None):
                return named
        listed = ", ".join(sheet.name for sheet in self.sheets)[:500]
        raise InputError(f"The workbook has no sheet {name}.", f"Choose from: {listed}.", where=self.path.name)

    def _look(self, sheet: Sheet, knows: Callable[[str], bool]) -> _Look:
        with self._reading(sheet, LOOK_BYTES) as rows:
            cells = ([self._styles.text(*cell).strip() for cell in row.cells] for row in rows)
            head = list(islice((one for one in cells if any(one)), LOOK_ROWS))
        count = len(head) if len(head) < LOOK_ROWS else self._surveyed(sheet).rows
        hits = [sum(map(knows, filter(None, set(cells)))) for cells in head[:30]]
        widths = sorted(sum(map(bool, cells)) for cells in head)
        header = head[hits.index(max(hits))] if hits else []
        table = bool(head) and (widths[len(widths) // 2] > 1 or max(hits) > 0)
        points = 2 * min(max(hits, default=0), 5) + math.log10(1 + count)
        points += 3 * (bool(widths) and widths[len(widths) // 2] > 1) + 2 * (_wordiest(head) > 20)
        return _Look(sheet, count - table, head, tuple(cell.casefold() for cell in header), points, table)

    def rows(self, table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells as text) of the chosen sheet; what is wrong with cells is listed."""
        self._tell(problems)
        seen, cells, characters, hidden, filled = self._surveyed(self.sheet), 0, 0, 0, 0
        merged = _Merged(seen.merged)
        with self._reading(self.sheet) as rows:
            for row in rows:
                values = [self._text(*cell) for cell in row.cells]
                cells += len(values)
                characters += sum(map(len, values))
                if cells > MAX_CELLS or characters > MAX_CHARACTERS:
                    raise TooMuch(f"the sheet has more than {MAX_CELLS:,} cells or {MAX_CHARACTERS:,} characters")
                for column, kind in row.wrong:
                    _wrong(row.number, column, kind, problems)
                if not any(values):
                    continue
                filled += 1
                hidden += row.hidden
                table.share = min(filled / max(seen.rows, 1), 1.0)
                yield row.number, merged.filled(row.number, values)
        if hidden:
            problems.add(
                None,
                None,
                f"{counted(hidden, 'hidden row')} of the sheet {'was' if hidden == 1 else 'were'} read as well.",
                "Delete hidden rows that do not belong to the table.",
            )

    def _text(self, kind: str, style: int, value: str) -> str:
        text = self._styles.text(kind, style, value)
        if not self.indents:
            return text.strip()
        level = self._styles.indents[style] if style < len(self._styles.indents) else 0
        return INDENT * level + text.rstrip() if text.strip() else ""

    def _tell(self, problems: Problems) -> None:
        left = [look for look in self._left if look.table and look.sheet.name]
        if left:
            names = ", ".join(f"{look.sheet.name} ({_size(look)})" for look in left)
            problems.add(
                None,
                None,
                f"The sheet {self.sheet.name} was read; left unread: {names}.",
                "Import the file once more for each sheet you need, with that sheet chosen.",
            )


class _Merged:
    """Gives cells that are merged downwards the value of the topmost, in rows that hold something of their own."""

    def __init__(self, begin: dict[int, list[tuple[int, int]]]):
        self._begin = begin
        self._open: dict[int, tuple[int, str]] = {}  # column -> last row, value

    def filled(self, number: int, cells: list[str]) -> list[str]:
        for column in [column for column, (last, _) in self._open.items() if last < number]:
            del self._open[column]
        for column, (_, value) in self._open.items():
            if column >= len(cells):
                cells.extend([""] * (column + 1 - len(cells)))
            cells[column] = cells[column] or value
        for column, last in self._begin.get(number, ()):
            if column < len(cells) and cells[column]:
                self._open[column] = last, cells[column]
        return cells


def _best(looks: list[_Look]) -> _Look:
    """The sheet where most speaks for a table: visible before hidden, and of several with one header the first."""
    shown = (
        [look for look in looks if look.sheet.visible and look.table] or [look for look in looks if look.table] or looks
    )
    best = max(shown, key=lambda look: look.points)
    return next(look for look in shown if look is best or (look.header == best.header and any(look.header)))


def _size(look: _Look) -> str:
    return counted(look.rows, "row") + ("" if look.sheet.visible else ", hidden")


def _wordiest(head: list[list[str]]) -> float:
    """The mean length of the cells of the column with the longest ones."""
    width = max(map(len, head), default=0)
    columns = ([cells[i] for cells in head if len(cells) > i and cells[i]] for i in range(min(width, 50)))
    return max((sum(map(len, column)) / len(head) for column in columns if column), default=0)


def _wrong(row: int, column: int, kind: str, problems: Problems) -> None:
    place = f"{column_letters(column)}{row}"
    if kind:
        problems.add(
            row,
            None,
            f"Cell {place} holds the error {kind}; it was left empty.",
            "Correct the formula and save the file.",
        )
    else:
        problems.add(
            row,
            None,
            f"Cell {place} holds a formula that was never calculated; it was left empty.",
            "Open the file in Excel, save it there, and import it again.",
        )
