"""How long the student takes, measured on the machine at hand."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from core.settings import processors

WARM_UP = 20  # calls thrown away before the measured ones

BUSY = 2.0  # processes waiting for each core, last minute's mean: our own work makes one or so


@dataclass(frozen=True)
class Times:
    """Milliseconds for one asset: quantiles() of `n` times (0: nobody timed it, p50 is assumed) and their spread()."""

    p50: float
    p95: float | None
    p99: float | None
    n: int
    spread: tuple[float, ...]


@dataclass(frozen=True)
class Latency(Times):
    """Times of a student's calls after warm-up, and the machine they were on."""

    machine: str


@dataclass(frozen=True)
class TeacherLatency(Times):
    """Times of a teacher's labels; `basis`: measured, or assumed where they are made up."""

    basis: str


BATCHES = (1, 8, 64, 256)
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def quantiles(ms: np.ndarray) -> dict[str, Any]:
    """p50, p95 and p99 of times in milliseconds; None for one that so few times have nothing beyond (p95 of fewer than 20)."""
    return {
        name: float(np.quantile(ms, share)) if len(ms) * (1 - share) >= 1 - 1e-9 or share == 0.5 else None
        for name, share in SHARES.items()
    }


def spread(ms: np.ndarray) -> tuple[float, ...]:
    """The quantiles 0, 0.01 … 1 of times in milliseconds: their distribution, whatever their number."""
    return tuple(np.quantile(ms, np.linspace(0, 1, 101)).round(4).tolist())


def median_interval(quantiles: Sequence[float], n: int) -> tuple[float, float]:
    """The 95 % interval of a median of `n` times, by ranks (normal approximation of the binomial), off spread()."""
    reach = 0.98 / n**0.5
    low, high = np.interp([0.5 - reach, 0.5 + reach], np.linspace(0, 1, 101), quantiles)
    return float(low), float(high)


def measure(predict_one: Callable[[str], Any], texts: Sequence[str], calls: int = 200) -> Latency:
    """Time `predict_one` on one text at a time, the texts taken in turn, tokenising included.

    Raises ValueError without a text.
    """
    if not texts:
        raise ValueError("latency needs at least one text")
    times = np.empty(WARM_UP + calls)
    for i in range(len(times)):
        text = texts[i % len(texts)]
        start = perf_counter()
        predict_one(text)
        times[i] = perf_counter() - start
    measured = times[WARM_UP:] * 1000
    return Latency(**quantiles(measured), n=calls, machine=machine(), spread=spread(measured))


def throughput(
    predict: Callable[[Sequence[str]], Any], texts: Sequence[str], batch: int = 64, seconds: float = 1.0
) -> float:
    """Assets per second in batches of `batch`, over at least `seconds` after one warm-up batch; texts are cycled."""
    if not texts:
        raise ValueError("throughput needs at least one text")
    size = min(batch, len(texts))
    batches = [list(texts[i : i + size]) for i in range(0, len(texts) - size + 1, size)]
    predict(batches[0])
    done, start = 0, perf_counter()
    while (elapsed := perf_counter() - start) < seconds:
        predict(batches[(done // size) % len(batches)])
        done += size
    return done / elapsed


def while_busy(machine: str) -> str:
    """What is said beside a time measured on this machine() while others kept it busy; empty where they did not."""
    return "measured while the machine was busy" if ", busy with other work" in machine else ""


def machine() -> str:
    """The processor's name, the cores this process may use, and a word where others keep them busy right now."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = (
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        )
        model = next(named, model)
    cores = processors()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = f", busy with other work (load {load:.1f})" if load > BUSY * cores else ""
    return f"{model}, {cores} core{'' if cores == 1 else 's'}{busy}"
