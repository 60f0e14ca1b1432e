"""Many questions asked side by side: a feeder brings them page by page, looks up what was said before and has money set aside for
the next few calls; as many workers as the connection allows ask. Stopped, it waits for the calls under way: they are paid.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from math import ceil
from typing import Any

from sqlite_utils import Database

from core.jobs.progress import Interrupted
from core.label.buyer import Capped, Stopped
from core.label.buying import kept_replies, must_be_capped
from core.label.consulting import Consultation, Failed, Writing
from core.label.patience import FIRST, Patient
from core.label.writer import ENDING_S, Call
from core.wires.wire import Reply, Request

SET_ASIDE = 1000  # questions that failed for a passing reason are asked once more at the end, at most so many
COMMIT_S = 0.05  # about what the writer takes, at most
TELL_S = 0.25  # seconds between reports

Talk = Consultation | Writing


@dataclass
class _Unit:
    """A question under its name, what was said to it before, and the money set aside for its first call."""

    name: Any
    talk: Talk
    keys: list[bytes]  # one a vote
    replies: dict[int, Reply] = field(default_factory=dict)  # by vote
    call: Call | None = None
    final: bool = False  # it was set aside once already

    def complete(self) -> bool:
        """Whether what was said before is all that would be asked."""
        return len(self.replies) == len(self.keys) or (0 in self.replies and self.replies[0].logprobs is not None)


class Crew:
    """Asks about all `pages` (taken on disk); `talks(page)` gives the questions of one, each with the name its answers have for the
    writer. `tell()` reports, and may raise to stop.

    `ahead`: money for the next calls is set aside before a worker is free; killed, it counts as spent. `thorough`: once the cap is
    reached, what was said before is still looked up.
    """

    def __init__(
        self,
        asking: Patient,
        pages: Callable[[Database], Iterator[list]],
        talks: Callable[[list], list[tuple[Any, Talk]]],
        tell: Callable[[], Awaitable[Any]],
        *,
        ahead: bool = True,
        thorough: bool = False,
    ):
        self.asking, self.buyer, self.writer = asking, asking.buyer, asking.buyer.writer
        self._pages, self.talks, self.tell, self.early, self.thorough = pages, talks, tell, ahead, thorough
        self.width = self.buyer.limits.concurrency
        self.capped = False
        self.again: list[_Unit] = []  # set aside for the end
        self.ready: asyncio.Queue[_Unit | None] = asyncio.Queue()  # as long as _bring() lets it grow
        self.taken = asyncio.Event()
        self.stop = asyncio.get_running_loop().create_future()
        self.writer.stop = self._stop

    async def run(self) -> None:
        """Ask everything, or stop as soon as something says so; in any case nothing that has arrived is left behind."""
        self.pages = await self.buyer.disk(self._pages)
        workers = [asyncio.create_task(self._work()) for _ in range(self.width)]
        helpers = [asyncio.create_task(self._feed()), asyncio.create_task(self._watch())]
        try:
            left = {self.stop, *helpers, *workers}
            while left & set(workers):
                over, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for task in over:
                    task.result()
        except BaseException as stopped:
            brief = isinstance(stopped, Interrupted | asyncio.CancelledError)
            await self._drain(workers, ENDING_S if brief else self.buyer.model.connection.params.timeout_s)
            raise
        finally:
            self.stop.cancel()
            for task in (*helpers, *workers):
                task.cancel()
            await asyncio.gather(*helpers, *workers, return_exceptions=True)
            await self.writer.flush()
            if self.writer.full_since is not None:
                raise self.writer.no_room()

    def _stop(self, error: BaseException) -> None:
        if not self.stop.done():
            self.stop.set_exception(error)

    async def _drain(self, workers: list[asyncio.Task], seconds: float) -> None:
        """Begin nothing new, and let the calls under way come to their end."""
        self.writer.stopping = True
        for task in set(workers) - self.buyer.calling:
            task.cancel()
        if self.buyer.calling:
            await asyncio.wait(list(self.buyer.calling), timeout=seconds)

    async def _watch(self) -> None:
        """Report, and hear whether to stop or what a call costs by now, also while nothing arrives."""
        while True:
            await asyncio.sleep(TELL_S)
            await self.buyer.disk(self._reprice)
            await self.tell()

    def _reprice(self, db: Database) -> None:
        """On disk: what calls cost from here on. InputError where they begin to cost and there is no cap."""
        self.buyer.model.reprice(db)
        must_be_capped(self.buyer.model, self.buyer.account.cap_usd, "it")

    # --- what is asked -------------------------------------------------------------------------------------------

    async def _feed(self) -> None:
        """Bring the next questions to the workers, a little ahead of them, page by page; at the end those set aside once more."""
        while (self.thorough or not self.capped) and (page := await self.buyer.disk(lambda db: next(self.pages, None))):
            await self._bring(await asyncio.to_thread(self._units, page))
        await self.ready.join()
        again, self.again = self.again, []
        await self._bring(again)
        for _ in range(self.width):
            await self.ready.put(None)

    def _units(self, page: list) -> list[_Unit]:
        key = self.buyer.model.key
        return [_Unit(name, talk, [key(one) for one in talk.requests]) for name, talk in self.talks(page)]

    async def _bring(self, units: list[_Unit]) -> None:
        keys = [key for unit in units for key in unit.keys]
        replies = await self.buyer.disk(kept_replies, self.buyer.account.client_id, keys)
        fresh = []
        for unit in units:
            unit.replies = {vote: replies[key] for vote, key in enumerate(unit.keys) if key in replies}
            if unit.complete():
                await self._answer(unit)
            else:
                fresh.append(unit)
        if len(fresh) < len(units):
            await self.writer.written()
        while fresh and not self.capped:
            while self.ready.qsize() > self.ahead // 2:
                self.taken.clear()
                await self.taken.wait()
            part, fresh = fresh[: self.ahead], fresh[self.ahead :]
            calls = [self.buyer.money(one.talk.requests[0], one.talk.size, "all") for one in part if self.early]
            for unit, granted in zip(part, calls or repeat(None)):
                unit.call = granted and await granted
                if granted and unit.call is None:
                    self.capped = True
                else:
                    await self.ready.put(unit)

    @property
    def ahead(self) -> int:
        """How many calls to make ready before a worker is free: what is asked in the time that a commit takes, no more, for a
        killed run has to count them as if they had been made."""
        successes = self.asking.health.successes
        if not successes:
            return min(FIRST, self.width)
        rate = successes / max(time.monotonic() - self.buyer.began, 0.001)
        return min(max(1, ceil(rate * COMMIT_S)), self.width)

    # --- asking --------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self.writer.refusing and (unit := await self.ready.get()) is not None:
            self.taken.set()
            await self._answer(unit)
            self.ready.task_done()
            if self.writer.unwritten > self.width // 4:
                await self.writer.written()  # more unwritten would be more to lose

    async def _answer(self, unit: _Unit) -> None:
        """Have a question answered, with all its votes, and hand over what is said."""
        first = unit.talk.requests[0].turns

        async def ask(request: Request, vote: int) -> tuple[Reply, float]:
            call = None
            if request.turns == first:  # what was set aside for the unit does not do for a repair turn
                call, unit.call = unit.call, None
            return await self.asking.ask(request, unit.talk.size, None if unit.final else id(unit), call)

        def keep(vote: int, reply: Reply) -> None:
            self.writer.keep(unit.keys[vote], reply)

        try:
            early = lambda sound: self.writer.hand_over(unit.name, sound)  # noqa: E731
            await unit.talk.run(ask, keep, unit.replies, early, self.writer.keep)
        except Capped:
            self.capped = True
            return
        except Stopped:
            return
        except Failed as failed:
            if failed.passing and not unit.final and len(self.again) < SET_ASIDE:
                unit.final, unit.talk = True, unit.talk.anew()
                self.again.append(unit)
                return
            unit.talk.fail(str(failed))
        self.writer.hand_over(unit.name, unit.talk.answers())
