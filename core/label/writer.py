"""Writing down what is bought: calls set aside for and settled, replies kept, answers. One transaction takes whatever has come in
while the one before was under way, so that many calls at once cost few commits. Where the disk is full no further call is
allowed; what has arrived goes into the room kept aside (core/room.py) or is held for a while.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlite_utils import Database

from core.errors import InputError
from core.jobs import insist
from core.jobs.progress import stopping
from core.label.buying import keep_replies
from core.label.disk import Disk
from core.money import ledger
from core.money.prices import Price
from core.room import no_room
from core.wires.wire import Reply
from core.words import counted, money

ENDING_S = 5.0  # for what is under way when the process has to end
AGAIN_S = 0.5  # seconds between tries on a full disk

# What who wants money for a call waits for where the cap has no room: nothing, calls being made, or these and calls made ready.
Patience = Literal["none", "calls", "all"]


@dataclass(frozen=True)
class Call:
    """A call's number in the ledger, the price it is made at, and the most (USD) that it was thought it can cost."""

    number: int
    price: Price
    most_usd: float


@dataclass
class _Wanted:
    """Money wanted for one call: `usd` is to be set aside, for some of the account's `runs` (all where none is named), or outside
    runs for these `tasks`, where they are several; `payer`: who asked for it."""

    usd: float
    assets: int
    price: Price
    most_usd: float
    patience: Patience
    runs: tuple[int, ...]
    tasks: tuple[int, ...]
    payer: ledger.Payer | None
    granted: asyncio.Future


@dataclass
class _Outbox:
    """What waits to be written."""

    settled: list[tuple] = field(default_factory=list)
    answers: list[tuple[Any, Any]] = field(default_factory=list)
    replies: list[tuple[bytes, Reply]] = field(default_factory=list)
    wanted: list[_Wanted] = field(default_factory=list)
    written: list[asyncio.Future] = field(default_factory=list)

    def put_back(self, box: _Outbox) -> None:
        """What was to be written before still is."""
        for mine, before in ((self.settled, box.settled), (self.answers, box.answers), (self.replies, box.replies)):
            mine[:0] = before

    def fail(self, error: BaseException) -> None:
        """Tell all who wait that it cannot be written."""
        for future in [*(one.granted for one in self.wanted), *self.written]:
            if not future.done():
                future.set_exception(error)


class Writer:
    """Everything but what is marked "on disk" happens in the event loop's thread.

    Answers come as (name, answer): `write(db, them)` is part of the transaction, `after(db, them)` follows it; `stop(error)` hears
    what either raised, or that the disk is full. With a full disk what has arrived is held for `hold_s`.
    """

    def __init__(
        self,
        disk: Disk,
        account: ledger.Account,
        hold_s: float = 0.0,
        *,
        write: Callable[[Database, list], None] = lambda db, answers: None,
        after: Callable[[Database, list], None] = lambda db, answers: None,
        stop: Callable[[BaseException], None] = lambda error: None,
        noun: str = "answer",
    ):
        self.disk, self.account, self.hold_s, self.noun = disk, account, hold_s, noun
        self.write, self.after, self.stop = write, after, stop
        self.stopping = False  # nothing is granted any more
        self.full_since: float | None = None  # when the disk was first found full
        self.unsent: set[int] = set()  # money set aside, not asked yet
        self.sent: set[int] = set()  # asked, not settled yet
        self._outbox, self._box = _Outbox(), _Outbox()  # what waits, and what is being written
        self._news, self._parked = asyncio.Event(), []
        self._task: asyncio.Task | None = None

    # --- handing over --------------------------------------------------------------------------------------------

    @property
    def refusing(self) -> bool:
        """Whether no call may be made any more, whatever the cap says."""
        return self.stopping or self.full_since is not None

    @property
    def unwritten(self) -> int:
        """Answers handed over that are not being written yet."""
        return len(self._outbox.answers)

    def money(
        self,
        usd: float,
        assets: int,
        price: Price,
        most_usd: float,
        patience: Patience,
        runs: tuple[int, ...] = (),
        tasks: tuple[int, ...] = (),
    ) -> asyncio.Future:
        """`usd` for a call: a Call, or None where the cap is reached or no call may be made."""
        granted = asyncio.get_running_loop().create_future()
        wanted = _Wanted(usd, assets, price, most_usd, patience, runs, tasks, ledger.payer(), granted)
        self._outbox.wanted.append(wanted)
        self._tell()
        return wanted.granted

    def asked(self, call: Call, sent: bool = True) -> None:
        """The call is made now, so that it may have cost money; or it was not taken in, and can be made again."""
        (self.sent if sent else self.unsent).add(call.number)
        (self.unsent if sent else self.sent).discard(call.number)

    def settle(self, call: Call, usd: float | None, *tokens: int | None, error: str | None = None) -> None:
        """The call is over; see ledger.settle()."""
        self.asked(call)
        self._outbox.settled.append((call.number, usd, *(tokens or (None, None, None)), error))
        self._tell()

    def keep(self, key: bytes, reply: Reply) -> None:
        """Remember a reply; handed over together with its call it is written together with it."""
        self._outbox.replies.append((key, reply))
        self._tell()

    def hand_over(self, name: Any, answers: Sequence) -> None:
        """Answers to be written."""
        self._outbox.answers += [(name, answer) for answer in answers]
        self._tell()

    def written(self) -> asyncio.Future:
        """Done once everything handed over so far is on disk, or held."""
        future = asyncio.get_running_loop().create_future()
        self._outbox.written.append(future)
        self._tell()
        return future

    async def flush(self) -> None:
        """Wait until everything is on disk, or was held for as long as that makes sense."""
        await self.written()
        while any(box.settled or box.answers for box in (self._outbox, self._box)) and not self._held_long_enough():
            await asyncio.sleep(AGAIN_S / 5)
            await self.written()

    async def close(self) -> None:
        """The last of it. Calls cut off count as if they had cost the most; those never made are given back."""
        self.stopping = True
        try:
            await self.flush()
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self.disk(self._let_go)

    def no_room(self) -> InputError:
        """The end on a full disk, after all that could be done."""
        unwritten = self._outbox, self._box
        lost = sum(answer.error is None for box in unwritten for _, answer in box.answers)
        usd = sum(settled[1] or 0.0 for box in unwritten for settled in box.settled)
        remark = "All that had arrived is kept."
        if lost:
            remark = (
                f"{counted(lost, self.noun)} that had arrived ({money(usd, exact=True)}) could not be written and will be "
                "bought again; the ledger counts their calls at the most they can have cost."
            )
        return InputError(
            f"The disk is full, so buying stopped. {remark}",
            "Make room, then start it again: it carries on from there.",
            where=self.account.connection,
        )

    # --- writing -------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        self._news.set()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            box = self._box = self._outbox
            self._outbox = _Outbox()
            box.wanted[:0], self._parked = self._parked, []
            try:
                granted, stop = await self.disk(self._commit, box)
            except Exception as error:
                self._box = _Outbox()
                box.fail(error)
                self.stop(error)
                continue
            self._box = _Outbox()
            if granted is None:
                self._outbox.put_back(box)
                asyncio.get_running_loop().call_later(AGAIN_S, self._news.set)
                granted = [None] * len(box.wanted)
            else:
                self.sent.difference_update(settled[0] for settled in box.settled)
            self._answer(box, granted)
            if stop:
                self.stop(stop)

    def _answer(self, box: _Outbox, granted: list[int | None]) -> None:
        for wanted, number in zip(box.wanted, granted):
            if number is not None:
                self.unsent.add(number)
            if wanted.granted.cancelled():
                continue
            waits_for = {"none": (), "calls": self.sent, "all": self.unsent | self.sent}[wanted.patience]
            if number is None and waits_for and not self.refusing:
                self._parked.append(wanted)
            else:
                wanted.granted.set_result(None if number is None else Call(number, wanted.price, wanted.most_usd))
        for future in box.written:
            if not future.cancelled():  # who waited for it may have been stopped
                future.set_result(None)

    def _held_long_enough(self) -> bool:
        patience = min(ENDING_S, self.hold_s) if stopping.is_set() else self.hold_s
        return self.full_since is not None and time.monotonic() - self.full_since > patience

    def _commit(self, db: Database, box: _Outbox) -> tuple[list[int | None] | None, BaseException | None]:
        """On disk: one transaction, however long others hold the database, and the numbers of the calls granted (None: the disk has
        no room for it); then what is to be told of it, and whatever says that it is time to stop."""
        try:
            granted = insist(lambda: self._put(db, box), 0)
        except sqlite3.OperationalError as error:
            if not no_room(error):
                raise
            return None, self.no_room()
        self._box = _Outbox()
        try:
            self.after(db, box.answers)
        except BaseException as stop:  # told after what was granted is known
            return granted, stop
        return granted, self.no_room() if self.full_since is not None else None

    def _put(self, db: Database, box: _Outbox) -> list[int | None]:
        try:
            with db.atomic():
                for settled in box.settled:
                    ledger.settle(db, *settled)
                self.write(db, box.answers)
                keep_replies(db, self.account.client_id, box.replies)
                return [None] * len(box.wanted) if self.refusing else self._grant(db, box.wanted)
        except sqlite3.OperationalError as error:
            if no_room(error):  # from here on no call is made, also while the next try is under way
                self.full_since = self.full_since or time.monotonic()
            raise

    def _grant(self, db: Database, wanted: list[_Wanted]) -> list[int | None]:
        """On disk: the calls' numbers. Of those that wait for any call none overtakes another: they would wait for each other."""
        granted, refused = [], False
        for want in wanted:
            number = None
            if not (want.patience == "all" and refused):
                number = ledger.reserve(db, self.account, want.usd, want.assets, want.runs, want.tasks, want.payer)
            refused |= want.patience == "all" and number is None
            granted.append(number)
        return granted

    def _let_go(self, db: Database) -> None:
        """On disk: the calls cut off, and those never made."""
        try:
            with db.atomic():
                for number in self.sent:
                    ledger.settle(db, number, None, error="Stopped before its answer came.")
                ledger.release(db, self.unsent)
        except sqlite3.OperationalError as error:
            if not no_room(error):  # the next start does it then
                raise
