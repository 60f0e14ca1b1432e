"""What a file of assets holds before it is imported; pages have it looked up in a process of its own (core/tables/apart.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.assets.family_columns import Families, look
from core.errors import InputError
from core.tables.columns import KNOWN_ASSET_NAMES, Mapping, guess_assets
from core.tables.files import AS_FOUND, Doubt, ReadAs, open_table

ROWS = 20
SHOWN = 500  # characters of a cell


@dataclass(frozen=True)
class Preview:
    """A file's columns, their guessed roles, its first 20 rows, what it leaves open, and what families its columns make."""

    columns: list[str]
    guess: Mapping
    rows: list[dict]
    doubts: list[Doubt] = field(default_factory=list)
    families: list[Families] = field(default_factory=list)


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
    guess, counted = look(table, guess) if families else (guess, [])
    return Preview(table.columns, guess, shown, table.doubts, counted)


def no_rows(path: Path) -> InputError:
    """What a file without data is told."""
    return InputError(
        "The file has a header but no rows.", "Add a row for each asset below the header.", where=path.name
    )
