"""What people's decisions say: how far reviewers agree with each other, and how often teacher and student are right.

Accuracy is estimated from the random sample alone, one asset a duplicate group: the review queue is made of doubtful assets, on
which everybody is wrong more often than elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import review
from core.evaluate import agreement as measures
from core.evaluate.agreement import Paired, Share
from core.label.gold import gold
from core.tasks import Task
from core.taxonomy import tagsets


@dataclass(frozen=True)
class Pair:
    """Two reviewers on the assets that both decided, by each one's last word: how often they agree, and Cohen's kappa
    (None where it is not defined)."""

    first: str
    second: str
    agreement: Share
    kappa: float | None


@dataclass(frozen=True)
class Accuracy:
    """Against the gold labels of the random sample's test assets: shares right with exact 95 % intervals, and both compared.

    `skipped`: sampled assets that nobody decided though somebody saw them; `open`: those whose reviewers still differ.
    """

    student_id: int
    teacher: Share
    student: Share
    paired: Paired
    skipped: int
    open: int


@dataclass(frozen=True)
class People:
    """`reviewers`: {reviewer, decisions, minutes (None where not timed), last}; gold labels by how they came about."""

    reviewers: list[dict[str, Any]]
    pairs: list[Pair]
    conflicts: int
    gold: dict[str, int]
    accuracy: Accuracy | None


def people(db: Database, task: Task) -> People:
    """Everything that decisions say of a client; `accuracy` is None without a judged student or a decided random sample."""
    reviewers = list(
        db.query(
            """select reviewer, count(*) as decisions, round(sum(seconds) / 60, 1) as minutes, max(created) as last
               from reviews where task_id = ? group by reviewer order by decisions desc""",
            [task.id],
        )
    )
    origins = db.execute(
        "select origin, count(*) from gold_labels where task_id = ? group by origin", [task.id]
    ).fetchall()
    differ = review.conflicts(db, task)
    return People(reviewers, pairs(db, task), len(differ), dict(origins), accuracy(db, task, differ))


def state(db: Database, task: Task) -> tuple:
    """What people() depends on, read in a moment: while this is the same, so is that."""
    return db.execute(
        """select (select count(*) from reviews), (select max(id) from reviews), (select count(*) from review_skips),
                  (select max(id) from review_skips), (select max(created) from reviews),
                  (select max(e.created || s.live || s.id) from students s join evaluations e on e.student_id = s.id
                   where s.task_id = ?), (select group_concat(id) from students where live = 1)""",
        [task.id],
    ).fetchone()


def pairs(db: Database, task: Task) -> list[Pair]:
    """Each two reviewers who have decided some of the same assets, those with the most in common first."""
    labels = pd.read_sql_query(
        """select r.asset_id, r.reviewer, c.label, s.group_id, coalesce(s.family_id, s.group_id) as family
           from reviews r join categories c on c.id = r.category_id join assets s on s.id = r.asset_id
           where r.id in (select max(id) from reviews where task_id = ? and adjudicates = 0
                          group by asset_id, reviewer)""",
        db.conn,
        params=[task.id],
    )
    table = labels.pivot(index=["asset_id", "group_id", "family"], columns="reviewer", values="label")
    agreed = []
    for first, second in combinations(table.columns, 2):
        both = table[[first, second]].dropna()
        if len(both):
            codes = pd.factorize(np.concatenate([both[first], both[second]]))[0]
            firsts, seconds = codes[: len(both)], codes[len(both) :]
            copies, families = (both.index.get_level_values(name).to_numpy() for name in ("group_id", "family"))
            agreed.append(
                Pair(
                    first,
                    second,
                    measures.agreement(firsts, seconds, families, copies),
                    measures.cohen_kappa(firsts, seconds),
                )
            )
    return sorted(agreed, key=lambda pair: -pair.agreement.n)


def accuracy(db: Database, task: Task, conflicts: list[int] | None = None) -> Accuracy | None:
    """Teacher and student against the decisions of the random sample; None while there is nothing to compare.

    `conflicts`: review.conflicts() of the client, where at hand.
    """
    conflicts = review.conflicts(db, task) if conflicts is None else conflicts
    student = db.execute(
        """select s.id, s.taxonomy_id from students s join evaluations e on e.student_id = s.id and e.split = 'test'
           where s.task_id = ? and s.ready = 1 order by s.live desc, s.id desc limit 1""",
        [task.id],
    ).fetchone()
    if student is None:
        return None
    test = pd.read_sql_query(
        """select p.asset_id, a.group_id, coalesce(a.family_id, a.group_id) as family_id, p.category_id as student,
                  p.teacher_category_id as teacher
           from predictions p join assets a on a.id = p.asset_id where p.student_id = ? and a.split = 'test'
           and p.asset_id in (select asset_id from reviews where task_id = ? and mode = 'random')""",
        db.conn,
        params=[student[0], task.id],
    )
    decided = gold(db, task, tagsets.answers(db, task, student[1]), ("random",))
    test["gold"] = test["asset_id"].map(decided)
    test = test.dropna(subset=["gold"])
    if test.empty:
        return None
    right = {name: (test[name] == test["gold"]).to_numpy() for name in ("student", "teacher")}
    groups, families = test["group_id"].to_numpy(), test["family_id"].to_numpy()
    skipped = db.execute(
        """select count(distinct s.asset_id) from review_skips s where s.task_id = ? and s.mode = 'random' and not exists
           (select 1 from reviews r where r.task_id = s.task_id and r.asset_id = s.asset_id and r.mode = 'random')""",
        [task.id],
    ).fetchone()[0]
    sampled = db.execute("select distinct asset_id from reviews where task_id = ? and mode = 'random'", [task.id])
    open_ = {row[0] for row in sampled} & set(conflicts)
    return Accuracy(
        student[0],
        measures.share(right["teacher"], families, groups),
        measures.share(right["student"], families, groups),
        measures.paired(right["student"], right["teacher"], groups, families),
        skipped,
        len(open_),
    )


def as_json(people: People) -> dict[str, Any]:
    """The same as one JSON-able object."""
    return asdict(people)
