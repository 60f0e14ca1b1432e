"""Taxonomies: files to categories, categories to the database as versions, and labels in the wild to categories.

read(path) -> TaxonomyFile;  save(db, task, file.categories, "taxonomy.csv") -> taxonomy id;  Matcher(load(db, id))("a label")
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from sqlite_utils import Database

from core import database
from core.errors import InputError
from core.tasks import Task
from core.taxonomy.categories import Category, StoredCategory, TaxonomyFile, read
from core.taxonomy.files import chosen, look, to_csv
from core.taxonomy.matching import Matcher

__all__ = [
    "Category",
    "Matcher",
    "StoredCategory",
    "TaxonomyFile",
    "chosen",
    "is_in_use",
    "latest",
    "load",
    "look",
    "read",
    "save",
    "to_csv",
    "version_of",
]


def save(db: Database, task: Task, categories: Iterable[Category], source: str) -> int:
    """Keep a taxonomy as the client's next version and return its id; the latest version's id where nothing changed.

    Raises InputError where there is no category to assign, labels repeat, or a parent is missing.
    """
    categories = list(categories)
    labels = [c.label for c in categories]
    if not any(c.assignable for c in categories):
        raise InputError(
            "The taxonomy has no category to assign.", "Add at least one category with a name.", where=source
        )
    if len(set(labels)) < len(labels):
        twice = Counter(labels).most_common(1)[0][0]
        raise InputError(f"Two categories are called {twice}.", "Give each its own name.", where=source)
    missing = {c.parent for c in categories if c.parent is not None} - set(labels)
    if missing:
        raise InputError(
            f"The parent {min(missing)} is not a category.", "Add it or choose another parent.", where=source
        )
    content = _content_hash(categories)
    with db.atomic():
        db.execute("pragma defer_foreign_keys = on")  # a child may stand before its parent
        query = "select id, version, content_hash from taxonomies where task_id = ? order by version desc limit 1"
        last = next(db.query(query, [task.id]), None)
        if last and last["content_hash"] == content:
            return last["id"]
        version = last["version"] + 1 if last else 1
        taxonomy_id = db.execute(
            "insert into taxonomies (task_id, version, source, content_hash, created) values (?, ?, ?, ?, ?)",
            [task.id, version, source, content, database.now()],
        ).lastrowid
        start = db.execute("select coalesce(max(id), 0) + 1 from categories").fetchone()[0]
        ids = {label: start + position for position, label in enumerate(labels)}
        db.conn.executemany(
            "insert into categories (id, taxonomy_id, position, label, name, key, parent_id, description, examples, assignable)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    ids[c.label],
                    taxonomy_id,
                    position,
                    c.label,
                    c.name,
                    c.key,
                    None if c.parent is None else ids[c.parent],
                    c.description,
                    json.dumps(list(c.examples), ensure_ascii=False),
                    int(c.assignable),
                )
                for position, c in enumerate(categories)
            ],
        )
    return taxonomy_id


def _content_hash(categories: Iterable[Category]) -> str:
    plain = [
        asdict(c) for c in (Category(**{f: getattr(c, f) for f in Category.__dataclass_fields__}) for c in categories)
    ]
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def is_in_use(db: Database, task: Task, categories: Iterable[Category]) -> bool:
    """Whether these categories are the client's newest version: saving them would change nothing."""
    query = "select content_hash from taxonomies where task_id = ? order by version desc limit 1"
    last = db.execute(query, [task.id]).fetchone()
    return bool(last) and last[0] == _content_hash(categories)


def latest(db: Database, task: Task) -> int | None:
    """The id of the client's newest taxonomy version, None where there is none."""
    query = "select id from taxonomies where task_id = ? order by version desc limit 1"
    row = next(db.query(query, [task.id]), None)
    return row["id"] if row else None


def version_of(db: Database, taxonomy_id: int) -> int:
    """The number of a stored taxonomy among its client's versions."""
    return db.execute("select version from taxonomies where id = ?", [taxonomy_id]).fetchone()[0]


def load(db: Database, taxonomy_id: int) -> list[StoredCategory]:
    """The categories of a stored taxonomy in their order."""
    query = (
        "select c.*, p.label as parent from categories c left join categories p on p.id = c.parent_id"
        " where c.taxonomy_id = ? and c.tags is null order by c.position"
    )
    return [
        StoredCategory(
            label=row["label"],
            name=row["name"],
            parent=row["parent"],
            description=row["description"],
            examples=tuple(json.loads(row["examples"])),
            key=row["key"],
            assignable=bool(row["assignable"]),
            id=row["id"],
            parent_id=row["parent_id"],
            position=row["position"],
        )
        for row in db.query(query, [taxonomy_id])
    ]
