"""All clients at a glance: what their students save, how much they filed, and what needs somebody.

Saved is what the work of students did not cost: rows of files they scored are counted (jobs), and texts that servers answered
(core/deploy/tally.py); the prices are those of the student's sheet (core/evaluate/economics.py) under the client's assumptions
today. Beside it stands what the live student saves at the volume the client has stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

from core.database import now
from core.errors import InputError
from core.evaluate.run import comparison
from core.label import connections, keys
from core.train.run import is_whole

TREND = 6  # months
PAGE_OF = {  # where a failed job of this kind is seen to
    "import_assets": "assets",
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
}


@dataclass(frozen=True)
class ClientMoney:
    """What a client's students did: USD saved and assets filed by month ("2026-11"), USD a month at the stated volume (None: no
    live student that would save, or no price), agreement of the live student with its n (None without), `unpriced`: assets filed
    whose saving cannot be said."""

    client_id: int
    synthetic: bool
    saved: dict[str, float] = field(default_factory=dict)
    filed: dict[str, int] = field(default_factory=dict)
    unpriced: int = 0
    stated_usd: float | None = None
    volume: int | None = None
    agreement: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Notice:
    """Something that needs a person: whose, in words, and the page where it is seen to."""

    client_id: int
    client: str
    words: str
    page: str


def months(count: int = TREND) -> list[str]:
    """The last calendar months (UTC), this one last: "2026-11"."""
    year, month = map(int, now()[:7].split("-"))
    numbers = [12 * year + month - 1 - back for back in reversed(range(count))]
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in numbers]


def money_of_clients(db: Database) -> list[ClientMoney]:
    """One a client, by name."""
    done: dict[int, list[dict]] = {}
    for row in db.query(
        """select client_id, json_extract(result, '$.student') as student, substr(finished, 1, 7) as month, 0 as by_teacher,
                  total(json_extract(result, '$.rows')) as rows, total(json_extract(result, '$.handled')) as handled
           from jobs where kind = 'score' and state = 'done' and client_id is not null group by 1, 2, 3
           union all select client_id, student_id, month, by_teacher, texts, handled from served_answers"""
    ):
        done.setdefault(row["client_id"], []).append(row)
    live = dict(db.execute("select client_id, id from students where live = 1 and ready = 1").fetchall())
    clients = db.execute("select id, synthetic from clients order by name collate nocase").fetchall()
    return [_of_client(db, id, bool(made_up), done.get(id, []), live.get(id)) for id, made_up in clients]


def _of_client(db: Database, client_id: int, synthetic: bool, done: list[dict], live: int | None) -> ClientMoney:
    sheets = {id: _sheet(db, client_id, id) for id in {*(row["student"] for row in done), live} - {None}}
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
        share = sheet["figures"]["agreement"]
        more = {"stated_usd": _stated(sheet), "volume": sheet["economics"].volume_per_month}
        more |= {"agreement": share["value"], "n": share["n"]}
    return ClientMoney(client_id, synthetic, saved, filed, unpriced, **more)


def _sheet(db: Database, client_id: int, student_id: int) -> dict | None:
    """The student's figures with money; None for one that was deleted or never judged."""
    there = db.execute("select 1 from students where id = ? and client_id = ?", [student_id, client_id]).fetchone()
    return comparison(db, student_id) if there else None


def _saved(sheet: dict | None, rows: float, handled: float, by_teacher: float = 0) -> float | None:
    """USD that scoring so many rows saved. The student reads them all; where it stands alone it answers them all but those that the
    teacher answered, otherwise those it handles, and the teacher the rest: where it answers none, nothing was handed over, and
    nothing saved."""
    prices = sheet and sheet["economics"].per_1000
    if not prices or prices["teacher"] is None or prices["student"] is None:
        return None
    answered = rows - by_teacher if sheet["verdict"].decision == "replace" else handled
    if not answered:
        return 0.0
    return (answered * prices["teacher"] - rows * prices["student"]) / 1000


def _stated(sheet: dict) -> float | None:
    """USD a month that the student saves at the stated volume, as its verdict would have it used."""
    mode = {"replace": "student", "fallback": "cascade"}.get(sheet["verdict"].decision)
    monthly = sheet["economics"].monthly
    if mode is None or monthly["teacher"] is None or monthly[mode] is None:
        return None
    return monthly["teacher"] - monthly[mode]


def open_reviews(db: Database) -> dict[int, int]:
    """How many assets of each client's review queue nobody has decided."""
    return dict(
        db.execute(
            """select client_id, count(distinct asset_id) from review_items i where mode = 'queue' and not exists
               (select 1 from reviews r where r.asset_id = i.asset_id and r.reviewer != 'file') group by client_id"""
        ).fetchall()
    )


def notices(db: Database) -> list[Notice]:
    """What needs somebody, by client: an old taxonomy, missing files, a cap reached, failed jobs, a key that is not there."""
    names = dict(db.execute("select id, name from clients").fetchall())
    found = [*_of_students(db), *_capped(db), *_failed(db), *_keyless(db)]
    return sorted(
        (
            Notice(id, names.get(id, ""), words, page)
            for id, words, page in found
            if id in names or id == connections.HOUSE
        ),
        key=lambda one: one.client.casefold(),
    )


def _of_students(db: Database) -> list[tuple[int, str, str]]:
    rows = db.execute(
        """select s.client_id, s.id, s.kind, t.version, (select max(version) from taxonomies where client_id = s.client_id)
           from students s join taxonomies t on t.id = s.taxonomy_id where s.live = 1"""
    ).fetchall()
    found = []
    for client_id, id, kind, version, newest in rows:
        if version != newest:
            said = f"The live student answers in version {version} of the taxonomy; version {newest} is in use."
            found.append((client_id, said, "student"))
        if not is_whole(db, id):
            found.append((client_id, f"The files of the live student, {kind} {id}, are missing.", "student"))
    return found


def _capped(db: Database) -> list[tuple[int, str, str]]:
    rows = db.execute(
        """select client_id, teacher from label_runs r where state = 'capped'
           and id = (select max(id) from label_runs where client_id = r.client_id)"""
    ).fetchall()
    said = "Labelling by {} paused at its cap: raise it, or train with the labels there are."
    return [(client_id, said.format(teacher.partition(":")[2] or teacher), "teacher") for client_id, teacher in rows]


def _failed(db: Database) -> list[tuple[int, str, str]]:
    rows = db.execute(
        """select client_id, kind, ifnull(error, '') from jobs where state = 'failed'
           and id in (select max(id) from jobs group by client_id, kind)"""
    ).fetchall()
    said = "{} failed: {}"
    return [(id, said.format(kind.replace("_", " ").capitalize(), error), PAGE_OF[kind]) for id, kind, error in rows]


def _keyless(db: Database) -> list[tuple[int, str, str]]:
    """Connections whose key is not where it should be. The keyring is not asked: it may want a person to unlock it."""
    found = []
    for client_id, name, source in db.execute("select client_id, name, key_source from connections").fetchall():
        try:
            if not source.startswith("keyring:"):
                keys.read(source)
        except InputError as error:
            found.append((client_id, f"{name} has no key. {error.what}", "connections"))
    return found
