"""How a task's promise stands, read out of what was served and audited since its student went to work, or since somebody last
decided.

standing(db, task)       # all that the Watch page shows
broken(db, task)         # that alone, for a server
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlite_utils import Database

from core.database import now
from core.evaluate.evaluation import figures_of
from core.evaluate.figures import ChooseOneFigures
from core.money import ledger
from core.tasks import Task
from core.train import registry
from core.watch import sequence, served
from core.watch.agreement import agreed

DAY, WEEK = 86_400, 7 * 86_400
DAYS = 21  # as many are told day by day, longer times week by week
DOUBT = 4.0  # capital at which a promise is in doubt: if it held, it would ever be reached once in four lives
NO_STUDENT, NO_PROMISE, UNWATCHED, FEW, HOLDS, IN_DOUBT, BROKEN = (
    "no student",
    "no promise",
    "unwatched",
    "few",
    "holds",
    "in doubt",
    "broken",
)
WINDOW = 100  # checks that a band is of, at least: where a day or week has fewer, those before it count too
EXAMPLES = 3  # of a category that moved
FEWEST_OF_CATEGORY = 5  # audits of a category from which anything is said of it


@dataclass(frozen=True)
class Stretch:
    """A day or a week: what was served from `start` (seconds since 1970) on; of handled answers, how many were audited and
    agreed; `low` and `high`: the band of agreement of the latest WINDOW audits at its end, or of all of its own (None where it
    has none)."""

    start: float
    answers: int
    handled: int
    strange: int
    audits: int
    agreed: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Example:
    """An audited text (None where the client keeps none) on which student and teacher differ."""

    text: str | None
    student: str
    teacher: str


@dataclass(frozen=True)
class Moved:
    """A category of the student's answers whose audits agree less than its test assets did. `tested`: that agreement then."""

    category: str
    audits: int
    agreed: int
    tested: float
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Standing:
    """`state`: one of those above; `promise`: agreement promised of handled answers; `since`: when the watch began, seconds since
    1970; audits of handled answers, those that agreed and the band of agreement after them; `capital`: what was made of bets that
    the promise is broken; `broken_at`: when it was; this month's handled answers, audits, agreed and USD for audits; `needed`:
    audits until more can be said."""

    state: str
    student_id: int | None = None
    promise: float | None = None
    since: float = 0.0
    audits: int = 0
    agreed: int = 0
    low: float | None = None
    high: float | None = None
    capital: float = 1.0
    broken_at: float | None = None
    answers_month: int = 0
    handled_month: int = 0
    audits_month: int = 0
    agreed_month: int = 0
    usd_month: float = 0.0
    needed: int = 0
    handled_tested: float | None = None
    stretches: tuple[Stretch, ...] = ()
    step: int = WEEK  # seconds of each
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True)
class _Audits:
    """Of handled answers, in their order: when, what agreed (between 0 and 1), who said what, texts."""

    at: np.ndarray
    agreed: np.ndarray
    rows: list[tuple[str, str, str | None]]  # student's, teacher's, text


def broken(db: Database, task: Task) -> bool:
    """Whether the promise of the task's live student is broken and nobody has decided about it since."""
    return state(db, task) == BROKEN


def state(db: Database, task: Task) -> str:
    """How the promise of the task's live student stands, in one of the words above; reads nothing but its audits."""
    with _watched(db, task) as (file, student_id, figures, since):
        if student_id is None:
            return NO_STUDENT
        if figures is None or not figures.certificate.certified:
            return NO_PROMISE
        if file is None:
            return UNWATCHED
        audits = _audits(file, task, student_id, since, figures.promised, texts=False)
        said = sequence.evidence(audits.agreed, figures.target)
        n = len(audits.agreed)
        return _state(n, float(said.capital[-1]) if n else 1.0, said.broken_at, figures.target)


def standing(db: Database, task: Task) -> Standing:
    """How the promise of the task's live student stands."""
    with _watched(db, task) as (file, student_id, figures, since):
        if student_id is None:
            return Standing(NO_STUDENT)
        tested = figures.handled.value if figures else None
        if figures is None or not figures.certificate.certified:
            return Standing(NO_PROMISE, student_id, since=since, handled_tested=tested)
        usd = ledger.served_usd(db, task.client_id, ledger.AUDITED)
        begun = Standing(
            UNWATCHED, student_id, figures.target, since, usd_month=usd, needed=sequence.fewest(figures.target)
        )
        if file is None:
            return begun
        return _read(file, task, begun, figures, tested)


def decide(db: Database, task: Task, what: str) -> None:
    """Somebody has seen to a broken promise: it is watched anew from now on. `what` was done, in words."""
    student = registry.find(db, task)
    at = datetime.now(UTC).timestamp()
    row = {"task_id": task.id, "student_id": student["id"], "at": at, "what": what, "created": now()}
    db["watch_decisions"].insert(row)


@contextmanager
def _watched(
    db: Database, task: Task
) -> Iterator[tuple[sqlite3.Connection | None, int | None, ChooseOneFigures | None, float]]:
    """The client's file of answers, the live student, its figures, and since when it is watched."""
    live = db.execute("select id from students where task_id = ? and live = 1 and ready = 1", [task.id]).fetchone()
    if live is None:
        yield None, None, None, 0.0
        return
    begun = db.execute(
        "select created from live_history where task_id = ? and student_id = ? order by id desc", [task.id, live[0]]
    ).fetchone()
    decided = db.execute("select max(at) from watch_decisions where task_id = ?", [task.id]).fetchone()[0]
    since = max(datetime.fromisoformat(begun[0]).timestamp() if begun else 0.0, decided or 0.0)
    file = served.there(task.client_id)
    if file is None:
        yield None, live[0], figures_of(db, live[0]), since
        return
    with closing(file):
        yield file, live[0], figures_of(db, live[0]), since


def _audits(
    file: sqlite3.Connection, task: Task, student_id: int, since: float, promised: str, texts: bool = True
) -> _Audits:
    rows = file.execute(
        f"""select at, student, teacher, {"text" if texts else "null"} from audits
           where task_id = ? and student_id = ? and mode = 'live' and handled = 1 and at >= ? order by id""",
        [task.id, student_id, since],
    ).fetchall()
    right = [agreed(student, teacher, promised) for _, student, teacher, _ in rows]
    return _Audits(np.array([at for at, *_ in rows], float), np.array(right, float), [tuple(rest) for _, *rest in rows])


def _read(
    file: sqlite3.Connection, task: Task, begun: Standing, figures: ChooseOneFigures, tested: float | None
) -> Standing:
    since, promise = begun.since, begun.promise
    audits = _audits(file, task, begun.student_id, since, figures.promised)
    said = sequence.evidence(audits.agreed, promise)
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
    this = audits.at >= month
    answers, handled = file.execute(
        """select count(*), total(handled) from answers
           where task_id = ? and mode = 'live' and student_id = ? and at >= ?""",
        [task.id, begun.student_id, max(month, since)],
    ).fetchone()
    step = DAY if max([since, *audits.at[-1:]]) - since < DAYS * DAY else WEEK
    n = len(audits.agreed)
    low, high = sequence.band(audits.agreed, np.array([n])) if n else ((None,), (None,))
    capital = float(said.capital[-1]) if n else 1.0
    return Standing(
        state=_state(n, capital, said.broken_at, promise),
        student_id=begun.student_id,
        promise=promise,
        since=since,
        audits=n,
        agreed=int(audits.agreed.sum()),
        low=low[0] if low[0] is None else float(low[0]),
        high=high[0] if high[0] is None else float(high[0]),
        capital=capital,
        broken_at=float(audits.at[said.broken_at - 1]) if said.broken_at else None,
        answers_month=int(answers),
        handled_month=int(handled),
        audits_month=int(this.sum()),
        agreed_month=int(audits.agreed[this].sum()),
        usd_month=begun.usd_month,
        needed=max(0, sequence.fewest(promise) - n),
        handled_tested=tested,
        stretches=_stretches(file, task, begun, audits, step),
        step=step,
        moved=_moved(audits, figures),
    )


def _state(n: int, capital: float, broken_at: int | None, promise: float) -> str:
    if broken_at:
        return BROKEN
    if capital >= DOUBT:
        return IN_DOUBT
    if n < sequence.fewest(promise):
        return FEW if n else UNWATCHED
    return HOLDS


def _stretches(
    file: sqlite3.Connection, task: Task, begun: Standing, audits: _Audits, step: int
) -> tuple[Stretch, ...]:
    rows = file.execute(
        """select cast((at - :since) / :step as integer) as place, count(*), total(handled), total(strange) from answers
           where task_id = :task and mode = 'live' and student_id = :student and at >= :since group by place order by place""",
        {"since": begun.since, "step": step, "task": task.id, "student": begun.student_id},
    ).fetchall()
    of = ((audits.at - begun.since) // step).astype(int)
    numbers = sorted({place for place, *_ in rows} | set(of.tolist()))
    if not numbers:
        return ()
    counts = {place: tuple(map(int, rest)) for place, *rest in rows}
    ends = np.searchsorted(of, numbers, side="right")
    begins = np.minimum(np.searchsorted(of, numbers, side="left"), np.maximum(ends - WINDOW, 0))
    sums = np.concatenate([[0.0], np.cumsum(audits.agreed)])
    right = sums[ends] - sums[begins]
    low, high = sequence.bounds(right, ends - begins - right)
    found = []
    for place, number in enumerate(numbers):
        mine = audits.agreed[of == number]
        known = len(mine) > 0
        found.append(
            Stretch(
                begun.since + number * step,
                *counts.get(number, (0, 0, 0)),
                len(mine),
                int(mine.sum()),
                float(low[place]) if known else None,
                float(high[place]) if known else None,
            )
        )
    return tuple(found)


def _moved(audits: _Audits, figures: ChooseOneFigures) -> tuple[Moved, ...]:
    """The student's categories that agree less than on test assets, the most lost answers first."""
    tested = {row.label: row.precision for row in figures.per_category if row.precision is not None}
    of: dict[str, list[int]] = {}
    for place, (student, *_) in enumerate(audits.rows):
        of.setdefault(student, []).append(place)
    found = []
    for category, places in of.items():
        agreed = float(audits.agreed[places].sum())
        before = tested.get(category, figures.target)
        if len(places) >= FEWEST_OF_CATEGORY and agreed < before * len(places):
            wrong = [place for place in reversed(places) if audits.agreed[place] < 1][:EXAMPLES]
            examples = tuple(Example(audits.rows[p][2], audits.rows[p][0], audits.rows[p][1]) for p in wrong)
            found.append(Moved(category, len(places), int(agreed), before, examples))
    return tuple(sorted(found, key=lambda one: one.agreed - one.tested * one.audits))
