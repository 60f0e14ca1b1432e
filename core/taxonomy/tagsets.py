"""Sets of tags: what is said of an asset where a task chooses several categories.

A set has an id like a category's, so that labels, decisions and predictions keep it where they keep a category, and two answers
are the same where their ids are. The set of one category is that category; any other, also the empty one ("No tag"), is a row of
`categories` whose `tags` lists its members' ids, made when it is first said. taxonomy.load() leaves these rows out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from sqlite_utils import Database

from core import taxonomy
from core.tasks import Task
from core.taxonomy.categories import StoredCategory

NONE, JOINED = "No tag", "; "  # how people read the empty set, and what parts the tags of another

Tags = tuple[int, ...]  # category ids, rising
# How many labels of a run (:run) have each tag, as SQL: tag, n; where one category is chosen these are its labels.
COUNTS = """select e.value as tag, sum(g.n) as n from
    (select category_id, count(*) as n from labels where run_id = :run and category_id is not null group by category_id) g
    join categories s on s.id = g.category_id, json_each(coalesce(s.tags, json_array(s.id))) e group by e.value"""

# The sets that have a category (:category), itself among them, as SQL.
HAVING = """select id from categories where id = :category
    or (tags is not null and :category in (select value from json_each(tags)))"""


def load(db: Database, taxonomy_id: int) -> dict[int, Tags]:
    """The members of every set of a version, by the set's id: single categories, and all others that were said so far."""
    rows = db.execute("select id, tags, assignable from categories where taxonomy_id = ?", [taxonomy_id]).fetchall()
    return {
        id: (id,) if tags is None else tuple(json.loads(tags))
        for id, tags, assignable in rows
        if tags is not None or assignable
    }


def ids(db: Database, taxonomy_id: int, sets: Iterable[Collection[int]]) -> list[int]:
    """The id of each of `sets` (ids of categories of that version, in any order), made where it is new."""
    wanted = [tuple(sorted(set(map(int, one)))) for one in sets]
    known = {tags: id for id, tags in load(db, taxonomy_id).items()}
    if fresh := [tags for tags in dict.fromkeys(wanted) if tags not in known]:
        with db.atomic():
            known = {tags: id for id, tags in load(db, taxonomy_id).items()}  # somebody may have made it meanwhile
            _make(db, taxonomy_id, [tags for tags in fresh if tags not in known])
        known = {tags: id for id, tags in load(db, taxonomy_id).items()}
    return [known[tags] for tags in wanted]


def _make(db: Database, taxonomy_id: int, sets: list[Tags]) -> None:
    labels = {category.id: category.label for category in taxonomy.load(db, taxonomy_id)}
    order = {id: place for place, id in enumerate(labels)}
    taken = {label for (label,) in db.execute("select label from categories where taxonomy_id = ?", [taxonomy_id])}
    rows = []
    for tags in sets:
        name = base = JOINED.join(labels[id] for id in sorted(tags, key=order.__getitem__)) or NONE
        count = 1
        while name in taken:  # a category may be called so
            count += 1
            name = f"{base} ({count})"
        taken.add(name)
        rows.append((taxonomy_id, len(order), name, name, json.dumps(tags)))
    db.conn.executemany(
        "insert into categories (taxonomy_id, position, label, name, tags, assignable) values (?, ?, ?, ?, ?, 0)", rows
    )


def labels(db: Database, taxonomy_id: int) -> dict[int, str]:
    """How people read every set of a version, by its id."""
    query = "select id, label from categories where taxonomy_id = ? and (tags is not null or assignable = 1)"
    return dict(db.execute(query, [taxonomy_id]).fetchall())


def words(tags: Collection[int], labels: Mapping[int, str]) -> str:
    """How people read a set, by the `labels` of categories in the taxonomy's order."""
    wanted = set(tags)
    return JOINED.join(label for id, label in labels.items() if id in wanted) or NONE


def stored(db: Database, taxonomy_id: int) -> list[StoredCategory]:
    """Every set of a version as a category that an answer may be: for what wants ids and labels of answers."""
    return [StoredCategory(label, label, id=id) for id, label in labels(db, taxonomy_id).items()]


def answers(db: Database, task: Task, taxonomy_id: int) -> list[StoredCategory]:
    """What an answer of the task may be in a version: its categories, or the sets of them that were said so far."""
    return stored(db, taxonomy_id) if task.several else taxonomy.load(db, taxonomy_id)


def table(said: Iterable[int], members: Mapping[int, Tags], columns: list[int]) -> np.ndarray:
    """Which of the categories `columns` each set has, bool (sets, columns); tags without a column are left out."""
    place = {category: column for column, category in enumerate(columns)}
    said = list(said)
    cells = [(row, place[tag]) for row, id in enumerate(said) for tag in members.get(int(id), ()) if tag in place]
    held = np.zeros((len(said), len(columns)), bool)
    if cells:
        held[tuple(np.array(cells).T)] = True
    return held


def stratum(members: Iterable[Tags]) -> list[int]:
    """What each set counts to where rows are divided evenly: its rarest tag among all of them, 0 for no tag."""
    every = list(members)
    counts: dict[int, int] = {}
    for tags in every:
        for tag in tags:
            counts[tag] = counts.get(tag, 0) + 1
    return [min(tags, key=lambda tag: (counts[tag], tag)) if tags else 0 for tags in every]
