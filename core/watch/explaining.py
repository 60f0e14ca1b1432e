"""What has changed in the work since the student was tested: its categories, how sure it is, how much is unlike anything it learned
from. It explains; it never alarms, because a student may be as right as before on other work."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri
from sqlite_utils import Database

from core.evaluate.evaluation import judged
from core.tasks import Task
from core.taxonomy import tagsets
from core.watch import served

LATELY = 28 * 86_400  # seconds
FEWEST = 200  # answers from which shares are compared
# The usual reading of a population stability index (Siddiqi, "Credit Risk Scorecards", 2006).
SOME, MUCH = 0.1, 0.25
SHOWN = 5
CHANCE = 0.05  # how often an index is called a change where nothing changed, at most


@dataclass(frozen=True)
class Share:
    """A share of the test assets and of the latest answers, between 0 and 1; `name`: of what."""

    name: str
    tested: float
    lately: float


@dataclass(frozen=True)
class Change:
    """The latest answers beside the test assets: how many, the population stability index of the student's categories (0: the
    same), what chance alone makes of it where nothing changed (`expected` on average, up to `chance`), and the shares that moved
    most; `plain`: the share handled, unlike anything, and how sure the student is on average."""

    answers: int
    index: float
    expected: float
    chance: float
    categories: tuple[Share, ...]
    plain: tuple[Share, ...]

    @property
    def words(self) -> str:
        """How much the categories changed: by what lies beyond chance, which is much with many categories and few answers."""
        beyond = self.index - self.expected if self.index > self.chance else 0.0
        much = "hardly changed" if beyond < SOME else "changed somewhat" if beyond < MUCH else "changed much"
        by_chance = f"{self.expected:.2f} of it by chance" if self.index > self.chance else "no more than by chance"
        return f"The mix of categories has {much} (stability index {self.index:.2f}, {by_chance}; {self.answers:,} answers)."


def change(db: Database, task: Task, at: float) -> Change | None:
    """What changed in the four weeks before `at` (seconds since 1970); None with fewer than 200 answers, or no test to compare
    with."""
    live = db.execute("select id, taxonomy_id from students where task_id = ? and live = 1", [task.id]).fetchone()
    figures = judged(db, live[0]) if live else None
    file = served.there(task.client_id) if figures else None
    if file is None:
        return None
    with closing(file):
        rows = file.execute(
            """select category, count(*), total(handled), total(strange), total(confidence) from answers
               where task_id = ? and mode = 'live' and student_id = ? and at >= ? and category is not null group by category""",
            [task.id, live[0], at - LATELY],
        ).fetchall()
    count = sum(n for _, n, *_ in rows)
    if count < FEWEST:
        return None
    labels = tagsets.labels(db, live[1])
    before = db.execute(
        """select p.category_id, count(*), total(p.confidence) from predictions p join assets a on a.id = p.asset_id
           where p.student_id = ? and a.split = 'test' group by p.category_id""",
        [live[0]],
    ).fetchall()
    tested = {labels[category]: n for category, n, _ in before if category in labels}
    lately = {category: n for category, n, *_ in rows}
    names = sorted(tested.keys() | lately.keys())
    then, here = (np.array([of.get(name, 0) for name in names], float) for of in (tested, lately))
    moves = sorted(zip(names, then / then.sum(), here / here.sum()), key=lambda one: -abs(one[2] - one[1]))
    expected, chance = by_chance(then, here)
    handled, strange, sure = (sum(row[place] for row in rows) / count for place in (2, 3, 4))
    sure_then = sum(total for *_, total in before) / max(sum(n for _, n, _ in before), 1)
    return Change(
        answers=int(count),
        index=stability(then, here),
        expected=expected,
        chance=chance,
        categories=tuple(Share(*one) for one in moves[:SHOWN]),
        plain=(
            Share("handled by itself", figures.handled.value, handled),
            Share("unlike anything it learned from", figures.strange, strange),
            Share("how sure it is, on average", sure_then, sure),
        ),
    )


def stability(then: np.ndarray, here: np.ndarray) -> float:
    """The population stability index of two counts (categories,): the sum of (q - p) ln(q / p) over shares, each count half an
    answer more, so that none is 0. It is 0 for equal shares, and never less."""
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (np.asarray(then, float), np.asarray(here, float)))
    return float(((q - p) * np.log(q / p)).sum())


def by_chance(then: np.ndarray, here: np.ndarray) -> tuple[float, float]:
    """The index of two counts (categories,) drawn from the same mix: its mean, and what it passes once in twenty times. Divided by
    1/n + 1/m it is nearly chi-square then, with a degree of freedom less than there are categories in either."""
    then, here = np.asarray(then, float), np.asarray(here, float)
    free, scale = max(int(((then + here) > 0).sum()) - 1, 1), 1 / then.sum() + 1 / here.sum()
    return free * scale, float(chdtri(free, CHANCE)) * scale
