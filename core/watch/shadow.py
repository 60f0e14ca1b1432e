"""What a shadow run says: the teacher did the work, a student answered silently, and both are compared."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from sqlite_utils import Database

from core.evaluate.evaluation import judged
from core.evaluate.tags import SET
from core.tasks import Task
from core.watch import sequence, served
from core.watch.agreement import agreed

READY, NOT_YET, NO = "ready", "not yet", "no"


@dataclass(frozen=True)
class Shadow:
    """Of one student: answers it gave silently, those it would have handled, and of these, how many were compared with the
    teacher's and agreed, with the band of agreement (valid whenever anybody looks; None before the first); `saved_usd`: what the
    teacher took for the answers that the student would have handled, None where it has no price; `needed`: comparisons until more
    can be said; `at_work`: the student answers others by itself meanwhile."""

    student_id: int
    answers: int
    handled: int
    compared: int
    agreed: int
    low: float | None
    high: float | None
    promise: float | None
    saved_usd: float | None
    verdict: str
    needed: int
    at_work: bool

    @property
    def share(self) -> float:
        """Of the answers, that the student would have handled."""
        return self.handled / self.answers if self.answers else 0.0


def shadows(db: Database, task: Task) -> list[Shadow]:
    """The students of the task that answered silently, the newest run first."""
    file = served.there(task.client_id)
    if file is None:
        return []
    with closing(file):
        rows = file.execute(
            """select student_id, count(*), total(handled) from answers where task_id = ? and mode = 'shadow'
               group by student_id order by max(at) desc""",
            [task.id],
        ).fetchall()
        works = "select distinct student_id from answers where task_id = ? and mode = 'live'"
        lived = {student for (student,) in file.execute(works, [task.id])}
        pairs = {
            student: file.execute(
                """select student, teacher, usd from audits
                   where task_id = ? and student_id = ? and mode = 'shadow' and handled = 1 order by id""",
                [task.id, student],
            ).fetchall()
            for student, *_ in rows
        }
    live = db.execute("select id from students where task_id = ? and live = 1", [task.id]).fetchone()
    working = lived & set(live or ())
    return [
        _shadow(db, student, int(answers), int(handled), pairs[student], student in working)
        for student, answers, handled in rows
    ]


def _shadow(
    db: Database, student_id: int, answers: int, handled: int, pairs: list[tuple[str, str, float]], at_work: bool
) -> Shadow:
    figures = judged(db, student_id)
    certified = figures is not None and figures.certificate.certified
    promise, promised = (figures.target, figures.promised) if figures else (None, SET)
    right = np.array([agreed(student, teacher, promised) for student, teacher, _ in pairs], float)
    n, yes = len(right), float(right.sum())
    low, high = (float(end[0]) for end in sequence.bounds([yes], [n - yes])) if n else (None, None)
    paid = [usd for *_, usd in pairs if usd]
    return Shadow(
        student_id=student_id,
        answers=answers,
        handled=handled,
        compared=n,
        agreed=int(yes),
        low=low,
        high=high,
        promise=promise,
        saved_usd=sum(paid) / len(paid) * handled if paid else None,
        verdict=_verdict(right, promise, certified, low),
        needed=max(0, sequence.noticing(promise) - n) if promise else 0,
        at_work=at_work,
    )


def _verdict(right: np.ndarray, promise: float | None, certified: bool, low: float | None) -> str:
    """Ready: the band lies above the promise, or a certificate says so and enough comparisons, in which a fall of five points would
    have been noticed, say nothing against it. No: they do."""
    if promise is None or not certified:
        return NO
    said = sequence.evidence(right, promise)
    if said.broken_at:
        return NO
    if low is not None and low >= promise:
        return READY
    quiet = not len(right) or said.capital[-1] < 1
    return READY if quiet and len(right) >= sequence.noticing(promise) else NOT_YET
