"""The one error people see, the one that stops long work, and the row-level problems an import lists."""

from __future__ import annotations

from dataclasses import asdict, dataclass


class InputError(Exception):
    """Something a person can put right: what happened, where, and what to do.

    Raised anywhere in core, caught in one place (the page frame, the command line or the job runner).
    Every other exception is a bug and is allowed to surface as one.
    """

    def __init__(self, what: str, todo: str = "", *, where: str = ""):
        self.what, self.todo, self.where = what, todo, where
        super().__init__(" ".join(part for part in (f"{where}: {what}" if where else what, todo) if part))


class Cancelled(Exception):
    """Raised between units of long work once a person has asked to stop. Work may tidy up, then let it pass."""


@dataclass(frozen=True)
class Problem:
    """One row (or cell) of a file that could not be used. `row` counts as a spreadsheet does, header = 1."""

    row: int | None
    column: str | None
    what: str
    todo: str

    def as_dict(self) -> dict:
        return asdict(self)
