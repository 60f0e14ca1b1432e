"""Where several teachers have labelled the same assets: how often they agree with each other, and how a student stands to each.

A source is a teacher's newest labels, a column of recorded labels that nobody has asked for yet, or people's decisions (gold).
Copies of one creative count once. Labels under another version of the taxonomy hold where it is certain which category that is now.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import pandas as pd
from sqlite_utils import Database

from core import tasks, taxonomy
from core.evaluate.agreement import Share, agreement
from core.label.gold import gold
from core.tasks import Task
from core.taxonomy import versions
from core.words import counted, percent, ranged, teacher_words

GOLD = "gold"


@dataclass(frozen=True)
class Between:
    """How often two sources (by their names) give the same label, on the assets that both have labelled."""

    first: str
    second: str
    agreement: Share


@dataclass(frozen=True)
class By:
    """How often a student agrees with a source on test assets; `own`: it learned from these labels."""

    source: str
    agreement: Share
    own: bool


def name_of(source: str) -> str:
    """A source in words: people (gold), or the teacher's name."""
    return "people (gold)" if source == GOLD else teacher_words(source)


def listed(db: Database, task: Task) -> list[str]:
    """The client's sources: teachers with labels, columns of recorded labels, then gold where people decided anything."""
    rows = db.execute(
        """select teacher from (select r.teacher, min(r.id) as first from label_runs r where r.task_id = :task and exists
             (select 1 from labels where run_id = r.id and category_id is not null) group by r.teacher order by first)
           union select 'recorded:' || source from (select distinct source from recordings where task_id = :task)""",
        {"task": task.id},
    )
    sources = [row[0] for row in rows]
    decided = db.execute("select exists (select 1 from gold_labels where task_id = ?)", [task.id]).fetchone()[0]
    return [*sources, *([GOLD] if decided else [])]


def between(db: Database, task: Task) -> list[Between]:
    """Each two sources that have labelled some of the same assets, those with the most in common first."""
    sources = listed(db, task)
    labels = {source: _labels_of(db, task, source) for source in sources} if len(sources) > 1 else {}
    families = _families(db, task) if labels else None
    pairs = []
    for first, second in combinations(labels, 2):
        both = pd.concat([labels[first].rename("one"), labels[second].rename("two")], axis=1, join="inner").dropna()
        if len(both):
            share = agreement(
                both.one.to_numpy(), both.two.to_numpy(), families[both.index].to_numpy(), both.index.to_numpy()
            )
            pairs.append(Between(name_of(first), name_of(second), share))
    return sorted(pairs, key=lambda pair: -pair.agreement.n)


def judged(db: Database, student: dict, sources: list[str] | None = None) -> list[By]:
    """A student (a row of all_students()) on its test assets against every source that has labelled some of them, its own first."""
    task, test = tasks.get(db, student["task_id"]), _predicted(db, student)
    own = db.execute("select teacher from label_runs where id = ?", [student["label_run_id"]]).fetchone()[0]
    by_source = []
    for source in listed(db, task) if sources is None else sources:
        both = test.join(_labels_of(db, task, source, student["id"]).rename("label"), how="inner").dropna()
        if len(both):
            share = agreement(
                both.label.to_numpy(), both.predicted.to_numpy(), both.family.to_numpy(), both.index.to_numpy()
            )
            by_source.append(By(name_of(source), share, source == own))
    return sorted(by_source, key=lambda one: not one.own)


def between_words(pair: Between) -> str:
    """Recorded labels “x” and built-in teacher agree on 81.0 % (72.0 % to 88.0 %) of 116 assets"""
    seen = pair.agreement
    return (
        f"{pair.first[:1].upper()}{pair.first[1:]} and {pair.second} agree on {percent(seen.value)} ({percent(seen.low)} to "
        f"{percent(seen.high)}) of {counted(seen.n, 'asset')}"
    )


def by_words(by: By) -> str:
    """Against people (gold): 91.0 % (86.0 % to 95.0 %) of 116 test assets"""
    seen = by.agreement
    text = f"Against {by.source}: {percent(seen.value)} ({ranged(seen.low, seen.high)}) of "
    text += counted(seen.n, "test asset")
    return text + (", the labels it learned from" if by.own else "")


def _predicted(db: Database, student: dict) -> pd.DataFrame:
    """What the student said of its test assets, by duplicate group: predicted (category id in the version in use), family."""
    table = pd.read_sql_query(
        """select a.group_id, coalesce(a.family_id, a.group_id) as family, p.category_id as predicted
           from predictions p join assets a on a.id = p.asset_id and a.split = 'test' where p.student_id = ? order by a.id""",
        db.conn,
        params=[student["id"]],
    )
    table["predicted"] = table["predicted"].map(_meanings(db, tasks.get(db, student["task_id"])))
    return table.drop_duplicates("group_id").set_index("group_id")


def _labels_of(db: Database, task: Task, source: str, student_id: int | None = None) -> pd.Series:
    """A source's label of each duplicate group (category id in the version in use); with `student_id`, of its test assets alone."""
    means = _meanings(db, task)
    if source == GOLD:
        decided = gold(db, task, taxonomy.load(db, taxonomy.latest(db, task)))
        groups = dict(db.execute("select id, group_id from assets where client_id = ?", [task.client_id]).fetchall())
        return pd.Series({groups[asset]: category for asset, category in decided.items()}, dtype=float)
    only = "" if student_id is None else "and a.id in (select asset_id from predictions where student_id = :student)"
    newest = """(select max(id) from label_runs r where task_id = :task and teacher = :teacher
                 and exists (select 1 from labels where run_id = r.id and category_id is not null))"""
    query = f"""select a.group_id, l.category_id from labels l join assets a on a.id = l.asset_id
                where l.run_id = {newest} and l.category_id is not null {only} order by a.id"""
    params = {"task": task.id, "teacher": source, "student": student_id, "source": source.partition(":")[2]}
    rows = db.execute(query, params).fetchall()
    if not rows and source.startswith("recorded:"):
        rows = db.execute(
            f"""select a.group_id, c.id from recordings l join assets a on a.id = l.asset_id
                join categories c on c.label = coalesce(l.category, l.label) and c.taxonomy_id =
                  (select id from taxonomies where task_id = :task order by version desc limit 1)
                where l.task_id = :task and l.source = :source {only}
                order by count(*) over (partition by a.group_id, c.id) desc, a.id""",
            params,
        ).fetchall()
    table = pd.DataFrame(rows, columns=["group_id", "category"]).drop_duplicates("group_id").set_index("group_id")
    return table["category"].map(means)


def _meanings(db: Database, task: Task) -> dict[int, int]:
    """Category ids of every version -> ids in the version in use."""
    return versions.carried(db, taxonomy.latest(db, task))


def _families(db: Database, task: Task) -> pd.Series:
    """The family of each duplicate group, by its id."""
    rows = db.execute(
        "select group_id, min(coalesce(family_id, group_id)) from assets where client_id = ? group by group_id",
        [task.client_id],
    ).fetchall()
    return pd.Series(dict(rows))
