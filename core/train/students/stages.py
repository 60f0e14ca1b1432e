"""Answering in stages: the cheapest member first, and a dearer one only where those before it are not sure enough.

The answer of a stage is the log-linear pool of all tables so far (Heskes 1998)

    p(category | text)  ∝  exp( sum_t weight_t * log p_t(category | text) )

whose weights are fitted on calibrating rows, which is temperature scaling (Guo et al. 2017) and blending in one step. A text ends
at the first stage that is sure enough of it (Viola and Jones 2001, "Rapid object detection using a boosted cascade"). How sure
that is, is chosen on the same rows, by the log loss, which minds wrong answers and wrong confidences alike: as unsure as may be
while asking all members about everything would not have lowered it by more than LOSS a stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from core.train import members, softmax
from core.train.students.reading import Reading

STRANGE = 0.01
LOSS, LEAST = 0.02, 0.003  # by which share of it, or by how many nats an asset, a stage may raise the log loss
UNSEEN = 1.0  # nats that ending early on one wrong answer costs: as if one more had been seen, so that few rows prove nothing
EDGE = np.float32(1e-6)  # how far below the least sure text seen a bar may lie
NEVER = 2.0  # above every confidence
TINY = 1e-9  # the least probability whose logarithm is taken

Ask = Callable[[str, np.ndarray], Reading]  # what a member makes of the texts with these numbers


@dataclass(frozen=True)
class Answers:
    """What a student says of n texts: `probabilities`, float32 (n, categories), rows summing to 1; and `strange`, bool (n):
    texts unlike anything it learned from, on which its probabilities mean nothing."""

    probabilities: np.ndarray
    strange: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The most probable category of each text, as a column number."""
        return self.probabilities.argmax(1)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable category of each text."""
        return self.probabilities.max(1)

    def handled(self, threshold: float | None) -> np.ndarray:
        """Whether the student answers by itself, bool (n): sure enough, and not strange. Without a threshold it never does."""
        if threshold is None:
            return np.zeros(len(self.strange), bool)
        return (self.confidence >= threshold) & ~self.strange


@dataclass(frozen=True)
class Stage:
    """One `member` more is asked; `weights` pool the tables of all asked so far. A text ends here that is at least `bar` sure and
    that the member `judge` finds no less near than `cut`. At the last stage every text ends, and what is less near is strange."""

    member: str
    weights: np.ndarray
    judge: str
    cut: float
    bar: float

    def as_json(self) -> dict:
        """The same as JSON can hold it."""
        return asdict(self) | {"weights": [float(weight) for weight in self.weights]}


def from_json(stored: dict) -> Stage:
    """What as_json() gave."""
    return Stage(**stored | {"weights": np.array(stored["weights"])})


def walk(stages: Sequence[Stage], count: int, categories: int, ask: Ask) -> Answers:
    """The answers to `count` texts, of which each member is asked only about those that no stage before it has ended."""
    probabilities, strange = np.empty((count, categories), np.float32), np.zeros(count, bool)
    left, tables, nearness = np.arange(count), [], {}
    for stage in stages:
        reading = ask(stage.member, left)
        tables += reading.tables
        nearness[stage.member] = reading.nearness
        pool, far = blend(tables, stage.weights), nearness[stage.judge] < stage.cut
        if stage is stages[-1]:
            probabilities[left], strange[left] = pool, far
            break
        ends = ~far & (pool.max(1) >= stage.bar)
        probabilities[left[ends]] = pool[ends]
        left, tables = left[~ends], [table[~ends] for table in tables]
        nearness = {name: near[~ends] for name, near in nearness.items() if near is not None}
        if not len(left):
            break
    return Answers(probabilities, strange)


def fit(readings: dict[str, Reading], answers: np.ndarray) -> list[Stage]:
    """The stages of a student whose members made these `readings` of calibrating rows, which the teacher gave `answers` (column
    numbers): weights, cuts and bars."""
    tables, pools, stages, judge = [], [], [], ""
    for name in members.asked_in_order(list(readings)):
        tables += readings[name].tables
        weights = fit_weights(tables, answers)
        pools.append(blend(tables, weights))
        judge = max((judge or name, name), key=lambda one: members.of(one).judges)
        stages.append(Stage(name, weights, judge, cut_of(readings[judge].nearness), 0.0))
    bars = _bars(stages, pools, readings, answers)
    return [replace(stage, bar=bar) for stage, bar in zip(stages, bars)]


def cut_of(nearness: np.ndarray) -> float:
    """The nearness that all but the farthest STRANGE of the calibrating rows reach: it needs no labels."""
    return float(np.quantile(nearness, STRANGE, method="lower")) if len(nearness) else -1.0  # below any


def _bars(
    stages: list[Stage], pools: list[np.ndarray], readings: dict[str, Reading], answers: np.ndarray
) -> list[float]:
    """How sure each stage must be, by the log loss of those that would end there, the surest first."""
    rows = np.arange(len(answers))
    losses = [-np.log(np.maximum(pool[rows, answers], TINY)) for pool in pools]
    allowed = max(LOSS * losses[-1].sum(), LEAST * len(answers))
    left, bars = rows, []
    for pool, loss, stage in zip(pools[:-1], losses, stages):
        sure = pool.max(1)
        order = left[np.argsort(-sure[left], kind="stable")]
        order = order[readings[stage.judge].nearness[order] >= stage.cut]
        too_much = np.cumsum(loss[order] - losses[-1][order]) + UNSEEN > allowed
        end = int(too_much.argmax()) if too_much.any() else len(order)
        if end == 0:
            bars.append(NEVER)
            continue
        last = sure[order[end - 1]]
        bars.append(_between(last, sure[order[end]] if end < len(order) else last - EDGE))
        left = np.setdiff1d(left, order[sure[order] >= bars[-1]], assume_unique=True)
    return [*bars, 0.0]


def _between(last: float, next_one: float) -> float:
    """A bar that `last` reaches and `next_one` does not, as far as may be from either: rounding elsewhere must not move them. Of
    equally sure texts none reaches it."""
    return max((float(last) + float(next_one)) / 2, float(np.nextafter(np.float32(next_one), np.float32(2))))


def blend(log_probabilities: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The weighted log-linear pool of several (texts, categories) tables, as probabilities."""
    pooled = sum(float(w) * table for w, table in zip(weights, log_probabilities))
    return np.exp(softmax.log_softmax(pooled))


def fit_weights(log_probabilities: Sequence[np.ndarray], answers: np.ndarray) -> np.ndarray:
    """Weights >= 0 that make the teacher's `answers` (column numbers) most likely under the pool, by L-BFGS-B."""
    from scipy.optimize import minimize  # a second that a process which only answers need not pay

    count = len(log_probabilities)
    if not len(answers):
        return np.full(count, 1 / count)
    rows = np.arange(len(answers))

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        log_pool = softmax.log_softmax(sum(w * table for w, table in zip(weights, log_probabilities)))
        pool = np.exp(log_pool)
        gradient = [((pool * table).sum(1) - table[rows, answers]).mean() for table in log_probabilities]
        return float(-log_pool[rows, answers].mean()), np.array(gradient, float)

    return minimize(objective, np.full(count, 1 / count), jac=True, method="L-BFGS-B", bounds=[(0, 10)] * count).x
