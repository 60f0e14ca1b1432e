"""The teacher behind a served student: asked about texts the student does not answer by itself, within a client's monthly budget.
Facets of a text that fall back together are asked about in one call, where one connection stands behind them.

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sqlite_utils import Database

from core import taxonomy
from core.deploy.live import Served
from core.errors import InputError
from core.images.seen import sight_of
from core.label import known
from core.label.buyer import Buyer, Capped
from core.label.buying import outside
from core.label.desk import Desk, Paused
from core.label.disk import Disk
from core.label.runs import find_run
from core.label.teachers import Answer, Asset, Teacher, for_labels, worded
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import together
from core.label.teachers.recorded import Recorded
from core.money import ledger
from core.tasks import Task
from core.taxonomy import tagsets
from core.wires import connections
from core.wires.connections import Connection
from core.wires.limits import Limits

KEPT = 10_000  # answers remembered, so that no text is looked up twice while the server runs
TEACHERS = 2  # kept ready for a task: of the student at work and of the one before
ROOM = 256  # texts that may be with the teacher or wait for it
SLOW_S = 5.0  # a call that takes longer makes room for another
SLOW_CALLS = 4  # so many times the connection's calls at once may be under way, those that hang among them
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class TeacherReply:
    """What the teacher says of a text: a category's label and, where it gives one, its confidence."""

    category: str
    confidence: float | None
    usd: float = field(default=0.0, compare=False)  # what it cost, 0 where it was bought before
    tags: tuple[str, ...] | None = field(default=None, compare=False)  # of a task that chooses several


@dataclass(frozen=True)
class _Line:
    """To a hosted model, for all facets that it stands behind: the desk that asks it, and its calls at once."""

    desk: Desk
    turn: asyncio.Semaphore
    room: asyncio.Semaphore

    @property
    def worn(self) -> bool:
        """Its key was refused a while ago: to be made anew, with the key as it is by now."""
        return self.desk.refused and not self.desk.paused


@dataclass(frozen=True)
class _Ready:
    """The teacher of a facet, and for a hosted one its line, and the run that holds its labels; `members` of each set of tags, by
    its id, where the task chooses several."""

    task: Task
    teacher: Teacher
    labels: dict[int, str]
    line: _Line | None = None
    run_id: int | None = None
    members: dict[int, tagsets.Tags] = field(default_factory=dict)

    @property
    def asked(self) -> known.Asked:
        """As it is asked about this facet alone."""
        return known.Asked(self.task, self.teacher, self.run_id)

    def words(self, answer: Answer) -> str | None:
        """The category, or the tags, that an answer names; None where it names none."""
        return worded(answer, self.labels)

    def tags(self, answer: Answer) -> tuple[str, ...] | None:
        """The tags that an answer names, none maybe; None of a task that chooses one category."""
        if not self.task.several:
            return None
        ids = self.members.get(answer.category_id, (answer.category_id,)) if answer.tags is None else answer.tags
        return tuple(label for id, label in self.labels.items() if id in ids)


class Fallback:
    """Asks the teacher who taught the student; of a client's tasks, so many of them, within one budget for what it asks for
    (`purpose`, as in the ledger). Everything but the disk's part happens on the event loop.

    `count(outcome)` is called once a text and facet: "answered", "kept" (asked before), "unknown" (to recorded labels), "budget"
    (spent), "paused" (the provider asked to wait), "late" (too many wait already) or "failed".
    """

    def __init__(self, task: Task, budget_usd: float | None, tasks: int = 1, purpose: str = ledger.SERVED):
        self.client_id, self.budget_usd, self._teachers = task.client_id, budget_usd, TEACHERS * tasks
        self.purpose = purpose
        self.count: Callable[[str], None] = lambda outcome: None
        self._disk = Disk()
        self._ready: OrderedDict[tuple, _Ready] = OrderedDict()
        self._lines: dict[Connection, _Line] = {}
        self._leaving: list[_Line] = []  # no longer asked; their connections are to be closed
        self._owner = uuid.uuid4().hex
        self._lock = ledger.owner_lock(self._owner)
        self._replies: OrderedDict[bytes, TeacherReply] = OrderedDict()
        self._looks: dict[str, bool] = {}  # by teacher, whether it gets images: until it is known, it is taken to
        self._asking: dict[bytes, asyncio.Task] = {}  # of a text and facet the call that will say it
        self._payers: dict[asyncio.Task, ledger.Payer | None] = {}  # whose the calls under way are
        self._under_way: set[asyncio.Task] = set()
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
        self.spent_usd = await self._disk(ledger.served_usd, self.client_id, self.purpose)

    async def answer(self, served: Served, texts: list[str]) -> list[TeacherReply | None]:
        """What the teacher says of each text; None where it has no answer, cannot be reached, or the budget is spent."""
        return list(await asyncio.gather(*(one for text in texts for one in self.ask([served], text))))

    def ask(self, served: Sequence[Served], text: str) -> list[asyncio.Future[TeacherReply | None]]:
        """What the teachers will say of a text, by facet (its student); see answer(). What is asked of one connection is asked in
        one call. Given up by whoever asks, the call goes on and its answers are kept."""
        keys = {self._key(one, text): one for one in served}
        under_way = {key: self._asking[key] for key in keys if key in self._asking}
        joined = {key: call for key, call in under_way.items() if self._payers.get(call) != ledger.payer()}
        fresh: dict[str, dict[bytes, Served]] = {}
        for key, one in keys.items():
            if key not in self._replies and key not in self._asking:
                fresh.setdefault(one.teacher, {})[key] = one
        for facets in fresh.values():
            if len(self._under_way) < ROOM:
                self._begin(facets, text)
        return [
            asyncio.ensure_future(self._joined(joined[key], key, one, text)) if key in joined else self._coming(key)
            for key, one in keys.items()
        ]

    async def _joined(self, call: asyncio.Task, key: bytes, served: Served, text: str) -> TeacherReply | None:
        """What a call says that another payer began; where it says nothing, maybe because their month is spent, it is made anew."""
        return await self._part(call, key) or await self.ask([served], text)[0]

    def _key(self, served: Served, text: str) -> bytes:
        sight = sight_of(text) if self._looks.get(served.teacher, True) else None
        what = f"{served.teacher}\0{served.taxonomy_id}\0{text}" + (f"\0{sight.sha256}" if sight else "")
        return hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest()

    def _begin(self, facets: dict[bytes, Served], text: str) -> None:
        call = asyncio.ensure_future(self._ask(facets, text))
        self._asking |= dict.fromkeys(facets, call)
        self._under_way.add(call)
        self._payers[call] = ledger.payer()

        def over(_: asyncio.Task) -> None:
            self._under_way.discard(call)
            self._payers.pop(call, None)
            for key in facets:
                self._asking.pop(key, None)

        call.add_done_callback(over)

    def _coming(self, key: bytes) -> asyncio.Future[TeacherReply | None]:
        if key in self._asking:
            return asyncio.ensure_future(self._part(self._asking[key], key))
        said = asyncio.get_running_loop().create_future()
        said.set_result(self._replies.get(key))
        self.count("kept" if key in self._replies else "late")
        if key in self._replies:
            self._replies.move_to_end(key)
        return said

    async def _part(self, call: asyncio.Task, key: bytes) -> TeacherReply | None:
        return (await asyncio.shield(call))[key]

    async def close(self) -> None:
        """Let go of calls, connections and the disk. A call cut off stays counted at the most it can cost."""
        under_way = list(self._under_way)
        for call in under_way:
            call.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._leaving += self._lines.values()
        await self._let_go(last=True)
        if self._disk.db:
            await self._disk(ledger.close_left, self.client_id, self._owner)
        ledger.drop(self._lock)
        self._disk.close()

    async def _let_go(self, last: bool = False) -> None:
        """Close the connections of those no longer asked, where no call is under way, or all at the `last`."""
        leaving, self._leaving = self._leaving, []
        for line in leaving:
            if line.desk.buyer.calling and not last:
                self._leaving.append(line)
            else:
                await line.desk.buyer.close()

    def _teacher(self, db: Database, served: Served) -> _Ready:
        """On disk: the teacher as its connection stands now."""
        kind, _, name = served.teacher.partition(":")
        connection = connections.find(db, self.client_id, name) if kind == "connection" else None
        key = served.teacher, served.taxonomy_id, connection
        if key in self._ready and self._ready[key].line and self._ready[key].line.worn:
            worn = self._ready[key].line
            self._ready = OrderedDict((name, one) for name, one in self._ready.items() if one.line is not worn)
        if key in self._ready:
            self._ready.move_to_end(key)
        else:
            categories = taxonomy.load(db, served.taxonomy_id)
            teacher = for_labels(db, served.task, served.teacher, categories)
            labels = {category.id: category.label for category in categories}
            ready = _Ready(served.task, teacher, labels | tagsets.labels(db, served.taxonomy_id))
            if served.task.several:
                ready = replace(ready, members=tagsets.load(db, served.taxonomy_id))
            self._looks[served.teacher] = isinstance(teacher, Hosted) and teacher.looks
            if isinstance(teacher, Hosted):
                run_id = find_run(db, served.task, served.taxonomy_id, teacher)
                ready = replace(ready, line=self._line(teacher), run_id=run_id)
            self._ready[key] = ready
            while len(self._ready) > self._teachers:
                self._ready.popitem(last=False)
        in_use = [one.line for one in self._ready.values()]
        for connection, line in list(self._lines.items()):
            if line not in in_use:
                self._leaving.append(self._lines.pop(connection))
        return self._ready[key]

    def _line(self, teacher: Hosted) -> _Line:
        connection = teacher.connection
        if connection in self._lines and not self._lines[connection].worn:
            return self._lines[connection]
        teacher.priced()  # InputError where the price is not known
        account = outside(teacher, self.client_id, self._owner, self.budget_usd, self.purpose)
        calls = max(connection.params.concurrency, 1)
        wide = replace(connection, params=replace(connection.params, concurrency=SLOW_CALLS * calls))
        line = _Line(
            Desk(Buyer(teacher, account, self._disk, Limits(calls), wire=connections.connect(wide))),
            asyncio.Semaphore(calls),
            asyncio.Semaphore(SLOW_CALLS * calls),
        )
        if connection in self._lines:  # its key was refused
            self._leaving.append(self._lines[connection])
        self._lines[connection] = line
        return line

    async def _ask(self, facets: dict[bytes, Served], text: str) -> dict[bytes, TeacherReply | None]:
        """What one teacher says of a text in these facets: what is known already, and the rest in one call."""
        ready, said, why = [], {}, "unknown"
        try:
            ready = await self._disk(lambda db: [self._teacher(db, one) for one in facets.values()])
            await self._let_go()
            said = await self._disk(self._known, ready, text)
            held = set(said)
            lacking = [place for place in range(len(ready)) if place not in held]
            if lacking and ready[0].line:
                said |= await self._bought(ready, lacking, text)
            elif lacking:
                said |= await self._disk(self._here, ready, lacking, text)
        except (Capped, Paused) as error:
            why = "budget" if isinstance(error, Capped) else "paused"
        except Exception as error:  # the student's answer goes out without the teacher's
            log.warning("The teacher could not be asked (%s).", type(error).__name__)
            why = "failed"
        replies: dict[bytes, TeacherReply | None] = dict.fromkeys(facets)
        for place, key in enumerate(facets):
            answer = said.get(place)
            label = ready[place].words(answer) if answer else None
            self.count(
                why if answer is None else "failed" if label is None else "kept" if place in held else "answered"
            )
            if label is not None:
                usd = 0.0 if place in held else answer.cost_usd or 0.0
                replies[key] = TeacherReply(label, answer.confidence, usd, ready[place].tags(answer))
                self._replies[key] = replace(replies[key], usd=0.0)
        while len(self._replies) > KEPT:
            self._replies.popitem(last=False)
        return replies

    def _known(self, db: Database, ready: list[_Ready], text: str) -> dict[int, Answer]:
        """On disk: what is known of a text without asking a hosted teacher, by the facet's place."""
        return known.answers(db, [one.asked for one in ready], text) if ready[0].line else {}

    async def _bought(self, ready: list[_Ready], lacking: list[int], text: str) -> dict[int, Answer]:
        """Ask a hosted teacher about the facets at the places `lacking` when it is the text's turn, which a call that takes long
        gives up to another."""
        line, asked = ready[0].line, together([(ready[place].task, ready[place].teacher) for place in lacking])
        async with line.room:
            await line.turn.acquire()
            released = []

            def release() -> None:
                if not released:
                    released.append(True)
                    line.turn.release()

            slow = asyncio.get_running_loop().call_later(SLOW_S, release)
            try:
                answers = await line.desk.answers(asked, asked.about(text))
            finally:
                slow.cancel()
                release()
                self.spent_usd = await self._disk(ledger.served_usd, self.client_id, self.purpose)
        return {lacking[answer.facet]: answer for answer in answers}

    def _here(self, db: Database, ready: list[_Ready], lacking: list[int], text: str) -> dict[int, Answer]:
        """On disk: teachers that answer on this machine; missing where one does not know the text."""
        said = {}
        for place in lacking:
            teacher = ready[place].teacher
            asset = teacher.known(text) if isinstance(teacher, Recorded) else Asset(0, text)
            if asset:
                said[place] = teacher.answer([asset])[0]
        return said
