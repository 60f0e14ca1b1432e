"""Asking until there is an answer. A call that fails for a passing reason is made again, when the provider allows; one that the
server refuses for good ends everything in words. While the server seems gone one call at a time finds out whether it is back.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from core.errors import InputError
from core.label.buyer import Buyer, Stopped
from core.label.buying import KEPT_TODO, Lengths, pause
from core.label.consulting import Failed
from core.label.disk import Disk
from core.label.model import Model
from core.label.writer import Call
from core.money import ledger
from core.wires.failures import LONG_S
from core.wires.limits import Limits
from core.wires.wire import PASSING, CallError, Reply, Request

FIRST = 4  # calls at once until the first sound answer: a fault of all of them is paid for so often
TRIES = 5  # of one call that fails while others succeed
LOST = 3  # of them may have cost money and brought nothing
DOWN = 3  # so many askers failing with no answer in between: the server is gone, and is asked by one call at a time
GIVE_UP_S = 600.0  # without an answer, it stops and can be carried on later
LONGEST_WAIT_S = 3600.0  # that a provider may ask for; beyond it it stops too
REFUSED = 10  # calls refused as wrong before the first answer: then all would be
STOPPING = {"auth": "The key was refused", "model": "The model was refused", "quota": "The account is empty"}


class Health:
    """What failed calls say of the server `name`: whether it seems gone, and when going on makes no sense."""

    def __init__(self, name: str):
        self.name = name
        self.waiting = ""  # for what, in words for people
        self.successes = self.refusals = self.probes = 0
        self.failing: set[int] = set()  # askers that failed since the last answer
        self.failing_since: float | None = None
        self.give_up_at = 0.0

    @property
    def down(self) -> bool:
        """Whether the server seems gone: several askers in a row failed, whatever was asked."""
        return len(self.failing) >= DOWN

    def answered(self) -> None:
        """A call brought a reply."""
        self.successes += 1
        self.failing.clear()
        self.failing_since, self.probes, self.waiting = None, 0, ""

    def failed(self, error: CallError, asker: int | None) -> None:
        """What one failed call says; None: of an asker who failed before. InputError where going on makes no sense."""
        now = time.monotonic()
        if error.trouble in STOPPING:
            raise self._over(f"{STOPPING[error.trouble]}: {error.words}")
        if error.trouble not in PASSING:
            self.refusals += 1
            if self.successes == 0 and self.refusals >= REFUSED:
                raise self._over(f"Every call was refused: {error.words}")
            return
        if self.failing_since is None:
            self.failing_since, self.give_up_at = now, now + GIVE_UP_S
        if error.trouble != "rate" and asker is not None:
            self.failing.add(asker)
        wait = error.retry_after or 0.0
        if wait >= LONG_S:
            self.give_up_at = max(self.give_up_at, now + wait + LONG_S)
        if self.down or wait >= LONG_S or now - self.failing_since > 5:
            self.waiting = f"Waiting for {self.name}: {error.words}"
        longest = self.failing_since + LONGEST_WAIT_S + LONG_S
        if wait > LONGEST_WAIT_S or now + (wait if wait >= LONG_S else 0) > longest:
            raise self._over(error.words)
        if now > self.give_up_at:
            raise self._over(f"No answer for {(now - self.failing_since) / 60:.0f} minutes: {error.words}")

    def _over(self, words: str) -> InputError:
        return InputError(words, KEPT_TODO, where=self.name)


def patient(model: Model, account: ledger.Account, disk: Disk, hold_s: float, **more: Any) -> Patient:
    """A Patient that keeps to the pace of the model's connection; `hold_s` and `more` are the writer's. InputError where the key is
    not where it should be."""
    params = model.connection.params
    limits = Limits(params.concurrency, params.requests_per_minute, params.tokens_per_minute, first=FIRST)
    return Patient(Buyer(model, account, disk, limits, hold_s, **more))


class Patient:
    """Asks through a Buyer, however many tries it takes, side by side for many askers."""

    def __init__(self, buyer: Buyer):
        self.buyer = buyer
        self.health = Health(buyer.model.connection.name)
        self.lengths = Lengths(buyer.model)
        self._probing = asyncio.Lock()

    async def ask(
        self, request: Request, size: int, asker: int | None, call: Call | None = None
    ) -> tuple[Reply, float]:
        """A reply about `size` assets and its cost, for which `call` may be set aside already.

        Failed where it cannot be had, Capped or Stopped where no further call is made, InputError where going on makes no sense.
        `asker`: who asks; None: one who failed before, which says nothing of the server.
        """
        tries = lost = 0
        while True:
            if self.buyer.writer.refusing:
                raise Stopped
            call = call or await self.buyer.reserve(request, size, "calls")
            probing = self.health.down and asker is not None
            try:
                reply = await (self._probe if probing else self._once)(request, call)
            except CallError as error:
                lost += bool(error.billed and not error.counted)
                tries += error.trouble != "rate"
                if error.billed or error.counted:
                    call = None
                await self._failed(error, asker, call, lost >= LOST or tries >= TRIES or (probing and bool(tries)))
                if error.trouble != "rate":
                    asked = error.retry_after or 0
                    await asyncio.sleep(max(pause(tries), asked if asked < LONG_S else 0))
                continue
            if reply is not None:
                self.health.answered()
                self.lengths.check([reply], request.max_tokens_out // size)
                return reply, self.buyer.usd(call, reply)

    async def _failed(self, error: CallError, asker: int | None, call: Call | None, enough: bool) -> None:
        """Failed where another try makes no sense; a probe that fails makes room for another's: the fault may lie with this one."""
        try:
            self.health.failed(error, asker)
            if error.trouble not in PASSING or enough:
                raise Failed(error.words, error.trouble in PASSING)
        except (Failed, InputError):
            if call is not None:
                self.buyer.writer.settle(call, 0.0, error=error.words)
            raise

    async def _probe(self, request: Request, call: Call) -> Reply | None:
        """One asks, the others wait for what comes of it: None where the server is back meanwhile."""
        async with self._probing:
            if not self.health.down:
                return None
            await asyncio.sleep(pause(self.health.probes))
            self.health.probes += 1
            return await self._once(request, call)

    async def _once(self, request: Request, call: Call) -> Reply:
        """One try, when it is its turn."""
        expected = self.buyer.expected(request)
        await self.buyer.limits.turn(expected)
        try:
            if self.buyer.writer.refusing:
                raise Stopped
            return await self.buyer.ask(request, call, expected)
        finally:
            self.buyer.limits.done()
