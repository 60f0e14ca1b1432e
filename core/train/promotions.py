"""Which student of a task is at work, and which were before it: of students that sort, and of those that write.

A student goes to work in one step that the history keeps; a roll-back is such a step, too, and goes back one further each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from core import audit, settings, tasks
from core.database import now
from core.errors import InputError
from core.tasks import Task


@dataclass(frozen=True)
class Promotions:
    """`students`: the table of students (id, task_id, kind, path, live); `notes`: that of its history (id, task_id, before_id,
    created), whose `column` names the student; `check` raises InputError where a student may not go to work."""

    students: str
    notes: str
    column: str
    check: Callable[[Database, int], None] = lambda db, student_id: None

    def any_live(self, db: Database, task: Task) -> bool:
        """Whether a student of the task is at work."""
        query = f"select exists (select 1 from {self.students} where task_id = ? and live = 1)"
        return bool(db.execute(query, [task.id]).fetchone()[0])

    def set_live(self, db: Database, student_id: int) -> None:
        """Put one student to work and take its predecessor off it, in one step that the history keeps.

        InputError where the student's files are gone, or it may not go to work.
        """
        task = tasks.get(db, self._of(db, student_id, "task_id"))
        self._must_be_whole(db, student_id)
        self.check(db, student_id)
        with db.atomic():
            self._only_live(db, task, student_id)
            current = self._in_force(db, task)
            if current is None or current[self.column] != student_id:
                self._note(db, task, student_id, current and current["id"])

    def roll_back(self, db: Database, task: Task) -> int:
        """Put the student that was live before the live one back to work; returns its id. Again, it goes back a step further.

        InputError where none was live before, its files are gone, or it may not go to work any more.
        """
        with db.atomic():
            # The first statement takes the write lock.
            db.execute(f"update {self.students} set live = 0 where live = 1 and task_id = ?", [task.id])
            before = self._before(db, task)
            if before is None:
                raise InputError("No other student was live before.", "Make one live instead.")
            self._must_be_whole(db, before[self.column])
            self.check(db, before[self.column])
            self._only_live(db, task, before[self.column])
            self._note(db, task, before[self.column], before["before_id"])
        return before[self.column]

    def history(self, db: Database, task: Task) -> list[dict]:
        """What was live when, newest first: the student's id under the name of the column, kind, created (since when)."""
        return list(
            db.query(
                f"""select h.{self.column}, s.kind, h.created from {self.notes} h join {self.students} s on s.id = h.{self.column}
                    where h.task_id = ? order by h.id desc""",
                [task.id],
            )
        )

    def before_live(self, db: Database, task: Task) -> int | None:
        """The student that roll_back() would put to work; None where there is none."""
        before = self._before(db, task)
        return before[self.column] if before else None

    def is_whole(self, db: Database, student_id: int) -> bool:
        """Whether the student's files are where they should be."""
        return (self.folder_of(db, student_id) / "config.json").is_file()

    def folder_of(self, db: Database, student_id: int) -> Path:
        """Where a student's files are (paths are kept relative to the workspace, so that it can be moved)."""
        return settings.home() / self._of(db, student_id, "path")

    def _of(self, db: Database, student_id: int, column: str):
        return db.execute(f"select {column} from {self.students} where id = ?", [student_id]).fetchone()[0]

    def _must_be_whole(self, db: Database, student_id: int) -> None:
        if not self.is_whole(db, student_id):
            raise InputError(
                f"The files of {self._of(db, student_id, 'kind')} {student_id} are missing from the workspace, so it cannot be put "
                "to work.",
                "Restore its folder from a copy, or train it again.",
                where=str(self.folder_of(db, student_id)),
            )

    def _in_force(self, db: Database, task: Task) -> dict | None:
        """The newest entry of the task's history, which is the live student's."""
        query = f"select * from {self.notes} where task_id = ? order by id desc limit 1"
        return next(db.query(query, [task.id]), None)

    def _before(self, db: Database, task: Task) -> dict | None:
        """The entry that was in force before the newest one."""
        current = self._in_force(db, task)
        return current and next(db.query(f"select * from {self.notes} where id = ?", [current["before_id"]]), None)

    def _only_live(self, db: Database, task: Task, student_id: int) -> None:
        db.execute(f"update {self.students} set live = 0 where live = 1 and task_id = ?", [task.id])
        db.execute(f"update {self.students} set live = 1 where id = ?", [student_id])

    def _note(self, db: Database, task: Task, student_id: int, before_id: int | None) -> None:
        audit.record(db, "promote", task=task, what=f"student {student_id}")
        row = {"task_id": task.id, self.column: student_id, "before_id": before_id, "created": now()}
        db[self.notes].insert(row)
