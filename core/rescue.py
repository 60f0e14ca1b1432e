"""What a workspace from before clients had tasks holds, as files to import into a new one.

    files_of(Path("data/workspace"), Path("rescued"))

A folder a client with taxonomy.csv (the version in use) and assets.csv: every asset with the columns its file had, the labels that
came with it, what people decided (gold), and a column for each teacher that was asked, of its newest run. Students are not among
it: they are trained again on these labels. The old database is only read.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from core import taxonomy
from core.database import BEFORE_TASKS
from core.errors import InputError
from core.escape import Cells
from core.whole import whole, write_whole

CATEGORIES = """select c.label, c.name, p.label, c.description, c.examples, c.key, c.assignable from categories c
    left join categories p on p.id = c.parent_id where c.taxonomy_id =
    (select id from taxonomies where client_id = ? order by version desc limit 1) order by c.position"""
# The newest run of each teacher but recorded ones, whose labels stand with the assets.
RUNS = """select max(id), teacher from label_runs r where client_id = ? and teacher not like 'recorded:%' and exists
    (select 1 from labels where run_id = r.id and category_id is not null) group by teacher order by teacher"""


def files_of(workspace: Path, to: Path) -> list[dict]:
    """Write what each client of an old `workspace` has below the folder `to`; per client its name, folder, assets and columns of
    labels. InputError where `workspace` is no such one, or `to` holds anything already."""
    path = workspace / "understudy.db"
    if not path.is_file():
        raise InputError("There is no workspace here.", "Name its folder with --from.", where=str(workspace))
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError("The folder is not empty.", "Name a new one with --to.", where=str(to))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        _must_be_old(db, path)
        clients = db.execute("select id, name from clients order by name").fetchall()
        return [
            _client(db, id, name, to / f"{id}-{re.sub(r'[^0-9A-Za-z]+', '-', name).strip('-')}") for id, name in clients
        ]


def _must_be_old(db: sqlite3.Connection, path: Path) -> None:
    try:
        applied = {row[0] for row in db.execute("select name from _sqlite_migrations")}
    except sqlite3.DatabaseError:
        applied = set()
    if BEFORE_TASKS not in applied:
        raise InputError("This is no workspace of an earlier version.", "Open it as it is.", where=str(path))


def _client(db: sqlite3.Connection, client_id: int, name: str, folder: Path) -> dict:
    folder.mkdir(parents=True)
    categories = [
        taxonomy.Category(label, name, parent, description, tuple(json.loads(examples)), key, bool(assignable))
        for label, name, parent, description, examples, key, assignable in db.execute(CATEGORIES, [client_id])
    ]
    write_whole(folder / "taxonomy.csv", "\ufeff" + taxonomy.to_csv(categories))
    columns = _columns(db, client_id)
    extra = _extra(db, client_id)
    count = 0
    with whole(folder / "assets.csv") as aside, aside.open("w", encoding="utf-8-sig", newline="") as out:
        table = Cells(out)
        table.row("asset_id", "text", "split", *extra, *columns)
        for id, external_id, text, split, more in db.execute(
            "select id, external_id, text, case when split_given then split end, extra from assets where client_id = ? order by id",
            [client_id],
        ):
            more = json.loads(more) if more else {}
            table.row(external_id, text, split, *map(more.get, extra), *(labels.get(id) for labels in columns.values()))
            count += 1
    return {"client": name, "folder": str(folder), "assets": count, "labels": list(columns)}


def _columns(db: sqlite3.Connection, client_id: int) -> dict[str, dict[int, str]]:
    """The columns of labels: label by asset."""
    labels: dict[str, dict[int, str]] = {}
    recorded = """select r.source, r.asset_id, r.label from recordings r join assets a on a.id = r.asset_id
                  where a.client_id = ? order by r.source"""
    for source, asset, label in db.execute(recorded, [client_id]):
        labels.setdefault(source, {})[asset] = label
    for run, teacher in db.execute(RUNS, [client_id]).fetchall():
        labels[f"label by {teacher}"] = dict(_labels(db, run))
    decided = dict(db.execute("select asset_id, label from gold_labels where client_id = ?", [client_id]).fetchall())
    return labels | ({"gold": decided} if decided else {})


def _labels(db: sqlite3.Connection, run: int) -> Iterator[tuple[int, str]]:
    """What a run says of each asset; of copies, which were not asked about again, what it says of the one that was."""
    yield from db.execute(
        """select a.id, c.label from labels l join assets one on one.id = l.asset_id join categories c on c.id = l.category_id
           join assets a on a.client_id = one.client_id and a.group_id = one.group_id where l.run_id = ?""",
        [run],
    )


def _extra(db: sqlite3.Connection, client_id: int) -> list[str]:
    """The names of the files' other columns."""
    query = "select distinct key from assets, json_each(extra) where client_id = ? and extra is not null"
    return sorted(row[0] for row in db.execute(query, [client_id]))
