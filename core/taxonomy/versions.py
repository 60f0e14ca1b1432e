"""A client's taxonomy versions: the draft of the next one, which survives a closed page, and what became of each category since."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sqlite_utils import Database

from core import taxonomy
from core.database import now
from core.errors import InputError
from core.tasks import Task
from core.taxonomy import Category, diff, tagsets
from core.taxonomy.diff import Draft, compare

BY_HAND = "edited by hand"  # in the place of a file's name


@dataclass(frozen=True)
class KeptDraft:
    """The client's draft: made from version `base_id`; `source` names its file; `again`: labels (of the draft) of categories
    that go on but whose assets the teacher is asked about again."""

    base_id: int
    source: str
    draft: Draft
    again: tuple[str, ...] = ()


def versions(db: Database, task: Task) -> list[dict[str, Any]]:
    """The client's versions, newest first: id, version, source, created, categories and assignable (counts), labels (the most
    that one label run holds under it), students, live (whether the live student answers with its categories)."""
    rows = db.query(
        """select t.id, t.version, t.source, t.created, t.based_on,
                  (select count(*) from categories c where c.taxonomy_id = t.id and c.tags is null) as categories,
                  (select count(*) from categories c where c.taxonomy_id = t.id and c.assignable = 1) as assignable,
                  ifnull((select max(n) from (select count(*) as n from labels l join label_runs r on r.id = l.run_id
                   where r.taxonomy_id = t.id and l.category_id is not null group by r.id)), 0) as labels,
                  (select count(*) from students s where s.taxonomy_id = t.id and s.ready = 1) as students,
                  exists (select 1 from students s where s.taxonomy_id = t.id and s.live = 1) as live
           from taxonomies t where t.task_id = ? order by t.version desc""",
        [task.id],
    )
    return [row | {"live": bool(row["live"])} for row in rows]


def in_use(db: Database, task: Task) -> int:
    """The id of the newest version. InputError where there is none."""
    newest = taxonomy.latest(db, task)
    if newest is None:
        raise InputError("This client has no taxonomy yet.", "Upload one on the Assets page first.")
    return newest


def labels_under(db: Database, taxonomy_id: int) -> int:
    """The most labels that one label run holds under a version: what is at stake where another takes its place."""
    query = """select ifnull(max(n), 0) from (select count(*) as n from labels l join label_runs r on r.id = l.run_id
               where r.taxonomy_id = ? and l.category_id is not null group by r.id)"""
    return db.execute(query, [taxonomy_id]).fetchone()[0]


def behind(db: Database, taxonomy_id: int) -> tuple[int, int] | None:
    """The number of this version and of the one in use since, where they differ."""
    query = """select version, (select max(version) from taxonomies where task_id = t.task_id) from taxonomies t where id = ?"""
    version, newest = db.execute(query, [taxonomy_id]).fetchone()
    return (version, newest) if version != newest else None


# --- the draft ----------------------------------------------------------------------------------------------------


def keep(db: Database, task: Task, kept_draft: KeptDraft) -> None:
    """Keep the draft, in place of the one before it."""
    text = json.dumps(asdict(kept_draft.draft) | {"links": sorted(kept_draft.draft.links)}, ensure_ascii=False)
    db.execute(
        "insert or replace into taxonomy_drafts (task_id, base_id, source, draft, again, created) values (?, ?, ?, ?, ?, ?)",
        [task.id, kept_draft.base_id, kept_draft.source, text, json.dumps(kept_draft.again, ensure_ascii=False), now()],
    )


def begun_draft(db: Database, task: Task) -> KeptDraft:
    """The client's draft; where there is none, what one edited by hand begins with. InputError without a taxonomy."""
    base = in_use(db, task)
    return kept_draft(db, task) or KeptDraft(base, BY_HAND, diff.begin(taxonomy.load(db, base)))


def kept_draft(db: Database, task: Task) -> KeptDraft | None:
    """The client's draft, None where there is none."""
    row = next(db.query("select * from taxonomy_drafts where task_id = ?", [task.id]), None)
    if row is None:
        return None
    stored = json.loads(row["draft"])
    before, after = (
        tuple(Category(**c | {"examples": tuple(c["examples"])}) for c in stored[side])
        for side in ("before", "categories")
    )
    draft = Draft(before, after, frozenset((one, other) for one, other in stored["links"]))
    labels = {c.label for c in after}
    again = tuple(label for label in json.loads(row["again"]) if label in labels)
    return KeptDraft(row["base_id"], row["source"], draft, again)


def drop(db: Database, task: Task) -> None:
    """Forget the draft."""
    db.execute("delete from taxonomy_drafts where task_id = ?", [task.id])


def save(db: Database, task: Task, kept_draft: KeptDraft) -> int:
    """Make the draft the client's next version, keep what became of each category, forget the draft; returns the version's id.

    Joins a transaction that is open. InputError where nothing has changed, or another version was saved since it was begun.
    """
    with db.atomic():
        db.execute("delete from taxonomy_drafts where task_id = ?", [task.id])  # takes the write lock
        if taxonomy.latest(db, task) != kept_draft.base_id:
            raise InputError(
                "Another version was saved since this draft was begun.", "Discard the draft and begin again."
            )
        taxonomy_id = taxonomy.save(db, task, kept_draft.draft.categories, kept_draft.source)
        if taxonomy_id == kept_draft.base_id:
            raise InputError("The draft is the version in use: nothing has changed.", "Change something first.")
        db.execute("update taxonomies set based_on = ? where id = ?", [kept_draft.base_id, taxonomy_id])
        olds, news = ({c.label: c.id for c in taxonomy.load(db, id)} for id in (kept_draft.base_id, taxonomy_id))
        db.conn.executemany(
            "insert into category_links (before_id, after_id) values (?, ?)",
            [(olds[before], news[after]) for before, after in sorted(kept_draft.draft.links)],
        )
    return taxonomy_id


# --- what became of a category ------------------------------------------------------------------------------------


def between(db: Database, before_id: int, after_id: int) -> Draft:
    """Two versions, linked as a person confirmed where the second was drafted from the first, else where it is sure."""
    before, after = taxonomy.load(db, before_id), taxonomy.load(db, after_id)
    compared = compare(before, after)
    based_on = db.execute("select based_on from taxonomies where id = ?", [after_id]).fetchone()[0]
    if based_on != before_id:
        return compared
    names = {c.id: c.label for c in [*before, *after]}
    ids = db.execute(
        "select before_id, after_id from category_links where after_id in (select id from categories where taxonomy_id = ?)",
        [after_id],
    )
    return Draft(compared.before, compared.categories, frozenset((names[one], names[other]) for one, other in ids))


def carried(db: Database, taxonomy_id: int) -> dict[int, int]:
    """Category ids of all the client's versions -> ids in version `taxonomy_id`, where it is certain which one is meant.

    Forward a category goes on as one other (or is merged into one); backward it came from one only. Split, removed and added
    ones, and merged ones backward, are left out.
    """
    query = (
        """select id from taxonomies where task_id = (select task_id from taxonomies where id = ?) order by version"""
    )
    ids = [row[0] for row in db.execute(query, [taxonomy_id]).fetchall()]
    place = ids.index(taxonomy_id)
    meant: dict[int, int] = {c.id: c.id for c in taxonomy.load(db, taxonomy_id)}
    earlier = [(older, newer, False) for older, newer in pairwise(ids[: place + 1])]
    later = [(older, newer, True) for older, newer in pairwise(ids[place:])]
    for older, newer, back in [*reversed(earlier), *later]:
        pairs = _id_pairs(db, older, newer)
        pairs = ((new, old) for old, new in pairs) if back else pairs
        means = _only(pairs)
        meant |= {id: meant[target] for id, target in means.items() if target in meant}
    return meant | _carried_sets(db, ids, taxonomy_id, meant)


def _carried_sets(db: Database, versions: list[int], taxonomy_id: int, meant: dict[int, int]) -> dict[int, int]:
    """The same of sets of tags, where it is certain of each of their tags and somebody said the set in this version, too."""
    marks = ", ".join("?" * len(versions))
    query = f"select 1 from categories where tags is not null and taxonomy_id in ({marks}) limit 1"
    if not db.execute(query, versions).fetchone():
        return {}
    here = {tags: id for id, tags in tagsets.load(db, taxonomy_id).items()}
    sets = {}
    for version in versions:
        for id, tags in tagsets.load(db, version).items():
            if id not in meant and all(tag in meant for tag in tags):
                sets[id] = here.get(tuple(sorted({meant[tag] for tag in tags})))
    return {id: target for id, target in sets.items() if target is not None}


def _id_pairs(db: Database, before_id: int, after_id: int) -> list[tuple[int, int]]:
    links = between(db, before_id, after_id).links
    olds, news = ({c.label: c.id for c in taxonomy.load(db, id)} for id in (before_id, after_id))
    return [(olds[one], news[other]) for one, other in links]


def _only(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The pairs whose first has one second only."""
    targets: dict[int, set[int]] = defaultdict(set)
    for first, second in pairs:
        targets[first].add(second)
    return {first: next(iter(others)) for first, others in targets.items() if len(others) == 1}
