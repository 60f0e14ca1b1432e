"""The list of what an import could not use, what was doubtful in reading it, and the cleaning that every format shares."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import Problem

KEPT_PROBLEMS = 10_000
LINE_LIMIT = 4_000_000  # characters in one row; beyond this it is no table


@dataclass(frozen=True)
class ReadAs:
    """How a person says a file is to be read; None is found out. `header`: the row of the column names, from 1; 0 for none.
    `names`: the column of names that are taken apart into columns of their own (core/tables/name_parts.py); None: none is."""

    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: int | None = None
    names: str | None = None


AS_FOUND = ReadAs()  # all of it found out
WHOLE_NAMES = "whole names"  # the choice of a doubt about names that takes none apart
NO_HEADER = "none"  # the choice of a doubt about the header that means header=0


@dataclass(frozen=True)
class Doubt:
    """What a file leaves open: the `option` of ReadAs that settles it, one sentence, the choices, which of them was taken,
    and up to three lines of the file as they are read now."""

    option: str
    what: str
    choices: tuple[str, ...]
    chosen: str
    lines: tuple[str, ...] = ()


class Problems:
    """The rows an import could not use, and what it remarks: the first 10,000 of both kept, all counted (`count`, `remarks`)."""

    def __init__(self) -> None:
        self.listed: list[Problem] = []
        self.count = self.remarks = 0

    def add(self, row: int | None, column: str | None, what: str, todo: str) -> None:
        """Count a problem, and keep it while there is room; `row` None where it concerns the whole file."""
        self.count += 1
        self._keep(Problem(row, column, what, todo))

    def remark(self, row: int | None, column: str | None, what: str, todo: str) -> None:
        """The same of what needs nobody, as long as it was right."""
        self.remarks += 1
        self._keep(Problem(row, column, what, todo, remark=True))

    def _keep(self, problem: Problem) -> None:
        if len(self.listed) < KEPT_PROBLEMS:
            self.listed.append(problem)


def clean_cells(cells: list[str], row: int, problems: Problems) -> list[str]:
    """Cells without NUL bytes; both these and characters lost in an earlier conversion are listed as problems."""
    if any("\0" in cell for cell in cells):
        cells = [cell.replace("\0", "") for cell in cells]
        problems.add(row, None, "The row holds NUL bytes; they were removed.", "Check the program the file came from.")
    if any("\ufffd" in cell for cell in cells):
        problems.add(
            row,
            None,
            "The row holds characters that cannot be read; they are shown as \ufffd.",
            "Export the file again as UTF-8 if they matter.",
        )
    return cells
