"""How often the student at work agrees with its teacher over everything it was asked, from the answers the teacher was asked about.

These are no even sample: all that fell back is among them, and of handled answers a random share. Counted as they come, the hard
ones outweigh the rest. So each text stands for the answers it was drawn from, by the chance that it was asked (Horvitz and Thompson
1952; as a ratio, Hajek 1971), and handled and fallen back are weighed by how many answers of each there were, which is known.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from sqlite_utils import Database

from core.evaluate.agreement import interval
from core.evaluate.evaluation import judged
from core.evaluate.tags import SET
from core.tasks import Task
from core.watch import served
from core.watch.agreement import agreed
from core.words import percent, ranged


@dataclass(frozen=True)
class Weighted:
    """Agreement over `answers` answers from `n` that the teacher was asked about, with its 95 % interval, worth `effective` drawn
    alike; `naive`: the share among the n as they come."""

    value: float
    low: float
    high: float
    n: int
    effective: float
    naive: float
    answers: int

    def sentence(self) -> str:
        """What it says."""
        return (
            f"Over all {self.answers:,} answers the student by itself would agree with its teacher on {percent(self.value)} "
            f"({ranged(self.low, self.high)}, estimated): {self.n:,} were put to the teacher, which tell as much as "
            f"{self.effective:,.0f} drawn alike. Counted as they come they would say {percent(self.naive)}, since what fell back "
            "is hard."
        )


@dataclass(frozen=True)
class Asked:
    """Texts that the teacher was asked about, the oldest first: hash, what student and teacher said, whether the student `handled`
    it, how many answers each stands for (`weights`), and `totals`: all answers, fallen back and handled."""

    hashes: list[bytes]
    student: list[str]
    teacher: list[str]
    handled: np.ndarray
    weights: np.ndarray
    totals: np.ndarray


def mean(
    values: np.ndarray, weights: np.ndarray, handled: np.ndarray, totals: np.ndarray
) -> tuple[float, float] | None:
    """The weighted mean of `values` (n, from 0 to 1) over all answers, and how many drawn alike it is worth. `handled` (bool, n)
    says of which part each is; `totals`: answers that fell back, and handled. None where a part has answers and nobody was
    asked."""
    value = variance = 0.0
    for part, total in ((~handled, totals[0]), (handled, totals[1])):
        if not total:
            continue
        w, y = weights[part], values[part]
        if not len(w):
            return None
        share, here = total / totals.sum(), float((w * y).sum() / w.sum())
        worth = effective(w)
        smooth = (here * worth + 1) / (worth + 2)  # all alike would else claim to be certain
        value += share * here
        variance += share**2 * smooth * (1 - smooth) / worth
    if not variance:
        return None
    rows = len(values)
    smooth = (value * rows + 1) / (rows + 2)
    return min(value, 1.0), max(1.0, min(smooth * (1 - smooth) / variance, float(rows)))


def effective(weights: np.ndarray) -> float:
    """How many rows of equal weight these are worth (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def estimate(right: np.ndarray, weights: np.ndarray, handled: np.ndarray, totals: np.ndarray) -> Weighted | None:
    """Weighted agreement; `right` (n): 1 where both say the same. None where mean() has none."""
    found = mean(right, weights, handled, totals)
    if found is None:
        return None
    value, worth = found
    low, high = interval(value * worth, worth)
    return Weighted(value, low, high, len(right), worth, float(right.mean()), int(totals.sum()))


def of_live(db: Database, task: Task) -> Weighted | None:
    """Agreement of the live student over all it answered; None where nothing says it yet."""
    row = db.execute("select id from students where task_id = ? and live = 1 and ready = 1", [task.id]).fetchone()
    file = served.there(task.client_id) if row else None
    if file is None:
        return None
    figures = judged(db, row[0])
    promised = figures.promised if figures else SET
    with closing(file):
        found = asked(file, task.id, row[0])
    right = np.array([agreed(one, two, promised) for one, two in zip(found.student, found.teacher)], float)
    return estimate(right, found.weights, found.handled, found.totals)


def asked(file: sqlite3.Connection, task_id: int, student_id: int, mode: str = served.LIVE) -> Asked:
    """What the teacher was asked about behind and beside a student."""
    of = [task_id, student_id, mode]
    rows = file.execute(
        """select hash, handled, student, teacher, chance from audits where task_id = ? and student_id = ? and mode = ?
           order by id""",
        of,
    ).fetchall()
    totals = dict(
        file.execute(
            "select handled, count(*) from answers where task_id = ? and student_id = ? and mode = ? group by handled",
            of,
        ).fetchall()
    )
    times = file.execute(
        """select hash, handled, chance, count(*) from answers where task_id = ?1 and student_id = ?2 and mode = ?3 and chance > 0
           and hash in (select hash from audits where task_id = ?1 and student_id = ?2 and mode = ?3)
           group by hash, handled, chance""",
        of,
    )
    # A text that comes often is likelier to be asked about once, and stands for all the times it came.
    count: dict[tuple[bytes, int], int] = {}
    missed: dict[tuple[bytes, int], float] = {}
    for hash, handled, chance, n in times:
        key = hash, handled
        count[key] = count.get(key, 0) + n
        missed[key] = missed.get(key, 1.0) * (1 - chance) ** n
    weights = [
        count[hash, handled] / (1 - missed[hash, handled]) if (hash, handled) in count else 1 / chance
        for hash, handled, _, _, chance in rows
    ]
    return Asked(
        [hash for hash, *_ in rows],
        [student for _, _, student, _, _ in rows],
        [teacher for _, _, _, teacher, _ in rows],
        np.array([handled for _, handled, *_ in rows], bool),
        np.array(weights, float),
        np.array([totals.get(0, 0), totals.get(1, 0)], float),
    )
