"""Whether a promised agreement still holds, judged after every audit, as often as anybody likes.

Two things are worked out of a row of audits (1: student and teacher agree, 0: they do not), both by betting (Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024), so that neither is worn out by looking every day:

- `evidence`: the capital of somebody who bets that agreement is below the promise. While every audit agrees with at least the
  promised chance, whatever came before, it is a non-negative supermartingale that starts at 1, so it ever reaches 1 / error with a
  probability of at most `error` (Ville's inequality; Podkopaev and Ramdas, "Tracking the risk of a deployed model and detecting
  harmful distribution shifts", ICLR 2022). The capital is spread over stakes, and over the audits at which the betting may begin:
  a promise that breaks late is noticed although it held for long.
- `band`: where agreement lies, at every audit at once with the chosen confidence, if it is one value all the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

STARTS = 50  # audits from one beginning of the bets to the next
# Stakes, as shares of the largest there is (at which one agreement would cost all): small ones notice small falls in the end.
STAKES = np.array([0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.35])
GRID = 1_000  # values of agreement that the band tells apart
BAND_STAKES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.7])


@dataclass(frozen=True)
class Evidence:
    """`capital` after each audit (n,); `broken_at`: how many audits it took to reach 1 / error, None where it never did."""

    capital: np.ndarray
    broken_at: int | None


def weights(blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of the capital begins to bet at each of the first `blocks` beginnings, and what is left for later ones after each:
    1/log2(k + 2) - 1/log2(k + 3), which sums to 1 over all k, so that the k-th costs little more than k in evidence."""
    left = 1 / np.log2(np.arange(2, blocks + 3))
    return left[:-1] - left[1:], left[1:]


def evidence(agreed: np.ndarray, promise: float, error: float = 0.05) -> Evidence:
    """What audits (n,), 1 or 0 in their order, say against agreement of at least `promise` (between 0 and 1)."""
    return Evidence(*_capital(np.asarray(agreed, dtype=float)[None, :], promise, error))


def broken_at(agreed: np.ndarray, promise: float, error: float = 0.05) -> np.ndarray:
    """Of many lives at once, rows of `agreed` (lives, n): after how many audits each is broken, 0 where never."""
    capital = _run(np.asarray(agreed, dtype=float), promise)
    over = capital >= 1 / error
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1, 0)


def _capital(agreed: np.ndarray, promise: float, error: float) -> tuple[np.ndarray, int | None]:
    capital = _run(agreed, promise)[0]
    over = np.flatnonzero(capital >= 1 / error)
    return capital, int(over[0]) + 1 if len(over) else None


def _run(agreed: np.ndarray, promise: float) -> np.ndarray:
    """The capital after each audit, (lives, n)."""
    lives, audits = agreed.shape
    bets = STAKES / (1 - promise)
    begin, left = weights(math.ceil(audits / STARTS) + 1)
    staked = np.zeros((lives, 1, len(bets)))  # at work, of one unit a stake
    capital = np.empty((lives, audits))
    for block, start in enumerate(range(0, audits, STARTS)):
        part = slice(start, start + STARTS)
        grown = (staked + begin[block]) * np.cumprod(1 + bets * (promise - agreed[:, part, None]), axis=1)
        capital[:, part] = grown.mean(axis=2) + left[block]
        staked = grown[:, -1:]
    return capital


def band(agreed: np.ndarray, at: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest agreement that audits (n,) leave possible after the first `at` (m,) of them: two arrays (m,). Of all
    `at` that anybody may ever look at, the true one is within with the chosen confidence, as long as it stays the same."""
    at = np.asarray(at, dtype=int)
    yes = np.concatenate([[0.0], np.cumsum(np.asarray(agreed, dtype=float))])[at]
    return bounds(yes, at - yes, confidence)


def bounds(yes: np.ndarray, no: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The band by counts alone: after `yes` (m,) audits that agreed and `no` (m,) that did not; NaN where nothing is possible."""
    yes, no = (np.asarray(count, dtype=float)[:, None, None] for count in (yes, no))
    values = (np.arange(GRID) + 0.5) / GRID
    mean, stakes = values[None, :, None], BAND_STAKES[None, None, :]
    higher = yes * np.log1p(stakes / mean * (1 - mean)) + no * np.log1p(-stakes)
    lower = yes * np.log1p(-stakes) + no * np.log1p(stakes / (1 - mean) * mean)
    capital = np.logaddexp.reduce(np.concatenate([higher, lower], axis=2), axis=2) - math.log(2 * len(BAND_STAKES))
    possible = capital < math.log(1 / (1 - confidence))
    known = possible.any(axis=1)
    low = np.where(known, values[possible.argmax(axis=1)] - 0.5 / GRID, np.nan)
    high = np.where(known, values[GRID - 1 - possible[:, ::-1].argmax(axis=1)] + 0.5 / GRID, np.nan)
    return low, high


@lru_cache(maxsize=32)
def noticing(promise: float, fall: float = 0.05, power: float = 0.8) -> int:
    """Within how many audits agreement `fall` below the promise from the first one on is noticed in a share `power` of lives:
    simulated, 400 lives."""
    lives = np.random.default_rng(0).random((400, 2_000)) < max(promise - fall, 0.0)
    broken = broken_at(lives, promise)
    return int(np.quantile(np.where(broken == 0, 2_000, broken), power))


def fewest(promise: float, error: float = 0.05) -> int:
    """How many audits must agree, all of them, before they say anything for the promise by themselves: fewer would all agree with a
    chance of more than `error` although agreement were just below it."""
    return math.ceil(math.log(error) / math.log(promise))
