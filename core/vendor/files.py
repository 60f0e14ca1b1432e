"""A vendor's answers from a file: which column holds what, and each row to an asset of the set and a category, or why not.

Every answer is one of four: exact, mapped (a near miss that can mean one category only), off list, or empty. Where an asset may
have several tags, an answer is whole or it is none: one tag that is no category puts it off the list. What one row got wrong
becomes a Problem of that row; what makes the file useless as a whole is an InputError.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from core.asset_columns import ASSET_COLUMNS
from core.assets import tag_columns
from core.assets.ids import AS_TEXT, Ids
from core.assets.label_columns import LISTED
from core.errors import InputError, Problem
from core.tables.columns import guess_roles, known
from core.tables.files import AS_FOUND, Doubt, Problems, ReadAs, Table, open_table
from core.tables.numbers import AMOUNT, LATENCY, SHARE, NumberColumn, unit_of
from core.taxonomy.categories import StoredCategory
from core.taxonomy.matching import Matcher

NAMES: dict[str, tuple[str, ...]] = {
    "id": ASSET_COLUMNS["id"].names,
    "label": (
        "vendorlabel",
        "answer",
        "vendoranswer",
        "vendorcategory",
        *ASSET_COLUMNS["label"].names,
        "output",
        "result",
    ),
    "confidence": ("vendorconfidence", *ASSET_COLUMNS["confidence"].names),
    # A column called "latency" is neither: its unit is chosen, not guessed.
    "latency_ms": ("vendorlatencyms", *(name for name in ASSET_COLUMNS["latency_ms"].names if unit_of(name) == "ms")),
    "latency_s": ("vendorlatencys", *(name for name in ASSET_COLUMNS["latency_ms"].names if unit_of(name) == "s"))
    + ("durations", "seconds"),
    "usd": ("priceusd", "usd", "costusd", "priceperasset", "costperasset", "usdperasset", "unitprice", "price", "cost"),
    "usd_per_1000": ("priceper1000", "costper1000", "usdper1000", "priceper1000usd", "usdper1000assets")
    + ("priceper1000assets", "costper1000assets", "per1000"),
}
KNOWN = known(*NAMES.values())
NUMBERS = {
    **{"confidence": SHARE, "latency_ms": LATENCY, "latency_s": LATENCY},
    **{"usd": AMOUNT, "usd_per_1000": AMOUNT},
}
SHOWN = 60  # characters of an answer in a sentence
SAID, SAID_TAGS = 200, 4000  # characters of an answer that are kept


@dataclass(frozen=True)
class Columns:
    """Which column of a vendor's file plays which role; latency in milliseconds or seconds, price an asset or per 1,000."""

    id: str | None = None
    label: str | None = None
    confidence: str | None = None
    latency_ms: str | None = None
    latency_s: str | None = None
    usd: str | None = None
    usd_per_1000: str | None = None


@dataclass(frozen=True)
class VendorAnswer:
    """One asset's answer: what was said, the category meant (None: off list or empty), how it was read, ms and USD for it. Where an
    asset may have several, `tags` are the categories meant, none maybe, and category_id is not known yet."""

    asset_id: int
    said: str
    category_id: int | None
    how: str
    confidence: float | None = None
    latency_ms: float | None = None
    usd: float | None = None
    tags: tuple[int, ...] | None = None


@dataclass(frozen=True)
class VendorFile:
    """A file read: its answers, one an asset of the set; `rows` it has, `outside` the set, `again` (further answers to an asset
    answered before; the first one stands); the problems kept, and how many there were."""

    answers: list[VendorAnswer]
    rows: int
    outside: int
    again: int
    problems: list[Problem]
    problem_count: int


@dataclass(frozen=True)
class Seen:
    """A vendor's file before it is read: its columns, the guess of what each holds, and what is in doubt."""

    columns: list[str]
    guess: Columns
    doubts: list[Doubt]


def look(path: Path, read_as: ReadAs = AS_FOUND) -> Seen:
    """The file's columns and what each is taken for. Raises InputError where it cannot be read as a table."""
    table = open_table(path, KNOWN, read_as=read_as)
    return Seen(table.columns, Columns(**guess_roles(table.columns, NAMES)), table.doubts)


def read(
    path: Path,
    assets: list[tuple[int, str]],
    categories: list[StoredCategory],
    columns: Columns | None = None,
    others: frozenset[str] = frozenset(),
    read_as: ReadAs = AS_FOUND,
    several: bool = False,
) -> VendorFile:
    """Read a vendor's answers to `assets` (id, external id); `columns` None is guessed, as is what `read_as` leaves open.
    `several`: an answer names any number of categories.

    `others` are the external ids of assets outside the set. Raises InputError for a file that cannot be
    read, lacks a column of ids or labels, has no rows, none of the set's assets, or not one answer of the taxonomy.
    """
    table = open_table(path, KNOWN, read_as=read_as)
    columns = columns or Columns(**guess_roles(table.columns, NAMES))
    _check(columns, table)
    problems = Problems()
    rows = list(table.records(problems))
    if not rows:
        raise InputError("The file has a header but no rows.", "Give every asset of the pack a row.", where=path.name)
    place = table.columns.index(columns.label)
    spellings = Counter(cells[place] for _, cells in rows)
    # The pack names the categories: where a column can be read either way, it holds names.
    matcher = Matcher(categories)
    if several:
        labels: _Labels = _Tags(tag_columns.reader(spellings, matcher, tie="names"), matcher, columns.label, problems)
    else:
        labels = _Labels(matcher.for_column(spellings, tie="names"), columns.label, problems)
    reading = _Reading(table, columns, labels, problems)
    ids = Ids(assets, others)
    answers: dict[int, VendorAnswer] = {}
    outside = again = 0
    for row, cells in rows:
        id = cells[reading.at["id"]]
        asset = ids(id)
        if asset is None:
            outside += 1
            problems.add(row, columns.id, *_outside(ids, id))
        elif asset in answers:
            again += 1
            what = f"The asset {_short(id)} is answered again; the first answer stands."
            problems.add(row, columns.id, what, "Send one answer an asset.")
        else:
            answers[asset] = reading.answer(row, asset, cells)
    _must_be_of_use(path, list(answers.values()), columns, labels)
    return VendorFile(
        list(answers.values()), len(rows) + table.left_out, outside, again, problems.listed, problems.count
    )


def _check(columns: Columns, table: Table) -> None:
    listed = ", ".join(table.columns)[:500]
    for role, what in (("id", "asset ids"), ("label", "labels")):
        if getattr(columns, role) is None:
            raise InputError(
                f"No column of {what} was found.", f"Say which it is; the columns are: {listed}.", where=table.path.name
            )
    for field in fields(columns):
        column = getattr(columns, field.name)
        if column is not None and column not in table.columns:
            raise InputError(f"The file has no column {column}.", f"Choose from: {listed}.", where=table.path.name)


def _must_be_of_use(path: Path, answers: list[VendorAnswer], columns: Columns, labels: _Labels) -> None:
    if not answers:
        raise InputError(
            "Not one id of the file is in the blind pack.",
            f"Check that the column {columns.id} holds the ids of assets.csv, and that the file answers this pack.",
            where=path.name,
        )
    if not any(answer.category_id or answer.tags is not None for answer in answers) and not labels.near(answers):
        wrong = next((answer.said for answer in answers if answer.said), None)
        what = "Every answer in the file is empty."
        if wrong is not None:
            what = f"Not one answer of the file is a category of the taxonomy; the first is {_short(wrong)}."
        raise InputError(what, f"Check that the column {columns.label} holds the labels.", where=path.name)


def _outside(ids: Ids, id: str) -> tuple[str, str]:
    """What to say of a row whose id is no asset of the set, and what to do."""
    if why := ids.why(id):
        return f"{why}; the row was left out.", AS_TEXT
    what = f"The id {_short(id)} is no asset of this blind pack" if id else "The row has no id"
    return f"{what}; the row was left out.", "Send the ids back as in assets.csv."


class _Labels:
    """Reads the cells with the answers; each different one is matched once. `kept`: characters of it that are kept."""

    kept = SAID

    def __init__(self, match: Matcher, column: str, problems: Problems):
        self.match, self.column, self.problems = match, column, problems
        self.read: dict[str, tuple[int | tuple[int, ...] | None, str]] = {}

    def answer(self, row: int, cell: str) -> dict:
        """The fields of a VendorAnswer that say what was answered."""
        if cell not in self.read:
            self.read[cell] = self._read(cell)
        meant, how = self.read[cell]
        if how == "off list":
            self._off_list(row, cell)
        tags = meant if isinstance(meant, tuple) else None
        return {"said": cell[: self.kept], "category_id": None if tags is not None else meant, "how": how, "tags": tags}

    def near(self, answers: list[VendorAnswer]) -> bool:
        """Whether answers of which none is a category are near to some, so that a person can accept them."""
        wrong = Counter(value for answer in answers if answer.said for value in self._values(answer.said))
        return any(self.match.near([value for value, _ in wrong.most_common(LISTED)]))

    def _read(self, cell: str) -> tuple[int | tuple[int, ...] | None, str]:
        return read_label(self.match, cell)

    def _off_list(self, row: int, cell: str) -> None:
        what = f"The answer {_short(cell)} is no category of the taxonomy; it counts as wrong."
        self.problems.add(row, self.column, what, "Answer with one category, written as in taxonomy.csv.")

    def _values(self, cell: str) -> list[str]:
        return [cell]


class _Tags(_Labels):
    """The same where an answer names any number of categories."""

    kept = SAID_TAGS

    def __init__(self, cells: tag_columns.Reader, match: Matcher, column: str, problems: Problems):
        super().__init__(match, column, problems)
        self.cells = cells

    def answer(self, row: int, cell: str) -> dict:
        fields_ = super().answer(row, cell)
        if doubled := self.cells.read(cell).doubled:
            what = f"The answer names {_short(doubled[0])} twice; it counts once."
            self.problems.remark(row, self.column, what, "Nothing, if that is right.")
        return fields_

    def _read(self, cell: str) -> tuple[tuple[int, ...] | None, str]:
        return read_tags(self.cells, self.match, cell)

    def _off_list(self, row: int, cell: str) -> None:
        unknown = self.cells.read(cell).unknown
        what = f"{_short(unknown[0] if unknown else cell)} is no category of the taxonomy; the whole answer counts as wrong."
        todo = "Name categories as in taxonomy.csv, parted by semicolons, or [] for none."
        self.problems.add(row, self.column, what, todo)

    def _values(self, cell: str) -> list[str]:
        return list(self.cells.read(cell).unknown)


class _Reading:
    """Reads the cells of one table."""

    def __init__(self, table: Table, columns: Columns, labels: _Labels, problems: Problems):
        places = {name: place for place, name in enumerate(table.columns)}
        roles = ((one.name, getattr(columns, one.name)) for one in fields(columns))
        self.at = {role: places[column] for role, column in roles if column is not None}
        self.columns, self.labels, self.problems = columns, labels, problems
        self.numbers = {
            role: NumberColumn(
                getattr(columns, role),
                kind,
                [_bare(role, row[self.at[role]]) for row in table.head],
                unit=role.removeprefix("latency_") if kind == LATENCY else None,
            )
            for role, kind in NUMBERS.items()
            if role in self.at
        }
        for column in self.numbers.values():
            column.tell(problems)

    def answer(self, row: int, asset: int, cells: list[str]) -> VendorAnswer:
        said = self.labels.answer(row, cells[self.at["label"]])
        ms, seconds = self.number(row, "latency_ms", cells), self.number(row, "latency_s", cells)
        each, thousand = self.number(row, "usd", cells), self.number(row, "usd_per_1000", cells)
        return VendorAnswer(
            asset,
            **said,
            confidence=self.number(row, "confidence", cells),
            latency_ms=ms if ms is not None else seconds,
            usd=each if each is not None or thousand is None else thousand / 1000,
        )

    def number(self, row: int, role: str, cells: list[str]) -> float | None:
        cell = cells[self.at[role]] if role in self.at else ""
        if not cell:
            return None
        return self.numbers[role].read(_bare(role, cell), row, self.problems)


def _bare(role: str, cell: str) -> str:
    return re.sub(r"USD|\$", "", cell, flags=re.IGNORECASE).strip() if role.startswith("usd") else cell


def read_label(match: Matcher, label: str) -> tuple[int | None, str]:
    """What an answer means: (category id, "exact") or (id, "mapped") for a near miss, (None, "off list") or (None, "empty")."""
    if not label.strip():
        return None, "empty"
    category = match(label)
    if category is None:
        return None, "off list"
    return category, "exact" if match.exact(label) else "mapped"


def read_tags(cells: tag_columns.Reader, match: Matcher, cell: str) -> tuple[tuple[int, ...] | None, str]:
    """The same of an answer that names any number of categories: their ids, none maybe."""
    if not cell.strip():
        return None, "empty"
    tags = cells.read(cell)
    if tags.unknown or tags.categories is None:
        return None, "off list"
    return tags.categories, "exact" if all(match.exact(tag) for tag in cells.split(cell)) else "mapped"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
