"""Which column of a file says what belongs together, by its values or by the stems of its names, and how many families that makes.

chosen, families = look(table, guess_assets(table.columns, table.head))     # reads the file once
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import numpy as np
import pandas as pd

from core.asset_columns import ASSET_COLUMNS
from core.assets import stems
from core.assets.rows import join_text
from core.tables.columns import Mapping
from core.tables.files import Problems, Table, squash
from core.tables.headers import is_placeholder
from core.words import counted, percent

FEWEST, LARGEST = (
    20,
    0.20,
)  # values, at the least, and the share of rows in one, at the most: else they tell kinds, not families
MOST_ROWS, SECONDS = 200_000, 8.0  # looked at, at the most
MOST_COLUMNS, MOST_STEMS = 40, 6  # columns counted by values and by stems, at the most
TEXT = 300  # characters of an asset's text that are compared
CROSSED = 0.1  # of the stems of several rows run across campaigns: then stems say more of what belongs together
# Roles whose columns cannot say it. Campaigns are large: one concept in a campaign a market is no family by them.
NO_FAMILY = tuple(role for role in ASSET_COLUMNS if role not in ("id", "family"))
WIDE = ("campaign", "adgroup")


@dataclass(frozen=True)
class Families:
    """What a column makes of a file: `rows` (with a text) looked at, `all` of them or the first; `families` among them, the
    `largest` of so many rows. By values, or where `stem` is given by the stems of its names (see columns.Mapping). `unfit` says
    why it does not tell what belongs together (None: it does)."""

    column: str
    stem: tuple[str, ...] | None
    rows: int
    all: bool
    families: int
    largest: int
    unfit: str | None = None


def by_stem(column: str, families: Sequence[Families]) -> tuple[str, ...]:
    """The words that the stems of a column's names go without, besides what is known (see stems): as found, or dates."""
    return next((one.stem for one in families if one.column == column and one.stem is not None), (stems.DATE,))


def by_words(column: str, stem: Sequence[str] | None, id_column: str | None = None) -> str:
    """ "by concept_id", "by the names in file_name" or "by the ids in asset_id" """
    if stem is None:
        return f"by {column}"
    return f"by the {'ids' if column == id_column else 'names'} in {column}"


def in_words(mapping: Mapping, families: Sequence[Families]) -> str | None:
    """What the mapping's choice makes of the file: 3,150 rows in 300 concepts (by concept_id); the largest has 14. Or why nothing;
    None where nothing is group, or the column was not counted."""
    group = next(
        (group for group in families if group.column == mapping.family and group.stem == mapping.family_stem), None
    )
    if group is None:
        return None
    if group.unfit:
        return f"The column {group.column} {group.unfit}, so it does not say which assets belong together; only copies are grouped."
    rows = f"{group.rows:,} rows" if group.all else f"The first {group.rows:,} rows"
    by = by_words(group.column, group.stem, mapping.id)
    return f"{rows} in {counted(group.families, 'concept')} ({by}); the largest has {group.largest:,}"


def unfit(sizes: Sequence[int] | np.ndarray, rows: int, stem: Sequence[str] | None = None) -> str | None:
    """Why values (or stems) of so many rows each do not say what belongs together, or None: too few, one of too many rows."""
    what = "values" if stem is None else "stems"
    if not len(sizes):
        return "is empty"
    if max(sizes) == 1:
        return None  # nothing to join in this file; a later one may bring the rest
    if len(sizes) < FEWEST:
        return f"has only {len(sizes)} different {what}"
    if max(sizes) > LARGEST * rows:
        return f"has one {what[:-1]} in {percent(max(sizes) / rows)} of the rows"
    return None


def look(table: Table, guess: Mapping) -> tuple[Mapping, list[Families]]:
    """The mapping with what says best what belongs together, and what each column would make of the file: its values, and the stems
    of its names where they join any. Reads the file, at most MOST_ROWS and SECONDS of it."""
    seen = _Seen(table, guess)
    families = [seen.by_values(column) for column in seen.values]
    learnt: dict[str, tuple[str, ...]] = {}
    for column, names in seen.names.items():
        words = names.learn()
        if words is not None:
            learnt[column] = words
        stem = seen.by_stem(column, (stems.DATE,) if words is None else words)
        if words is not None or stem.largest > 1:
            families.append(stem)
    return _choose(guess, seen, families, learnt), families


def name_key(cell: str) -> str:
    """A family's value in a column: case and white space aside; "" where there is none."""
    return " ".join(cell.split()).casefold()


@lru_cache(maxsize=50_000)
def _value(cell: str) -> int:
    """A number for a cell's value, 0 for none."""
    name = "" if is_placeholder(cell) else name_key(cell)
    return hash(name) or 1 if name else 0


class _Seen:
    """The columns of a file that could say what belongs together, read once."""

    def __init__(self, table: Table, guess: Mapping):
        at = {name: place for place, name in enumerate(table.columns)}
        kept_out = {*guess.text, *(getattr(guess, role) for role in NO_FAMILY)}
        head = {name: [row[at[name]] for row in table.head] for name in table.columns}
        self.values = {name: array("q") for name in [c for c in table.columns if c not in kept_out][:MOST_COLUMNS]}
        styled = [c for c in table.columns if c not in kept_out - {*guess.text} and stems.in_style(head[c])]
        named: dict[str, list[str]] = {name: [] for name in styled[:MOST_STEMS]}
        texts: list[str] = []
        labels: list[str] = []
        text, label = [at[c] for c in guess.text], at.get(guess.label or guess.gold or "")
        until, self.all = time.monotonic() + SECONDS, True
        records = table.records(Problems())
        while chunk := [cells for _, cells in islice(records, 2_000)]:
            read = [join_text(cells[place] for place in text)[:TEXT] if named else "" for cells in chunk]
            if text:
                with_text = [any(cells[place] for place in text) for cells in chunk]
                chunk = [cells for cells, has in zip(chunk, with_text) if has]
                read = [text for text, has in zip(read, with_text) if has]
            columns = list(zip(*chunk)) or [()] * len(at)
            for name, codes in self.values.items():
                codes.extend(map(_value, columns[at[name]]))
            for name, cells in named.items():
                cells.extend("" if is_placeholder(cell) else cell for cell in columns[at[name]])
            texts += read
            labels += columns[label] if label is not None else [""] * len(chunk)
            if len(texts) >= MOST_ROWS or time.monotonic() > until:
                self.all = next(records, None) is None
                break
        self.rows = len(texts)
        self.names = {name: stems.Names(cells, texts, labels) for name, cells in named.items()}

    def by_values(self, column: str) -> Families:
        """What the column's values make of the rows."""
        return self._count(column, None, self.codes(column, None))

    def by_stem(self, column: str, words: tuple[str, ...]) -> Families:
        """What the stems of the column's names make of the rows."""
        return self._count(column, words, self.codes(column, words))

    def codes(self, column: str, words: tuple[str, ...] | None) -> np.ndarray:
        """The value, or the stem, of each row as a number, int (rows); -1 for none."""
        if words is None:
            values = np.frombuffer(self.values[column], np.int64)
            return np.where(values == 0, -1, pd.factorize(values)[0])
        return self.names[column].codes(words)

    def _count(self, column: str, stem: tuple[str, ...] | None, codes: np.ndarray) -> Families:
        sizes = np.bincount(codes[codes >= 0])
        sizes = sizes[sizes > 0]
        families = len(sizes) + int((codes < 0).sum())
        largest = int(sizes.max(initial=1))
        return Families(column, stem, self.rows, self.all, families, largest, unfit(sizes.tolist(), self.rows, stem))


def _choose(guess: Mapping, seen: _Seen, families: list[Families], learnt: dict[str, tuple[str, ...]]) -> Mapping:
    """By a column that its name says it of; else, or where such campaigns cut them up, by the stems that join most rows."""
    by_stem = [one for one in families if one.column in learnt and one.stem is not None and one.unfit is None]
    named = next((one for one in families if one.column == guess.family and one.stem is None), None)
    fits = named is not None and named.unfit is None and named.largest > 1
    best = min(by_stem, key=lambda one: one.families, default=None)
    if best is None or (fits and not (_is_wide(guess.family) and _crosses(seen, best, guess.family))):
        return guess
    return replace(guess, family=best.column, family_stem=best.stem)


def _is_wide(column: str) -> bool:
    return any(word in squash(column) for word in WIDE)


def _crosses(seen: _Seen, best: Families, column: str) -> bool:
    """Whether stems run across the values of a column."""
    stem, value = seen.codes(best.column, best.stem), seen.codes(column, None)
    table = pd.DataFrame({"stem": stem, "value": value})[stem >= 0].groupby("stem")["value"].agg(["size", "nunique"])
    several = table[table["size"] > 1]
    return bool((several["nunique"] > 1).mean() > CROSSED)
