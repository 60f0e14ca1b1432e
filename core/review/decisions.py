"""A file of people's decisions, read row by row; nothing here knows the database (pages read it in a process of its own)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError, Problem
from core.escape import undefuse
from core.tables.files import AS_FOUND, Doubt, ReadAs, open_table
from core.tables.problems import Problems

COLUMNS = ("asset", "text", "why", "suggestions", "category", "reviewer", "note", "mode", "decided")
READ = ("asset", "category", "reviewer", "note", "mode")


@dataclass(frozen=True)
class Decisions:
    """The rows that have a category, (row number, what stands in the columns READ by their names), and what was wrong."""

    rows: list[tuple[int, dict[str, str]]]
    problems: list[Problem]


def doubts(path: Path, read_as: ReadAs = AS_FOUND) -> list[Doubt]:
    """What a file of decisions leaves open before it is read. Raises InputError."""
    return open_table(path, COLUMNS, read_as=read_as).doubts


def read(path: Path, read_as: ReadAs = AS_FOUND) -> Decisions:
    """The decisions of a file with columns asset and category. Raises InputError where it cannot be read or lacks a column."""
    table, problems = open_table(path, COLUMNS, read_as=read_as), Problems()
    places = {name.strip().casefold(): place for place, name in enumerate(table.columns)}
    for name in ("asset", "category"):
        if name not in places:
            raise InputError(f"The file has no column “{name}”.", "Export the list and fill that in.", where=path.name)
    at = {name: places[name] for name in READ if name in places}
    filled = [
        (number, cell)
        for number, cells in table.records(problems, pad=True)
        if (cell := {name: undefuse(cells[place].strip()) for name, place in at.items()})["category"]
    ]
    return Decisions(filled, problems.listed)
