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
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from core.train import members, odds, softmax
from core.train.students.reading import Reading

if TYPE_CHECKING:
    from core.train.data import Rows

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

    def agree(self, rows: Rows) -> np.ndarray:
        """Whether each is what the teacher said of the same rows, bool (n)."""
        return self.best == rows.answers

    def tables(self) -> dict[str, np.ndarray]:
        """The same as arrays by name: what answers() takes."""
        return {"probabilities": self.probabilities, "strange": self.strange}


@dataclass(frozen=True)
class TagAnswers(Answers):
    """What a student says of n texts that may have several tags: `probabilities` (n, tags) are of each tag by itself, and `given`,
    bool (n, tags), are the tags it gives; none is an answer, too."""

    given: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """No single category is the answer to such a text; see `given`."""
        raise TypeError("A student that gives several tags has no single best one.")

    @property
    def confidence(self) -> np.ndarray:
        """How sure the student is of the least sure tag of each text, given or left out."""
        return surest(self.probabilities, self.given)

    def agree(self, rows: Rows) -> np.ndarray:
        """Whether exactly the teacher's tags are given, bool (n)."""
        return (self.given == rows.said).all(1)

    def tables(self) -> dict[str, np.ndarray]:
        """As there."""
        return super().tables() | {"given": self.given}


def surest(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The least probability of all tags given and (one less it) of all left out, of each row: (n, tags) twice to (n)."""
    return np.where(given, probabilities, 1 - probabilities).min(1, initial=1.0)


def answers(tables: dict[str, np.ndarray]) -> Answers:
    """What Answers.tables() gave."""
    return (TagAnswers if "given" in tables else Answers)(**tables)


@dataclass(frozen=True)
class Stage:
    """One `member` more is asked; `weights` pool the tables of all asked so far. A text ends here that is at least `bar` sure and
    that the member `judge` finds no less near than `cut`. At the last stage every text ends, and what is less near is strange.
    Where a member `eye` that looks at images has been asked, so is an image that it finds less near than `eye_cut`."""

    member: str
    weights: np.ndarray
    judge: str
    cut: float
    bar: float
    eye: str = field(default="", kw_only=True)
    eye_cut: float = field(default=-1.0, kw_only=True)

    def far(self, nearness: dict[str, np.ndarray]) -> np.ndarray:
        """Which texts are less near than may be, by what the members find of them, bool (texts)."""
        far = nearness[self.judge] < self.cut
        return far | (nearness[self.eye] < self.eye_cut) if self.eye else far  # NaN, where there is no image, is not

    def pool(self, tables: Sequence[np.ndarray]) -> np.ndarray:
        """The probabilities (texts, categories) that the tables of all asked so far come to."""
        return blend(tables, self.weights)

    def answers(self, pool: np.ndarray, strange: np.ndarray) -> Answers:
        """What these probabilities say."""
        return Answers(pool, strange)

    def as_json(self) -> dict:
        """The same as JSON can hold it."""
        kept = {name: value for name, value in vars(self).items() if self.eye or not name.startswith("eye")}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in kept.items()}


@dataclass(frozen=True)
class TagStage(Stage):
    """A stage of a student that gives several tags, whose tables are log odds: `slope` and `shift` (tags) calibrate their weighted
    sum for each tag, and a tag is given that is at least `least` (tags) likely; with `some`, where none is, the likeliest."""

    slope: np.ndarray
    shift: np.ndarray
    least: np.ndarray
    some: bool = False

    def pool(self, tables: Sequence[np.ndarray]) -> np.ndarray:
        """The probability of each tag by itself (texts, tags)."""
        return odds.sigmoid(odds.pooled(tables, self.weights) * self.slope + self.shift).astype(np.float32)

    def answers(self, pool: np.ndarray, strange: np.ndarray) -> Answers:
        """The tags that are likely enough."""
        given = pool >= self.least
        if self.some and pool.shape[1]:
            none = np.flatnonzero(~given.any(1))
            given[none, pool[none].argmax(1)] = True
        return TagAnswers(pool, strange, given)


def from_json(stored: dict) -> Stage:
    """What as_json() gave."""
    arrays = {name: np.array(value) for name, value in stored.items() if isinstance(value, list)}
    return (TagStage if "least" in stored else Stage)(**stored | arrays)


def walk(stages: Sequence[Stage], count: int, categories: int, ask: Ask) -> Answers:
    """The answers to `count` texts, of which each member is asked only about those that no stage before it has ended."""
    said = stages[-1].answers(np.zeros((count, categories), np.float32), np.zeros(count, bool)).tables()
    left, tables, nearness = np.arange(count), [], {}
    for stage in stages:
        reading = ask(stage.member, left)
        tables += reading.tables
        nearness[stage.member] = reading.nearness
        far = stage.far(nearness)
        now = stage.answers(stage.pool(tables), far)
        ends = np.ones(len(left), bool) if stage is stages[-1] else ~far & (now.confidence >= stage.bar)
        for name, table in now.tables().items():
            said[name][left[ends]] = table[ends]
        left, tables = left[~ends], [table[~ends] for table in tables]
        nearness = {name: near[~ends] for name, near in nearness.items() if near is not None}
        if not len(left):
            break
    return answers(said)


def fit(readings: dict[str, Reading], answers: np.ndarray, some: bool = False) -> list[Stage]:
    """The stages of a student whose members made these `readings` of calibrating rows, which the teacher gave `answers` (column
    numbers int (n), or which of the tags, bool (n, tags); `some`: a text has one tag at least): weights, cuts and bars."""
    several = answers.ndim > 1
    tables, sure, losses, stages, judge, eye = [], [], [], [], "", {}
    for name in members.asked_in_order(list(readings)):
        tables += readings[name].tables
        if members.of(name).joins and (near := readings[name].nearness) is not None:
            eye = {"eye": name, "eye_cut": cut_of(near[~np.isnan(near)])}
        else:
            judge = max((judge or name, name), key=lambda one: members.of(one).judges)
        stage = last_stage(tables, answers, name, judge, cut_of(readings[judge].nearness), some=some)
        stage = replace(stage, **eye)
        stages.append(stage)
        pool = stage.pool(tables)
        sure.append(stage.answers(pool, np.zeros(len(pool), bool)).confidence)
        losses.append(odds.surprise(pool, answers) if several else _surprise(pool, answers))
    bars = _bars(stages, sure, losses, readings)
    return [replace(stage, bar=bar) for stage, bar in zip(stages, bars)]


def last_stage(
    tables: list[np.ndarray],
    answers: np.ndarray,
    name: str = "",
    judge: str = "",
    cut: float = -1.0,
    *,
    some: bool = False,
) -> Stage:
    """The stage at which a student ends that has asked all members, fitted on their `tables` of calibrating rows and the teacher's
    `answers`, with `some`, as in fit(): every text ends there."""
    if answers.ndim > 1:
        return replace(_of_tags(name, judge, cut, tables, answers), some=some)
    return _of_categories(name, judge, cut, tables, answers)


def _of_categories(name: str, judge: str, cut: float, tables: list[np.ndarray], answers: np.ndarray) -> Stage:
    return Stage(name, fit_weights(tables, answers), judge, cut, 0.0)


def _of_tags(name: str, judge: str, cut: float, tables: list[np.ndarray], said: np.ndarray) -> TagStage:
    weights = odds.fit_weights(tables, said)
    slope, shift = odds.calibrate(odds.pooled(tables, weights), said)
    stage = TagStage(name, weights, judge, cut, 0.0, slope, shift, np.full(said.shape[1], 0.5))
    return replace(stage, least=odds.thresholds(stage.pool(tables), said))


def _surprise(pool: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The log loss of each row, nats."""
    return -np.log(np.maximum(pool[np.arange(len(answers)), answers], TINY))


def cut_of(nearness: np.ndarray) -> float:
    """The nearness that all but the farthest STRANGE of the calibrating rows reach: it needs no labels."""
    return float(np.quantile(nearness, STRANGE, method="lower")) if len(nearness) else -1.0  # below any


def _bars(
    stages: list[Stage], sures: list[np.ndarray], losses: list[np.ndarray], readings: dict[str, Reading]
) -> list[float]:
    """How sure each stage must be, by the log loss of those that would end there, the surest first; `sures` and `losses` are of all
    rows, a stage each."""
    rows = np.arange(len(losses[-1]))
    allowed = max(LOSS * losses[-1].sum(), LEAST * len(rows))
    left, bars = rows, []
    nearness = {name: reading.nearness for name, reading in readings.items()}
    for sure, loss, stage in zip(sures[:-1], losses, stages):
        far = stage.far(nearness)
        order = left[np.argsort(-sure[left], kind="stable")]
        order = order[~far[order]]
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
