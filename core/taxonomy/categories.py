"""A taxonomy file to categories: names, parents by id, path or name, unique labels; what cannot be used is listed.

read(path) -> TaxonomyFile. A file with a column of facets holds several taxonomies, one a question about an asset. Nothing here
knows the database.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import InputError, Problem
from core.tables.files import AS_FOUND, Doubt, Problems, ReadAs
from core.tables.names import SEPARATOR, same
from core.taxonomy.columns import Choice
from core.taxonomy.files import Row, read_rows
from core.words import counted

MAX_CATEGORIES = 20_000
MAX_FACETS = 50
# How many of a facet's categories an asset has, as files write it; SOME: several, but one at least.
ONE, SEVERAL = ("", "one", "single", "1"), ("several", "many", "multiple", "n", "*")
SOME = ("one or more", "at least one", "some", "1+", "+")


HAS = {ONE: "has one category", SEVERAL: "may have several", SOME: "has one or more"}


@dataclass(frozen=True)
class Category:
    """One category. `label` is unique in its taxonomy: the name, or "Parent > Name" where a name is used under two parents.

    `parent` is the parent's label, `key` the file's own id. Not `assignable`: a heading that a file only names as a parent.
    """

    label: str
    name: str
    parent: str | None = None
    description: str = ""
    examples: tuple[str, ...] = ()
    key: str | None = None
    assignable: bool = True


@dataclass(frozen=True)
class StoredCategory(Category):
    """A category with its row ids; `position` is its place in the taxonomy, from 0."""

    id: int = 0
    parent_id: int | None = None
    position: int = 0


@dataclass(frozen=True)
class TaxonomyFile:
    """What a taxonomy file holds: its categories by facet ("" where it knows none), what could not be used, its columns,
    which of them plays which role, what is open; `picks`: the kind of task (core/task_kinds.py) that it asks for, by facet, where
    it says how many categories an asset may have; `some`: facets of which that is several, but one at least."""

    facets: dict[str, list[Category]]
    problems: list[Problem]
    columns: list[str]
    mapping: Choice
    doubts: list[Doubt] = field(default_factory=list)
    picks: dict[str, str] = field(default_factory=dict)
    some: frozenset[str] = frozenset()

    @property
    def has_facets(self) -> bool:
        """Whether it names the facets that its categories belong to."""
        return "" not in self.facets

    @property
    def categories(self) -> list[Category]:
        """The categories of a file that holds one taxonomy. InputError where it holds several."""
        if len(self.facets) > 1:
            raise InputError(
                f"The file holds {len(self.facets)} facets: {', '.join(map(_short, self.facets))}.",
                "`distil` and the Assets page make a task of each; for one task, keep the rows of one facet.",
            )
        return next(iter(self.facets.values()))


def read(path: Path, mapping: Choice | None = None, read_as: ReadAs = AS_FOUND) -> TaxonomyFile:
    """Read a taxonomy from CSV, TSV, XLSX, JSON or Parquet; `mapping` says which column holds what (category_columns.py).

    None guesses it. Rows that cannot be used are listed and the rest is read.
    Raises InputError where the file cannot be read, has no column of names, or leaves no category.
    """
    path, problems = Path(path), Problems()
    rows, columns, mapping, doubts = read_rows(path, mapping, problems, read_as)
    parts = _by_facet(rows, problems, path)
    picks, some = {}, set()
    for name, part in parts.items():
        pick = _picks(name, part, path)
        picks |= {} if pick is None else {name: "choose_one" if pick is ONE else "choose_several"}
        some |= {name} if pick is SOME else set()
    facets = {name: _categories(part, problems, path) for name, part in parts.items()}
    if len(facets) > 1 or "" not in facets:
        facets = _to_choose_from(facets, problems, path)
    if not any(facets.values()):
        raise InputError(
            "The file holds no category that could be read.", "Give each category a row with a name.", where=path.name
        )
    picks = {name: picks[name] for name in facets if name in picks}
    return TaxonomyFile(facets, problems.listed, columns, mapping, doubts, picks, frozenset(some & facets.keys()))


def _by_facet(rows: list[Row], problems: Problems, path: Path) -> dict[str, list[Row]]:
    """The rows of each facet, by its name as it was written first; an empty cell below a filled one continues its block."""
    if not any(row.facet for row in rows):
        return {"": rows}
    parts: dict[str, list[Row]] = {}
    names: dict[str, str] = {}
    place: dict[int, int] = {}
    continued, current = 0, ""
    for i, row in enumerate(rows):
        continued += not row.facet and bool(current)
        current = row.facet or current
        if not current:
            problems.add(
                row.row, "facet", f"{_short(row.name)} belongs to no facet; it was left out.", "Name its facet."
            )
            continue
        part = parts.setdefault(names.setdefault(same(current), current), [])
        place[i] = len(part)
        part.append(row if row.above is None else replace(row, above=place.get(row.above)))
    if continued:
        problems.remark(
            None,
            "facet",
            f"{counted(continued, 'row names', 'rows name')} no facet; they were taken to continue the one above.",
            "Fill it in every row where that is not meant.",
        )
    if len(parts) > MAX_FACETS:
        raise InputError(
            f"The file has {len(parts):,} facets, at most {MAX_FACETS} can be used.",
            "Choose the column that names a question about the asset, not a category.",
            where=path.name,
        )
    return parts


def _picks(facet: str, rows: list[Row], path: Path) -> tuple[str, ...] | None:
    """How many of these categories an asset may have: ONE, SEVERAL or SOME; None where none says so. InputError where they
    differ."""
    of = f" of the facet {_short(facet)}" if facet else ""
    said: dict[tuple[str, ...], Row] = {}
    for row in rows:
        pick = " ".join(row.pick.casefold().split())
        if pick not in ONE + SEVERAL + SOME:
            raise InputError(
                f"How many categories{of} an asset has is given as {_short(row.pick)} (row {row.row}).",
                "Write `one`, `several`, or `one or more` where none is no answer.",
                where=path.name,
            )
        if pick:
            said.setdefault(next(way for way in (ONE, SEVERAL, SOME) if pick in way), row)
    if len(said) > 1:
        first, second = list(said.items())[:2]
        raise InputError(
            f"Row {first[1].row} says that an asset {HAS[first[0]]}{of}, row {second[1].row} that it {HAS[second[0]]}.",
            "Write the same in every row of a facet, or leave it empty below the first.",
            where=path.name,
        )
    return next(iter(said), None)


def _to_choose_from(facets: dict[str, list[Category]], problems: Problems, path: Path) -> dict[str, list[Category]]:
    """The facets that ask something: with two categories or more."""
    kept = {}
    for name, categories in facets.items():
        if sum(one.assignable for one in categories) > 1:
            kept[name] = categories
            continue
        only = f"one category, {_short(categories[0].name)}" if categories else "no category"
        problems.add(None, "facet", f"The facet {_short(name)} has {only}; it was left out.", "Give it two or more.")
    if not kept:
        raise InputError("No facet of the file has two categories.", "Give each two or more.", where=path.name)
    return kept


def _categories(rows: list[Row], problems: Problems, path: Path) -> list[Category]:
    """The categories of one taxonomy's rows."""
    rows = _named_once(rows, problems)
    if len(rows) > MAX_CATEGORIES:
        raise InputError(
            f"The file has {len(rows):,} categories, at most {MAX_CATEGORIES:,} can be used.",
            "Keep the upper levels.",
            where=path.name,
        )
    parents, implied = _resolve_parents(rows, problems)
    while (merged := _drop_twins(rows, parents, problems))[0] != rows:  # merging twins may make twins of their children
        rows, parents = merged
    _break_cycles(rows, parents, problems)
    return _label(rows, parents, implied)


def _named_once(rows: list[Row], problems: Problems) -> list[Row]:
    """Rows that have a name and an id no row before them has; children nested in one left out move up a level."""
    named_once: list[Row] = []
    keys: set[str] = set()
    place: dict[int, int | None] = {}
    for i, row in enumerate(rows):
        above = None if row.above is None else place[row.above]
        wrong = None
        if not row.name:
            wrong = "name", "The category has no name; it was left out.", "Fill in the name or delete the row."
        elif len(row.name) > 300:
            wrong = "name", "The name is longer than 300 characters; the row was left out.", "Use a short name."
        elif row.key and row.key in keys:
            wrong = (
                "key",
                f"The id {_short(row.key)} is used twice; this row was left out.",
                "Give each category its own id.",
            )
        if wrong:
            problems.add(row.row, *wrong)
            place[i] = above
        else:
            place[i] = len(named_once)
            keys.add(row.key)
            named_once.append(row if above == row.above else replace(row, above=above))
    return named_once


# A parent is the place of its row in the list of rows; parents that have no row of their own are ~0, ~1, ... of `implied`.


def _resolve_parents(rows: list[Row], problems: Problems) -> tuple[list[int | None], list[str]]:
    """The parent of each row, by id, else by path, else by name; and the names of parents that have no row."""
    keys = {row.key: i for i, row in enumerate(rows) if row.key}
    by_name: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        by_name.setdefault(same(row.name), []).append(i)
    by_id = any(row.parent in keys and same(row.parent) not in by_name for row in rows)
    implied: dict[str, int] = {}
    parents: list[int | None] = []
    for i, row in enumerate(rows):
        if row.above is not None or not row.parent:
            parents.append(row.above)
            continue
        candidates = [keys[row.parent]] if row.parent in keys else _by_name(row, i, rows, by_name)
        parent = candidates[0] if len(candidates) == 1 and candidates[0] != i else None
        if candidates == [i]:
            what, todo = "{name} is its own parent", "Leave the parent empty if that is meant."
        elif len(candidates) > 1:
            what, todo = (
                "The parent {parent} of {name} fits several categories",
                "Name the parent by its id, or as Grandparent > Parent.",
            )
        elif not candidates and by_id:
            what, todo = (
                "No category has the id {parent}, given as parent of {name}",
                "Add the parent's row or correct the id.",
            )
        else:
            what = ""
        if what:
            what = what.format(parent=_short(row.parent), name=_short(row.name)) + "; it was taken as top level."
            problems.add(row.row, "parent", what, todo)
        elif not candidates:
            parent = ~implied.setdefault(row.parent, len(implied))
        parents.append(parent)
    return parents, list(implied)


def _by_name(row: Row, own: int, rows: list[Row], by_name: dict[str, list[int]]) -> list[int]:
    """The places a parent given by name or path can mean: [] if none, [own] if only the row itself."""
    *above, name = [part.strip() for part in row.parent.split(">")]
    places = by_name.get(same(name), [])
    if above:
        places = [p for p in places if same(rows[p].parent.split(">")[-1]) == same(above[-1])]
    others = [p for p in places if p != own]
    top = [p for p in others if not rows[p].parent and rows[p].above is None]
    return top if len(top) == 1 else (others or places)


def _drop_twins(rows: list[Row], parents: list[int | None], problems: Problems) -> tuple[list[Row], list[int | None]]:
    """Without categories that repeat a name under one parent; the children of a repeat go to the first."""
    first: dict[tuple[int | None, str], int] = {}
    twins: dict[int, int] = {}
    for i, row in enumerate(rows):
        earlier = first.setdefault((parents[i], same(row.name)), i)
        if earlier != i:
            twins[i] = earlier
            problems.add(
                row.row,
                "name",
                f"{_short(row.name)} stands twice under one parent, first in row {rows[earlier].row}; this row was left out.",
                "Rename one of them or delete the row.",
            )
    left = [i for i in range(len(rows)) if i not in twins]
    place = {old: new for new, old in enumerate(left)}

    def moved(parent: int | None) -> int | None:
        return parent if parent is None or parent < 0 else place[twins.get(parent, parent)]

    return [rows[i] for i in left], [moved(parents[i]) for i in left]


def _break_cycles(rows: list[Row], parents: list[int | None], problems: Problems) -> None:
    """Make the first category of each circle of parents top level, in place."""
    done: set[int] = set()
    for start in range(len(rows)):
        path: dict[int, None] = {}  # an ordered set
        at: int | None = start
        while at is not None and at >= 0 and at not in done and at not in path:
            path[at] = None
            at = parents[at]
        if at in path:
            circle = list(path)[list(path).index(at) :]
            top = min(circle)
            names = [_short(rows[i].name) for i in circle]
            shown = SEPARATOR.join(names[:5] + ["…"] * (len(names) > 5) + names[:1])
            problems.add(
                rows[top].row,
                "parent",
                f"The parents go round in a circle ({shown}); {_short(rows[top].name)} was taken as top level.",
                "Correct the parent of one of them.",
            )
            parents[top] = None
        done.update(path)


def _label(rows: list[Row], parents: list[int | None], implied: list[str]) -> list[Category]:
    """Categories in file order, implied parents before their first child, with unique labels."""
    uses = Counter(same(name) for name in [row.name for row in rows] + implied)
    labels: dict[int, str] = {}
    taken: set[str] = set()

    def label(place: int) -> None:
        """Label a category and, before it, those above it that have none yet (a loop: a hostile file is deep)."""
        chain = []
        at: int | None = place
        while at is not None and at not in labels:
            chain.append(at)
            at = parents[at] if at >= 0 else None
        for at in reversed(chain):
            above = parents[at] if at >= 0 else None
            name = rows[at].name if at >= 0 else implied[~at]
            text = name if above is None or uses[same(name)] == 1 else labels[above] + SEPARATOR + name
            base, count = text, 1
            while text in taken:
                count += 1
                text = f"{base} ({count})"
            taken.add(text)
            labels[at] = text

    categories: list[Category] = []
    headings: set[int] = set()
    for i, row in enumerate(rows):
        label(i)
        above = parents[i]
        if above is not None and above < 0 and above not in headings:
            headings.add(above)
            categories.append(Category(labels[above], implied[~above], assignable=False))
        parent = None if above is None else labels[above]
        categories.append(Category(labels[i], row.name, parent, row.description, row.examples, row.key or None))
    return categories


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
