"""All clients at a glance: what their students save, how much they filed, and what needs somebody.

Saved is what the work of students did not cost: rows of files they scored are counted (jobs), and texts that servers answered
(core/deploy/tally.py); the prices are those of the student's sheet (core/money/economics.py) under the client's assumptions
today. Beside it stands what the live student saves at the volume the client has stated.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from core.database import now
from core.errors import InputError
from core.evaluate.comparison import Comparison, comparison
from core.train.registry import is_whole
from core.wires import keys

TREND = 6  # months
PAGE_OF = {  # where a failed job of this kind is seen to
    "import_assets": "assets",
    "import_images": "assets",
    "import_log": "assets",
    "take_calls": "connections",
    "label": "teacher",
    "rounds": "teacher",
    "taxonomy": "taxonomy",
    "train": "student",
    "distil": "teacher",
    "vendor": "vendor",
    "curve": "student",
    "review_queue": "review",
    "suggestions": "taxonomy",
    "score": "deploy",
    "send": "deploy",
    "export": "deploy",
    "writers": "write",
    "blind": "blind",
    "vendor_drafts": "vendor",
}


@dataclass(frozen=True)
class TaskMoney:
    """What the students of a task did: USD saved and assets filed by month ("2026-11"), USD a month at the stated volume (None: no
    live student that would save, or no price), agreement of the live student with its n (None without), `unpriced`: assets filed
    whose saving cannot be said."""

    task_id: int
    synthetic: bool
    saved: dict[str, float] = field(default_factory=dict)
    filed: dict[str, int] = field(default_factory=dict)
    unpriced: int = 0
    stated_usd: float | None = None
    volume: int | None = None
    thing: str = "asset"  # what the volume counts
    agreement: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Notice:
    """Something that needs a person: whose (client, and task where it has several; empty: nobody's), in words, and the
    page where it is seen to."""

    client: str
    task: str
    words: str
    page: str


def months(count: int = TREND) -> list[str]:
    """The last calendar months (UTC), this one last: "2026-11"."""
    year, month = map(int, now()[:7].split("-"))
    numbers = [12 * year + month - 1 - back for back in reversed(range(count))]
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in numbers]


def money_of_tasks(db: Database) -> list[TaskMoney]:
    """One a task, by its client's name."""
    done: dict[int, list[dict]] = {}
    for row in db.query(
        """select task_id, json_extract(result, '$.student') as student, substr(finished, 1, 7) as month, 0 as by_teacher,
                  total(json_extract(result, '$.rows')) as rows, total(json_extract(result, '$.handled')) as handled
           from jobs where kind = 'score' and state = 'done' and task_id is not null
           and json_extract(result, '$.facets') is null group by 1, 2, 3
           union all select json_extract(f.value, '$.task_id'), json_extract(f.value, '$.student'), substr(finished, 1, 7), 0,
                  total(json_extract(result, '$.rows')), total(json_extract(f.value, '$.handled'))
           from jobs, json_each(result, '$.facets') f where kind = 'score' and state = 'done' group by 1, 2, 3
           union all select task_id, student_id, month, by_teacher, texts, handled from served_answers"""
    ):
        done.setdefault(row["task_id"], []).append(row)
    live = dict(db.execute("select task_id, id from students where live = 1 and ready = 1").fetchall())
    every = db.execute(
        "select t.id, c.synthetic from tasks t join clients c on c.id = t.client_id order by c.name collate nocase, t.id"
    ).fetchall()
    return [_of_task(db, id, bool(made_up), done.get(id, []), live.get(id)) for id, made_up in every]


def _of_task(db: Database, task_id: int, synthetic: bool, done: list[dict], live: int | None) -> TaskMoney:
    sheets = {id: _sheet(db, task_id, id) for id in {*(row["student"] for row in done), live} - {None}}
    saved: dict[str, float] = {}
    filed: dict[str, int] = {}
    unpriced = 0
    for row in done:
        filed[row["month"]] = filed.get(row["month"], 0) + int(row["rows"])
        usd = _saved(sheets[row["student"]], row["rows"], row["handled"], row["by_teacher"]) if row["student"] else None
        if usd is None:
            unpriced += int(row["rows"])
        else:
            saved[row["month"]] = saved.get(row["month"], 0.0) + usd
    more: dict[str, Any] = {}
    if sheet := sheets.get(live):
        share = sheet.figures.agreement
        more = {"stated_usd": _stated(sheet), "volume": sheet.economics.volume_per_month}
        more |= {"agreement": share.value, "n": share.n}
    return TaskMoney(task_id, synthetic, saved, filed, unpriced, **more)


def _sheet(db: Database, task_id: int, student_id: int) -> Comparison | None:
    """The student's figures with money; None for one that was deleted, never judged, or judged by an earlier version."""
    there = db.execute("select 1 from students where id = ? and task_id = ?", [student_id, task_id]).fetchone()
    with suppress(InputError):
        return comparison(db, student_id) if there else None
    return None


def _saved(sheet: Comparison | None, rows: float, handled: float, by_teacher: float = 0) -> float | None:
    """USD that scoring so many rows saved. The student reads them all; where it stands alone it answers them all but those that the
    teacher answered, otherwise those it handles, and the teacher the rest: where it answers none, nothing was handed over, and
    nothing saved."""
    if sheet is None:
        return None
    prices = sheet.economics.per_1000
    if prices["teacher"] is None or prices["student"] is None:
        return None
    answered = rows - by_teacher if sheet.verdict.decision == "replace" else handled
    if not answered:
        return 0.0
    return (answered * prices["teacher"] - rows * prices["student"]) / 1000


def _stated(sheet: Comparison) -> float | None:
    """USD a month that the student saves at the stated volume, as its verdict would have it used."""
    monthly = sheet.economics.monthly
    today, then = monthly["teacher"], monthly[sheet.verdict.mode]
    return None if not sheet.takes_over or today is None or then is None else today - then


def open_reviews(db: Database) -> dict[int, int]:
    """How many assets of each task's review queue nobody has decided."""
    return dict(
        db.execute(
            """select task_id, count(distinct asset_id) from review_items i where mode = 'queue'
               and not exists (select 1 from reviews r where r.task_id = i.task_id and r.asset_id = i.asset_id
               and r.reviewer != 'file') group by task_id"""
        ).fetchall()
    )


def notices(db: Database) -> list[Notice]:
    """What needs somebody, by client: an old taxonomy, missing files, a cap reached, failed jobs, a key that is not there."""
    query = """select t.id, c.name, case when (select count(*) from tasks where client_id = c.id) > 1 then t.name else '' end
               from tasks t join clients c on c.id = t.client_id"""
    whose = {id: names for id, *names in db.execute(query).fetchall()}
    of_tasks = [
        (*whose[id], words, page) for id, words, page in [*_of_students(db), *_capped(db), *_failed(db)] if id in whose
    ]
    return sorted(
        (Notice(*one) for one in [*of_tasks, *_keyless(db)]),
        key=lambda one: (one.client.casefold(), one.task.casefold()),
    )


def _of_students(db: Database) -> list[tuple[int, str, str]]:
    rows = db.execute(
        """select s.task_id, s.id, s.kind, t.version, (select max(version) from taxonomies where task_id = s.task_id)
           from students s join taxonomies t on t.id = s.taxonomy_id where s.live = 1"""
    ).fetchall()
    remarks = []
    for task_id, id, kind, version, newest in rows:
        if version != newest:
            sentence = f"The live student answers in version {version} of the taxonomy; version {newest} is in use."
            remarks.append((task_id, sentence, "student"))
        if not is_whole(db, id):
            remarks.append((task_id, f"The files of the live student, {kind} {id}, are missing.", "student"))
    return remarks


def _capped(db: Database) -> list[tuple[int, str, str]]:
    rows = db.execute(
        """select task_id, teacher from label_runs r where state = 'capped'
           and id = (select max(id) from label_runs where task_id = r.task_id)"""
    ).fetchall()
    sentence = "Labelling by {} paused at its cap: raise it, or train with the labels there are."
    return [(task_id, sentence.format(teacher.partition(":")[2] or teacher), "teacher") for task_id, teacher in rows]


def _failed(db: Database) -> list[tuple[int, str, str]]:
    rows = db.execute(
        """select task_id, kind, ifnull(error, '') from jobs where state = 'failed'
           and id in (select max(id) from jobs group by task_id, kind)"""
    ).fetchall()
    sentence = "{} failed: {}"
    return [
        (id, sentence.format(kind.replace("_", " ").capitalize(), error), PAGE_OF.get(kind, "write"))
        for id, kind, error in rows
    ]


def _keyless(db: Database) -> list[tuple[str, str, str, str]]:
    """Connections whose key is not where it should be. The keyring is not asked: it may want a person to unlock it."""
    remarks = []
    query = (
        "select ifnull(c.name, ''), n.name, n.key_source from connections n left join clients c on c.id = n.client_id"
    )
    for client, name, source in db.execute(query).fetchall():
        try:
            if not source.startswith("keyring:"):
                keys.read(source)
        except InputError as error:
            remarks.append((client, "", f"{name} has no key. {error.what}", "connections"))
    return remarks
