"""Briefs out of any table, for whoever writes for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.tables.problems import AS_FOUND, Problems, ReadAs
from core.write import pairs

LONGEST = 20_000  # characters of a brief


@dataclass(frozen=True)
class Rows:
    """The `rows` of a table that have a brief: number, cells as they stand, brief. `left_out`: how many others there are."""

    columns: list[str]
    rows: list[tuple[int, list[str], str]]
    problems: Problems
    left_out: int


def read(path: Path, columns: Sequence[str], read_as: ReadAs = AS_FOUND) -> tuple[list[tuple[int, str]], Problems]:
    """(row, brief) of every row of a table that has one, and the rows that cannot be used. InputError as rows() does."""
    found = rows(path, columns, read_as)
    return [(row, brief) for row, _, brief in found.rows], found.problems


def rows(path: Path, columns: Sequence[str], read_as: ReadAs = AS_FOUND) -> Rows:
    """The rows of a table whose `columns` hold a brief. InputError where a column is missing or no row has a brief."""
    table, problems, without = pairs.opened(path, columns, read_as), Problems(), 0
    for column in columns:
        if column not in table.columns:
            listed = ", ".join(table.columns)[:500]
            raise InputError(f"The file has no column {column}.", f"Choose from: {listed}.", where=path.name)
    found = []
    for row, cells in table.records(problems):
        named = dict(zip(table.columns, cells))
        brief = pairs.brief_of(named, columns).strip()
        whole = max(len(brief), sum(len(named[column].strip()) for column in columns))  # brief_of() cuts what is longer
        if brief and whole <= LONGEST:
            found.append((row, cells, brief))
        else:
            without += 1
            size = f"The brief has {whole:,} characters" if brief else "The row has no brief"
            todo = f"Shorten it to {LONGEST:,}." if brief else "Fill it in or delete the row."
            problems.add(row, columns[0] if columns else None, f"{size}; it was left out.", todo)
    if not found:
        raise InputError("No row of the file has a brief.", "Check which column holds them.", where=path.name)
    return Rows(table.columns, found, problems, table.left_out + without)
