"""The students of a task: which there are, which is live, which were before it, and where each has its folder."""

from __future__ import annotations

import json
from pathlib import Path

from sqlite_utils import Database

from core import settings, tasks
from core.database import now
from core.errors import InputError
from core.tasks import Task


def all_students(db: Database, task: Task) -> list[dict]:
    """The client's finished students, newest first: the students row with `summary` and `params` as dicts.

    `params` is what it was made from: train and calibration (counts), encoder, data (fingerprint), recipe, members; folds where it
    is cross-fitted, large_encoder where it has one.
    """
    rows = db.query("select * from students where task_id = ? and ready = 1 order by id desc", [task.id])
    return [row | {"summary": json.loads(row["summary"]), "params": json.loads(row["params"])} for row in rows]


def find(db: Database, task: Task, which: str | int = "live") -> dict:
    """The client's live student, or the one with id `which`. InputError when there is none."""
    for row in all_students(db, task):
        if row["live"] if which == "live" else str(row["id"]) == str(which):
            return row
    if which == "live":
        raise InputError(
            "This client has no live student yet.",
            "Put one to work on the Student page or with `students --go-live ID`, or name one with --student ID.",
        )
    raise InputError(f"This client has no student number {which}.", "The Student page lists them.")


def looked_at(db: Database, task: Task, which: str | int = "live") -> dict:
    """The student to look at: as find() says, but where none is live, the newest that is judged, else the newest there is."""
    if which != "live" or any_live(db, task):
        return find(db, task, which)
    judged = {row[0] for row in db.execute("select student_id from evaluations where split = 'test'")}
    rows = sorted(all_students(db, task), key=lambda row: row["id"] not in judged)
    return rows[0] if rows else find(db, task, which)


def any_live(db: Database, task: Task) -> bool:
    """Whether a student of the client is at work."""
    query = "select exists (select 1 from students where task_id = ? and live = 1)"
    return bool(db.execute(query, [task.id]).fetchone()[0])


def set_live(db: Database, student_id: int) -> None:
    """Put one student to work and take its predecessor off it, in one step that the history keeps.

    InputError where the student's files are gone.
    """
    task = tasks.get(db, db.execute("select task_id from students where id = ?", [student_id]).fetchone()[0])
    _must_be_whole(db, student_id)
    with db.atomic():
        _only_live(db, task, student_id)
        current = _in_force(db, task)
        if current is None or current["student_id"] != student_id:
            _note(db, task, student_id, current and current["id"])


def roll_back(db: Database, task: Task) -> int:
    """Put the student that was live before the live one back to work; returns its id. Again, it goes back a step further.

    InputError where none was live before, or its files are gone.
    """
    with db.atomic():
        db.execute("update students set live = 0 where live = 1 and task_id = ?", [task.id])  # takes the write lock
        before = _before(db, task)
        if before is None:
            raise InputError("No other student was live before.", "Make one live instead.")
        _must_be_whole(db, before["student_id"])
        _only_live(db, task, before["student_id"])
        _note(db, task, before["student_id"], before["before_id"])
    return before["student_id"]


def history(db: Database, task: Task) -> list[dict]:
    """What was live when, newest first: student_id, kind, created (since when)."""
    return list(
        db.query(
            """select h.student_id, s.kind, h.created from live_history h join students s on s.id = h.student_id
               where h.task_id = ? order by h.id desc""",
            [task.id],
        )
    )


def before_live(db: Database, task: Task) -> int | None:
    """The student that roll_back() would put to work; None where there is none."""
    before = _before(db, task)
    return before["student_id"] if before else None


def is_whole(db: Database, student_id: int) -> bool:
    """Whether the student's files are where they should be."""
    return (folder_of(db, student_id) / "config.json").is_file()


def _must_be_whole(db: Database, student_id: int) -> None:
    if not is_whole(db, student_id):
        kind = db.execute("select kind from students where id = ?", [student_id]).fetchone()[0]
        raise InputError(
            f"The files of {kind} {student_id} are missing from the workspace, so it cannot be put to work.",
            "Restore its folder from a copy, or train it again.",
            where=str(folder_of(db, student_id)),
        )


def _in_force(db: Database, task: Task) -> dict | None:
    """The newest entry of the client's history, which is the live student's."""
    query = "select * from live_history where task_id = ? order by id desc limit 1"
    return next(db.query(query, [task.id]), None)


def _before(db: Database, task: Task) -> dict | None:
    """The entry that was in force before the newest one."""
    current = _in_force(db, task)
    return current and next(db.query("select * from live_history where id = ?", [current["before_id"]]), None)


def _only_live(db: Database, task: Task, student_id: int) -> None:
    db.execute("update students set live = 0 where live = 1 and task_id = ?", [task.id])
    db.execute("update students set live = 1 where id = ?", [student_id])


def _note(db: Database, task: Task, student_id: int, before_id: int | None) -> None:
    row = {"task_id": task.id, "student_id": student_id, "before_id": before_id, "created": now()}
    db["live_history"].insert(row)


def folder_of(db: Database, student_id: int) -> Path:
    """Where a student's files are (paths are kept relative to the workspace, so that it can be moved)."""
    return settings.home() / db.execute("select path from students where id = ?", [student_id]).fetchone()[0]
