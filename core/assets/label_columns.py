"""The label columns of an assets file: each read as names or as codes throughout, and what is no category counted by its value.

What a person accepts for a value ("Disney" means Disney+) goes in as `accepted`, and the file is read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Values
from dataclasses import dataclass
from pathlib import Path

from core.asset_columns import ASSET_COLUMNS
from core.errors import InputError
from core.tables.columns import Mapping, fold
from core.tables.files import Problems, Table, open_table
from core.tables.headers import is_placeholder
from core.tables.names import same
from core.taxonomy.matching import Matcher

ROLES = ("label", "gold")
LISTED = 500  # values that are no category, of each column; the commonest


@dataclass(frozen=True)
class Unknown:
    """A value of a label column that is no category: on how many assets, and the labels it is near to (core/tables/names.py)."""

    column: str
    value: str
    assets: int
    near: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The value in words: 12 labels "Disney" are no category; near: Disney+."""
        many = f"{self.assets:,} labels “{short(self.value)}” are" if self.assets > 1 else f"“{short(self.value)}” is"
        return f"{many} no category; " + (f"near: {', '.join(self.near)}." if self.near else "none is near.")


class LabelColumns:
    """Reads the label columns of one table; `Mapping.labels_are` says which way, None finds out (as more values can be read).

    Raises InputError where as many values are names as codes and it makes a difference.
    """

    def __init__(self, table: Table, mapping: Mapping, matcher: Matcher):
        self._columns = {role: getattr(mapping, role) for role in ROLES if getattr(mapping, role)}
        counts: dict[str, Counter[str]] = {role: Counter() for role in self._columns}
        if mapping.labels_are is None and any(c.key for c in matcher.categories):  # else there is one way only
            at = {role: table.columns.index(column) for role, column in self._columns.items()}
            for _, cells in table.records(Problems()):
                for role, place in at.items():
                    counts[role][cells[place]] += 1
        try:
            self._match = {role: matcher.for_column(counts[role], mapping.labels_are) for role in self._columns}
        except InputError as error:
            raise InputError(error.what, error.todo, where=table.path.name) from error
        self.matcher = next(iter(self._match.values()), matcher)
        self._categories: dict[tuple[str, str], int | None] = {}
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._accepted = matcher.accepted
        self._taken: Counter[tuple[str, str]] = Counter()

    def __call__(self, role: str, value: str) -> int | None:
        """The category a cell means, None where it is none, which is counted unless the cell holds a mark for nothing."""
        if (role, value) not in self._categories:
            self._categories[role, value] = self._match[role](value)
        category = self._categories[role, value]
        if category is None and not is_empty(value):
            self._unknown[role, value] += 1
        elif category is not None and self._accepted and same(value) in self._accepted:
            self._taken[role, value] += 1
        return category

    def read(self, role: str, value: str) -> tuple[int | None, tuple[str, ...]]:
        """The category a cell means, and the values in it that are none; counted as above."""
        category = self(role, value)
        return category, (() if category is not None else (value,))

    def label(self, category_id: int) -> str:
        """The label of a category that was found."""
        return self.matcher.label(category_id)

    def meaning(self, role: str, value: str) -> str:
        """The label of the category that a value was taken for."""
        return self.label(self._categories[role, value])

    def tell(self, problems: Problems) -> None:
        """List what was taken for another category's label because a person accepted it, with how often."""
        for (role, value), n in self._taken.most_common(LISTED):
            many = f"{n:,} labels “{short(value)}” were" if n > 1 else f"1 label “{short(value)}” was"
            what = f"{many} taken as {self.meaning(role, value)}, as accepted."
            problems.remark(None, self._columns[role], what, "Correct them in the file if they mean another category.")

    def unknown(self) -> list[Unknown]:
        """The values that are no category, the commonest first."""
        counted = self._unknown.most_common(LISTED)
        if not counted:
            return []
        return _with_near([(self._columns[role], value, n) for (role, value), n in counted], self.matcher)


def of_facet(facet: str, columns: Sequence[str]) -> str | None:
    """The column that is called as a facet, or as its label: `format`, `format_label`, `recorded_format`; None where none is, or
    several are."""
    name = fold(facet)
    marks = {*map(fold, ASSET_COLUMNS["label"].names)}
    forms = {
        name,
        *(name + mark for mark in marks),
        *(mark + name for mark in marks),
        "recorded" + name,
        "teacher" + name,
    }
    exact = [column for column in columns if fold(column) == name]
    fitting = exact or [column for column in columns if fold(column) in forms]
    return fitting[0] if len(fitting) == 1 else None


def unknown_of(counts: Counter[str], column: str, matcher: Matcher) -> list[Unknown]:
    """The values of one column (with how often each stands there) that are no category, the commonest first."""
    strange = [
        (column, value, n) for value, n in counts.most_common() if not is_empty(value) and matcher(value) is None
    ]
    return _with_near(strange[:LISTED], matcher)


def _with_near(counted: Sequence[tuple[str, str, int]], matcher: Matcher) -> list[Unknown]:
    near = matcher.near([value for _, value, _ in counted])
    return [Unknown(column, value, n, near) for (column, value, n), near in zip(counted, near)]


def nearest(unknown: Iterable[Unknown]) -> dict[str, str]:
    """Value to label for each value that is near to one category only: what --accept-near takes."""
    return {one.value: one.near[0] for one in unknown if len(one.near) == 1}


def read_map(path: Path) -> dict[str, str]:
    """Value to label from a file of two columns, the value as the assets have it and the category it means. Raises InputError."""
    table = open_table(path, ("value", "label", "category"))
    if len(table.columns) < 2:
        raise InputError(
            "The file of label names has one column.", "Write value,category in each row.", where=path.name
        )
    problems = Problems()
    labels = {cells[0]: cells[1] for _, cells in table.records(problems, pad=True) if cells[0] and cells[1]}
    if problems.count or not labels:
        first = next((one for one in problems.listed if not one.remark), None)
        what = f"Row {first.row}: {first.what}" if first else "The file of label names says nothing."
        raise InputError(what, "Write value,category in each row.", where=path.name)
    return labels


def check_map(accepted: Values[str, str], matcher: Matcher) -> dict[str, str]:
    """The map with each label as the taxonomy has it. Raises InputError for one that is no category."""
    checked = {}
    for value, label in accepted.items():
        category = matcher(label)
        if category is None:
            raise InputError(
                f"“{short(label)}”, given for “{short(value)}”, is no category.", "Write a category's label."
            )
        checked[same(value)] = matcher.label(category)
    return checked


def is_empty(value: str) -> bool:
    """Whether there is nothing to ask about: what counts as empty where the file is read is never no category."""
    return not value.strip() or is_placeholder(value.strip())


def short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
