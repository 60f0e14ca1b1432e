"""The gate before every call, on a clock that only moves while somebody waits."""

from __future__ import annotations

import asyncio

import pytest

from core.wires import limits
from core.wires.limits import Bucket, Limits


class Clock:
    """Time as the limits see it; sleeping moves it."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        real = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.now += seconds
            await real(0)

        monkeypatch.setattr(limits.asyncio, "sleep", sleep)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


def test_requests_a_minute_are_kept_evenly(clock):
    async def ask() -> list[float]:
        gate, times = Limits(4, requests_per_minute=120, clock=clock), []
        for _ in range(240):
            await gate.turn(0)
            times.append(clock())
            gate.done()
        return times

    times = asyncio.run(ask())
    for start in range(0, 240 - 125):
        assert times[start + 124] - times[start] >= 60, (
            "more than a minute's worth in a minute, and a second's at the start"
        )
    assert times[-1] - times[0] == pytest.approx(119, abs=2)


def test_tokens_a_minute_are_paid_off_by_what_they_were(clock):
    async def ask() -> float:
        gate = Limits(1, tokens_per_minute=6000, clock=clock)
        started = clock()
        for _ in range(100):
            await gate.turn(50)
            gate.answered(50, 200)
            gate.done()
        return clock() - started

    assert asyncio.run(ask()) == pytest.approx(200, rel=0.05), "100 calls of 200 tokens at 100 a second"


def test_a_429_halves_the_calls_at_once_and_answers_let_them_grow_again(clock):
    gate = Limits(32, clock=clock)
    asked_at = clock()
    clock.now += 1
    for _ in range(32):
        gate.refused(0.5, asked_at)
    assert gate.allowed == 16, "those under way at the cut do not cut again"
    clock.now += 1
    gate.refused(0.5, clock())
    assert gate.allowed == 8
    for _ in range(2000):
        gate.answered(0, None)
    assert gate.allowed == 32


def test_retry_after_holds_everybody_back_as_long_as_it_says(clock):
    async def ask() -> float:
        gate = Limits(4, clock=clock)
        gate.refused(17.0, clock())
        gate.refused(3.0, clock())
        before = clock()
        await gate.turn(0)
        return clock() - before

    assert asyncio.run(ask()) == pytest.approx(17)


def test_without_a_word_the_pause_grows(clock):
    gate, pauses = Limits(4, clock=clock), []
    for _ in range(8):
        gate.refused(None, clock())
        pauses.append(gate.not_before - clock())
        clock.now = gate.not_before + 1
    assert pauses[3] > 2 * pauses[0] and pauses[-1] <= limits.LONGEST_PAUSE * 1.25


def test_no_more_at_once_than_allowed_and_a_cancelled_wait_leaves_the_gate_open():
    async def ask() -> tuple[int, int]:
        gate, flying, most, done = Limits(3), 0, 0, 0

        async def one():
            nonlocal flying, most, done
            await gate.turn(0)
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0.001)
            flying -= 1
            done += 1
            gate.done()

        tasks = [asyncio.create_task(one()) for _ in range(30)]
        await asyncio.sleep(0.002)
        tasks[10].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return most, done

    assert asyncio.run(ask()) == (3, 29)


def test_a_bucket_never_holds_more_than_a_second(clock):
    bucket = Bucket(60 * 5, clock)
    clock.now += 3600
    taken = 0
    while bucket.wait() == 0:
        bucket.take(1)
        taken += 1
    assert taken == 5
