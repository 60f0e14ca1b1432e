"""Files of drafts that come back with what people made of them: drafts.csv of an exported student, edited.

Recognised by its columns. A row that nobody decided on is no pair; one that was approved as it stood has its draft as its copy.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.escape import undefuse

BRIEF, DRAFT, STATUS, FINAL = "brief", "draft", "status", "final"


def is_returned(columns: Iterable[str]) -> bool:
    """Whether a table with these columns is a file of drafts."""
    return {BRIEF, DRAFT, STATUS, FINAL} <= set(columns)


def settled(cells: dict[str, str]) -> dict[str, str] | None:
    """The row as brief, copy (`final`), status and first version (`draft`); None where nobody has decided on it."""
    cells = {name: undefuse(cell) for name, cell in cells.items()}
    draft, final, status = (cells[name].strip() for name in (DRAFT, FINAL, STATUS))
    changed = bool(final) and final != draft
    if not status and not changed:
        return None
    status = "edited" if changed and status.casefold() in ("", "approved") else status
    return cells | {FINAL: final or draft, STATUS: status}
