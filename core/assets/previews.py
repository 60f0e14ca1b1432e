"""What a file of assets holds before it is imported; pages have it looked up in a process of its own (core/tables/apart.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.assets.family_columns import Families, look
from core.errors import InputError
from core.tables import name_parts
from core.tables.columns import KNOWN_ASSET_NAMES, Mapping, guess_assets
from core.tables.files import AS_FOUND, Doubt, ReadAs, Table, open_table
from core.tables.name_parts import Rule
from core.tables.problems import WHOLE_NAMES, Problems
from core.words import counted

ROWS = 20
SHOWN = 500  # characters of a cell
EXAMPLES = 3


@dataclass(frozen=True)
class Names:
    """Names that were taken apart: how, what their parts hold over the whole file, how many names the rule explains of how
    many, and the first that it does not."""

    rule: Rule
    parts: list[name_parts.Part]
    explained: int
    names: int
    strange: list[str]

    @property
    def sentence(self) -> str:
        """How many names are made by the rule, and which are not."""
        others = f" Not made so: {'; '.join(self.strange)}." if self.strange else ""
        return (
            f"{self.rule.words}: {self.explained:,} of {counted(self.names, 'name is', 'names are')} made so.{others}"
        )


@dataclass(frozen=True)
class Preview:
    """A file's columns, their guessed roles, its first 20 rows, what it leaves open, what families its columns make, and what the
    names say that were taken apart."""

    columns: list[str]
    guess: Mapping
    rows: list[dict]
    doubts: list[Doubt] = field(default_factory=list)
    families: list[Families] = field(default_factory=list)
    names: Names | None = None


def preview(
    path: Path, read_as: ReadAs = AS_FOUND, labels: frozenset[str] = frozenset(), *, families: bool = True
) -> Preview:
    """What a file holds and how its columns are understood, before it is imported; `labels` as guess_assets takes them. Without
    `families` only the first rows are read.

    Raises InputError, also where the file has no row.
    """
    table = open_table(Path(path), KNOWN_ASSET_NAMES, read_as=read_as)
    if not table.head:
        raise no_rows(table.path)
    shown = [dict(zip(table.columns, (cell[:SHOWN] for cell in cells))) for cells in table.head[:ROWS]]
    guess = guess_assets(table.columns, table.head, labels)
    doubts = table.doubts + _doubtful_names(table, guess)
    guess, made = look(table, guess) if families else (guess, [])
    return Preview(table.columns, guess, shown, doubts, made, _names(table) if families else None)


def _doubtful_names(table: Table, guess: Mapping) -> list[Doubt]:
    """Whether to take names apart, where a column's look as if they carried facets."""
    at = {column: place for place, column in enumerate(table.columns[: table.width])}
    free = [column for column in at if column not in (guess.label, guess.gold)]
    rules = [name_parts.convention(column, [cells[at[column]] for cells in table.head]) for column in free]
    columns = [rule.column for rule in rules if rule]
    if not columns:
        return []
    taken, column = table.read_as.names, table.read_as.names or columns[0]
    rule = table.rule or next(rule for rule in rules if rule)
    lines = tuple(" | ".join(rule.apart(cells[at[column]]) or ["–"]) for cells in table.head[:EXAMPLES])
    choices = tuple(dict.fromkeys((WHOLE_NAMES, *columns, *filter(None, [taken]))))
    return [Doubt("names", f"{rule.words}. Take them apart into columns?", choices, taken or WHOLE_NAMES, lines)]


def _names(table: Table) -> Names | None:
    """What the names of the whole file say."""
    if table.rule is None:
        return None
    at = table.columns.index(table.rule.column)
    names = [cells[at] for _, cells in table.records(Problems()) if cells[at].strip()]
    parts, explained, strange = name_parts.look(table.rule, names)
    return Names(table.rule, parts, explained, len(names), strange)


def no_rows(path: Path) -> InputError:
    """What a file without data is told."""
    return InputError(
        "The file has a header but no rows.", "Add a row for each asset below the header.", where=path.name
    )
