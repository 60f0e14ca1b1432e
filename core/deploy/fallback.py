"""The teacher behind a served student: asked about texts the student does not answer by itself, within a client's monthly budget.

What it answers is bought as a run buys it (core/label/desk.py): a row a call in the ledger, replies kept on disk, so that neither a
restart nor another server buys an answer again, nor one that the client's own labels hold. Calls are made side by side, so that
one that hangs holds up nobody else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlite_utils import Database

from core import taxonomy
from core.deploy.live import Served
from core.errors import InputError
from core.label import labels
from core.label.buyer import Buyer, Capped
from core.label.buying import outside
from core.label.desk import Desk, Paused
from core.label.disk import Disk
from core.label.runs import find_run
from core.label.teachers import Answer, Asset, Teacher, make, worded
from core.label.teachers.hosted import Hosted
from core.label.teachers.recorded import Recorded
from core.money import ledger
from core.tasks import Task
from core.taxonomy import tagsets
from core.wires import connections
from core.wires.limits import Limits

KEPT = 10_000  # answers remembered, so that no text is looked up twice while the server runs
TEACHERS = 2  # kept ready for a task: of the student at work and of the one before
ROOM = 256  # texts that may be with the teacher or wait for it
SLOW_S = 5.0  # a call that takes longer makes room for another
SLOW_CALLS = 4  # so many times the connection's calls at once may be under way, those that hang among them
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class TeacherReply:
    """What the teacher says of a text: a category's label, or its tags, and, where it gives one, its confidence."""

    category: str
    confidence: float | None


@dataclass(frozen=True)
class _Ready:
    """A teacher, and for a hosted one the desk that asks it, its calls at once, and the run that holds its labels."""

    teacher: Teacher
    labels: dict[int, str]
    desk: Desk | None = None
    turn: asyncio.Semaphore | None = None
    room: asyncio.Semaphore | None = None
    run_id: int | None = None

    @property
    def worn(self) -> bool:
        """Its key was refused a while ago: to be made anew, with the key as it is by now."""
        return self.desk is not None and self.desk.refused and not self.desk.paused


class Fallback:
    """Asks the teacher who taught the student; of a client's tasks, so many of them, within one budget. Everything but the disk's
    part happens on the event loop.

    `count(outcome)` is called once a text: "answered", "kept" (asked before), "unknown" (to recorded labels), "budget"
    (spent), "paused" (the provider asked to wait), "late" (too many wait already) or "failed".
    """

    def __init__(self, task: Task, budget_usd: float | None, tasks: int = 1):
        self.client_id, self.budget_usd, self._teachers = task.client_id, budget_usd, TEACHERS * tasks
        self.count: Callable[[str], None] = lambda outcome: None
        self._disk = Disk()
        self._ready: OrderedDict[tuple, _Ready] = OrderedDict()
        self._leaving: list[_Ready] = []  # no longer asked; their connections are to be closed
        self._owner = uuid.uuid4().hex
        self._lock = ledger.owner_lock(self._owner)
        self._replies: OrderedDict[bytes, TeacherReply] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task] = {}
        self.spent_usd = 0.0  # this month, as last seen

    async def prepare(self, served: Served) -> None:
        """Have the student's teacher ready. InputError where there is none, its key is missing, or it costs money and there is no
        budget. What servers that are gone had under way is settled."""
        ready = await self._disk(self._teacher, served)
        self._lock.acquire()
        await self._disk(ledger.close_left, self.client_id)
        if self.budget_usd is None and isinstance(ready.teacher, Hosted) and ready.teacher.paid:
            raise InputError(
                f"The teacher {ready.teacher.name} costs money.", "Say how much a month with --fallback-budget USD."
            )
        self.spent_usd = await self._disk(ledger.served_usd, self.client_id)

    async def answer(self, served: Served, texts: list[str]) -> list[TeacherReply | None]:
        """What the teacher says of each text; None where it has no answer, cannot be reached, or the budget is spent."""
        return list(await asyncio.gather(*(self.answer_one(served, text) for text in texts)))

    async def answer_one(self, served: Served, text: str) -> TeacherReply | None:
        """What the teacher says of a text; see answer(). Given up by whoever asks, the call goes on and its answer is kept."""
        key = _key(served, text)
        if key in self._replies:
            self._replies.move_to_end(key)
            self.count("kept")
            return self._replies[key]
        if key not in self._asking:
            if len(self._asking) >= ROOM:
                self.count("late")
                return None
            self._asking[key] = asyncio.ensure_future(self._ask(served, text, key))
            self._asking[key].add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(self._asking[key])

    async def close(self) -> None:
        """Let go of calls, connections and the disk. A call cut off stays counted at the most it can cost."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        self._leaving += self._ready.values()
        await self._let_go(last=True)
        if self._disk.db:
            await self._disk(ledger.close_left, self.client_id, self._owner)
        ledger.drop(self._lock)
        self._disk.close()

    async def _let_go(self, last: bool = False) -> None:
        """Close the connections of those no longer asked, where no call is under way, or all at the `last`."""
        leaving, self._leaving = self._leaving, []
        for ready in leaving:
            if ready.desk and ready.desk.buyer.calling and not last:
                self._leaving.append(ready)
            elif ready.desk:
                await ready.desk.buyer.close()

    def _teacher(self, db: Database, served: Served) -> _Ready:
        """On disk: the teacher as its connection stands now."""
        kind, _, name = served.teacher.partition(":")
        connection = connections.find(db, self.client_id, name) if kind == "connection" else None
        key = served.teacher, served.taxonomy_id, connection
        if key in self._ready and self._ready[key].worn:
            self._leaving.append(self._ready.pop(key))
        if key in self._ready:
            self._ready.move_to_end(key)
        else:
            categories = taxonomy.load(db, served.taxonomy_id)
            teacher = make(db, served.task, served.teacher, categories)
            labels = {category.id: category.label for category in categories} | tagsets.labels(db, served.taxonomy_id)
            self._ready[key] = (
                self._hosted(db, teacher, labels, served) if isinstance(teacher, Hosted) else _Ready(teacher, labels)
            )
            while len(self._ready) > self._teachers:
                self._leaving.append(self._ready.popitem(last=False)[1])
        return self._ready[key]

    def _hosted(self, db: Database, teacher: Hosted, labels: dict[int, str], served: Served) -> _Ready:
        connection = teacher.connection
        teacher.priced()  # InputError where the price is not known
        account = outside(teacher, self.client_id, self._owner, self.budget_usd, ledger.SERVED)
        calls = max(connection.params.concurrency, 1)
        wide = replace(connection, params=replace(connection.params, concurrency=SLOW_CALLS * calls))
        return _Ready(
            teacher,
            labels,
            Desk(Buyer(teacher, account, self._disk, Limits(calls), wire=connections.connect(wide))),
            asyncio.Semaphore(calls),
            asyncio.Semaphore(SLOW_CALLS * calls),
            find_run(db, served.task, served.taxonomy_id, teacher),
        )

    async def _ask(self, served: Served, text: str, key: bytes) -> TeacherReply | None:
        try:
            ready = await self._disk(self._teacher, served)
            await self._let_go()
            held = await self._disk(labels.of_text, self.client_id, ready.run_id, text)
            answer = held or await (self._bought(ready, text) if ready.desk else self._disk(self._here, ready, text))
        except (Capped, Paused) as error:
            self.count("budget" if isinstance(error, Capped) else "paused")
            return None
        except Exception as error:  # the student's answer goes out without the teacher's
            log.warning("The teacher could not be asked (%s).", type(error).__name__)
            self.count("failed")
            return None
        if answer is None:
            self.count("unknown")
            return None
        label = worded(answer, ready.labels)
        self.count("kept" if held else "failed" if label is None else "answered")
        if label is None:
            return None
        reply = self._replies[key] = TeacherReply(label, answer.confidence)
        while len(self._replies) > KEPT:
            self._replies.popitem(last=False)
        return reply

    async def _bought(self, ready: _Ready, text: str) -> Answer:
        """Ask a hosted teacher when it is the text's turn, which a call that takes long gives up to another."""
        async with ready.room:
            await ready.turn.acquire()
            released = []

            def release() -> None:
                if not released:
                    released.append(True)
                    ready.turn.release()

            slow = asyncio.get_running_loop().call_later(SLOW_S, release)
            try:
                return await ready.desk.answer(Asset(0, text))
            finally:
                slow.cancel()
                release()
                self.spent_usd = await self._disk(ledger.served_usd, self.client_id)

    def _here(self, db: Database, ready: _Ready, text: str) -> Answer | None:
        """On disk: a teacher that answers on this machine; None where it does not know the text."""
        recorded = isinstance(ready.teacher, Recorded)
        asset = ready.teacher.known(text) if recorded else Asset(0, text)
        return ready.teacher.answer([asset])[0] if asset else None


def _key(served: Served, text: str) -> bytes:
    return hashlib.sha256(f"{served.teacher}\0{served.taxonomy_id}\0{text}".encode("utf-8", "surrogatepass")).digest()
