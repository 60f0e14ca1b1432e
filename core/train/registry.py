"""The students of a task: which there are, which is live, which were before it, and where each has its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_utils import Database

from core import tasks
from core.errors import InputError
from core.tasks import Task
from core.train import must_pass
from core.train.promotions import Promotions

LIVE = Promotions("students", "live_history", "student_id", must_pass.check)
any_live, set_live, roll_back, history = LIVE.any_live, LIVE.set_live, LIVE.roll_back, LIVE.history
before_live, is_whole, folder_of = LIVE.before_live, LIVE.is_whole, LIVE.folder_of


def at_work(db: Database, client_id: int) -> list[Task]:
    """The client's tasks that have a sorting student at work, the oldest first."""
    live = {id for (id,) in db.execute("select task_id from students where live = 1")}
    return [task for task in tasks.of_client(db, client_id) if task.id in live]


def named(db: Database, client: str, names: Sequence[str] | None, which: str | int = "live") -> list[Task]:
    """The tasks that a command about several means: those `names` (doubles count once), else all of the client where a sorting
    student is at work, else, or where a student is named by its number, the client's only one. InputError as tasks.find() does, and
    where a student's number is given for several."""
    client_id = tasks.client_named(db, client)
    if not names:
        working = at_work(db, client_id) if which == "live" else []
        return working or [tasks.find(db, client_id)]
    found = list(dict.fromkeys(tasks.find(db, client_id, name) for name in names))
    if which != "live" and len(found) > 1:
        raise InputError("A student is of one task.", "Name that one alone, or leave --student out.")
    return found


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
