"""How fast a hosted model may be asked: calls under way, requests and tokens a minute, and backing off when it says no.

The calls under way follow the rule of TCP (additive increase, multiplicative decrease; Chiu and Jain 1989): a 429 halves them,
each answer lets them grow again by a fraction of a call, up to what the connection allows. All times are of the monotonic
clock, so that setting the system's clock changes nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds to wait after a 429 that does not say how long


class Bucket:
    """A token bucket: `per_minute` units flow in evenly; at most a second's worth lies ready, so that there is no burst."""

    def __init__(self, per_minute: float, clock: Callable[[], float]):
        self.rate, self.clock = per_minute / 60, clock
        self.most = max(self.rate, 1.0)
        self.level, self.seen = self.most, clock()

    def wait(self) -> float:
        """Seconds until something may be taken. One larger than the bucket may go when it is full, and is paid off after."""
        now = self.clock()
        self.level = min(self.most, self.level + (now - self.seen) * self.rate)
        self.seen = now
        return max(0.0, (1e-9 - self.level) / self.rate) if self.level <= 0 else 0.0

    def take(self, units: float) -> None:
        self.level -= units


class Limits:
    """The gate that every call to one server passes: `await turn(tokens)` before it, `done()` after, and how it went.

    `first`: so many calls at once until one has brought a sound answer; what is wrong with all of them is then paid for a few
    times only.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        first: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.concurrency = max(int(concurrency), 1)
        self.first = first  # None once there was a sound answer
        self.allowed = float(self.concurrency)
        self.flying = 0
        self.requests = Bucket(requests_per_minute, clock) if requests_per_minute else None
        self.tokens = Bucket(tokens_per_minute, clock) if tokens_per_minute else None
        self.clock = clock
        self.not_before = self._cut_at = clock()
        self._refused = 0  # 429s since the last answer
        self._gate = asyncio.Lock()  # first come, first served: one waits for room, the others for it
        self._freed = asyncio.Event()

    async def turn(self, tokens: float) -> None:
        """Wait until a call expected to take `tokens` in and out may go. Each turn is to be followed by done()."""
        async with self._gate:
            while True:
                if self.flying >= max(int(min(self.allowed, self.first or self.allowed)), 1):
                    self._freed.clear()
                    await self._freed.wait()
                elif (seconds := self._wait()) > 0:
                    await asyncio.sleep(seconds)
                else:
                    break
            self.flying += 1
            if self.requests:
                self.requests.take(1)
            if self.tokens:
                self.tokens.take(tokens)

    def _wait(self) -> float:
        buckets = [bucket.wait() for bucket in (self.requests, self.tokens) if bucket]
        return max([self.not_before - self.clock(), *buckets])

    def done(self) -> None:
        """The call is over, however it went."""
        self.flying -= 1
        self._freed.set()

    def answered(self, expected: float, tokens: float | None, *, sound: bool = True) -> None:
        """It brought an answer, and took `tokens` where `expected` were booked."""
        self._refused = 0
        self.first = None if sound else self.first
        self.allowed = min(self.concurrency, self.allowed + 1 / self.allowed)
        self._freed.set()
        if self.tokens and tokens is not None:
            self.tokens.take(tokens - expected)

    def refused(self, retry_after: float | None, asked_at: float) -> None:
        """It was turned away (429): fewer at once, and none before `retry_after` seconds, or a growing pause where unsaid.

        `asked_at` is when the call went out, on this clock: those already under way at the last cut do not cut again.
        """
        now = self.clock()
        if asked_at >= self._cut_at:
            self._cut_at = now
            self.allowed = max(1.0, self.allowed / 2)
            self._refused += 1
        pause = retry_after
        if pause is None:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(self._refused - 1, 0)) * random.uniform(0.75, 1.25)
        self.hold(pause)

    def hold(self, seconds: float) -> None:
        """No call for so long."""
        self.not_before = max(self.not_before, self.clock() + max(seconds, 0.0))
