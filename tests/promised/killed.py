"""What every kind of killing asks: what became of one kill, a workspace of its own, what is wrong with it, its labels."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from core import database
from core.train import registry, students

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Kill:
    """One kill of one kind of work: when it came, and what broke the promise, "" where nothing did."""

    work: str
    when: str
    broken: str


@contextmanager
def home(folder: Path) -> Iterator[Path]:
    """The workspace of one kind of work."""
    before = os.environ.get("UNDERSTUDY_HOME")
    os.environ["UNDERSTUDY_HOME"] = str(folder)
    try:
        yield folder
    finally:
        os.environ.pop("UNDERSTUDY_HOME") if before is None else os.environ.update(UNDERSTUDY_HOME=before)


def unsound(folder: Path) -> str:
    """What is wrong with the databases and students of a workspace; "" where nothing is."""
    for path in (folder / "understudy.db", *folder.glob("served/*.sqlite")):
        if not path.exists():
            continue
        with closing(sqlite3.connect(path)) as db:
            said = db.execute("pragma integrity_check").fetchone()[0]
            amiss = db.execute("pragma foreign_key_check").fetchall()
        if said != "ok" or amiss:
            return f"{path.name}: {said} {amiss[:3] or ''}"
    with closing(database.connect()) as db:
        for (id,) in db.execute("select id from students where ready = 1").fetchall():
            try:
                students.load(registry.folder_of(db, id))
            except Exception as error:
                return f"student {id} cannot be loaded: {error}"
    return ""


def labels(db: Database) -> dict:
    query = "select asset_id, category_id, created from labels where category_id is not null"
    return {row[0]: row[1:] for row in db.execute(query)}
