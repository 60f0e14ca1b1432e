"""People's decisions: which asset comes next, deciding, skipping, taking back, and how fast it goes.

Three ways an asset comes before a person (its mode): `queue`, the most doubtful first; `random`, a random sample, the same order
for everyone, the only one that accuracy may be estimated from; `conflict`, where reviewers differ and somebody settles it. What
queue and sample hold is written by a job (core/review/queue.py) into review_items; here every step is a few indexed reads.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Literal

from sqlite_utils import Database

from core import audit, settings, tasks, taxonomy
from core.database import now
from core.errors import InputError
from core.review.tag_queue import of_set
from core.tasks import Task
from core.taxonomy import tagsets, versions
from core.words import percent, teacher_words

Mode = Literal["queue", "random", "conflict"]
FEW = 9  # categories suggested where there are too many to show all
PACE_OF = 20  # decisions that the pace is taken from
PAUSE = 300.0  # seconds on one asset after which the person did something else
LONGEST_NOTE = 2000


@dataclass(frozen=True)
class Item:
    """One asset before a person. `reasons`: {kind, words}; `suggestions`: {category_id, label, description, by, given}, the
    likeliest first, `given` where they are tags that the label has; `neighbours`: {asset_id, external_id, text, label, likeness},
    the nearest labelled assets; `decisions` (conflicts only): {reviewer, category_id, label, note}; `labels`: {teacher, label},
    what each teacher that was asked says of it. In the random sample nothing tells what was said before: no reasons, labels or
    neighbours, suggestions in the taxonomy's order."""

    asset_id: int
    external_id: str
    text: str
    mode: Mode
    reasons: list[dict[str, Any]]
    suggestions: list[dict[str, Any]]
    neighbours: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    labels: list[dict[str, Any]] = field(default_factory=list)
    facet: str = ""  # which question this is about, where an asset comes with all its facets
    tags: tuple[int, ...] | None = (
        None  # those set at first, where an asset may have several; None where it has one category
    )


# An asset leaves the queue as soon as anybody decided it; in the random sample everybody decides for himself, whatever was decided
# elsewhere: leaving those out would leave out the doubtful ones.
OPEN = {
    "queue": """not exists (select 1 from reviews r where r.asset_id = i.asset_id and r.task_id = i.task_id)
                and not exists (select 1 from review_skips s where s.asset_id = i.asset_id and s.task_id = i.task_id
                                and s.reviewer = :reviewer)""",
    "random": """not exists (select 1 from reviews r where r.asset_id = i.asset_id and r.task_id = i.task_id
                                and r.reviewer = :reviewer and r.mode = 'random')
                 and not exists (select 1 from review_skips s where s.asset_id = i.asset_id and s.task_id = i.task_id
                                 and s.reviewer = :reviewer and s.mode = 'random')""",
}
# Each reviewer's last word, where those differ and nobody has settled it.
CONFLICTS = """
with lasts as (
    select max(r.id) as id from reviews r where r.task_id = :task and r.adjudicates = 0 group by r.asset_id, r.reviewer)
select r.asset_id from lasts join reviews r using (id) join categories c on c.id = r.category_id
where not exists (select 1 from reviews s where s.asset_id = r.asset_id and s.task_id = r.task_id and s.adjudicates = 1)
group by r.asset_id having count(distinct c.label) > 1"""


def next_item(db: Database, task: Task, reviewer: str, mode: Mode, *, most: int = 0) -> Item | None:
    """The first asset that waits for this reviewer in this mode; None when there is none left. Where the taxonomy has no more than
    `most` categories, all of them are suggested, the likeliest first; else no more than FEW."""
    item = _next(db, task, reviewer, mode)
    return item and _offered(db, task, item, most)


def _offered(db: Database, task: Task, item: Item, most: int) -> Item:
    """The asset with what a person chooses from; of several tags those are set already that the teacher gave (in a conflict, that
    all reviewers gave), none in the random sample."""
    if not task.several:
        return replace(item, suggestions=_all_or_few(db, task, item, most))
    item = replace(item, suggestions=_of_today(db, task, item.suggestions))
    tags = tuple(one["category_id"] for one in item.suggestions if one["given"])
    return replace(item, suggestions=_all_or_few(db, task, item, max(most, len(tags))), tags=tags)


def _of_today(db: Database, task: Task, suggestions: list[dict]) -> list[dict]:
    """Suggested tags as categories of the newest version; without those of which it is not certain what became of them."""
    latest = taxonomy.latest(db, task)
    here = {one.id: one for one in taxonomy.load(db, latest)}
    if all(one["category_id"] in here for one in suggestions):
        return suggestions
    means = versions.carried(db, latest)
    now_ = {means[one["category_id"]]: one for one in suggestions if one["category_id"] in means}
    return [one | {"category_id": id, "label": here[id].label} for id, one in now_.items() if id in here]


def _all_or_few(db: Database, task: Task, item: Item, most: int) -> list[dict]:
    """The suggestions, with the rest of a small taxonomy in its order; in the random sample all are in that order."""
    every = list(
        db.query(
            """select id, label, description from categories where assignable = 1 and taxonomy_id =
               (select id from taxonomies where task_id = ? order by version desc limit 1) order by position""",
            [task.id],
        )
    )
    if len(every) > most:
        return item.suggestions[:FEW]
    there = {category["label"] for category in item.suggestions}
    rest = [
        {
            **{"category_id": category["id"], "label": category["label"], "description": category["description"]},
            **{"by": [], "given": False},
        }
        for category in every
        if category["label"] not in there
    ]
    if item.mode != "random":
        return (item.suggestions + rest)[:most]
    order = {one["label"]: place for place, one in enumerate(every)}
    return sorted(item.suggestions + rest, key=lambda one: order.get(one["label"], len(order)))[:most]


def _next(db: Database, task: Task, reviewer: str, mode: Mode) -> Item | None:
    if mode == "conflict":
        waiting = conflicts(db, task, reviewer)
        return _conflict(db, task, waiting[0]) if waiting else None
    row = next(
        db.query(
            f"""select a.id as asset_id, a.external_id, a.text, i.reasons, i.suggestions, i.neighbours
                from review_items i join assets a on a.id = i.asset_id
                where i.task_id = :task and i.mode = :mode and {OPEN[mode]} order by i.place limit 1""",
            {"task": task.id, "mode": mode, "reviewer": reviewer},
        ),
        None,
    )
    return _item(db, task, row, mode) if row else None


def open_item(db: Database, task: Task, reviewer: str, asset_id: int, *, most: int = 0) -> tuple[Item | None, float]:
    """The asset as it waits in the task's queue for this reviewer, and how doubtful it is; (None, 0) where it does not wait there.
    `most` as in next_item()."""
    row = next(
        db.query(
            f"""select a.id as asset_id, a.external_id, a.text, i.reasons, i.suggestions, i.neighbours, i.worth
                from review_items i join assets a on a.id = i.asset_id
                where i.task_id = :task and i.mode = 'queue' and i.asset_id = :asset and {OPEN["queue"]}""",
            {"task": task.id, "asset": asset_id, "reviewer": reviewer},
        ),
        None,
    )
    if row is None:
        return None, 0.0
    item = _item(db, task, row, "queue")
    return replace(_offered(db, task, item, most), facet=task.name), row["worth"]


def counts(db: Database, task: Task, reviewer: str, mode: Mode) -> tuple[int, int]:
    """(left, total): how many assets wait for this reviewer in this mode, and how many the list had when it was built."""
    if mode == "conflict":
        waiting = len(conflicts(db, task, reviewer))
        return waiting, waiting
    return db.execute(
        f"""select ifnull(sum({OPEN[mode]}), 0), count(*) from review_items i where task_id = :task and mode = :mode""",
        {"task": task.id, "mode": mode, "reviewer": reviewer},
    ).fetchone()


def conflicts(db: Database, task: Task, reviewer: str | None = None) -> list[int]:
    """Assets on which reviewers differ and that nobody has settled, the oldest first; without those `reviewer` skipped."""
    skipped = "select asset_id from review_skips where task_id = :task and reviewer = :reviewer and mode = 'conflict'"
    rows = db.execute(
        f"select asset_id from ({CONFLICTS}) where asset_id not in ({skipped}) order by asset_id",
        {"task": task.id, "reviewer": reviewer},
    )
    return [row[0] for row in rows]


def decide(
    db: Database,
    asset_id: int,
    reviewer: str,
    category_id: int,
    mode: str,
    *,
    note: str = "",
    seconds: float | None = None,
    told: bool = True,
) -> None:
    """Keep what a person decided; in `conflict` mode it settles the matter. `seconds`: how long it took, where known; what took
    longer than PAUSE was a pause and is not kept. `told`: in the audit trail, which has a file of decisions as one.

    Raises InputError without the reviewer's name, or where the category is of no task of the asset's client.
    """
    reviewer = named(reviewer)
    known = db.execute(
        """select k.id from categories c join taxonomies t on t.id = c.taxonomy_id join tasks k on k.id = t.task_id
           join assets a on a.client_id = k.client_id
           where c.id = ? and a.id = ? and (c.assignable = 1 or c.tags is not null)""",
        [category_id, asset_id],
    ).fetchone()
    if not known:
        raise InputError("This category is not one of the client's taxonomy.", "Choose another.")
    row = {
        "task_id": known[0],
        "asset_id": asset_id,
        "reviewer": reviewer,
        "category_id": category_id,
        "note": note.strip()[:LONGEST_NOTE],
        "created": now(),
        "mode": mode,
        "adjudicates": int(mode == "conflict"),
        "seconds": seconds if seconds is not None and seconds <= PAUSE else None,
    }
    with db.atomic():
        db["reviews"].insert(row)
        if told:
            _told(db, tasks.get(db, known[0]), asset_id, reviewer, "decided")


def _told(db: Database, task: Task, asset_id: int, reviewer: str, what: str) -> None:
    """A line in the audit trail."""
    (external,) = db.execute("select external_id from assets where id = ?", [asset_id]).fetchone()
    audit.record(db, "review", task=task, what=f"asset {external}", detail={"as": reviewer, "did": what})


def decide_tags(
    db: Database, task: Task, asset_id: int, reviewer: str, tags: Collection[int], mode: str, **how: Any
) -> None:
    """Keep which tags of the newest taxonomy an asset has, none maybe; `how` and errors as decide()."""
    reviewer, latest = named(reviewer), taxonomy.latest(db, task)
    if not set(tags) <= {one.id for one in taxonomy.load(db, latest) if one.assignable}:
        raise InputError("One of these tags is not in the taxonomy any more.", "Look at the asset once more.")
    if not tags and not settings.get(db, "may_be_none", task):
        raise InputError("An asset has one of these tags at least.", "Pick one, or skip the asset.")
    with db.atomic():
        (answer,) = tagsets.ids(db, latest, [tags])
        decide(db, asset_id, reviewer, answer, mode, **how)


def skip(db: Database, task: Task, asset_id: int, reviewer: str, mode: str, note: str = "") -> None:
    """Leave an asset undecided: it does not come before this reviewer again in this mode (nor in the queue)."""
    row = {"task_id": task.id, "asset_id": asset_id, "reviewer": named(reviewer), "mode": mode, "created": now()}
    db["review_skips"].insert(row | {"note": note.strip()[:LONGEST_NOTE]})


def undo(db: Database, task: Task, reviewer: str) -> int | None:
    """Take back the reviewer's last decision or skip here; returns the asset it was about, None where there is none."""
    last = next(
        db.query(
            """select * from (
                 select 'reviews' as kind, id, asset_id, created from reviews
                 where reviewer = :reviewer and mode <> 'given' and task_id = :task
                 union all
                 select 'review_skips', id, asset_id, created from review_skips
                 where reviewer = :reviewer and task_id = :task)
               order by created desc, id desc limit 1""",
            {"reviewer": reviewer, "task": task.id},
        ),
        None,
    )
    if last is None:
        return None
    with db.atomic():
        db[last["kind"]].delete(last["id"])
        _told(db, task, last["asset_id"], reviewer, "took back")
    return last["asset_id"]


def pace(db: Database, reviewer: str) -> float | None:
    """Seconds a decision, the median of the reviewer's last ones without pauses; None before there are three."""
    rows = db.execute(
        "select seconds from reviews where reviewer = ? and seconds is not null order by id desc limit ?",
        [reviewer, PACE_OF],
    ).fetchall()
    return median(seconds for (seconds,) in rows) if len(rows) > 2 else None


def listed(db: Database, task: Task) -> dict[str, int]:
    """How many assets queue and random sample hold; empty before the job has run."""
    rows = db.execute("select mode, count(*) from review_items where task_id = ? group by mode", [task.id])
    return dict(rows.fetchall())


def head(db: Database, task: Task, count: int) -> list[dict[str, Any]]:
    """The first assets of the queue that nobody has decided: asset (external id), worth (0..1), why (sentences)."""
    rows = db.execute(
        f"""select a.external_id, i.worth, i.reasons from review_items i join assets a on a.id = i.asset_id
            where i.task_id = :task and i.mode = 'queue' and {OPEN["queue"]} order by i.place limit :count""",
        {"task": task.id, "reviewer": "", "count": count},
    )
    return [
        {"asset": asset, "worth": worth, "why": [reason["words"] for reason in json.loads(reasons)]}
        for asset, worth, reasons in rows
    ]


def send(db: Database, task: Task, student_id: int, asset_ids: list[int]) -> int:
    """Put held-out assets of a judged student at the head of the queue, in this order; how many. Decided ones are left out."""
    rows = list(
        db.query(
            f"""select p.asset_id, p.top, p.confidence, p.teacher_category_id, s.label as student, t.label as teacher, i.neighbours,
                       st.kind || ' ' || st.id as name, run.teacher as source, t.tags
                from predictions p join students st on st.id = p.student_id join label_runs run on run.id = st.label_run_id
                join categories s on s.id = p.category_id join categories t on t.id = p.teacher_category_id
                left join review_items i on i.task_id = ? and i.mode = 'queue' and i.asset_id = p.asset_id
                where p.student_id = ? and p.asset_id in ({",".join("?" * len(asset_ids))})
                and not exists (select 1 from reviews r where r.asset_id = p.asset_id and r.task_id = st.task_id)""",
            [task.id, student_id, *asset_ids],
        )
    )
    order = {asset: place for place, asset in enumerate(asset_ids)}
    rows.sort(key=lambda row: order[row["asset_id"]])
    with db.atomic():
        marks = ",".join("?" * len(rows))
        listed = f"delete from review_items where task_id = ? and mode = 'queue' and asset_id in ({marks})"
        db.execute(listed, [task.id, *(row["asset_id"] for row in rows)])
        least = "select min(ifnull(min(place), 0), 0) from review_items where task_id = ? and mode = 'queue'"
        first = db.execute(least, [task.id]).fetchone()[0] - len(rows)
        db.conn.executemany(
            "insert into review_items (task_id, mode, place, asset_id, worth, reasons, suggestions, neighbours)"
            " values (?, 'queue', ?, ?, ?, ?, ?, ?)",
            [(task.id, first + place, *_sent(row)) for place, row in enumerate(rows)],
        )
    return len(rows)


def _sent(row: dict) -> tuple[int, float, str, str, str]:
    """Asset, worth, reasons, suggestions and neighbours of an asset that somebody has sent."""
    name, source = row["name"], teacher_words(row["source"])
    sure = percent(row["confidence"], digits=0)
    words = f"Sent from Compare: {name} is {sure} sure of {row['student']}; {source} said {row['teacher']}."
    by_category = {category: [f"{name}: {percent(share, digits=0)}"] for category, share in json.loads(row["top"])}
    given = of_set(row["tags"], row["teacher_category_id"])
    for category in given:
        by_category.setdefault(category, []).append(source)
    suggestions = [{"category_id": id, "by": by, "given": id in given} for id, by in by_category.items()]
    reasons = [{"kind": "sent", "words": words}]
    return row["asset_id"], row["confidence"], json.dumps(reasons), json.dumps(suggestions), row["neighbours"] or "[]"


def reviewers(db: Database, task: Task) -> list[str]:
    """Who has decided anything here, the latest first; without what came out of files."""
    rows = db.execute(
        """select reviewer from reviews where task_id = ? and reviewer <> 'file'
           group by reviewer order by max(id) desc""",
        [task.id],
    )
    return [row[0] for row in rows]


def named(reviewer: str) -> str:
    """The reviewer's name as it is kept. InputError where it is empty or taken by the labels out of files."""
    name = " ".join(reviewer.split())[:80]
    if not name:
        raise InputError("A decision needs the name of whoever decides.", "Give your name.")
    if name.casefold() == "file":
        raise InputError("“file” stands for labels that a file brought.", "Use another name.")
    return name


def _item(db: Database, task: Task, row: dict, mode: Mode) -> Item:
    blind = mode == "random"  # whoever knows what was said agrees more often than he would by himself
    suggestions = _described(db, json.loads(row["suggestions"]), blind)
    reasons, neighbours = ([], []) if blind else (json.loads(row["reasons"]), _texts(db, json.loads(row["neighbours"])))
    labels = [] if blind else said_by_teachers(db, task, row["asset_id"])
    return Item(row["asset_id"], row["external_id"], row["text"], mode, reasons, suggestions, neighbours, [], labels)


def said_by_teachers(db: Database, task: Task, asset_id: int) -> list[dict[str, Any]]:
    """What each teacher says of an asset or a copy of it, by its newest labels: teacher, label; recorded labels first."""
    return list(
        db.query(
            """select teacher, label from (
                 select r.teacher, c.label,
                        row_number() over (partition by r.teacher order by r.id desc, l.asset_id <> :asset) as nth
                 from assets a join labels l on l.asset_id = a.id join label_runs r on r.id = l.run_id
                 join categories c on c.id = l.category_id
                 where r.task_id = :task and a.group_id = (select group_id from assets where id = :asset))
               where nth = 1 order by teacher not like 'recorded:%', teacher""",
            {"asset": asset_id, "task": task.id},
        )
    )


def _described(db: Database, suggestions: list[dict], blind: bool) -> list[dict]:
    """Suggestions with label and description. `blind`: in the taxonomy's order and without who says so."""
    categories = {row["id"]: row for row in _by_id(db, "categories", [s["category_id"] for s in suggestions])}
    known = [s for s in suggestions if s["category_id"] in categories]
    if blind:
        known.sort(key=lambda s: categories[s["category_id"]]["position"])
    return [
        {
            "category_id": s["category_id"],
            "label": categories[s["category_id"]]["label"],
            "description": categories[s["category_id"]]["description"],
            "by": [] if blind else s["by"],
            "given": not blind and s.get("given", False),
        }
        for s in known
    ]


def _texts(db: Database, neighbours: list[dict]) -> list[dict]:
    assets = {row["id"]: row for row in _by_id(db, "assets", [n["asset_id"] for n in neighbours])}
    categories = {row["id"]: row for row in _by_id(db, "categories", [n["category_id"] for n in neighbours])}
    return [
        {
            "asset_id": n["asset_id"],
            "external_id": assets[n["asset_id"]]["external_id"],
            "text": assets[n["asset_id"]]["text"],
            "label": categories[n["category_id"]]["label"],
            "likeness": n["likeness"],
        }
        for n in neighbours
        if n["asset_id"] in assets and n["category_id"] in categories
    ]


def _by_id(db: Database, table: str, ids: list[int]) -> list[dict]:
    return list(db.query(f"select * from {table} where id in ({','.join('?' * len(ids))})", ids))


def _conflict(db: Database, task: Task, asset_id: int) -> Item:
    """What reviewers said of an asset, with what the lists know of it."""
    decided = list(
        db.query(
            """select r.reviewer, r.category_id, c.label, c.tags, r.note from reviews r join categories c on c.id = r.category_id
               where r.id in (select max(id) from reviews where asset_id = ? and task_id = ? group by reviewer) order by r.id""",
            [asset_id, task.id],
        )
    )
    row = next(db.query("select id as asset_id, external_id, text from assets where id = ?", [asset_id]))
    listed = "select reasons, suggestions, neighbours from review_items where asset_id = ? and task_id = ? limit 1"
    row |= next(db.query(listed, [asset_id, task.id]), dict.fromkeys(("reasons", "suggestions", "neighbours"), "[]"))
    by_people: dict[int, list[str]] = {}
    for decision in decided:
        for category in of_set(decision.pop("tags"), decision["category_id"]):
            by_people.setdefault(category, []).append(decision["reviewer"])
    every = len(decided)
    first = [{"category_id": id, "by": names, "given": len(names) == every} for id, names in by_people.items()]
    listed = json.loads(row["suggestions"])
    others = [s | {"given": False} for s in listed if s["category_id"] not in by_people]
    row["suggestions"] = json.dumps(first + others)
    item = _item(db, task, row, "conflict")
    return Item(**{**vars(item), "decisions": decided})
