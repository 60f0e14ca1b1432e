"""Would more labels help? Agreement at five sizes of the training rows, a power law through them, and what it says of more.

    error(n) = floor + excess * (n / all) ^ -exponent        floor, excess >= 0, 0 < exponent <= 2

is how the error of a learner falls with its training rows (Hestness et al. 2017), over a floor that no number of labels
removes. Its uncertainty comes from drawing the test assets anew, 200 times and for each point by itself: that is more doubt
than the test assets alone would leave, and stands for the luck of which assets a point learned from as well. Nothing is said
of more than twice the labels at hand.

| outcome | when twice the labels would bring |
|---|---|
| helps | 0.3 points or more, in an interval that stays above 0 |
| no_help | less or nothing for certain, in an interval that ends below 1 point |
| unclear | less or nothing for certain, but 1 point or more cannot be ruled out |
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError
from sqlite_utils import Database

from core import tasks
from core.database import now
from core.errors import InputError
from core.evaluate import measure
from core.evaluate.agreement import Share, share
from core.evaluate.cascade import about
from core.evaluate.kept import assumptions_of, teacher_price
from core.evaluate.next_step import Growth
from core.jobs import NoProgress
from core.label.runs import labelled, summary
from core.money.economics import Assumptions, Line, Taught, label_price
from core.money.prices import Price
from core.tasks import Task
from core.taxonomy import tagsets
from core.train import data, members, subsets
from core.train.students.stages import Answers, TagAnswers
from core.words import money, ranged

POINTS, DRAWS = 5, 200
FEWEST_ROWS, ROWS_A_CATEGORY = 50, 2  # training assets at the smallest point, at least
SPREAD, LEAST_SPREAD = 16, 4  # the largest point over the smallest, at most and at least
WORTH, SMALL = 0.003, 0.01  # gains worth having, and to be ruled out
NOTHING = 0.0005  # reads as 0.0 points
EXPONENTS = np.geomspace(0.02, 2.0, 400)


@dataclass(frozen=True)
class Curve:
    """Agreement of a student of `kind` at `sizes` (training assets); the law's (floor, excess, exponent) and the same of
    every draw of the test assets; the labelled assets in all, copies counted once, and labels in the run when it was measured;
    what the run tells of its teacher (measure.teacher)."""

    kind: str
    sizes: list[int]
    agreement: list[Share]
    law: list[float]
    draws: list[list[float]]
    labels: int
    run_labels: int
    taught: Taught
    seconds: float
    created: str


KEPT = TypeAdapter(Curve)


@dataclass(frozen=True)
class Gain:
    """What `more` labels would bring: agreement gained as a share (0.01 is one point) with its 95 % interval, and their price
    in USD (None: not known)."""

    more: int
    value: float
    low: float
    high: float
    usd: float | None


@dataclass(frozen=True)
class Forecast:
    """`outcome` (see the table above) and `sentence` for `twice` the labels; `steps` up to there; how a label is priced."""

    outcome: str
    sentence: str
    twice: Gain
    steps: list[Gain]
    price: Line


def trace(
    db: Database, task: Task, run_id: int, kind: str = members.QUICK, progress: NoProgress | None = None
) -> Curve:
    """Train `kind` at five sizes of a label run's training rows, judge each on its test assets; stores and returns the curve.

    Interrupted, it begins again: all of it costs little more than one training. Raises InputError for a kind that is too slow
    to train five times, or where there are too few rows.
    """
    members.must_be_quick(kind)
    split = data.load(db, task, run_id)
    frame = labelled(db, run_id)
    test = frame[frame["split"] == "test"]
    if test.empty:
        raise InputError("No labelled asset is kept for the test, so no size can be judged.", "Label more assets.")
    points = sizes(len(split.train.texts), len(split.categories))
    started = time.perf_counter()
    answers = subsets.answers(split, test["text"].tolist(), kind, points, progress or NoProgress())
    right, groups = judge(db, run_id, split.categories, test), test["family_id"].to_numpy()
    hits = np.array([right(said) for said in answers])
    law, draws = laws(points, hits, groups)
    run = summary(db, run_id)
    taught = measure.teacher(db, run_id, run["taxonomy_id"], test)
    curve = Curve(
        kind=kind,
        sizes=points,
        agreement=[share(hit, groups, test["group_id"].to_numpy()) for hit in hits],
        law=law.tolist(),
        draws=draws.round(6).tolist(),
        labels=int(frame["group_id"].nunique()),
        run_labels=run["count"],
        taught=taught.taught,
        seconds=time.perf_counter() - started,
        created=now(),
    )
    row = {"label_run_id": run_id, "figures": KEPT.dump_json(curve).decode(), "created": curve.created}
    db["learning_curves"].insert(row, pk="label_run_id", replace=True)
    return curve


def judge(db: Database, run_id: int, categories: list[int], rows: pd.DataFrame) -> Callable[[Answers], np.ndarray]:
    """What tells which of a student's answers to the labelled `rows` are the teacher's, bool (rows): the same category, or exactly
    the same tags. `categories`: the student's, in column order."""
    teacher, columns = rows["category_id"].to_numpy(), np.array(categories)
    members = tagsets.load(db, summary(db, run_id)["taxonomy_id"])
    wanted = tagsets.table(teacher, members, categories)
    beyond = np.array(
        [not set(members.get(int(one), ())) <= set(categories) for one in teacher], bool
    )  # none can be right

    def right(answers: Answers) -> np.ndarray:
        if isinstance(answers, TagAnswers):
            return (answers.given == wanted).all(1) & ~beyond
        return columns[answers.best] == teacher

    return right


def curve_job(db: Database, params: dict, progress: NoProgress) -> dict:
    """The job body: {"task_id", "run_id", "kind"} -> {"run_id"}."""
    trace(db, tasks.get(db, params["task_id"]), params["run_id"], params["kind"], progress)
    return {"run_id": params["run_id"]}


def stored(db: Database, run_id: int) -> Curve | None:
    """The curve of a label run; None before trace(), and of one that an earlier version of this program measured."""
    row = db.execute("select figures from learning_curves where label_run_id = ?", [run_id]).fetchone()
    with suppress(ValidationError):
        return KEPT.validate_json(row[0]) if row else None
    return None


def outdated(db: Database, run_id: int, curve: Curve) -> bool:
    """Whether the run has got labels since the curve was measured."""
    return summary(db, run_id)["count"] != curve.run_labels


def run_of(db: Database, task: Task, run_id: int | None = None) -> int:
    """The client's label run with this id, else the one its newest student learned from, else its newest with labels."""
    rows = db.query(
        """select r.id from label_runs r where task_id = ? and r.id = ifnull(?, r.id)
           and exists (select 1 from labels where run_id = r.id and category_id is not null)
           order by (select max(id) from students where label_run_id = r.id and ready = 1) desc nulls last, r.id desc limit 1""",
        [task.id, run_id],
    )
    row = next(rows, None)
    if row is None:
        what = (
            "This client has no labels yet."
            if run_id is None
            else f"This client has no label run {run_id} with labels."
        )
        raise InputError(what, "Get some on the Teacher page, or with `distil`.")
    return row["id"]


def as_json(db: Database, task: Task, curve: Curve) -> dict[str, Any]:
    """Curve and forecast as one JSON-able object, for the command line."""
    assumptions = assumptions_of(db, task)
    expected = forecast(curve, assumptions, teacher_price(db, assumptions))
    return {
        "teacher": curve.taught.teacher,
        "student": curve.kind,
        "labels": curve.labels,
        "points": [{"assets": size, **asdict(one)} for size, one in zip(curve.sizes, curve.agreement)],
        "law": dict(zip(("floor", "excess", "exponent"), curve.law)),
        "outcome": expected.outcome,
        "steps": [asdict(step) for step in expected.steps],
        "price_of_1000": asdict(expected.price),
        "sentence": expected.sentence,
        "seconds": round(curve.seconds, 2),
        "created": curve.created,
    }


def sizes(rows: int, categories: int) -> list[int]:
    """Five sizes in equal ratios up to all `rows`. InputError where they would lie within a factor of four."""
    smallest = max(FEWEST_ROWS, ROWS_A_CATEGORY * categories)
    if rows < LEAST_SPREAD * smallest:
        raise InputError(
            f"There are {rows:,} labelled assets to learn from, too few to see how agreement grows with them.",
            f"Label more, until there are {LEAST_SPREAD * smallest:,} of them.",
        )
    return [round(size) for size in np.geomspace(max(rows / SPREAD, smallest), rows, POINTS)]


def laws(points: list[int], hits: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The law through the errors at `points`, and through those on DRAWS drawings of the test assets' families (`groups`) with
    replacement (Efron 1979): (3,) and (DRAWS, 3). `hits` is bool (points, assets)."""
    _, position = np.unique(groups, return_inverse=True)
    size = np.bincount(position)
    wrong = np.array([np.bincount(position, weights=~hit) for hit in hits])
    chance, even = np.random.default_rng(0), np.full(len(size), 1 / len(size))
    errors = np.empty((1 + DRAWS, len(points)))
    for point, missed in enumerate(wrong):
        times = np.vstack([np.ones(len(size)), chance.multinomial(len(size), even, DRAWS)])
        errors[:, point] = times @ missed / (times @ size)
    smoothed = (wrong.sum(1) + 1) / (size.sum() + 2)
    fitted = fit(np.array(points), errors, smoothed * (1 - smoothed))
    return fitted[0], fitted[1:]


def fit(points: np.ndarray, errors: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Floor, excess and exponent of the law through each row of `errors` (rows, points), by least squares weighted with
    1 / `variance` (points): exact in floor and excess, the best of EXPONENTS. Shape (rows, 3)."""
    weight = 1 / variance
    best, least = np.zeros((len(errors), 3)), np.full(len(errors), np.inf)
    for exponent in EXPONENTS:
        x = (points / points.max()) ** -exponent
        sw, sx, sxx = weight.sum(), weight @ x, weight @ x**2
        sy, sxy = errors @ weight, errors @ (weight * x)
        inside = (sw * sxy - sx * sy) / (sw * sxx - sx**2)
        # A bound that the free solution breaks holds with equality in the best allowed one: try both.
        for excess, floor in (
            (inside, (sy - inside * sx) / sw),
            (sxy / sxx, np.zeros(len(errors))),
            (np.zeros(len(errors)), sy / sw),
        ):
            loss = ((errors - floor[:, None] - excess[:, None] * x) ** 2) @ weight
            better = (loss < least) & (excess >= 0) & (floor >= 0)
            least[better] = loss[better]
            best[better] = np.column_stack([floor, excess, np.full(len(errors), exponent)])[better]
    return best


def error(law: np.ndarray, times: float | np.ndarray) -> np.ndarray:
    """The law's error at `times` the training assets at hand; `law` has shape (..., 3)."""
    floor, excess, exponent = np.moveaxis(np.asarray(law, float), -1, 0)
    return floor + excess * times**-exponent


def gain(curve: Curve, more: int, price: Line) -> Gain:
    """What `more` labels would bring, shared out among training, calibration and test as those at hand are.

    Raises InputError for more than there are already.
    """
    if not 0 < more <= curve.labels:
        raise InputError(
            f"The curve says nothing of {more:,} more labels.",
            f"Ask for at most {curve.labels:,}, which is twice what there is now.",
        )
    times = 1 + more / curve.labels
    value = float(error(curve.law, 1.0) - error(curve.law, times))
    drawn = error(np.array(curve.draws), 1.0) - error(np.array(curve.draws), times)
    low, high = np.quantile(drawn, [0.025, 0.975])
    usd = None if price.value is None else round(price.value / 1000 * more, 2)
    return Gain(more, value, min(float(low), value), max(float(high), value), usd)


def forecast(curve: Curve, assumptions: Assumptions, price: Price | None) -> Forecast:
    """What twice the labels, and fewer, would bring and cost. `price` is that of assumptions.price_as."""
    line = label_price(curve.taught, assumptions, price)
    twice = gain(curve, curve.labels, line)
    result = outcome(twice)
    more = [count for count in _round_numbers(curve.labels) if 10 * count >= curve.labels and count < curve.labels]
    steps = [gain(curve, count, line) for count in [*more, curve.labels]]
    return Forecast(result, _sentence(result, twice, curve), twice, steps, line)


def growth(curve: Curve, missing: float) -> Growth:
    """Whether twice the labels, or fewer, bring `missing` agreement (a share), by the law's best guess."""
    times = 1 + np.arange(1, 101) / 100
    gained = error(curve.law, 1.0) - error(curve.law, times)
    drawn = error(np.array(curve.draws), 1.0) - error(np.array(curve.draws), 2.0)
    enough = np.flatnonzero(gained >= missing)
    reach = about(curve.labels * (times[enough[0]] - 1)) if len(enough) else None
    return Growth(curve.labels, float(max(np.quantile(drawn, 0.975), gained[-1])), reach)


def outcome(twice: Gain) -> str:
    """helps, no_help or unclear: the table on top."""
    if twice.value >= WORTH and twice.low >= NOTHING:
        return "helps"
    return "no_help" if twice.high < SMALL else "unclear"


def points_words(gain: Gain) -> str:
    """+0.6 points (0.2 to 1.1)"""
    return f"+{100 * gain.value:.1f} points ({ranged(100 * gain.low, 100 * gain.high, '{:.1f}'.format)})"


def price_words(gain: Gain) -> str:
    """$26.20, nothing, or that nobody knows"""
    return "an unknown price" if gain.usd is None else money(gain.usd) if gain.usd else "nothing"


def _round_numbers(most: int) -> list[int]:
    """1, 2, 5, 10, 20, 50 … up to `most`."""
    return [step * 10**power for power in range(len(str(most))) for step in (1, 2, 5) if step * 10**power <= most]


def _sentence(result: str, twice: Gain, curve: Curve) -> str:
    double = f"twice the labels (another {twice.more:,})"
    if result == "helps":
        cost = "have no known price" if twice.usd is None else f"cost {price_words(twice)}"
        return f"More labels will help: {double} would bring about {points_words(twice)} and {cost}"
    if result == "no_help":
        return f"More labels will not help: {double} would bring at most {100 * twice.high:.1f} points"
    return (
        f"Whether more labels will help cannot be told from {curve.agreement[-1].n:,} test assets: {double} would bring "
        f"{ranged(100 * twice.low, 100 * twice.high, '{:.1f}'.format)} points"
    )
