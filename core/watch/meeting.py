"""Champion and challenger on the newest answers that neither has learned from: is the new student better than the one at work?

They meet on texts that the teacher was asked about while the champion was at work. One is left out where either student learned
from it or from a near copy: it, or an asset of its family, was among the training labels before that student was made. What is
kept aside of the labels from work (learning.py) always counts, and so does what came after the challenger's training.

Two things are said: how often only one of them was right (exact McNemar test), and the difference over all answers, for which each
text is weighed by the chance that it was asked about (weighted.py).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from sqlite_utils import Database

from core.database import now
from core.errors import InputError
from core.evaluate.agreement import sign_test
from core.images import kept
from core.jobs import NoProgress
from core.tasks import Task
from core.train import registry, students
from core.watch import served, weighted
from core.watch.learning import asset_id
from core.words import counted, ranged

MOST = 2_000  # answers they meet on, the newest
BATCH = 256
CERTAIN = 1.96  # standard errors of a 95 % interval


@dataclass(frozen=True)
class Meeting:
    """On `n` answers, of which `audits` are checks and the rest fell back: how many only the champion got right, and only the
    challenger, `p` of the exact test that neither is better; `difference` in agreement over all answers (the challenger's less the
    champion's) with its 95 % interval; `effective`: answers drawn alike that tell as much. `learned`: answers left out, which one
    of them had learned from. There is no difference where a part of the answers was never asked about."""

    champion_id: int
    challenger_id: int
    n: int
    audits: int
    only_champion: int
    only_challenger: int
    p: float
    difference: float | None
    low: float | None
    high: float | None
    effective: float
    learned: int
    created: str

    @property
    def better(self) -> str | None:
        """ "challenger" or "champion", where both the test and the weighted difference show it; else None."""
        if self.difference is None or self.p >= 0.05:
            return None
        if self.low > 0 and self.only_challenger > self.only_champion:
            return "challenger"
        return "champion" if self.high < 0 and self.only_champion > self.only_challenger else None

    def sentence(self) -> str:
        """How they did."""
        if not self.n:
            return (
                "There is no answer yet that the teacher was asked about and neither student learned from; let them meet once "
                "there are some."
            )
        of = f"{counted(self.audits, 'checked answer')}"
        if self.n > self.audits:
            of += f" and {self.n - self.audits:,} that fell back"
        said = (
            f"On {of}, neither learned from: challenger right where champion is not on {self.only_challenger:,}, "
            f"the other way round on {self.only_champion:,}."
        )
        if self.difference is None:
            return f"{said} Nothing can be said of all answers: of those handled, none was checked that both may be asked about."
        said += f" Over all answers the challenger's agreement differs by {_points(self.difference)} points "
        said += f"({ranged(self.low, self.high, _points)}, 95 %)"
        ends = {
            "challenger": ": it is better.",
            "champion": ": the champion is better.",
            None: ": no difference is shown.",
        }
        return said + ends[self.better]


KEPT = TypeAdapter(Meeting)


def challenger(db: Database, task: Task) -> dict | None:
    """The newest student of the task that was made after the live one, as a row; None where there is none."""
    rows = registry.all_students(db, task)
    live = next((row["id"] for row in rows if row["live"]), None)
    return next((row for row in rows if live is not None and row["id"] > live), None)


def stored(db: Database, task: Task, champion_id: int, challenger_id: int) -> Meeting | None:
    """How the two met last."""
    row = db.execute(
        "select figures from meetings where task_id = ? and champion_id = ? and challenger_id = ?",
        [task.id, champion_id, challenger_id],
    ).fetchone()
    return KEPT.validate_json(row[0]) if row else None


def meet(db: Database, task: Task, challenger_id: int, progress: NoProgress | None = None) -> Meeting:
    """Have the student meet the live one on what neither has learned from; kept. InputError where either is not there."""
    report = progress or NoProgress()
    champion, other = registry.find(db, task), registry.find(db, task, challenger_id)
    if champion["id"] == other["id"]:
        raise InputError("This student is the one at work.", "Name another to meet it.")
    file = served.there(task.client_id)
    if file is None:
        rows, texts, learned = None, {}, 0
    else:
        with closing(file):
            rows = weighted.asked(file, task.id, champion["id"])
        texts, learned = _unlearned(db, task, rows.hashes, champion, other)
    met = _met(db, champion, other, rows, texts, learned, report)
    row = {"task_id": task.id, "champion_id": champion["id"], "challenger_id": other["id"], "created": met.created}
    db["meetings"].insert(row | {"figures": KEPT.dump_json(met).decode()}, replace=True)
    return met


def _unlearned(db: Database, task: Task, hashes: list[bytes], *both: dict) -> tuple[dict[int, str], int]:
    """Of the answers that are assets by now, the newest first and one a family: its place in `hashes` and its text, for those that
    neither student learned from; and how many are left out since one did."""
    place = {asset_id(hash): at for at, hash in enumerate(hashes)}
    learned: set[int] = set()
    for student in both:
        query = """select coalesce(a.family_id, a.group_id) from labels l join assets a on a.id = l.asset_id
                   where l.run_id = ? and l.category_id is not null and l.created <= ?
                   and (a.split = 'train' or (a.split = 'calibration' and l.chance is null))"""
        learned |= {family for (family,) in db.execute(query, [student["label_run_id"], student["created"]])}
    assets = db.execute(
        """select external_id, text, coalesce(family_id, group_id), id from assets
           where client_id = ? and external_id >= 'served-' and external_id < 'served.'""",
        [task.client_id],
    ).fetchall()
    looked = kept.seen(db, task.client_id, [row[3] for row in assets], [row[1] for row in assets])
    there = [(place[id], text, family) for (id, _, family, _), text in zip(assets, looked) if id in place]
    there.sort(reverse=True)
    texts: dict[int, str] = {}
    seen: set[int] = set()
    for at, text, family in there:
        if family not in learned and family not in seen and len(texts) < MOST:
            texts[at] = text
        seen.add(family)
    return texts, sum(family in learned for *_, family in there)


def _met(
    db: Database,
    champion: dict,
    other: dict,
    rows: weighted.Asked | None,
    texts: dict[int, str],
    learned: int,
    report: NoProgress,
) -> Meeting:
    ids = champion["id"], other["id"]
    if not texts:
        return Meeting(*ids, 0, 0, 0, 0, 1.0, None, None, None, 0.0, learned, now())
    at = np.array(list(texts))
    said = _answers(db, other, list(texts.values()), report)
    first = np.array([rows.student[row] == rows.teacher[row] for row in at])
    second = np.array([one == rows.teacher[row] for one, row in zip(said, at)])
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    found = _difference(first, second, rows.handled[at], rows.weights[at], rows.totals)
    return Meeting(
        *ids,
        n=len(at),
        audits=int(rows.handled[at].sum()),
        only_champion=only_first,
        only_challenger=only_second,
        p=sign_test(only_first, only_second),
        difference=found and found[0],
        low=found and found[1],
        high=found and found[2],
        effective=weighted.effective(rows.weights[at]),
        learned=learned,
        created=now(),
    )


def _answers(db: Database, student: dict, texts: list[str], report: NoProgress) -> list[str]:
    loaded = students.load(registry.folder_of(db, student["id"]))
    said: list[str] = []
    for start in range(0, len(texts), BATCH):
        report(start, len(texts), "Champion and challenger meet")
        said += students.said(loaded.answer(texts[start : start + BATCH]), loaded.labels)
    return said


def _difference(
    first: np.ndarray, second: np.ndarray, handled: np.ndarray, weights: np.ndarray, totals: np.ndarray
) -> tuple[float, float, float] | None:
    """The weighted difference of two shares over all answers with its 95 % interval, by linearisation within handled and fallen
    back; None where one of them has answers and nobody was asked about any."""
    value = variance = 0.0
    for part, total in ((~handled, totals[0]), (handled, totals[1])):
        if not total:
            continue
        if not part.any():
            return None
        w, share, worth = weights[part], total / totals.sum(), weighted.effective(weights[part])
        up, down = (float((w * one[part]).sum() / w.sum()) for one in (second & ~first, first & ~second))
        value += share * (up - down)
        # Half an answer more on either side: where none differs, the next might.
        up, down = ((one * worth + 0.5) / (worth + 1) for one in (up, down))
        variance += share**2 * (up + down - (up - down) ** 2) / worth
    reach = CERTAIN * variance**0.5
    return value, max(value - reach, -1.0), min(value + reach, 1.0)


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def as_json(met: Meeting) -> dict[str, Any]:
    """The same as JSON can hold it."""
    return asdict(met) | {"better": met.better, "sentence": met.sentence()}
