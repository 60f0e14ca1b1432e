"""A job's row as an object; how its body reports, and how it hears that it should stop."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from sqlite_utils import Database

from core import database
from core.errors import Cancelled
from core.room import no_room

Report = Callable[[int, int, str, float], None]  # done, total, message, spent in USD
ACTIVE = ("queued", "running", "interrupted")
TELL = 0.25  # seconds between writes
COUNTS = re.compile(
    r"(?<! of )\b\d[\d,.]*\b(?! of )"
)  # numbers in a message, but for "2 of 5", which tells phases apart
MOST_PLACES = 200  # phases of a job that are remembered by name
VALUES = "done = ?, total = ?, message = ?, phase_started = ?, phase_done = ?, spent_usd = ?"
ASK = "select cancel_asked from jobs where id = ? and pid = ? and state = 'running'"
stopping = threading.Event()  # set when this process has been asked to end


@dataclass(frozen=True)
class Job:
    """One row of jobs. Times are ISO 8601 in UTC; `done` and `total` count units of the current phase."""

    id: int
    client_id: int | None
    task_id: int | None
    kind: str
    params: dict
    state: str  # queued running done failed cancelled interrupted
    done: int
    total: int
    message: str
    phase_started: str | None
    phase_done: int
    spent_usd: float
    pid: int | None
    heartbeat: str | None
    cancel_asked: bool
    attempts: int
    reached: dict
    spans: dict
    error: str | None
    result: dict | None
    created: str
    who: str  # started it; "" for one from before that was kept
    started: str | None
    finished: str | None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def fraction(self) -> float | None:
        """Share of the current phase that is done, 0 to 1; None where the total is not known."""
        return min(self.done / self.total, 1.0) if self.total > 0 else None

    @property
    def rate(self) -> float | None:
        """Units a second since this phase began (or was resumed); None until the first unit."""
        if self.state != "running" or not self.phase_started or self.done <= self.phase_done:
            return None
        seconds = (datetime.now(UTC) - datetime.fromisoformat(self.phase_started)).total_seconds()
        return (self.done - self.phase_done) / seconds if seconds > 0 else None  # less: the clock was set back

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end of this phase at its rate so far."""
        rate = self.rate
        return max(self.total - self.done, 0) / rate if rate and self.total > 0 else None

    @classmethod
    def of(cls, row: dict) -> Job:
        """A row of the table as a Job."""
        values = {field.name: row[field.name] for field in fields(cls)}
        values |= {"params": json.loads(row["params"]), "cancel_asked": bool(row["cancel_asked"])}
        values |= {"reached": json.loads(row["reached"]), "spans": json.loads(row["spans"])}
        return cls(**values | {"result": json.loads(row["result"]) if row["result"] else None})


class Interrupted(Cancelled):
    """The process is ending, or has lost the job to another: stop now, the job carries on later."""


class NoProgress:
    """Stands in where nobody watches: same calls, no effect."""

    def __call__(self, done: int, total: int, message: str = "", spent_usd: float = 0.0) -> None:
        return None

    def check(self) -> None:
        return None


class Progress(NoProgress):
    """What a body reports to: writes the row at most four times a second and raises Cancelled when asked to stop.

    Call it at the start of a phase with what is already there, then after each unit. A phase is a stretch with one
    message (its digits aside) and one total. It has a connection of its own, so that a report neither waits for nor
    joins the body's transaction; while somebody writes, or the disk is full, a report is left out, and the next one carries the
    news.
    """

    def __init__(self, db: Database, job: Job, on_progress: Report | None = None):
        path = next(row["file"] for row in db.query("pragma database_list") if row["name"] == "main")
        self._conn = sqlite3.connect(path, timeout=0.05, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()  # bodies may report from several threads
        self._job, self._on_progress = job, on_progress
        self._phase: tuple[str, int] | None = None
        self._reported = self._asked = 0.0
        self._reached = dict(job.reached)
        self._spans, self._marked = dict(job.spans), time.monotonic()
        self.done, self.total, self.message, self.spent_usd = job.done, job.total, job.message, job.spent_usd
        self.phase_started, self.phase_done = job.phase_started, job.phase_done

    def __call__(self, done: int, total: int, message: str = "", spent_usd: float = 0.0) -> None:
        """`done` of `total` units; `spent_usd` is the job's whole spend so far. Raises Cancelled or Interrupted."""
        done, total = int(done), int(total)
        with self._lock:
            phase = (re.sub(r"\d[\d,.]*", "", message), total)
            fresh = phase != self._phase or 2 * done < self.done  # back by half: a new pass
            if fresh:
                self._phase = phase
                self.phase_started, self.phase_done = database.now(), done
            self.done, self.total, self.message = done, total, message
            self.spent_usd = max(self.spent_usd, float(spent_usd))
            self._count(fresh)
            if fresh or done >= total or time.monotonic() - self._reported >= TELL:
                self._tell()

    def check(self) -> None:
        """Only the question whether to stop. Raises Cancelled or Interrupted."""
        with self._lock:
            if time.monotonic() - self._asked >= TELL:
                self._asked = time.monotonic()
                self._obey(self._conn.execute(ASK, [self._job.id, os.getpid()]).fetchone())

    def _tell(self) -> None:
        # Headway, which forgives earlier crashes, is what no earlier report has told of.
        self._reported = self._asked = time.monotonic()
        mine = [self._job.id, os.getpid()]
        place, reached = self._now_at()
        further = reached != self._reached.get(place)
        try:
            answer = self._conn.execute(
                f"update jobs set {VALUES}, heartbeat = ?, attempts = case when ? then 0 else attempts end, reached = ?, spans = ?"
                " where id = ? and pid = ? and state = 'running' returning cancel_asked",
                [
                    *self.values(),
                    database.now(),
                    further,
                    json.dumps(self._reached | {place: reached}),
                    json.dumps(self._spans),
                    *mine,
                ],
            ).fetchone()
            self._reached[place] = reached
        except sqlite3.OperationalError as error:
            if not locked(error) and not no_room(error):
                raise
            answer = self._conn.execute(ASK, mine).fetchone()
        if self._on_progress:
            self._on_progress(self.done, self.total, self.message, self.spent_usd)
        self._obey(answer)

    def _count(self, fresh: bool) -> None:
        """Add the time since the last report to the phase it was spent in; the phase at hand stands last."""
        now = time.monotonic()
        if self._spans:
            next(reversed(self._spans.values()))[0] += round(now - self._marked, 6)
        self._marked = now
        if fresh:
            place = self._named(self._spans)
            self._spans[place] = [self._spans.pop(place, (0.0, 0))[0], self.total]

    def _named(self, known: dict) -> str:
        """The phase by its message, for one of `known` or while there are few of them."""
        named = COUNTS.sub("", self.message)
        return named if named in known or len(known) < MOST_PLACES else ""

    def _now_at(self) -> tuple[str, list[int]]:
        """The phase by its message, and how far it ever got, this report included: most units done, fewest left.

        Both, since some bodies count what was there before, and others only what is left to do. Which phases come before it does
        not matter: one that is done with is left out the next time.
        """
        place = self._named(self._reached)
        most, fewest = self._reached.get(place, (self.done, self.total - self.done))
        return place, [max(most, self.done), min(fewest, self.total - self.done)]

    def _obey(self, answer: tuple | None) -> None:
        if stopping.is_set() or answer is None:
            raise Interrupted
        if answer[0]:
            raise Cancelled

    def values(self) -> list:
        """What was last reported, in the order of VALUES."""
        return [self.done, self.total, self.message, self.phase_started, self.phase_done, self.spent_usd]

    def close(self) -> None:
        self._conn.close()


def locked(error: sqlite3.OperationalError) -> bool:
    """Whether the error only says that somebody else is writing."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
