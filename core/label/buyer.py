"""Buying replies of one model under one account: money is set aside, the call made over a held connection, and what it cost and
what came of it handed to the writer. Runs (engine.py), errands.py and single answers (desk.py) ask through a Buyer; what they do
where a call fails, or where no money is left, is their own affair.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from core.label.disk import Disk
from core.label.model import Model, cost
from core.label.writer import Call, Patience, Writer
from core.money import ledger
from core.wires.failures import LONG_S
from core.wires.limits import Limits
from core.wires.wire import CallError, Reply, Request, Wire


class Capped(Exception):
    """The cap allows no further call."""


class Stopped(Exception):
    """No further call is made."""


class Buyer:
    """Made and used in one event loop's thread. `limits` hears how each call went; whoever wants to keep to them waits for
    limits.turn(). `more` is the Writer's."""

    def __init__(
        self,
        model: Model,
        account: ledger.Account,
        disk: Disk,
        limits: Limits,
        hold_s: float = 0.0,
        *,
        wire: Wire | None = None,
        **more: Any,
    ):
        self.began = time.monotonic()
        self.model, self.account, self.disk, self.limits = model, account, disk, limits
        self.wire = wire or model.connect()
        self.writer = Writer(disk, account, hold_s, **more)
        self.calling: set[asyncio.Task] = set()  # tasks whose call is under way
        self.over, self.dearest = 1.0, 0.0  # how much more a call has cost than thought possible, and what, in USD
        self.share = 0.4  # of the most tokens a call can take, what it takes

    def money(self, request: Request, assets: int, patience: Patience = "none") -> asyncio.Future:
        """The most that a call can cost, set aside: a Call, or None where none may be made."""
        price = self.model.priced()
        most = self.model.most_usd(request, price)
        of = self.model.pays_for(request), self.model.asks_for(request)
        return self.writer.money(max(most * self.over, self.dearest), assets, price, most, patience, *of)

    async def reserve(self, request: Request, assets: int, patience: Patience = "none") -> Call:
        """As money(); Capped or Stopped where no call may be made."""
        call = await self.money(request, assets, patience)
        if call is None:
            raise Stopped if self.writer.refusing else Capped
        return call

    async def ask(self, request: Request, call: Call, expected: float = 0.0) -> Reply:
        """Make a call once, for which `expected` tokens were booked with the limits; what it cost is written down.

        CallError where it brings nothing: its money is still set aside where that was neither billed nor counted.
        """
        task, asked_at = asyncio.current_task(), time.monotonic()
        self.writer.asked(call)
        self.calling.add(task)
        try:
            reply = await self.wire.ask(request)
        except CallError as error:
            self._failed(error, call, asked_at)
            raise
        finally:
            self.calling.discard(task)
        self._book(call, reply)
        tokens = None if reply.tokens_in is None else reply.tokens_in + (reply.tokens_out or 0)
        self.limits.answered(expected, tokens, sound=reply.finish != "length")
        if expected and tokens:
            self.share += 0.1 * (tokens / (expected / self.share) - self.share)
        return reply

    def expected(self, request: Request) -> float:
        """Tokens that a call is likely to take; 0 where nobody counts them."""
        return sum(self.model.most_tokens(request)) * self.share if self.limits.tokens else 0.0

    def usd(self, call: Call, reply: Reply) -> float:
        """What a reply cost; 0 where nobody knows."""
        return cost(call.price, reply) or 0.0

    def _failed(self, error: CallError, call: Call, asked_at: float) -> None:
        if error.counted:
            self._book(call, error.counted, error.words)
        elif error.billed:
            self.writer.settle(call, None, error=error.words)
        else:
            self.writer.asked(call, sent=False)
        if error.trouble == "rate":
            self.limits.refused(error.retry_after, asked_at)
        elif (error.retry_after or 0) >= LONG_S:
            self.limits.hold(error.retry_after)

    def _book(self, call: Call, reply: Reply, error: str | None = None) -> None:
        """What a call cost, written down; the next ones set as much aside."""
        usd = cost(call.price, reply)
        if usd is not None and usd > 0:
            self.over = max(self.over, usd / max(call.most_usd, 1e-12))
            self.dearest = max(self.dearest, usd if self.over > 1 else 0.0)
        self.writer.settle(call, usd, reply.tokens_in, reply.tokens_out, reply.tokens_cached, error=error)

    async def close(self) -> None:
        """Write the last of it and let go of the connection, also where that fails."""
        try:
            await self.writer.close()
        finally:
            await self.wire.close()
