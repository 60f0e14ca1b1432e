"""One row of an assets file to one asset: its id, text, split, labels and the other columns; what is wrong becomes a problem."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.asset_columns import ASSET_COLUMNS, COUNT, LATENCY, SHARE
from core.assets.label_columns import LabelColumns
from core.errors import InputError
from core.tables.columns import Mapping
from core.tables.files import Problems, Table
from core.tables.headers import LONGEST_PLACEHOLDER, is_placeholder
from core.tables.numbers import NumberColumn, proven_marks
from core.words import counted

MAX_TEXT = 20_000  # characters: some 5,000 tokens, ten times what any student here reads
MAX_ID = 200
MAX_EXTRA = 2_000  # characters kept of a column that plays no role
MAX_EXTRAS = 20_000  # and of all of them in one row
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("calibration", "calib", "validation", "valid", "val", "dev", "development"), "calibration"),
    **dict.fromkeys(("test", "testing", "holdout", "eval"), "test"),
}


@dataclass(frozen=True)
class Asset:
    """One readable row. `external_id` is None where the id comes from the text."""

    row: int
    external_id: str | None
    text: str
    split: str | None
    extra: dict[str, str]  # what stands in the columns that play no role
    label: str | None
    category: (
        str | None
    )  # the label of the category meant, where the label is not that itself; None as well without a taxonomy
    columns: dict[str, float | int | str | None]  # of each column of core/asset_columns.py that is kept as it is read
    gold: int | None
    family: str = ""  # the cell that says what belongs together


def join_text(cells: Iterable[str]) -> str:
    """The text of an asset: its non-empty text cells, a line break between them, at most 20,000 characters."""
    return "\n".join(stripped for cell in cells if (stripped := cell.strip()))[:MAX_TEXT]


def text_id(text: str) -> str:
    """The id of an asset that has none, before its occurrence number: "t-" and 16 hex characters of the text's SHA-256."""
    return "t-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def check(mapping: Mapping, table: Table) -> None:
    """Raise InputError where a mapped column is missing or no column is text."""
    named = [*mapping.text, *mapping.columns().values()]
    listed = ", ".join(table.columns)[:500]
    for column in named:
        if column not in table.columns:
            raise InputError(f"The file has no column {column}.", f"Choose from: {listed}.", where=table.path.name)
    if not mapping.text:
        raise InputError(
            "No column of text was found.", f"Name one text, or choose it from: {listed}.", where=table.path.name
        )


NUMBERS = {role: column.cells for role, column in ASSET_COLUMNS.items() if column.cells in (SHARE, COUNT, LATENCY)}
KEPT = [role for role, column in ASSET_COLUMNS.items() if column.cells]


def number_columns(mapping: Mapping, columns: Sequence[str], head: Sequence[Sequence[str]]) -> dict[str, NumberColumn]:
    """How each column of numbers is written, by role, learnt from a table's columns and first rows."""
    at = {name: place for place, name in enumerate(columns)}
    cells = {role: [row[at[column]] for row in head] for role, column in mapping.columns().items() if role in NUMBERS}
    marks = {role: proven_marks(column_cells) for role, column_cells in cells.items()}
    return {
        role: NumberColumn(
            getattr(mapping, role),
            NUMBERS[role],
            column_cells,
            unit=mapping.latency_unit,
            elsewhere=set().union(*(signs for other, signs in marks.items() if other != role)),
        )
        for role, column_cells in cells.items()
    }


class RowReader:
    """Reads rows of one table under one mapping. `labels` finds a label's category, None where there is no taxonomy."""

    def __init__(self, table: Table, mapping: Mapping, labels: LabelColumns | None, problems: Problems):
        self.problems, self.mapping, self._labels = problems, mapping, labels
        self.placeholders: Counter[str] = Counter()
        at = {name: place for place, name in enumerate(table.columns)}
        self._text = [at[name] for name in mapping.text]
        self._at = {role: at[name] for role, name in mapping.columns().items()}
        self._numbers = number_columns(mapping, table.columns, table.head)
        for column in self._numbers.values():
            column.tell(problems)
        # What belongs together stays a column as well: whether a campaign is new is asked of it later.
        used = {*self._text, *(place for role, place in self._at.items() if role != "family")}
        self._rest = [(name, place) for name, place in at.items() if place not in used]
        if "gold" in self._at and labels is None:
            problems.add(
                None,
                mapping.gold,
                "Gold labels were left out: there is no taxonomy yet that they could belong to.",
                "Import the taxonomy, then this file again.",
            )
            del self._at["gold"]

    def read(self, row: int, cells: list[str]) -> Asset | None:
        """The asset of a row; None, with a problem, where it cannot be used."""
        text = join_text([self._filled(cells[place]) for place in self._text])
        if not text:
            column = ", ".join(self.mapping.text)
            self.problems.add(
                row, column, "The row has no text; it was left out.", "Fill in the text or delete the row."
            )
            return None
        length = sum(len(cells[place]) for place in self._text)
        if length > MAX_TEXT:
            self.problems.add(
                row,
                ", ".join(self.mapping.text),
                f"The text has {length:,} characters; it was cut to {MAX_TEXT:,}.",
                "Shorten it if the end matters.",
            )
        external_id = self._cell("id", cells)
        if external_id is not None and len(external_id) > MAX_ID:
            self.problems.add(
                row,
                self.mapping.id,
                f"The id is longer than {MAX_ID} characters; the row was left out.",
                "Use a short id.",
            )
            return None
        if external_id is None and "id" in self._at:
            self.problems.add(
                row, self.mapping.id, "The row has no id; it was given one made from its text.", "Give every row an id."
            )
        label, category = self._label(row, cells)
        return Asset(
            row=row,
            external_id=external_id,
            text=text,
            split=self._split(row, cells),
            extra=self._extra(cells),
            label=label,
            category=category,
            columns={role: self._column_value(row, role, cells, label) for role in KEPT},
            gold=self._gold(row, cells),
            family=self._cell("family", cells) or "",
        )

    def _cell(self, role: str, cells: list[str]) -> str | None:
        place = self._at.get(role)
        return (self._filled(cells[place]) or None) if place is not None else None

    def _filled(self, cell: str) -> str:
        """A cell's text; "", counted, where it holds what reports write for nothing."""
        if len(cell) > LONGEST_PLACEHOLDER or not is_placeholder(cell):
            return cell
        self.placeholders[cell] += 1
        return ""

    def tell(self) -> None:
        """Say once what was taken as empty, after the last row."""
        if self.placeholders:
            shown = ", ".join(f"{cell} ({n:,})" for cell, n in self.placeholders.most_common(5))
            self.problems.remark(
                None,
                None,
                f"{counted(self.placeholders.total(), 'cell holds', 'cells hold')} only a mark for nothing, and counted as empty: "
                f"{shown}.",
                "Nothing, if that is right.",
            )

    def _label_cell(self, role: str, cells: list[str]) -> str | None:
        """A cell of labels; a category may be called n/a."""
        place = self._at.get(role)
        if place is None or not cells[place]:
            return None
        named = (
            self._labels is not None and is_placeholder(cells[place]) and self._labels(role, cells[place]) is not None
        )
        return cells[place] if named else self._cell(role, cells)

    def _label(self, row: int, cells: list[str]) -> tuple[str | None, str | None]:
        label = self._label_cell("label", cells)
        if label is None or self._labels is None:
            return label, None
        category, strange = self._labels.read("label", label)
        self._unknown(row, "label", strange, category)
        if category is None:
            return None, None
        meant = self._labels.label(category)
        return label, meant if meant != label else None

    def _gold(self, row: int, cells: list[str]) -> int | None:
        label = self._label_cell("gold", cells)
        category, strange = self._labels.read("gold", label) if label is not None else (None, ())
        self._unknown(row, "gold", strange, category)
        return category

    def _unknown(self, row: int, role: str, labels: tuple[str, ...], kept: int | None) -> None:
        """List the values of a cell that are no category; `kept`: what else it says, if anything."""
        for label in labels:
            shown = label if len(label) <= 60 else label[:59] + "…"
            without = "its other tags were kept" if kept is not None else "the asset was kept without it"
            self.problems.add(
                row,
                getattr(self.mapping, role),
                f"The label {shown} is no category of the taxonomy; {without}.",
                "Correct the label, or add the category to the taxonomy and import this file again.",
            )

    def _split(self, row: int, cells: list[str]) -> str | None:
        cell = self._cell("split", cells)
        split = SPLITS.get(cell.casefold()) if cell else None
        if cell and split is None:
            self.problems.add(
                row,
                self.mapping.split,
                f"The split {cell[:40]} is not known; the asset gets one later.",
                "Write train, calibration or test.",
            )
        return split

    def _column_value(self, row: int, role: str, cells: list[str], label: str | None) -> float | int | str | None:
        """A cell as what its column holds; what belongs to the label says nothing without one."""
        cell = self._cell(role, cells)
        if cell is None or (label is None and ASSET_COLUMNS[role].with_label):
            return None
        if role not in self._numbers:
            return cell[:MAX_EXTRA]
        value = self._numbers[role].read(cell, row, self.problems)
        return round(value) if value is not None and NUMBERS[role] == COUNT else value

    def _extra(self, cells: list[str]) -> dict[str, str]:
        extras, room = {}, MAX_EXTRAS
        for name, place in self._rest:
            if cells[place] and room > 0:
                extras[name] = cells[place][: min(MAX_EXTRA, room)]
                room -= len(extras[name])
        return extras
