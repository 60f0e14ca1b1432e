"""Asking a hosted model about every asset that still lacks a label: many calls at once, within the budget, nothing bought twice.

How a run goes. One task reads assets a page at a time, looks up what the model has said before, and sets money aside for the
next few calls; as many workers as the connection allows make them. One writer commits whatever has arrived meanwhile, in one
transaction in a thread of its own, so that neither a commit nor a lock ever holds up a call. An answer is handed to the writer
the moment it is read. A call that fails for a passing reason is made again; one that the server refuses for good ends the run
in words. Stopped, the run waits for the calls under way: they are paid. Killed, it has lost those calls and nothing else. Where
the disk is full it makes no further call, writes what has arrived into the room kept aside (core/room.py) or holds it for a
while, and says what came of it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import database
from core.chance import scattered
from core.errors import InputError
from core.jobs import Interrupted, NoProgress, insist
from core.jobs.progress import stopping
from core.label import labels
from core.label.buying import (
    KEPT_TODO,
    Lengths,
    account,
    ended,
    held,
    keep_replies,
    kept_replies,
    must_be_capped,
    pause,
)
from core.label.consulting import Consultation, Failed
from core.label.limits import Limits
from core.label.model import cost
from core.label.teachers import Answer, Asset, within
from core.label.teachers.calls import LONG_S
from core.label.teachers.hosted import Hosted
from core.label.teachers.wire import PASSING, CallError, Reply, Request
from core.money import ledger
from core.money.prices import Price
from core.room import no_room
from core.words import counted, money

try:
    from uvloop import new_event_loop as EVENT_LOOP  # less work a call; not there on Windows
except ImportError:
    EVENT_LOOP = None  # Python's own

TRIES = 5  # of one call that fails while others succeed; then its assets are unlabelled, with the reason
LOST = 3  # of them may have cost money and brought nothing
DOWN = 3  # so many assets failing with no answer in between: the server is gone, and is asked by one call at a time
GIVE_UP_S = 600.0  # without an answer, the run stops and can be carried on later
LONGEST_WAIT_S = 3600.0  # that a provider may ask for; beyond it the run stops too
FIRST = 4  # calls at once until the first sound answer: a fault of all of them is paid for so often
SET_ASIDE = 1000  # calls that failed for a passing reason are made once more at the end, at most so many
REFUSED = 10  # calls refused as wrong before the first answer: then all would be
COMMIT_S = 0.05  # about what the writer takes, at most
ENDING_S = 5.0  # for the calls under way when the process has to end
HOLD_S = 60.0  # that paid answers are held for while the disk is full
STOPPING = {"auth": "The key was refused", "model": "The model was refused", "quota": "The account is empty"}


def label_hosted(
    db: Database,
    run_id: int,
    hosted: Hosted,
    budget_usd: float | None,
    progress: NoProgress | None = None,
    *,
    todo: int,
    limit: int | None = None,
    only: Collection[int] | None = None,
) -> str:
    """Ask for the labels that the run lacks (`todo` of them; with `limit` only those of that many assets, drawn evenly; with
    `only` those of these assets).

    Returns the run's state: "done" or "capped". Raises InputError where the server cannot be used or the run is being labelled
    already, Cancelled or Interrupted as `progress` does; in each case what has arrived is kept.
    """
    with held(run_id):
        ledger.close_abandoned(db, run_id)
        db["label_runs"].update(run_id, {"state": "running", "finished": None})
        path = next(row["file"] for row in db.query("pragma database_list") if row["name"] == "main")
        started, state = time.monotonic(), "stopped"
        try:
            run = _Run(
                path,
                account(db, run_id, hosted, budget_usd, limit),
                hosted,
                progress or NoProgress(),
                todo,
                limit,
                only,
            )
            with asyncio.Runner(loop_factory=EVENT_LOOP) as runner:
                runner.run(run.run())
            state = "capped" if run.capped else "done"
        finally:
            ended(db, run_id, state, time.monotonic() - started)
    return state


def sampled(db: Database, run_id: int, limit: int) -> list[Asset]:
    """Of `limit` assets spread evenly over the client's (one a duplicate group, always the same), those without a label."""
    return [
        Asset(*row)
        for row in db.execute(
            f"""select id, text from (
                   select a.id, a.text, l.category_id from label_runs run
                   join tasks t on t.id = run.task_id join assets a on a.client_id = t.client_id and a.group_id = a.id
                   left join labels l on l.run_id = run.id and l.asset_id = a.id
                   where run.id = ? order by {scattered("a.id")} limit ?)
               where category_id is null""",
            [run_id, limit],
        )
    ]


class _Capped(Exception):
    """The cap allows no further call."""


class _Stopped(Exception):
    """The run is stopping: no further call."""


@dataclass
class _Unit:
    """Assets asked about in one call, what was said of them before, and the money set aside for the first call."""

    talk: Consultation
    keys: list[bytes]  # one a vote
    kept: dict[int, Reply] = field(default_factory=dict)  # by vote
    call: int | None = None
    final: bool = False  # it was set aside once already

    def complete(self) -> bool:
        """Whether what was said before is all that would be asked."""
        return len(self.kept) == len(self.keys) or (0 in self.kept and self.kept[0].logprobs is not None)


@dataclass
class _Wanted:
    """Money wanted for one call. A patient one can wait for any call to end, others only for those being made."""

    usd: float
    assets: int
    price: Price
    patient: bool
    granted: asyncio.Future


@dataclass
class _Outbox:
    """What waits to be written."""

    settled: list[tuple] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    kept: list[tuple[bytes, Reply]] = field(default_factory=list)
    wanted: list[_Wanted] = field(default_factory=list)
    written: list[asyncio.Future] = field(default_factory=list)

    def put_back(self, box: _Outbox) -> None:
        """What was to be written before still is."""
        for mine, before in ((self.settled, box.settled), (self.answers, box.answers), (self.kept, box.kept)):
            mine[:0] = before


class _Run:
    """One run under way. Everything but what is marked "on disk" happens in the event loop's thread."""

    def __init__(
        self,
        path: str,
        account: ledger.Account,
        hosted: Hosted,
        progress: Any,
        todo: int,
        limit: int | None,
        only: Collection[int] | None,
    ):
        self.path, self.account, self.hosted, self.limit, self.only = path, account, hosted, limit, only
        self.asking = hosted.asking
        params = hosted.connection.params
        self.votes, self.patience = max(params.votes, 1), params.timeout_s
        self.limits = Limits(params.concurrency, params.requests_per_minute, params.tokens_per_minute, first=FIRST)
        self.lengths = Lengths(hosted)
        self.began = time.monotonic()
        self.progress, self.todo, self.done, self.spent = progress, todo, 0, 0.0
        self.message = f"Labelling with {hosted.connection.name}"
        self.capped = False
        self.stopping = self.closing = False  # no further call; no further news for the writer
        self.full_since: float | None = None  # when the disk was first found full
        self.successes = self.refusals = 0
        self.prices: dict[int, Price] = {}  # that money was set aside at
        self.unsent: set[int] = set()  # money set aside, not asked yet
        self.sent: set[int] = set()  # asked, not settled yet
        self.calling: set[asyncio.Task] = set()
        self.again: list[_Unit] = []  # set aside for the end
        self.failing: set[int] = set()  # units that failed since the last answer
        self.failing_since: float | None = None
        self.give_up_at = 0.0
        self.probes = 0
        self.over, self.dearest = 1.0, 0.0  # how much more a call has cost than thought possible, and what, in USD
        self.share = 0.4  # of the most tokens a call can take, what it takes

    # --- the whole -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Label everything, or stop as soon as something says so; in any case nothing that has arrived is left behind."""
        self.loop = asyncio.get_running_loop()
        self.disk = ThreadPoolExecutor(1, "label-writer")
        self.outbox, self.news, self.parked = _Outbox(), asyncio.Event(), []
        self.asked_to_stop = self.loop.create_future()
        self.probing = asyncio.Lock()
        self.ready: asyncio.Queue[_Unit | None] = asyncio.Queue()  # as long as _bring() lets it grow
        self.taken = asyncio.Event()
        self.wire = self.hosted.connect()
        await self._on_disk(self._open)
        writer = asyncio.create_task(self._write())
        helpers = [asyncio.create_task(self._feed()), asyncio.create_task(self._watch())]
        crew = [asyncio.create_task(self._work()) for _ in range(self.limits.concurrency)]
        try:
            left = {self.asked_to_stop, writer, *helpers, *crew}
            while left & set(crew):
                over, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for task in over:
                    task.result()
        except BaseException as stopped:
            brief = isinstance(stopped, Interrupted | asyncio.CancelledError)
            await self._drain(crew, ENDING_S if brief else self.patience)
            raise
        finally:
            await self._end(writer, [*helpers, *crew])

    async def _drain(self, crew: list[asyncio.Task], seconds: float) -> None:
        """Begin nothing new, and let the calls under way come to their end."""
        self.stopping = True
        for task in set(crew) - self.calling:
            task.cancel()
        if self.calling:
            await asyncio.wait(list(self.calling), timeout=seconds)

    async def _end(self, writer: asyncio.Task, others: list[asyncio.Task]) -> None:
        self.asked_to_stop.cancel()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if not writer.done():
            self.stopping = self.closing = True
            self.news.set()
            await asyncio.gather(writer, return_exceptions=True)
        try:
            await self._on_disk(self._close)
        finally:
            self.disk.shutdown()
            await self.wire.close()
        if self.full_since is not None:
            raise self._no_room()

    async def _watch(self) -> None:
        """Report, and hear whether to stop or what a call costs by now, also while nothing arrives."""
        while True:
            await asyncio.sleep(0.25)
            await self._on_disk(self._reprice)
            await self._on_disk(self.progress, self.done, self.todo, self.message, self.spent)

    def _reprice(self) -> None:
        """On disk: what calls cost from here on. InputError where they begin to cost and there is no cap."""
        self.hosted.reprice(self.db)
        must_be_capped(self.hosted, self.account.cap_usd, "the run")

    def _on_disk(self, function: Callable, *arguments: Any) -> asyncio.Future:
        return self.loop.run_in_executor(self.disk, function, *arguments)

    # --- the writer ----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """On disk: a connection of the writer's own. NORMAL loses nothing to a killed process, only to a power cut."""
        self.db = database.connect(Path(self.path))
        self.db.conn.execute("PRAGMA synchronous = NORMAL")
        self.spent = ledger.spent(self.db, self.account.run_id)
        self.pages = (
            within(self.hosted.pending(self.db, self.account.run_id), self.only)
            if self.limit is None
            else iter([sampled(self.db, self.account.run_id, self.limit)])
        )

    def _close(self) -> None:
        """On disk: the last of it. Calls cut off count as if they had cost the most; those never made are given back."""
        try:
            with self.db.atomic():
                for call in self.sent:
                    ledger.settle(self.db, call, None, error="Stopped before its answer came.")
                ledger.release(self.db, self.unsent)
        except sqlite3.OperationalError as error:
            if not no_room(error):  # the run's next start does it then
                raise
        self.db.close()

    async def _write(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            box, self.outbox = self.outbox, _Outbox()
            box.wanted[:0], self.parked = self.parked, []
            granted, stop = await self._on_disk(self._commit, box)
            if granted is None:
                self._hold(box)
                granted = [None] * len(box.wanted)
            else:
                self.sent.difference_update(settled[0] for settled in box.settled)
            for wanted, call in zip(box.wanted, granted):
                if call is not None:
                    self.unsent.add(call)
                    self.prices[call] = wanted.price
                if not wanted.granted.cancelled():
                    waits_for = self.unsent | self.sent if wanted.patient else self.sent
                    if call is None and waits_for and not self.stopping:
                        self.parked.append(wanted)
                    else:
                        wanted.granted.set_result(call)
            for future in box.written:
                if not future.cancelled():  # who waited for it may have been stopped
                    future.set_result(None)
            if stop and not self.asked_to_stop.done():
                self.asked_to_stop.set_exception(stop)
            if self.closing and (not (self.outbox.settled or self.outbox.answers) or self._held_long_enough()):
                return

    def _hold(self, box: _Outbox) -> None:
        """Keep what could not be written, and try again soon."""
        self.outbox.put_back(box)
        self.loop.call_later(0.5, self.news.set)

    def _held_long_enough(self) -> bool:
        patience = ENDING_S if stopping.is_set() else HOLD_S
        return self.full_since is not None and time.monotonic() - self.full_since > patience

    def _no_room(self) -> InputError:
        """The run's end on a full disk, after all that could be done."""
        labels_lost = sum(answer.category_id is not None for answer in self.outbox.answers)
        usd = sum(settled[1] or 0.0 for settled in self.outbox.settled)
        kept = "All that had arrived is kept."
        if labels_lost:
            kept = (
                f"{counted(labels_lost, 'label')} that had arrived ({money(usd, exact=True)}) could not be written and will be "
                "bought again; the ledger counts their calls at the most they can have cost."
            )
        return InputError(
            f"The disk is full, so buying stopped. {kept}",
            "Make room, then start the run again: it carries on from there.",
            where=self.hosted.connection.name,
        )

    def _commit(self, box: _Outbox) -> tuple[list[int | None] | None, BaseException | None]:
        """On disk: one transaction, however long others hold the database; then the report, which may say that it is time to
        stop. Nothing is granted any more once the disk was full; None, where it has no room for this."""
        try:
            granted = insist(lambda: self._put(box), 0)
        except sqlite3.OperationalError as error:
            if not no_room(error):
                raise
            return None, self._no_room()
        self.done += len(box.answers)
        if box.answers:
            self.spent = ledger.spent(self.db, self.account.run_id)
            try:
                self.progress(self.done, self.todo, self.message, self.spent)
            except BaseException as stop:  # told after what was granted is known
                return granted, stop
        return granted, self._no_room() if self.full_since is not None else None

    def _put(self, box: _Outbox) -> list[int | None]:
        try:
            with self.db.atomic():
                for settled in box.settled:
                    ledger.settle(self.db, *settled)
                labels.write(self.db, self.account.run_id, box.answers)
                keep_replies(self.db, self.account.client_id, box.kept)
                return [None] * len(box.wanted) if self.stopping else self._grant(box.wanted)
        except sqlite3.OperationalError as error:
            if no_room(error):  # from here on no call is made, also while the next try is under way
                self.stopping, self.full_since = True, self.full_since or time.monotonic()
            raise

    def _grant(self, wanted: list[_Wanted]) -> list[int | None]:
        """On disk: the calls' numbers. Of the patient ones none overtakes another: they would wait for each other."""
        granted, refused = [], False
        for one in wanted:
            call = None
            if not (one.patient and refused):
                call = ledger.reserve(self.db, self.account, one.usd, one.assets)
            refused |= one.patient and call is None
            granted.append(call)
        return granted

    # --- what is asked -------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        """Bring the next calls to the workers, a little ahead of them, page by page; at the end those set aside once more."""
        while not self.capped and (page := await self._on_disk(next, self.pages, None)):
            await self._bring(await asyncio.to_thread(self._units, page))
        await self.ready.join()
        again, self.again = self.again, []
        await self._bring(again)
        for _ in range(self.limits.concurrency):
            await self.ready.put(None)

    async def _bring(self, units: list[_Unit]) -> None:
        keys = [key for unit in units for key in unit.keys]
        kept = await self._on_disk(kept_replies, self.db, self.account.client_id, keys)
        fresh = []
        for unit in units:
            unit.kept = {vote: kept[key] for vote, key in enumerate(unit.keys) if key in kept}
            if unit.complete():
                await self._label(unit)
            else:
                fresh.append(unit)
        if len(fresh) < len(units):
            await self._written()
        while fresh and not self.capped:
            while self.ready.qsize() > self.ahead // 2:
                self.taken.clear()
                await self.taken.wait()
            part, fresh = fresh[: self.ahead], fresh[self.ahead :]
            money = [self._money(unit.talk.request, len(unit.talk.assets), patient=True) for unit in part]
            for unit, granted in zip(part, money):
                unit.call = await granted
                if unit.call is None:
                    self.capped = True
                else:
                    await self.ready.put(unit)

    @property
    def ahead(self) -> int:
        """How many calls to make ready before a worker is free: what is asked in the time that a commit takes, no more, for a
        killed run has to count them as if they had been made."""
        if not self.successes:
            return min(FIRST, self.limits.concurrency)
        rate = self.successes / max(time.monotonic() - self.began, 0.001)
        return min(max(1, ceil(rate * COMMIT_S)), self.limits.concurrency)

    def _units(self, page: list[Asset]) -> list[_Unit]:
        talks = [Consultation(self.hosted, *asked) for asked in self.asking.requests(page)]
        return [_Unit(talk, [self.hosted.key(request) for request in talk.requests]) for talk in talks]

    def _written(self) -> asyncio.Future:
        """Done once everything handed to the writer so far is on disk."""
        future = self.loop.create_future()
        self.outbox.written.append(future)
        self.news.set()
        return future

    def _money(self, request: Request, assets: int, *, patient: bool = False) -> asyncio.Future:
        """Money for a call: its number in the ledger, or None where the cap is reached."""
        price = self.hosted.price
        usd = max(self.hosted.most_usd(request, price) * self.over, self.dearest)
        wanted = _Wanted(usd, assets, price, patient, self.loop.create_future())
        self.outbox.wanted.append(wanted)
        self.news.set()
        return wanted.granted

    # --- asking --------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self.stopping and (unit := await self.ready.get()) is not None:
            self.taken.set()
            await self._label(unit)
            self.ready.task_done()
            if len(self.outbox.answers) > self.limits.concurrency // 4:
                await self._written()  # more unwritten would be more to lose

    async def _label(self, unit: _Unit) -> None:
        """Ask about a unit's assets, as often as there are votes, and hand over what is said."""

        async def ask(request: Request, vote: int) -> tuple[Reply, float]:
            return await self._ask(request, unit)

        def keep(vote: int, reply: Reply) -> None:
            self.outbox.kept.append((unit.keys[vote], reply))

        try:
            await unit.talk.run(ask, keep, unit.kept, self._hand_over)
        except _Capped:
            self.capped = True
            return
        except _Stopped:
            return
        except Failed as failed:
            if failed.passing and not unit.final and len(self.again) < SET_ASIDE:
                unit.final = True
                unit.talk = Consultation(self.hosted, unit.talk.assets, unit.talk.request)
                self.again.append(unit)
                return
            unit.talk.fail(str(failed))
        self._hand_over(unit.talk.answers())

    def _hand_over(self, answers: list[Answer]) -> None:
        self.outbox.answers += answers
        self.news.set()

    async def _ask(self, request: Request, unit: _Unit) -> tuple[Reply, float]:
        """One reply, however many tries it takes, and its cost, which is written down; Failed where it cannot be had."""
        tries = lost = 0
        call = None
        if request.turns == unit.talk.request.turns:  # what was set aside for the unit does not do for a repair turn
            call, unit.call = unit.call, None
        while True:
            if self.stopping:
                raise _Stopped
            if call is None and (call := await self._money(request, len(unit.talk.assets))) is None:
                raise _Stopped if self.stopping else _Capped
            if probe := self.down and not unit.final:
                async with self.probing:  # one asks, the others wait for what comes of it
                    if not self.down:
                        continue
                    await asyncio.sleep(pause(self.probes))
                    self.probes += 1
                    reply, error = await self._once(request, call)
            else:
                reply, error = await self._once(request, call)
            if reply:
                return reply, self._paid(call, reply, request)
            if error.counted:
                self._book(call, error.counted, request, error.words)
                call = None
            elif error.billed:
                self._settle(call, None, error=error.words)
                call, lost = None, lost + 1
            try:
                self._consider(error, unit)
                tries += error.trouble != "rate"
                # A probe that fails makes room for another asset's: the fault may lie with this one.
                if error.trouble not in PASSING or lost >= LOST or tries >= TRIES or (probe and tries):
                    raise Failed(error.words, error.trouble in PASSING)
            except (Failed, InputError):
                if call is not None:
                    self._settle(call, 0.0, error=error.words)
                raise
            if error.trouble != "rate":
                asked = error.retry_after or 0
                await asyncio.sleep(max(pause(tries), asked if asked < LONG_S else 0))

    async def _once(self, request: Request, call: int) -> tuple[Reply | None, CallError | None]:
        """One try, when it is its turn."""
        expected = sum(self.hosted.most_tokens(request)) * self.share if self.limits.tokens else 0
        await self.limits.turn(expected)
        task, asked_at = asyncio.current_task(), time.monotonic()
        try:
            if self.stopping:
                raise _Stopped
            self.unsent.discard(call)
            self.sent.add(call)
            self.calling.add(task)
            reply = await self.wire.ask(request)
        except CallError as error:
            if not (error.billed or error.counted):
                self.sent.discard(call)
                self.unsent.add(call)
            if error.trouble == "rate":
                self.limits.refused(error.retry_after, asked_at)
            elif (error.retry_after or 0) >= LONG_S:
                self.limits.hold(error.retry_after)
            return None, error
        finally:
            self.calling.discard(task)
            self.limits.done()
        tokens = None if reply.tokens_in is None else reply.tokens_in + (reply.tokens_out or 0)
        self.limits.answered(expected, tokens, sound=reply.finish != "length")
        if expected and tokens:
            self.share += 0.1 * (tokens / (expected / self.share) - self.share)
        return reply, None

    def _paid(self, call: int, reply: Reply, request: Request) -> float:
        usd = self._book(call, reply, request)
        self.successes += 1
        self.failing.clear()
        self.failing_since, self.probes = None, 0
        self.message = f"Labelling with {self.hosted.connection.name}"
        self.lengths.check([reply], request.max_tokens_out)
        return usd or 0.0

    def _book(self, call: int, reply: Reply, request: Request, error: str | None = None) -> float | None:
        """What a call cost, written down; the next ones set as much aside."""
        price = self.prices[call]
        usd = cost(price, reply)
        if usd is not None and usd > 0:
            self.over = max(self.over, usd / max(self.hosted.most_usd(request, price), 1e-12))
            self.dearest = max(self.dearest, usd if self.over > 1 else 0.0)
        self._settle(call, usd, reply.tokens_in, reply.tokens_out, reply.tokens_cached, error=error)
        return usd

    def _settle(self, call: int, usd: float | None, *tokens: int | None, error: str | None = None) -> None:
        self.unsent.discard(call)
        self.sent.add(call)
        self.prices.pop(call, None)
        self.outbox.settled.append((call, usd, *(tokens or (None, None, None)), error))
        self.news.set()

    # --- trouble -------------------------------------------------------------------------------------------------

    @property
    def down(self) -> bool:
        """Whether the server seems gone: several assets in a row failed, whatever was asked."""
        return len(self.failing) >= DOWN

    def _consider(self, error: CallError, unit: _Unit) -> None:
        """What one failed call says of the server. InputError where going on makes no sense."""
        now = time.monotonic()
        if error.trouble in STOPPING:
            raise InputError(f"{STOPPING[error.trouble]}: {error.words}", KEPT_TODO, where=self.hosted.connection.name)
        if error.trouble not in PASSING:
            self.refusals += 1
            if self.successes == 0 and self.refusals >= REFUSED:
                raise InputError(f"Every call was refused: {error.words}", KEPT_TODO, where=self.hosted.connection.name)
            return
        if self.failing_since is None:
            self.failing_since, self.give_up_at = now, now + GIVE_UP_S
        if error.trouble != "rate" and not unit.final:
            self.failing.add(id(unit))
        wait = error.retry_after or 0.0
        if wait >= LONG_S:
            self.give_up_at = max(self.give_up_at, now + wait + LONG_S)
        if self.down or wait >= LONG_S or now - self.failing_since > 5:
            self.message = f"Waiting for {self.hosted.connection.name}: {error.words}"
        if (
            wait > LONGEST_WAIT_S
            or now + (wait if wait >= LONG_S else 0) > self.failing_since + LONGEST_WAIT_S + LONG_S
        ):
            raise InputError(error.words, KEPT_TODO, where=self.hosted.connection.name)
        if now > self.give_up_at:
            minutes = (now - self.failing_since) / 60
            raise InputError(
                f"No answer for {minutes:.0f} minutes: {error.words}", KEPT_TODO, where=self.hosted.connection.name
            )
