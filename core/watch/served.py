"""What was served, one row an answer, and what audits said: a file of its own for each client, beside the database.

    answers(path)            # the file, made if new; for one thread
    write(file, rows)        # all of them in one transaction
    erase(client_id)         # texts and all

An answer is a text's category in one task: of four facets a text leaves four rows. Texts are there only where the client's setting
keeps them (rules.py); without, a row has the text's hash. Everything else about what was served is derived on reading.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from core import settings

LIVE, SHADOW, FILE = (
    "live",
    "shadow",
    "file",
)  # how an answer came about: it went out; it did not; it is a row of a scored file
VERSION = 1
AT_ONCE = 500  # rows of a statement
_SCHEMA = """
create table answers (
    id integer primary key, at real not null, task_id integer not null, student_id integer not null, hash blob not null,
    category text, confidence real, handled integer not null, strange integer not null, answered_by text, usd real not null,
    chance real not null, mode text not null, text text);
create index answers_of on answers (task_id, mode, student_id, at, handled, strange, category);
create index answers_at on answers (at) where text is not null;
create table audits (
    id integer primary key, at real not null, task_id integer not null, student_id integer not null, hash blob not null,
    chance real not null, mode text not null, handled integer not null, student text not null, teacher text not null,
    confidence real, usd real not null, text text);
create unique index audits_once on audits (task_id, student_id, mode, hash);
create index audits_at on audits (at) where text is not null;
"""


class Row(NamedTuple):
    """One answer. `at`: seconds since 1970; `answered_by`: student, teacher or None; `usd`: what it cost at the teacher;
    `chance`: of the teacher having been asked, by an audit (below 1) or because the student falls back (1), 0 where nobody would
    ask."""

    at: float
    task_id: int
    student_id: int
    hash: bytes
    category: str | None
    confidence: float | None
    handled: bool
    strange: bool
    answered_by: str | None
    usd: float
    chance: float
    mode: str
    text: str | None


class Audit(NamedTuple):
    """What the student said of a text, and the teacher who was asked beside or behind it. `chance`: of having been asked; `usd`:
    what that cost. A text is audited once a student."""

    at: float
    task_id: int
    student_id: int
    hash: bytes
    chance: float
    mode: str
    handled: bool
    student: str
    teacher: str
    confidence: float | None
    usd: float
    text: str | None


def hash_of(text: str) -> bytes:
    """What tells one text from another without keeping it: 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def path_of(client_id: int) -> Path:
    """Where a client's file is, whether it is there or not."""
    return settings.subfolder("served") / f"client-{client_id}.sqlite"


def answers(client_id: int) -> sqlite3.Connection:
    """The client's file, made if new. For one thread; writers wait for each other a second at most, so that an answer's row is
    rather late than in anybody's way. sqlite3.Error where it cannot be opened."""
    path = path_of(client_id)
    file = sqlite3.connect(path, timeout=1, isolation_level=None)
    file.execute("pragma journal_mode = wal")
    file.execute("pragma synchronous = normal")  # a kill loses nothing, a power cut the last moments
    file.execute("begin immediate")
    try:
        if file.execute("pragma user_version").fetchone()[0] == 0:
            for statement in _SCHEMA.split(";\n"):
                file.execute(statement)
            file.execute(f"pragma user_version = {VERSION}")
        file.execute("commit")
    except BaseException:
        file.close()
        raise
    return file


def there(client_id: int) -> sqlite3.Connection | None:
    """The client's file to read in, None where nothing was ever served."""
    path = path_of(client_id)
    if not path.exists():
        return None
    file = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
    if file.execute("pragma user_version").fetchone()[0] == 0:  # a kill came between the file and its tables
        file.close()
        return None
    return file


def write(file: sqlite3.Connection, rows: Sequence[Row], audits: Sequence[Audit] = ()) -> None:
    """Add answers and audits, all or none. sqlite3.Error where that cannot be."""
    file.execute("begin immediate")
    try:
        for table, of, fresh in (("answers", Row, rows), ("audits", Audit, audits)):
            for start in range(0, len(fresh), AT_ONCE):
                part = fresh[start : start + AT_ONCE]
                file.execute(_insert(table, of, len(part)), list(chain.from_iterable(part)))
        file.execute("commit")
    except BaseException:
        file.execute("rollback")
        raise


def _insert(table: str, of: type[Row] | type[Audit], rows: int) -> str:
    """One statement for many rows: between two statements others want the interpreter, who answer meanwhile."""
    names = of._fields
    values = f"({', '.join('?' * len(names))})"
    return f"insert or ignore into {table} ({', '.join(names)}) values {', '.join([values] * rows)}"


def forget(file: sqlite3.Connection, before: float) -> int:
    """Take the texts out of answers and audits older than `before` (seconds since 1970); how many those were."""
    return sum(
        file.execute(f"update {table} set text = null where at < ? and text is not null", [before]).rowcount
        for table in ("answers", "audits")
    )


def files_of(client_id: int) -> list[Path]:
    """The client's file and those that SQLite keeps beside it, whether they are there or not."""
    path = path_of(client_id)
    return [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]


def count(client_id: int) -> int:
    """How many answers are written down of a client."""
    file = there(client_id)
    if file is None:
        return 0
    with closing(file):
        return file.execute("select count(*) from answers").fetchone()[0]


def erase(client_id: int) -> None:
    """Remove all that was written down of a client's answers."""
    for path in files_of(client_id):
        path.unlink(missing_ok=True)


def erase_task(client_id: int, task_id: int) -> None:
    """Remove what was written down of one of the client's tasks, and its texts from the disk."""
    if not path_of(client_id).exists():
        return
    with closing(answers(client_id)) as file:
        file.execute("pragma secure_delete = on")
        for table in ("answers", "audits"):
            file.execute(f"delete from {table} where task_id = ?", [task_id])
        file.execute("pragma wal_checkpoint(truncate)")
