"""Labels in rounds: choose the assets a student would learn most from, have them labelled, measure the student, choose again.

The assets that calibrate and test are never chosen: they are drawn at random before the first label (splits.reserve), and each
round labels some of them along with the training assets, in the shares of any other label run. So agreement and certificate mean
what they mean elsewhere, while the training assets are the student's choice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter
from sqlite_utils import Database

from core import distil, settings, tasks, taxonomy
from core.assets import splits
from core.chance import chance
from core.database import now
from core.errors import InputError
from core.evaluate import learning_curve
from core.evaluate.agreement import Share, share
from core.jobs import NoProgress
from core.label import labelling, runs
from core.tasks import Task
from core.train import data, members, selection, subsets
from core.train.students.stages import Answers, TagAnswers
from core.train.vectors import StoredVectors
from core.words import money, stated_percent

DOUBT, RANDOM = "doubt", "random"
METHODS = {DOUBT: "doubt and coverage", RANDOM: "chance"}
FEWEST = 50  # labels a round
FEWEST_POINTS = 3  # for a law through them
FEWEST_TEST = 100  # test assets before a target counts as reached
Student = Callable[[list[str]], Answers]


@dataclass(frozen=True)
class Round:
    """A measured round: how its assets were chosen; labelled duplicate groups in all and of each split, after it; `agreement` of a
    student of `kind` on the test assets labelled so far; `seconds` its training and choosing took."""

    number: int
    method: str
    kind: str
    labels: int
    train: int
    calibration: int
    test: int
    agreement: Share
    seconds: float
    created: str


KEPT = TypeAdapter(Round)


@dataclass(frozen=True)
class Reach:
    """When `target` agreement is reached: by `labels` in all (`low` to `high`, 95 %), estimated; None beyond twice those at hand.
    `reached`: by the last round as measured, on FEWEST_TEST assets or more, and by the law through all
    rounds. `law` and `draws` as in learning_curve.Curve."""

    target: float
    reached: bool
    labels: int | None
    low: int | None
    high: int | None
    law: list[float]
    draws: list[list[float]]
    sentence: str


def rounds_job(db: Database, params: dict, progress: NoProgress) -> dict[str, Any]:
    """The job body: {"task_id", "teacher", "per_round", "until"} and, if wanted, {"kind", "method", "target", "budget_usd"}
    -> {"run_id", "rounds", "reached", "student"}.

    Goes on to round `until` of the run, or stops where `target` agreement is reached (Reach), or when nothing is left to label.
    Then the student is trained and judged for good. Each step is kept as it is done, so that run again it carries on.
    """
    task, teacher, target = tasks.get(db, params["task_id"]), params["teacher"], params.get("target")
    kind, until, student = params.get("kind", members.QUICK), params["until"], None
    members.must_be_quick(kind)
    if params["per_round"] < FEWEST:
        raise InputError(f"A round of {params['per_round']} labels is too small.", f"Take at least {FEWEST}.")
    _, run_id = labelling.open_run(db, task, teacher, params.get("budget_usd"))
    while not _reached(done := measured(db, run_id), target) and len(done) < until:
        number = len(done) + 1
        report = _Headed(progress, f"Round {number} of {until}: ")
        if not chosen(db, run_id, number) and not choose(
            db, task, run_id, params["per_round"], params.get("method", DOUBT), student=student, progress=report
        ):
            break
        # Those of earlier rounds as well: what failed then is asked about again.
        only = [row[0] for row in db.execute("select asset_id from selections where run_id = ?", [run_id])]
        labelling.label(db, task, teacher, budget_usd=params.get("budget_usd"), only=only, progress=report)
        if runs.summary(db, run_id)["state"] == "capped":
            raise InputError(
                f"The cap of {money(params['budget_usd'], exact=True)} is reached within round {number}.",
                "Raise it; the round goes on.",
            )
        student = _measure(db, task, run_id, number, kind, report)
    if not done:
        raise InputError("There is nothing left to label.", "Import more assets, or train on the labels there are.")
    trained = distil.train_job(db, {"task_id": task.id, "run_id": run_id, "kind": kind, "target": target}, progress)
    return {
        "run_id": run_id,
        "rounds": len(done),
        "reached": _reached(done, target),
        "student": trained["chosen"],
    }


def choose(
    db: Database,
    task: Task,
    run_id: int,
    count: int,
    method: str = DOUBT,
    *,
    student: Student | None = None,
    progress: NoProgress | None = None,
) -> list[int]:
    """Choose the run's next `count` assets to label (fewer where fewer are left), one a duplicate group; their ids, stored.

    Calibration and test assets get their shares by chance; the rest are training assets by `method`. `student` is one made of all
    labels of the run; without it one is trained, where there are labels enough. The same labels give the same choice.
    """
    step = progress or NoProgress()
    splits.assign(db, task.client_id, run_id)
    splits.reserve(db, task.client_id)
    pool = runs.askable(db, run_id)
    pool["lot"] = [chance(external_id) for external_id in pool.external_id]
    free = pool[~pool.taken].sort_values("lot")
    held = [free[free.split == split].head(more) for split, more in _held_out(pool, count).items()]
    train = free[free.split == "train"]
    wanted = count - sum(map(len, held))
    if method == RANDOM:
        train = train.head(wanted)
    else:
        train = train.sort_values("asset_id")
        train = train.iloc[_learns_most(db, task, run_id, train, wanted, student, step)]
    ids = [int(one) for part in (*held, train) for one in part.asset_id]
    if ids:
        number = len(measured(db, run_id)) + 1
        row = {"run_id": run_id, "number": number, "method": method, "created": now()}
        with db.atomic():
            runs.select(db, run_id, number, ids)  # writes first, and so takes the lock before anything is read
            db["rounds"].insert(row, replace=True)
    return ids


def chosen(db: Database, run_id: int, number: int) -> list[int]:
    """The assets chosen for a round of the run."""
    rows = db.execute("select asset_id from selections where run_id = ? and number = ?", [run_id, number])
    return [row[0] for row in rows]


def measured(db: Database, run_id: int) -> list[Round]:
    """The rounds of a run that have been labelled and measured, in order."""
    rows = db.query("select figures from rounds where run_id = ? and figures is not null order by number", [run_id])
    return [KEPT.validate_json(row["figures"]) for row in rows]


def run_of(db: Database, task: Task, teacher: str) -> int | None:
    """The newest run of this teacher under the taxonomy in use that has been labelled in rounds: the next round goes on there."""
    query = """select max(r.id) from label_runs r where task_id = ? and teacher = ? and taxonomy_id = ?
               and exists (select 1 from rounds where run_id = r.id)"""
    return db.execute(query, [task.id, teacher, taxonomy.latest(db, task)]).fetchone()[0]


def reach(done: list[Round], target: float) -> Reach | None:
    """When `target` will be reached, by the power law of learning_curve through the rounds; None for fewer than three.

    The law's uncertainty comes from drawing the number of hits of each round anew, 200 times. Nothing is said of more than
    twice the labels at hand.
    """
    if len(done) < FEWEST_POINTS or len({one.train for one in done}) < FEWEST_POINTS:
        return None
    n = np.array([round(one.agreement.independent) for one in done])
    errors = np.array([1 - one.agreement.value for one in done])
    smoothed = (errors * n + 1) / (n + 2)
    drawn = np.random.default_rng(0).binomial(n, smoothed, (learning_curve.DRAWS, len(n))) / n
    laws = learning_curve.fit(
        np.array([one.train for one in done]), np.vstack([errors, drawn]), smoothed * (1 - smoothed) / n
    )
    last = done[-1]
    times = np.array([_times(law, 1 - target) for law in laws])
    labels = last.labels * times
    # One lucky round is not enough: the law through all of them has to be there as well.
    reached = last.agreement.value >= target and last.agreement.independent >= FEWEST_TEST and bool(times[0] <= 1)
    low, high = np.quantile(labels[1:], [0.025, 0.975], method="nearest")
    known = not reached and times[0] <= 2
    return Reach(
        target,
        reached,
        round(labels[0]) if known else None,
        round(low) if known else None,
        round(high) if known and high <= 2 * last.labels else None,
        laws[0].tolist(),
        laws[1:].tolist(),
        _sentence(last, target, reached, labels[0] if known else None, low, high),
    )


def as_json(done: list[Round], target: float) -> dict[str, Any]:
    """Rounds and forecast as one JSON-able object, for the command line."""
    reached = reach(done, target)
    forecast = None
    if reached:
        forecast = {key: value for key, value in asdict(reached).items() if key not in ("draws", "law")}
    return {"rounds": [asdict(one) for one in done], "forecast": forecast}


def _vector_store(db: Database, task: Task) -> StoredVectors:
    name = settings.get(db, "encoder", task)
    return StoredVectors(settings.subfolder("vectors") / f"{task.client_id}.npz", name)


def _held_out(pool: pd.DataFrame, count: int) -> dict[str, int]:
    """How many test and calibration assets belong among the next `count`, so that each has its share of all labels."""
    have = pool[pool.taken].split.value_counts()
    after = int(pool.taken.sum()) + count
    shares = {"test": splits.TEST, "calibration": splits.reserved_share(after)}
    return {
        split: min(max(round(part * after) - int(have.get(split, 0)), 0), round(part * 2 * count))
        for split, part in shares.items()
    }


def _learns_most(
    db: Database,
    task: Task,
    run_id: int,
    train: pd.DataFrame,
    count: int,
    student: Student | None,
    step: NoProgress,
) -> np.ndarray:
    """Rows of `train` to label next: those doubted, or where there is no student yet, those that cover all."""
    store, texts = _vector_store(db, task), train.text.tolist()
    store.add(texts, step)
    if student is None and runs.summary(db, run_id)["count"] >= data.FEWEST_ROWS:
        split = data.load(db, task, run_id)
        store.add(split.train.texts + split.calibration.texts, step)
        student = subsets.learn(split, members.QUICK, store, lambda *_: step.check())
    step(0, 1, "Choosing what to label")
    vectors = store(texts)
    if student is None:
        return selection.spread(vectors, count)
    return selection.doubtful(vectors, _likely(student(texts)), count)


def _likely(answers: Answers) -> np.ndarray:
    """How likely the answers to each text are: its categories, or where it may have several tags, that those given are right and
    that they are not."""
    if not isinstance(answers, TagAnswers):
        return answers.probabilities
    return np.stack([answers.confidence, 1 - answers.confidence], axis=1)


def _measure(db: Database, task: Task, run_id: int, number: int, kind: str, step: NoProgress) -> Student:
    """Train a student on the labels so far, judge it on the test assets, keep the round's figures; returns the student."""
    started = time.perf_counter()
    split = data.load(db, task, run_id)
    frame = runs.labelled(db, run_id)
    test = frame[frame["split"] == "test"]
    texts = test["text"].tolist()
    store = None
    if members.bases(kind):
        store = _vector_store(db, task)
        store.add(split.train.texts + split.calibration.texts + texts, step)
    message = f"Training on {len(split.train.texts):,} assets"
    step(0, 1, message)
    student = subsets.learn(split, kind, store, lambda *_: step(0, 1, message))
    hits = learning_curve.judge(db, run_id, split.categories, test)(student(texts))
    groups = frame.drop_duplicates("group_id")["split"].value_counts()
    done = Round(
        number,
        db.execute("select method from rounds where run_id = ? and number = ?", [run_id, number]).fetchone()[0],
        kind,
        labels=int(groups.sum()),
        **{part: int(groups.get(part, 0)) for part in ("train", "calibration", "test")},
        agreement=share(hits, test["family_id"].to_numpy(), test["group_id"].to_numpy()),
        seconds=time.perf_counter() - started,
        created=now(),
    )
    db["rounds"].update((run_id, number), {"figures": KEPT.dump_json(done).decode()})
    return student


def _reached(done: list[Round], target: float | None) -> bool:
    reached = None if target is None else reach(done, target)
    return reached is not None and reached.reached


def _times(law: np.ndarray, error: float) -> float:
    """How many times the training assets at hand bring the law's error down to `error`; inf where nothing does."""
    floor, excess, exponent = law
    if floor + excess <= error:
        return 1.0
    return float(((error - floor) / excess) ** (-1 / exponent)) if error > floor else np.inf


def _sentence(last: Round, target: float, reached: bool, labels: float | None, low: float, high: float) -> str:
    goal = f"{stated_percent(target)} agreement"
    if reached:
        return f"{goal} is reached with {last.labels:,} labels"
    if labels is None:
        return f"{goal} is not expected within twice the {last.labels:,} labels at hand"
    if labels <= last.labels:
        return f"{goal} is about reached with {last.labels:,} labels; another round will tell"
    most = f"{high:,.0f}" if high <= 2 * last.labels else f"more than {2 * last.labels:,}"
    return f"{goal} will take about {labels:,.0f} labels ({low:,.0f} to {most}); there are {last.labels:,} now"


class _Headed(NoProgress):
    """Reports under a heading."""

    def __init__(self, progress: NoProgress, heading: str):
        self._progress, self._heading, self.check = progress, heading, progress.check

    def __call__(self, done: int, total: int, message: str = "", spent_usd: float = 0.0) -> None:
        self._progress(done, total, self._heading + message, spent_usd)
