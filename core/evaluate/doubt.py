"""Which categories a teacher itself confuses: only those are worth merging, since a student mixes up others for want of labels."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from sqlite_utils import Database

from core.label.gold import gold
from core.label.teachers import recorded
from core.tasks import Task
from core.taxonomy import StoredCategory

FEWEST = 2  # assets on which the teacher confuses two categories, below which it may have been a slip


def mergeable(db: Database, task: Task, run_id: int, categories: list[StoredCategory]) -> list[list[int]]:
    """Pairs of category ids (the lesser first) that stand under one parent and that the run's teacher confuses by itself."""
    parents = {category.id: category.parent_id for category in categories}
    confused = confusions(db, task, run_id, categories)
    return sorted(
        [first, second]
        for (first, second), count in confused.items()
        if count >= FEWEST and parents.get(first) and parents.get(first) == parents.get(second)
    )


def confusions(db: Database, task: Task, run_id: int, categories: list[StoredCategory]) -> Counter[tuple[int, int]]:
    """On how many assets (copies counted once) the teacher confuses each pair of categories: people decided for the other one,
    copies of one creative are labelled differently, or another run of the same teacher under the same taxonomy says otherwise."""
    labels = pd.read_sql_query(
        """select a.id, a.group_id, l.category_id, r.id as run from label_runs own
           join label_runs r on r.task_id = own.task_id and r.taxonomy_id = own.taxonomy_id and r.teacher = own.teacher
           join labels l on l.run_id = r.id and l.category_id is not null join assets a on a.id = l.asset_id where own.id = ?""",
        db.conn,
        params=[run_id],
    )
    decided = gold(db, task, categories)
    mine = labels[(labels.run == run_id) & labels.id.isin(decided)]
    people = pd.DataFrame({"group_id": mine.group_id, "category_id": mine.id.map(decided)})
    brought = recorded.differing(db, run_id)[["group_id", "category_id"]]
    every = pd.concat([labels[["group_id", "category_id"]], people, brought]).drop_duplicates()
    several = every[every.groupby("group_id").category_id.transform("size") > 1]
    pairs = several.merge(several, on="group_id")
    pairs = pairs[pairs.category_id_x < pairs.category_id_y]
    return Counter(zip(pairs.category_id_x.tolist(), pairs.category_id_y.tolist()))
