"""What a server writes down of its answers, and which of them the teacher is asked about too (an audit), so that the promise is
watched (core/watch). An answer never waits for any of it: rows are written by a thread of its own, twice a second, and audits
are asked for after the answer is out.

The same thread looks up what people have said (core/watch/rules.py) and whether a task's promise is broken, in which case the
task's people may have everything sent to the teacher.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing

from sqlite_utils import Database

from core import database
from core.deploy.fallback import Fallback, TeacherReply
from core.deploy.live import Served
from core.deploy.schema import Result
from core.errors import InputError
from core.money import ledger
from core.tasks import Task
from core.watch import rules, served, standing
from core.watch.served import LIVE, SHADOW, Audit, Row

WRITE_S, LOOK_S, STAND_S, FORGET_S = 0.5, 2.0, 20.0, 3600.0
MOST_ROWS = 100_000  # that may wait for the disk; more are counted and lost
MOST_AUDITS = 64  # that may be under way; while there are so many, no other is drawn
AGAIN_S = 60.0  # after an audit could not be bought, no other is drawn for so long
log = logging.getLogger("understudy")


class Watch:
    """Writes down what is served of a client's tasks. `shadow`: the students answer silently, the teacher does the work."""

    def __init__(self, client_id: int, tasks: Sequence[Task], shadow: bool = False):
        self.client_id, self.tasks, self.shadow = client_id, list(tasks), shadow
        self.keeping = rules.Keeping()
        self.rules: dict[int, rules.Watching] = {}
        self.broken: frozenset[int] = frozenset()  # tasks whose promise is
        self.told: Callable[[Row, str, TeacherReply], None] = lambda row, text, reply: (
            None
        )  # whenever the teacher said something
        self.lost, self.note = 0, ""
        self.removed = False  # the client was: nothing of it is written down any more
        self._rows: deque[Row] = deque()
        self._audits: deque[Audit] = deque()
        self._known: set[tuple[int, bytes]] = set()  # student and text that are audited, or about to be
        self._auditor: Fallback | None = None
        self._prepared: set[int] = set()  # students whose teacher the auditor has ready
        self._auditing: set[asyncio.Task] = set()
        self._not_before = 0.0
        self._file: sqlite3.Connection | None = None
        self._inode = 0
        self._over, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)

    def start(self) -> None:
        """Look up what people have said, then write from now on."""
        with closing(database.connect()) as db:
            self._look(db)
            self._stand(db)
        file = served.there(self.client_id)
        if file:
            with closing(file):
                self._known = set(file.execute("select student_id, hash from audits where handled = 1"))
        self._thread.start()

    async def close(self) -> None:
        """Audits under way are given up, what they cost stays counted; what is left is written."""
        for task in list(self._auditing):
            task.cancel()
        await asyncio.gather(*self._auditing, return_exceptions=True)
        if self._auditor:
            await self._auditor.close()
        self._over.set()
        self._wake.set()
        if self._thread.ident:
            await asyncio.to_thread(self._thread.join, 5.0)

    # --- of every request, on the event loop --------------------------------------------------------------------------

    def teacher_answers(self, task: Task) -> bool:
        """Whether the teacher answers everything of the task: in a shadow run, or because its promise is broken and its people
        chose so."""
        return self.shadow or (task.id in self.broken and self.rules[task.id].broken == rules.TEACHER)

    def note_answers(
        self,
        of: Sequence[Served],
        texts: Sequence[str],
        own: Sequence[Sequence[Result]],
        results: Sequence[Sequence[Result]],
        replies: dict[tuple[int, int], TeacherReply],
    ) -> None:
        """Write down what went out: of each text and student, its `own` answer and the result, and what the teacher said of places
        (text, student). Draws audits."""
        at, fresh = time.time(), []
        for place, text in enumerate(texts):
            if not text.strip():
                continue
            key, luck, drawn = served.hash_of(text), random.random(), []
            for which, (one, mine, result) in enumerate(zip(of, own[place], results[place])):
                reply = replies.get((place, which))
                chance = 1.0 if reply else self._chance(one) if result.handled else 0.0
                checked = reply is None and luck < chance
                row = Row(
                    at,
                    one.task.id,
                    one.id,
                    key,
                    mine.category,
                    mine.confidence,
                    mine.handled,
                    mine.strange,
                    result.answered_by,
                    reply.usd if reply else 0.0,
                    chance,
                    SHADOW if self.shadow else LIVE,
                    self.kept(text, reply is not None or checked),
                )
                fresh.append(row)
                if reply:
                    self._audited(row, text, reply)
                elif checked and (one.id, key) not in self._known:  # a text that is audited already says nothing new
                    drawn.append((one, row))
            if drawn:
                self._draw(drawn, text)
        self.add(fresh)

    def add(self, rows: Sequence[Row], audits: Sequence[Audit] = ()) -> None:
        """Write down answers and audits, soon."""
        self._audits.extend(audits)
        if len(self._rows) + len(rows) > MOST_ROWS:
            self.lost += len(rows)
        else:
            self._rows.extend(rows)

    def kept(self, text: str, asked: bool) -> str | None:
        """The text, where the client wants it kept; `asked`: the teacher was asked about it."""
        keep = self.keeping.texts
        return text if keep == rules.ALL or (keep == rules.ASKED and asked) else None

    def _chance(self, one: Served) -> float:
        """Of a handled answer being audited, now; the same for all texts, so that audits stand for all of them."""
        said = self.rules.get(one.task.id)
        if said is None or not said.share or len(self._auditing) >= MOST_AUDITS or time.monotonic() < self._not_before:
            return 0.0
        return said.share

    def _draw(self, drawn: list[tuple[Served, Row]], text: str) -> None:
        """Have the teacher asked about a text in the tasks whose students handled it, in one call."""
        self._known |= {(one.id, row.hash) for one, row in drawn}
        with ledger.asked_by(None):  # an audit is the house's own, whoever asked
            asking = asyncio.ensure_future(self._ask(drawn, text))
        self._auditing.add(asking)
        asking.add_done_callback(self._asked)

    def _asked(self, asking: asyncio.Task) -> None:
        self._auditing.discard(asking)
        if not asking.cancelled() and (error := asking.exception()):
            log.error("An audit failed.", exc_info=error)

    async def _ask(self, drawn: list[tuple[Served, Row]], text: str) -> None:
        replies: list[TeacherReply | None] = [None] * len(drawn)
        try:
            auditor = await self._auditor_for([one for one, _ in drawn])
            replies = await asyncio.gather(*auditor.ask([one for one, _ in drawn], text))
        except InputError as error:
            self._prepared.clear()
            self._not_before = time.monotonic() + AGAIN_S
            self._say(f"Audits cannot be asked for: {error}")
        for (one, row), reply in zip(drawn, replies):
            if reply:
                self._audited(row, text, reply)
            else:
                self._known.discard((one.id, row.hash))

    async def _auditor_for(self, wanted: Sequence[Served]) -> Fallback:
        """Who asks the students' teachers, within the budget as it is now."""
        if self._auditor is None or self._auditor.budget_usd != self.keeping.audit_usd:
            old, self._auditor = self._auditor, self._new_auditor()
            self._prepared.clear()
            if old:
                await old.close()
        for one in wanted:
            if one.id not in self._prepared:
                self._prepared.add(one.id)
                await self._auditor.prepare(one)
        return self._auditor

    def _new_auditor(self) -> Fallback:
        auditor = Fallback(self.tasks[0], self.keeping.audit_usd, len(self.tasks), ledger.AUDITED)

        def count(outcome: str) -> None:
            if outcome in ("budget", "paused", "failed", "late"):
                self._not_before = time.monotonic() + AGAIN_S

        auditor.count = count
        return auditor

    def _audited(self, row: Row, text: str, reply: TeacherReply) -> None:
        self._audits.append(
            Audit(
                time.time(),
                row.task_id,
                row.student_id,
                row.hash,
                row.chance,
                row.mode,
                row.handled,
                row.category or "",
                reply.category,
                row.confidence,
                reply.usd,
                self.kept(text, True),
            )
        )
        if reply.usd:
            self._wake.set()  # paid for: written now
        self.told(row, text, reply)

    # --- on the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        db = database.connect()
        db.conn.execute("PRAGMA busy_timeout = 500")
        due: dict[Callable, float] = {self._look: 0.0, self._stand: 0.0, self._forget: 0.0}
        every = {self._look: LOOK_S, self._stand: STAND_S, self._forget: FORGET_S}
        over = False
        while not over:
            self._wake.wait(WRITE_S)
            over = self._over.is_set()
            self._wake.clear()
            try:
                self._write()
                for do, at in due.items():
                    if not over and time.monotonic() >= at:
                        do(db)
                        due[do] = time.monotonic() + every[do]
            except sqlite3.Error as error:  # locked, full, away: what waits is tried again
                self._say(f"What is served cannot be written down just now ({type(error).__name__}).")
            else:
                self.note = f"{self.lost:,} answers were not written down." if self.lost else ""
        self._let_go()
        db.close()

    def _write(self) -> None:
        rows, audits = list(self._rows), list(self._audits)
        if not rows and not audits:
            return
        if self.removed:
            self._rows.clear()
            self._audits.clear()
            return
        served.write(self._opened(), rows, audits)
        for waiting, written in ((self._rows, rows), (self._audits, audits)):
            for _ in written:
                waiting.popleft()

    def _opened(self) -> sqlite3.Connection:
        """The client's file; another one where it was erased meanwhile."""
        path = served.path_of(self.client_id)
        if self._file is None or not path.exists() or path.stat().st_ino != self._inode:
            self._let_go()
            self._file, self._inode = served.answers(self.client_id), path.stat().st_ino
        return self._file

    def _let_go(self) -> None:
        if self._file:
            self._file.close()
        self._file = None

    def _look(self, db: Database) -> None:
        self.removed = not db.execute("select 1 from clients where id = ?", [self.client_id]).fetchone()
        if self.removed:
            self._let_go()
            served.erase(self.client_id)
            return
        self.keeping = rules.keeping(db, self.client_id)
        self.rules = {task.id: rules.watching(db, task) for task in self.tasks}

    def _stand(self, db: Database) -> None:
        """Which promises are broken."""
        self.broken = frozenset(task.id for task in self.tasks if standing.broken(db, task))

    def _forget(self, db: Database) -> None:
        if served.path_of(self.client_id).exists():
            served.forget(self._opened(), time.time() - 86_400 * self.keeping.days)

    def _say(self, note: str) -> None:
        if note != self.note:
            log.warning("%s", note)
        self.note = note
