"""A life that a student at work has led: weeks of answers, some of them audited, as a server would have written them down."""

from __future__ import annotations

from contextlib import closing

import numpy as np
from sqlite_utils import Database

from core.tasks import Task
from core.watch import served
from core.watch.served import Audit, Row

DAY = 86_400.0


def live(
    db: Database,
    task: Task,
    *,
    days: int = 42,
    a_day: int = 150,
    share: float = 0.1,
    agreement: tuple[float, ...] = (0.97,),
    categories: tuple[str, ...] = ("Sale", "Opening", "Hiring", "Travel"),
    ends: float,
    mode: str = served.LIVE,
    student_id: int = 1,
    texts: bool = False,
    seed: int = 0,
) -> None:
    """Answers of `days` that end at `ends` (seconds since 1970); agreement goes through `agreement` in equal parts of the time. The
    student is taken to have gone to work before them."""
    dice = np.random.default_rng(seed)
    rows, audits = [], []
    for place in range(days * a_day):
        at = ends - days * DAY + place * DAY / a_day
        said = categories[int(dice.integers(len(categories)))]
        handled, strange = bool(dice.random() < 0.85), bool(dice.random() < 0.03)
        text = f"{said} creative number {place}" if texts else None
        key = served.hash_of(f"{mode} {student_id} {place}")
        checked = mode == served.SHADOW or (handled and dice.random() < share)
        chance = 1.0 if mode == served.SHADOW else share if handled else 0.0
        sure = float(np.round(dice.beta(20, 1), 4))
        who = "teacher" if mode == served.SHADOW else "student" if handled else None
        rows.append(Row(at, task.id, student_id, key, said, sure, handled, strange, who, 0.0, chance, mode, text))
        if checked:
            right = dice.random() < agreement[place * len(agreement) // (days * a_day)]
            teacher = said if right else categories[(categories.index(said) + 1) % len(categories)]
            audits.append(Audit(at, task.id, student_id, key, chance, mode, handled, said, teacher, sure, 0.0004, text))
    began = f"{np.datetime64(int(ends - days * DAY), 's')}.000000+00:00"
    if mode == served.LIVE:
        db.execute("update live_history set created = ? where student_id = ?", [began, student_id])
    with closing(served.answers(task.client_id)) as file:
        served.write(file, rows, audits)
