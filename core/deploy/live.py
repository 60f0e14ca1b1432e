"""The student a server answers with: loading it, and changing it when another one is put to work.

A change is one assignment, made when the new student is loaded and warm. Requests hold on to the student they began with.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass, replace

from sqlite_utils import Database

from core import database
from core.deploy.batching import MOST_TEXTS
from core.deploy.tally import Tally
from core.errors import InputError
from core.evaluate.evaluation import certified
from core.tasks import Task
from core.train import students
from core.train.registry import find, folder_of
from core.train.students.together import Readings
from core.words import percent

LOOK = 1.0  # seconds between looks at the database
LAST = 5.0  # seconds that the end of a server waits for what is left to write
AGAIN = 30.0  # seconds until a student that could not be loaded is tried again
log = logging.getLogger("understudy")


@dataclass(frozen=True, eq=False)
class Served:
    """A loaded student with what belongs to it: the certified threshold (None: nothing is certified), and who taught it."""

    id: int
    kind: str
    task: Task
    taxonomy_id: int
    teacher: str
    student: students.Student
    threshold: float | None
    certified_at: str | None  # another time means another threshold


def load(db: Database, task: Task, which: str | int, readings: Readings | None = None) -> Served:
    """The live student (`which` = "live") or the one with that id, loaded and warm; with `readings` it reads together with others.
    InputError when it is not there."""
    row = find(db, task, which)
    folder = folder_of(db, row["id"])
    student = students.load(folder)
    student.warm_up(MOST_TEXTS)
    if readings:
        students.share(student, folder, readings)
    teacher = db.execute("select teacher from label_runs where id = ?", [row["label_run_id"]]).fetchone()[0]
    return Served(row["id"], row["kind"], task, row["taxonomy_id"], teacher, student, *certified(db, row["id"]))


def alone(threshold: float | None) -> str:
    """What a student answers without its teacher, in words."""
    if threshold is None:
        return "handles nothing, no threshold is certified"
    if threshold == 0:
        return "handles all but what is unlike anything it learned from"
    return f"handles what it is {percent(threshold)} sure of or more"


class Follower:
    """Keeps `current` the student that is live, from a thread of its own; `note` says where that failed, "" if it did not.
    `loaded`: whether it has looked for the first.

    That thread also writes what the `tally` has counted."""

    def __init__(self, task: Task, which: str | int, readings: Readings | None = None):
        self.task, self.which, self.readings = task, which, readings
        self.tally = Tally(task.id)
        self.current: Served | None = None
        self.loaded = False
        self.note = ""
        self._failed: tuple[int, float] = (0, 0.0)  # id, when to try again
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def load(self, db: Database, which: str | int) -> Served:
        """A student of the task, ready to answer. InputError where it cannot be."""
        return load(db, self.task, which, self.readings)

    def first(self) -> Served:
        """Load the first student, in the calling thread. InputError where it cannot be."""
        db = database.connect()
        try:
            return self.load(db, self.which)
        finally:
            db.close()

    def start(self, first: Served | None) -> None:
        """Put the first student to work, and look for others from now on."""
        self.current, self.loaded = first, True
        self._thread.start()

    def stop(self) -> None:
        """Look no more; what is left of the tally is written. Blocks until then."""
        self._over.set()
        if self._thread.ident:
            self._thread.join(LAST)

    def _follow(self) -> None:
        db = database.connect()
        db.conn.execute("PRAGMA busy_timeout = 500")
        over = False
        while not over:
            over = self._over.wait(LOOK)
            try:
                self.tally.write(db)
                if not over:
                    self._look(db)
            except sqlite3.Error as error:  # locked, or away: the student at work goes on
                self._say(f"The database cannot be read or written; {self._on()}", error)
        db.close()

    def _look(self, db: Database) -> None:
        """Take over the student that is live now, or a new threshold of the same one."""
        row = db.execute(
            """select s.id, e.certified_at from students s left join evaluations e on e.student_id = s.id and e.split = 'test'
               where s.task_id = ? and s.ready = 1 and (s.id = ? or (? = 'live' and s.live = 1))""",
            [self.task.id, self.which, self.which],
        ).fetchone()
        now = self.current
        if row is None:
            self._say(f"No student is live now; student {now.id} goes on.")
        elif row[0] != now.id:
            self._change(db, row[0])
        else:
            if row[1] != now.certified_at:
                threshold, certified_at = certified(db, now.id)
                self.current = replace(now, threshold=threshold, certified_at=certified_at)
                log.info("Student %s %s now.", now.id, alone(threshold))
            self.note = ""

    def _change(self, db: Database, student_id: int) -> None:
        failed, again = self._failed
        if student_id == failed and time.monotonic() < again:
            return
        try:
            served = self.load(db, student_id)
        except sqlite3.Error:
            raise
        except Exception as error:  # whatever is wrong with its files, the one at work goes on
            self._failed = student_id, time.monotonic() + AGAIN
            self._say(f"Student {student_id} is live but cannot be loaded; {self._on()}", error)
            return
        self.current, self.note = served, ""
        log.info("Student %s (%s) answers now.", served.id, served.kind)

    def _on(self) -> str:
        return f"student {self.current.id} goes on." if self.current else "none answers."

    def _say(self, note: str, error: Exception | None = None) -> None:
        """Keep the note for /health, and log it once."""
        if note != self.note:
            reason = f" ({error if isinstance(error, InputError) else type(error).__name__})" if error else ""
            log.warning("%s%s", note, reason)
        self.note = note
