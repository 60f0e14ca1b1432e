"""Columns of tags: cells that name several categories of an asset, taken apart as the column shows.

cells = reader(counts, matcher)         parted by ";", "|", a comma or a line break: whichever makes most pieces known categories
cells.split("Food, drink, Travel")      -> ["Food, drink", "Travel"] where "Food, drink" is a category

A cell in brackets is a list as programs write it. `[]` and "no tag" say that no tag fits; an empty cell says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Values
from dataclasses import dataclass

from sqlite_utils import Database

from core.assets.label_columns import ROLES, LabelColumns, is_empty
from core.errors import InputError
from core.tables.columns import Mapping
from core.tables.files import Problems, Table
from core.tables.names import same
from core.taxonomy import tagsets
from core.taxonomy.matching import Matcher, Way
from core.words import counted

MARKS = (";", "|", "\n", ",")  # of equally good ones the first
LONGEST = 8  # pieces that a category's name is looked for in, where it is not known how long names are
LOOKED_AT = 2000  # different cells that a column's mark is chosen by, the commonest
NOTHING = {"[]", "no tag", "no tags"}
BRACKETS = {"[": "]", "{": "}", "(": ")"}
QUOTES = "\"'“”‘’"

Match = Callable[[str], int | None]


@dataclass(frozen=True)
class Tags:
    """What one cell says: the ids of `categories`, rising (None: it names none and does not say that none fits), values that are
    `unknown`, and those said twice (`doubled`)."""

    categories: tuple[int, ...] | None
    unknown: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()


class Reader:
    """Takes cells apart at one `mark`; `match` finds the category of a tag, `names` are how categories may be called."""

    def __init__(self, match: Match, mark: str, names: Iterable[str] = ()):
        self.match, self.mark = _remembered(match), mark
        self._most = 1 + max((name.count(mark) for name in names), default=LONGEST)  # pieces of a category's name

    def split(self, cell: str) -> list[str]:
        """The tags that a cell names, as written. What is a category as a whole stays whole, also where it holds the mark;
        otherwise pieces are joined again where that makes a category."""
        cell, mark = cell.strip(), self.mark
        if not cell or self.match(cell) is not None:
            return [cell] if cell else []
        if BRACKETS.get(cell[0]) == cell[-1] and len(cell) > 1:
            cell = cell[1:-1]
        pieces, tags, at = cell.split(mark), [], 0
        while at < len(pieces):
            ends = range(min(len(pieces), at + self._most), at + 1, -1)
            end = next((end for end in ends if self.match(_bare(mark.join(pieces[at:end]))) is not None), at + 1)
            if tag := _bare(mark.join(pieces[at:end])):
                tags.append(tag)
            at = end
        return tags

    def read(self, cell: str) -> Tags:
        """What the cell says."""
        if is_none(cell) and self.match(cell.strip()) is None:
            return Tags(())
        found: dict[int, str] = {}
        unknown: dict[str, None] = {}
        doubled = []
        for tag in self.split(cell):
            category = self.match(tag)
            if category is None:
                if not is_empty(tag):
                    unknown[tag] = None
            elif category in found:
                doubled.append(tag)
            else:
                found[category] = tag
        return Tags(tuple(sorted(found)) or None, tuple(unknown), tuple(doubled))


def reader(counts: Values[str, int], matcher: Matcher, way: Way | None = None, tie: Way | None = None) -> Reader:
    """The reader of a column, given how often each cell stands there: its mark is the one by which most pieces are known
    categories, less those that are not; then the tags are read as names or as codes (Matcher.for_column(), `way`, `tie`)."""
    names = [name for c in matcher.categories for name in (c.label, c.name)] + list(matcher.accepted)
    looked_at = Counter(counts).most_common(LOOKED_AT)

    def gain(one: Reader) -> int:
        hits = ((n, [one.match(tag) is not None for tag in one.split(cell)]) for cell, n in looked_at)
        return sum(n * (2 * sum(known) - len(known)) for n, known in hits)

    chosen = max((Reader(matcher, mark, names) for mark in MARKS), key=gain)
    pieces: Counter[str] = Counter()
    for cell, n in counts.items():
        for tag in chosen.split(cell):
            pieces[tag] += n
    return Reader(matcher.for_column(pieces, way, tie), chosen.mark, names)


def whole(
    db: Database, taxonomy_id: int, counts: Values[str, int], matcher: Matcher
) -> tuple[dict[str, int], Counter[str]]:
    """The id of the set that each cell means, for cells without a tag that is no category: a decision is whole or it is none; and
    the tags of the column, with how often each stands there."""
    column = reader(counts, matcher, tie="names")
    said = {cell: column.read(cell) for cell in counts}
    sets = {cell: tags.categories for cell, tags in said.items() if tags.categories is not None and not tags.unknown}
    pieces: Counter[str] = Counter()
    for cell, n in counts.items():
        if not is_none(cell):
            pieces.update({tag: n for tag in column.split(cell)})
    return dict(zip(sets, tagsets.ids(db, taxonomy_id, sets.values()))), pieces


def is_none(cell: str) -> bool:
    """Whether a cell says that no tag fits."""
    return cell.replace(" ", "") == "[]" or " ".join(cell.split()).casefold() in NOTHING


def _bare(piece: str) -> str:
    """Without space, and without the quotation marks of a list that a program wrote."""
    piece = piece.strip()
    return piece[1:-1].strip() if len(piece) > 1 and piece[0] in QUOTES and piece[-1] in QUOTES else piece


def _remembered(matcher: Match) -> Match:
    """The same, asked once about each value: columns say few different tags over and over."""
    known: dict[str, int | None] = {}

    def match(value: str) -> int | None:
        if value not in known:
            known[value] = matcher(value)
        return known[value]

    return match


class TagColumns(LabelColumns):
    """LabelColumns of a task that chooses several: an answer is the id of a set of tags (core/taxonomy/tagsets.py), made where it
    is new; where an asset has one tag at least (`some`), a cell that says none is left out. Raises InputError as there."""

    def __init__(
        self, db: Database, taxonomy_id: int, table: Table, mapping: Mapping, matcher: Matcher, some: bool = False
    ):
        self._some = some
        self._none: Counter[str] = Counter()
        self._columns = {role: getattr(mapping, role) for role in ROLES if getattr(mapping, role)}
        self._accepted, self.matcher = matcher.accepted, matcher
        self._unknown: Counter[tuple[str, str]] = Counter()
        self._taken: Counter[tuple[str, str]] = Counter()
        self._doubled: Counter[str] = Counter()
        cells = self._cells(table)
        try:
            self._match = {role: reader(counts, matcher, mapping.labels_are) for role, counts in cells.items()}
        except InputError as error:
            raise InputError(error.what, error.todo, where=table.path.name) from error
        self._tags = {(role, cell): self._match[role].read(cell) for role, counts in cells.items() for cell in counts}
        answers = list({tags.categories for tags in self._tags.values() if tags.categories is not None})
        self._sets = dict(zip(answers, tagsets.ids(db, taxonomy_id, answers)))
        self._labels = tagsets.labels(db, taxonomy_id)

    def _cells(self, table: Table) -> dict[str, Counter[str]]:
        counts: dict[str, Counter[str]] = {role: Counter() for role in self._columns}
        at = {role: table.columns.index(column) for role, column in self._columns.items()}
        for _, row in table.records(Problems()):
            for role, place in at.items():
                if not is_empty(row[place]):
                    counts[role][row[place]] += 1
        return counts

    def read(self, role: str, value: str) -> tuple[int | None, tuple[str, ...]]:
        """The set that a cell means, None where it names no category (but says more than nothing), and what is no category."""
        tags = self._tags.get((role, value))
        if tags is None:
            return None, ()
        if self._some and tags.categories == ():
            self._none[self._columns[role]] += 1
            return None, ()
        for tag in tags.unknown:
            self._unknown[role, tag] += 1
        for tag in self._match[role].split(value) if self._accepted else ():
            if same(tag) in self._accepted:
                self._taken[role, tag] += 1
        if tags.doubled:
            self._doubled[self._columns[role]] += 1
        return self._sets.get(tags.categories), tags.unknown

    def __call__(self, role: str, value: str) -> int | None:
        """The set that a cell means, without counting."""
        tags = self._tags.get((role, value))
        return None if tags is None or (self._some and tags.categories == ()) else self._sets.get(tags.categories)

    def label(self, answer: int) -> str:
        """How people read a set that was found."""
        return self._labels[answer]

    def meaning(self, role: str, tag: str) -> str:
        """The label of the category that one tag was taken for."""
        return self.matcher.label(self._match[role].match(tag))

    def tell(self, problems: Problems) -> None:
        """As there, and what was said twice in a cell."""
        super().tell(problems)
        for column, n in self._doubled.items():
            what = f"{counted(n, 'cell names', 'cells name')} a tag twice; it counts once."
            problems.remark(None, column, what, "Nothing, if that is right.")
        for column, n in self._none.items():
            what = f"{counted(n, 'cell says', 'cells say')} that no tag fits, but an asset has one at least."
            problems.add(None, column, what, "Name its tags, or leave the cell empty.")
