"""The student behind POST /write: followed as the one that classifies is, asked in batches on a thread of its own.

Drafts go out at once; the thread that follows the live student writes them to the workspace for the drafts' desk.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass

from sqlite_utils import Database

from core import database
from core.deploy.batching import Batcher
from core.deploy.live import Follower
from core.deploy.metrics import Metrics
from core.deploy.schema import Drafted
from core.errors import InputError
from core.money import ledger
from core.tasks import Task
from core.write import fields, teacher_behind, use
from core.write.drafting import Draft, Writer

AT_ONCE = 8  # briefs of a batch: others get their turn after a few seconds
ROOM = 200  # briefs that may wait
UNKEPT = 5_000  # briefs whose drafts wait to be written; beyond that the oldest are let go
TEACHER_S = 25.0  # that a request waits for the teacher's drafts
ASKED_AT_ONCE = 8  # requests that wait for the teacher
MILD = 10  # niceness of the thread that writes: answers to /classify go first
NONE = "No student of this task is at work yet; put one to work with `students --go-live ID` or on the Deploy page."


@dataclass(frozen=True, eq=False)
class ServedWriter:
    """A loaded student that writes. `sums_up`: what it writes are summaries."""

    id: int
    kind: str
    task: Task
    writer: Writer
    sums_up: bool


class Kept:
    """Drafts that are not written yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: deque[tuple[dict, str, list[Draft], int]] = deque(maxlen=UNKEPT)

    def add(self, served: ServedWriter, brief: str, drafts: list[Draft], seed: int) -> None:
        """Keep a brief's drafts with the next write()."""
        with self._lock:
            self._new.append(({"id": served.id, "task_id": served.task.id}, brief, drafts, seed))

    def write(self, db: Database) -> None:
        """Write what is new, all of it or nothing; sqlite3.Error where it cannot be, and it is kept for the next time."""
        with self._lock:
            new, self._new = self._new, deque(maxlen=UNKEPT)
        if not new:
            return
        try:
            with db.atomic():
                for one in new:
                    use.keep(db, *one)
        except BaseException:
            with self._lock:
                self._new.extendleft(reversed(new))
            raise


class WriterFollower(Follower):
    """Keeps `current` the student that writes. Beside a task that sorts there may be none at first (`needed` is False): `current`
    is None until one goes to work."""

    def __init__(self, task: Task, which: str | int, *, needed: bool):
        super().__init__(task, which)
        self.tally, self.needed = Kept(), needed

    def load(self, db: Database, which: str | int) -> ServedWriter:
        """A student of the task, ready to write. InputError where it cannot be, or may not write."""
        row = use.may_write(db, self.task, which)
        with ThreadPoolExecutor(1, initializer=_mildly) as mild:  # threads that it starts are as mild
            mild.submit(use.writer_of, row).result()
        writer = use.writer_of(row, db)
        writer.drafts(["Warm up"], 1)
        return ServedWriter(row["id"], row["kind"], self.task, writer, writer.rung.summaries)

    def first(self) -> ServedWriter | None:
        """Load the first student; None where none is there and none is needed. InputError where it cannot be loaded."""
        try:
            return super().first()
        except InputError as error:
            if self.needed:
                raise
            self._say(str(error.what))
            return None

    def _look(self, db: Database) -> None:
        """Take over the student that is live now."""
        row = db.execute(
            "select id from writers where task_id = ? and ready = 1 and (id = ? or (? = 'live' and live = 1))",
            [self.task.id, self.which, self.which],
        ).fetchone()
        if row is None:
            self._say(NONE if self.current is None else f"No student is live now; {self._on()}")
        elif self.current is None or row[0] != self.current.id:
            self._change(db, row[0])
        else:
            self.note = ""


class Writing:
    """The live student that writes, and the queue before it. Briefs that arrive together are drafted together."""

    def __init__(self, follower: WriterFollower, metrics: Metrics):
        self.follower, self.metrics = follower, metrics
        self._asking = ThreadPoolExecutor(ASKED_AT_ONCE, "teacher")
        self.queue = Batcher(_write, "writer", room=ROOM, most=AT_ONCE, begin=_mildly)
        metrics.waiting_briefs.set_function(lambda: self.queue.waiting)
        metrics.writer.set_function(lambda: follower.current.id if follower.current else 0)

    async def close(self) -> None:
        """Stop; whoever still waits is cancelled."""
        await self.queue.close()
        self._asking.shutdown(wait=False, cancel_futures=True)

    async def write(self, served: ServedWriter, briefs: list[str], drafts: int, seed: int) -> list[Drafted]:
        """One result a brief. Overloaded where too many wait already; InputError for briefs that the student cannot take."""
        each = list(dict.fromkeys(briefs))
        written = dict(zip(each, await self.queue.ask((served, drafts, seed), each)))
        for brief, some in written.items():
            self.follower.tally.add(served, brief, some, seed)
        unhandled = [brief for brief, some in written.items() if not any(draft.passed for draft in some)]
        bought = await self._teacher(served, unhandled)
        results = {brief: _result(served, brief, written[brief], bought.get(brief, [])) for brief in each}
        answered = [results[brief] for brief in briefs]
        self._count(answered)
        return answered

    async def _teacher(self, served: ServedWriter, briefs: list[str]) -> dict[str, list[dict]]:
        """The teacher's drafts of briefs of which the student has none that passes, where the task has one behind it."""
        if not briefs:
            return {}
        asking = self._asking, _behind, served.task, briefs, ledger.payer()
        told = await asyncio.get_running_loop().run_in_executor(*asking)
        self.metrics.spent.set(told.spent_usd)
        return told.drafts

    def _count(self, results: list[Drafted]) -> None:
        counts = self.metrics
        counts.briefs.inc(len(results))
        counts.briefs_handled.inc(sum(result.handled for result in results))
        counts.briefs_by_teacher.inc(sum(result.answered_by == "teacher" for result in results))
        for result in results:
            for draft in result.drafts:
                counts.drafts.labels("yes" if draft.passed else "no").inc()


def _result(served: ServedWriter, brief: str, drafts: list[Draft], bought: list[dict]) -> Drafted:
    handled = any(draft.passed for draft in drafts)
    by_teacher = any(draft["passed"] for draft in bought)
    return Drafted(
        drafts=[*bought, *(draft.as_dict() for draft in drafts)],
        handled=handled,
        answered_by="student" if handled else "teacher" if by_teacher else None,
        student=str(served.id),
        runtime=served.writer.runtime,
        fields=fields.of(brief) if served.sums_up else {},
    )


def _behind(task: Task, briefs: list[str], payer: ledger.Payer | None) -> teacher_behind.Behind:
    with closing(database.connect()) as db, ledger.asked_by(payer):
        return teacher_behind.behind(db, task, briefs, TEACHER_S)


def _write(key: Hashable, briefs: list[str]) -> list[list[Draft]]:
    """The drafts of each brief; each is drafted once."""
    served, drafts, seed = key
    each = list(dict.fromkeys(briefs))
    written = dict(zip(each, served.writer.drafts(each, drafts, seed)))
    return [written[brief] for brief in briefs]


def _mildly() -> None:
    """Have this thread, and those it starts, yield the processor to others (where threads have a niceness of their own)."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), MILD)
