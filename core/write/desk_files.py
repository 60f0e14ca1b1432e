"""The drafts' desk away from the screen: what waits as CSV, to be filled in a spreadsheet, and the decisions read back."""

from __future__ import annotations

import io
from pathlib import Path

from sqlite_utils import Database

from core.errors import InputError
from core.escape import Cells, undefuse
from core.tables.files import AS_FOUND, ReadAs
from core.tables.problems import Problems
from core.tasks import Task
from core.write import desk, pairs

COLUMNS = ("number", "brief", "draft", "who", "decision", "edited", "reviewer")
NEEDED = ("number", "decision")


def to_csv(db: Database, task: Task) -> str:
    """The drafts that wait, with an empty decision (approved, edited or rejected) to fill in, and room for an edited draft. Cells
    are safe to open in a spreadsheet."""
    out = io.StringIO(newline="")
    table = Cells(out)
    table.row(*COLUMNS)
    table.rows((one.id, one.brief, one.text, one.who, "", "", "") for one in desk.waiting(db, task))
    return out.getvalue()


def read(
    db: Database, task: Task, path: Path, reviewer: str, read_as: ReadAs = AS_FOUND
) -> tuple[dict[str, int], Problems]:
    """Keep the decisions of a file as to_csv() writes it: how many are new, by kind, and the rows that cannot be used. Rows without
    a decision are passed over; the first decision on a draft stands. InputError where a column is missing."""
    table, problems = pairs.opened(path, NEEDED, read_as), Problems()
    for column in NEEDED:
        if column not in table.columns:
            raise InputError(
                f"The file has no column {column}.", "Fill in a file that --export wrote.", where=path.name
            )
    made = {"approved": 0, "edited": 0, "rejected": 0}
    drafts = {id: (text, done) for id, text, done in db.execute(DRAFTS, [task.id])}
    with db.atomic():
        for row, cells in table.records(problems):
            cell = {name: undefuse(text.strip()) for name, text in zip(table.columns, cells)}
            if not cell["decision"]:
                continue
            try:
                draft = int(cell["number"]) if cell["number"].isascii() and cell["number"].isdigit() else 0
                text, done = drafts.get(draft, (None, None))
                status = _status(text, cell)
                if not done:
                    kept = {"approved": text, "edited": cell.get("edited"), "rejected": None}[status]
                    desk.decide(db, draft, cell.get("reviewer") or reviewer, kept)
                    drafts[draft] = text, status
                    made[status] += 1
            except InputError as error:
                problems.add(row, None, error.what, error.todo)
    return made, problems


DRAFTS = """select f.id, f.text, d.decision from drafts f left join draft_decisions d on d.draft_id = f.id
            where f.task_id = ? and f.passed = 1"""


def _status(text: str | None, cell: dict[str, str]) -> str:
    """What a row decides. InputError where it is about no draft of the task, or says nothing that is known."""
    if text is None:
        raise InputError("No draft of this task has that number.", "Leave the column number as it was written.")
    status = pairs.STATUSES.get(cell["decision"].casefold())
    if status is None:
        raise InputError("The decision is not known.", "Write approved, edited or rejected.")
    if status == "edited" and not cell.get("edited"):
        raise InputError("The edited draft is missing.", "Write it into the column edited, or approve the draft.")
    return "edited" if status == "approved" and cell.get("edited") else status
