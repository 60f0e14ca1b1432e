"""What a server has answered, by student and month, kept in the workspace for the overview's savings (core/evaluate/house.py).

Requests only count in memory. The thread that follows the live student writes what came up since its last look, added up in one
statement: an answer never waits for the disk, a kill costs what came in within the last second, and several servers add up.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from sqlite_utils import Database

from core.database import now
from core.deploy.schema import Result

COUNTS = ("texts", "handled", "by_teacher")


class Tally:
    """Counts of answers that are not written yet."""

    def __init__(self, task_id: int):
        self.task_id = task_id
        self._lock = threading.Lock()
        self._new: Counter[tuple[int, str, str]] = Counter()

    def add(self, student_id: int, results: Sequence[Result]) -> None:
        """Count the results of a request: the texts that hold words, those the student handled, those the teacher answered."""
        answered = [result.answered_by for result in results if result.category is not None]
        counts = len(answered), answered.count("student"), answered.count("teacher")
        month = now()[:7]
        with self._lock:
            self._new.update({(student_id, month, name): count for name, count in zip(COUNTS, counts)})

    def write(self, db: Database) -> None:
        """Add what is new to the workspace, all of it or nothing; sqlite3.Error where it cannot be, and it is kept for the next."""
        with self._lock:
            new, self._new = self._new, Counter()
        rows = {(student, month): [new[student, month, name] for name in COUNTS] for student, month, _ in new}
        if not any(texts for texts, *_ in rows.values()):
            return
        try:
            with db.atomic():
                db.conn.executemany(
                    """insert into served_answers (task_id, student_id, month, texts, handled, by_teacher)
                       values (?, ?, ?, ?, ?, ?) on conflict (task_id, student_id, month) do update set
                       texts = texts + excluded.texts, handled = handled + excluded.handled,
                       by_teacher = by_teacher + excluded.by_teacher""",
                    [(self.task_id, *key, *counts) for key, counts in rows.items()],
                )
        except BaseException:
            with self._lock:
                self._new.update(new)
            raise
