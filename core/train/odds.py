"""Tags by themselves: each is said or not, whatever the others are, so each has odds of its own.

A member gives log odds (texts, tags) where it would give log probabilities of categories that exclude each other; `loss` has
softmax.fit() learn them, a sigmoid for each tag (one-vs-rest on one set of features).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LARGEST = 30.0  # log odds beyond which float32 says 0 or 1


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """The probabilities of log odds, in their dtype."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -LARGEST, LARGEST)))


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """What sigmoid() undoes; of 0 and 1 as large as matters."""
    inside = np.clip(probabilities, 1e-7, 1 - 1e-7)
    return np.log(inside / (1 - inside))


def loss(logits: np.ndarray, wanted: np.ndarray) -> tuple[float, np.ndarray]:
    """The summed cross entropy of every tag by itself with `wanted` (0 to 1), and its slope by the logits."""
    lost = np.maximum(logits, 0) - logits * wanted + np.log1p(np.exp(-np.abs(logits)))
    return float(lost.sum()), sigmoid(logits) - wanted


def mark(several: bool) -> dict[str, np.ndarray]:
    """What a member's file says besides its tables where these are log odds of tags; nothing where they are not."""
    return {"several": np.ones(1, np.uint8)} if several else {}


def marked(tensors: dict[str, np.ndarray]) -> bool:
    """Whether mark() was put there."""
    return "several" in tensors


def surprise(probabilities: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The log loss of each row, all tags together, nats: `probabilities` float (n, tags), `said` bool (n, tags)."""
    right = np.where(said, probabilities, 1 - probabilities)
    return -np.log(np.maximum(right, 1e-9)).sum(1)


# --- calibration ------------------------------------------------------------------------------------------------------

HOLD = 2.0  # calibrating rows by whose worth a tag's calibration is held at that of all tags: a rare tag stays there
RARE = 10  # assets with a tag at which its threshold goes half as far
STEPS = 12  # of Newton's method; a calibration of two numbers settles in half as many


def pooled(tables: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The weighted sum of tables of log odds (n, tags); the last of `weights` is added to it."""
    return sum(float(weight) * table for weight, table in zip(weights, tables)) + float(weights[-1])


def fit_weights(tables: Sequence[np.ndarray], said: np.ndarray) -> np.ndarray:
    """A weight >= 0 for each table, and what is added, that make the teacher's tags (`said`, bool (n, tags)) most likely."""
    from scipy.optimize import minimize  # a second that a process which only answers need not pay

    count = len(tables)
    start = np.append(np.full(count, 1 / count), 0.0)
    if not said.size:
        return start

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        lost, slope = loss(pooled(tables, weights), said)
        gradient = [float(np.vdot(slope, table)) for table in tables] + [float(slope.sum())]
        return lost / len(said), np.array(gradient) / len(said)

    bounds = [(0, 10)] * count + [(-10, 10)]
    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def calibrate(sums: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and shift (tags) by which sigmoid(slope * sums + shift) is how likely each tag is (Platt 1999).

    Each tag's own as far as its rows tell: held near (1, 0) by a Gaussian prior of HOLD rows' worth, so that a tag nobody said is
    no worse than as blended. `sums`: log odds (n, tags), `said`: bool (n, tags)."""
    slope, shift = np.ones(sums.shape[1]), np.zeros(sums.shape[1])
    sums = np.clip(sums, -LARGEST, LARGEST).astype(float)
    for _ in range(STEPS if len(sums) else 0):
        likely = sigmoid(slope * sums + shift)
        residual, weight = likely - said, likely * (1 - likely)
        by_slope = (residual * sums).sum(0) + HOLD * (slope - 1)
        by_shift = residual.sum(0) + HOLD * shift
        ss, s, one = (weight * sums**2).sum(0) + HOLD, (weight * sums).sum(0), weight.sum(0) + HOLD
        room = ss * one - s**2
        steps = np.stack([one * by_slope - s * by_shift, ss * by_shift - s * by_slope]) / room
        steps *= np.minimum(1.0, 1.0 / np.maximum(np.abs(steps).max(0), 1e-12))  # far off, Newton's steps are too long
        slope, shift = np.maximum(slope - steps[0], 0.05), shift - steps[1]
    return slope, shift


def thresholds(likely: np.ndarray, said: np.ndarray) -> np.ndarray:
    """How likely each tag must be to be given (tags): half way from a half, by which most assets are agreed on, to where the tag's
    F1 is largest on these calibrating rows, `likely` float (n, tags), `said` bool (n, tags).

    Half way is better at both on other rows (tests/bench/several.py); a rare tag, whose best place is chance, stays near a half."""
    least = np.full(likely.shape[1], 0.5)
    for tag in range(likely.shape[1] if len(likely) else 0):
        order = np.argsort(-likely[:, tag], kind="stable")
        sure, found = likely[order, tag].astype(float), np.cumsum(said[order, tag])
        given = np.flatnonzero(np.append(sure[1:] < sure[:-1], True))  # equally likely rows are given together
        best = given[(2 * found[given] / (given + 1 + found[-1])).argmax()]
        place = (sure[best] + (sure[best + 1] if best + 1 < len(sure) else 0.0)) / 2
        least[tag] += (place - 0.5) * found[-1] / (2 * (found[-1] + RARE))
    return least
