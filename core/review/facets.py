"""An asset with all its facets before a person: which asset comes next, and its facets, the most doubtful first.

What is in doubt of each task is that task's own queue (core/review/queue.py); a decision is kept by the task it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from core import review
from core.review import OPEN, Item
from core.tasks import Task


@dataclass(frozen=True)
class Facet:
    """One facet of an asset. `item`: what is open to be decided (None: nothing is in doubt, or this reviewer has done with it);
    `worth`: the chance that its label is wrong (0..1); `label`: what is known of it, a person's word before the teacher's, "" where
    nothing is, and `by`, whose that is."""

    task: Task
    item: Item | None
    worth: float
    label: str
    by: str


def counts(db: Database, tasks: Sequence[Task], reviewer: str) -> tuple[int, int]:
    """(left, total): how many assets have a facet that waits for this reviewer, and how many had one when the lists were made."""
    return db.execute(
        f"""select count(distinct case when {OPEN["queue"]} then i.asset_id end), count(distinct i.asset_id)
            from review_items i where i.mode = 'queue' and i.task_id in ({_ids(tasks)})""",
        {"reviewer": reviewer},
    ).fetchone()


def next_asset(db: Database, tasks: Sequence[Task], reviewer: str, current: int | None = None) -> int | None:
    """The asset with the most doubtful facet that waits for this reviewer; `current` while one of its facets waits."""
    rows = db.execute(
        f"""select i.asset_id from review_items i where i.mode = 'queue' and i.task_id in ({_ids(tasks)}) and {OPEN["queue"]}
            group by i.asset_id order by i.asset_id = :current desc, max(i.worth) desc, i.asset_id limit 1""",
        {"reviewer": reviewer, "current": current or 0},
    ).fetchall()
    return rows[0][0] if rows else None


def facets(db: Database, tasks: Sequence[Task], asset_id: int, reviewer: str, *, most: int = 0) -> list[Facet]:
    """The asset's facets: those that wait, the most doubtful first, then the others. `most` as in review.next_item()."""
    every = [_facet(db, task, asset_id, reviewer, most) for task in tasks]
    return sorted(every, key=lambda one: (one.item is None, -one.worth))


def latest_task(db: Database, tasks: Sequence[Task], reviewer: str) -> Task | None:
    """The task of the reviewer's last decision or skip; None where there is none."""
    row = db.execute(
        f"""select task_id from (
              select task_id, created, id from reviews where reviewer = :reviewer and mode <> 'given' and task_id in ({_ids(tasks)})
              union all
              select task_id, created, id from review_skips where reviewer = :reviewer and task_id in ({_ids(tasks)}))
            order by created desc, id desc limit 1""",
        {"reviewer": reviewer},
    ).fetchone()
    return next((task for task in tasks if row and task.id == row[0]), None)


def _facet(db: Database, task: Task, asset_id: int, reviewer: str, most: int) -> Facet:
    item, worth = review.open_item(db, task, reviewer, asset_id, most=most)
    gold = db.execute(
        "select label from gold_labels where task_id = ? and asset_id = ?", [task.id, asset_id]
    ).fetchone()
    if gold:
        return Facet(task, item, worth, gold[0], "people")
    taught = db.execute(
        """select c.label from labels l join label_runs r on r.id = l.run_id join categories c on c.id = l.category_id
           where r.task_id = ? and l.asset_id = ? order by l.run_id desc limit 1""",
        [task.id, asset_id],
    ).fetchone()
    return Facet(task, item, worth, taught[0] if taught else "", "the teacher" if taught else "")


def _ids(tasks: Sequence[Task]) -> str:
    return ", ".join(str(int(task.id)) for task in tasks)
