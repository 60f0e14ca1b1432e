"""The SQLite database: opening it; its first schema (core/schema.sql) and the migrations since, which are append-only.

Truth lives here and in files beside it. WAL mode lets pages read while the worker writes; every thread opens its own
connection. Keep the workspace on a local disk: WAL does not work on network shares.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlite_utils import Database, Migrations

from core import settings, swap
from core.asset_columns import stored_columns
from core.errors import InputError

LONGEST_NAME = 120  # characters of a client's or connection's name: it becomes part of files' names
BEFORE_TASKS = "m001_first_schema"  # a step of the schema before clients had tasks (core/rescue.py)
FIRST_TASK = ("Category", "choose_one")  # name and kind of the task a client starts with
migrations = Migrations("understudy")
_migrated: set[tuple[str, int]] = set()  # path and inode: a restore puts another file there


class _Database(Database):
    """sqlite-utils leaves the transaction of a statement open whose commit fails, as it does on a full disk: the connection would
    keep everybody else from writing, and its next statement would join what was never committed."""

    @contextmanager
    def atomic(self) -> Iterator[Database]:
        """As there, but the outermost takes the write lock at once: one that read first and wrote then would fail, however long it
        may wait, where another process wrote in between (SQLITE_BUSY_SNAPSHOT)."""
        if self.conn.in_transaction:
            with super().atomic():
                yield self
            return
        self.conn.execute("begin immediate")
        try:
            yield self
            self.conn.commit()
        except BaseException:
            self.rollback()
            raise

    def execute(self, sql: str, parameters: Sequence | dict[str, Any] | None = None) -> sqlite3.Cursor:
        alone = not self.conn.in_transaction
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error:
            if alone:
                self.rollback()
            raise


def connect(path: Path | None = None) -> Database:
    """A new connection to the workspace database (or `path`), migrated to the newest schema.

    Not to be shared between threads. Writers wait up to 60 s for each other. InputError where the file is no database of
    ours, or of a newer program; what else is amiss with it raises sqlite3's own errors or OSError (core.errors.outside).
    """
    path = path or settings.home() / "understudy.db"
    fresh = _state(path) not in _migrated or (path.parent / swap.NOTE).exists()
    db = _connection(path)
    try:
        if fresh:
            with _opening(path):  # the worker and the app open a new workspace at the same moment
                if swap.finish(path.parent):  # a restore was killed: what the connection holds open was moved
                    db.conn.close()
                    db = _connection(path)
                _must_be_ours(db, path)
                db.enable_wal()
                migrations.apply(db)
                sweep(db)
            _migrated.add(_state(path))
    except BaseException:
        db.close()
        raise
    return db


def _state(path: Path) -> tuple[str, int]:
    try:
        return str(path), path.stat().st_ino
    except OSError:
        return str(path), 0


def _connection(path: Path) -> _Database:
    db = _Database(sqlite3.connect(path, timeout=60))
    db.conn.execute("PRAGMA busy_timeout = 60000")
    db.conn.execute("PRAGMA foreign_keys = ON")
    return db


def _opening(path: Path) -> AbstractContextManager:
    """The lock of whoever opens this database, held. InputError where it lies in a folder that cannot be written."""
    try:
        return FileLock(f"{path}.lock").acquire()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise InputError(
            f"The workspace {path.parent} can only be read.",
            "Change its rights or the disk's, or name another with UNDERSTUDY_HOME.",
        ) from None


def _must_be_ours(db: Database, path: Path) -> None:
    """InputError for a database that something else made, or a newer version of this program."""
    tables = set(db.table_names())
    applied = {row.name for row in migrations.applied(db)}
    if BEFORE_TASKS in applied:
        raise InputError(
            "This workspace was made by an earlier version of Understudy, in which a client had one job only.",
            "`python3 run.py rescue --to FOLDER` writes each client's taxonomy, assets and labels as files; import these into a "
            "new workspace, which UNDERSTUDY_HOME names. Nothing was changed.",
            where=str(path),
        )
    if not applied and tables - {"_sqlite_migrations"}:
        raise InputError(
            "This is the database of another program.", "Move it away, or name another workspace.", where=str(path)
        )
    if unknown_steps(applied):
        raise InputError(
            "This workspace was used with a newer version of Understudy.",
            "Update this one, or name another workspace with UNDERSTUDY_HOME; nothing was changed.",
            where=str(path),
        )


def unknown_steps(applied: Iterable[str]) -> list[str]:
    """Those steps of a schema that this program does not know: a newer one took them."""
    return sorted(set(applied) - {step.name for step in migrations._migrations})


def newer_steps(db: sqlite3.Connection) -> list[str]:
    """unknown_steps() of a database that is open."""
    return unknown_steps(row[0] for row in db.execute("select name from _sqlite_migrations"))


def now() -> str:
    """The current time as stored everywhere: ISO 8601, UTC, microseconds (sorts as text)."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


# Told of each new client's number, within the transaction that makes it (core/audit.py).
client_made: list[Callable[[Database, int], None]] = []


def client_id(db: Database, name: str, *, synthetic: bool = False, first: tuple[str, str] = FIRST_TASK) -> int:
    """The id of the client called `name` (case ignored), made if new, with its `first` task (name and kind). InputError for what is
    no name."""
    name = plain_name(name, "client")
    row = next(db.query("select id from clients where name = ?", [name]), None)
    if row:
        return row["id"]
    with db.atomic():
        row = {"id": fresh_id(db, "clients"), "name": name, "synthetic": int(synthetic), "created": now()}
        db["clients"].insert(row)
        db.execute("delete from former_names where name = ?", [name])
        task = dict(zip(("name", "kind"), first))
        db["tasks"].insert(
            {"id": fresh_task_id(db, row["id"]), "client_id": row["id"], "created": row["created"], **task}
        )
        for told in client_made:
            told(db, row["id"])
    return row["id"]


def fresh_id(db: Database, table: str) -> int:
    """An id for a new row of `table` that none ever had, not even one that was removed: what remembers that one by its id
    (a service, the ledger, a job) must not take the new one for it. Within the transaction that inserts it."""
    db.execute("update removals set number = number where id = -1")  # the write lock, so that two get two
    query = f"select max(ifnull((select max(id) from {table}), 0), ifnull((select max(number) from removals where kind = ?), 0))"
    return db.execute(query, [table]).fetchone()[0] + 1


def fresh_task_id(db: Database, client_id: int) -> int:
    """An id for a task of a client, never the client's own: one taken for the other finds nothing, where else it would find the
    first client's by chance. Within the transaction that inserts it."""
    return max(fresh_id(db, "tasks"), client_id + 1)


def sweep(db: Database) -> None:
    """Remove the files of what was removed from the database, also where a kill came in between."""
    for (path,) in db.execute("select path from doomed_files").fetchall():
        file = settings.home() / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file, ignore_errors=True)
        else:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        if not file.exists():
            with db.atomic():
                db.execute("delete from doomed_files where path = ?", [path])


def formerly(db: Database, name: str) -> int | None:
    """The client that was called so before it was renamed; None where nobody was. Ask for the clients of today first."""
    row = db.execute("select client_id from former_names where name = ?", [" ".join(name.split())]).fetchone()
    return row[0] if row else None


def plain_name(name: str, whose: str) -> str:
    """`name` with single spaces. InputError where it is empty, longer than LONGEST_NAME, or holds what cannot be read or stored."""
    name = " ".join(name.split())
    if not name:
        raise InputError(f"A {whose} needs a name.", "Type one.")
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"The name of the {whose} has {len(name)} characters.", f"Choose one of at most {LONGEST_NAME}."
        )
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise InputError(f"The name of the {whose} holds a broken or invisible character.", "Type it anew.")
    return name


def _run(db: Database, script: str) -> None:
    """Run the statements of a script beside this file."""
    for statement in Path(__file__).with_name(script).read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            db.execute(statement)


@migrations()
def s001_tasks(db: Database) -> None:
    _run(db, "schema.sql")
    for table, with_label in (("assets", False), ("recordings", True), ("recordings_before", True)):
        for column, kind in stored_columns(with_label).items():
            db.execute(f"alter table {table} add column {column} {kind}")


@migrations()
def s002_writing(db: Database) -> None:
    _run(db, "schema_writing.sql")


@migrations()
def s003_teacher_drafts(db: Database) -> None:
    _run(db, "schema_teacher_drafts.sql")


@migrations()
def s004_writer_promotions(db: Database) -> None:
    _run(db, "schema_writer_promotions.sql")


@migrations()
def s005_writing_vendors(db: Database) -> None:
    _run(db, "schema_writing_vendors.sql")


@migrations()
def s006_draft_scores(db: Database) -> None:
    _run(db, "schema_draft_scores.sql")


@migrations()
def s007_joint(db: Database) -> None:
    _run(db, "schema_joint.sql")


@migrations()
def s008_several(db: Database) -> None:
    """Sets of tags stand among the categories (core/taxonomy/tagsets.py)."""
    db.execute("alter table categories add column tags text")


@migrations()
def s010_vendor_pairs(db: Database) -> None:
    _run(db, "schema_vendor_pairs.sql")


@migrations()
def s010_teacher_claims(db: Database) -> None:
    _run(db, "schema_teacher_claims.sql")


@migrations()
def s012_joint_calls(db: Database) -> None:
    """Which tasks (ids, as JSON) a call outside label runs answered, where they were several; each bears an equal share of it."""
    db.execute("alter table calls add column tasks text")


@migrations()
def s013_label_remarks(db: Database) -> None:
    """What was put right in an answer that became a label, such as a tag named twice."""
    db.execute("alter table labels add column remark text")


@migrations()
def s009_must_pass(db: Database) -> None:
    _run(db, "schema_must_pass.sql")


@migrations()
def s015_rivals(db: Database) -> None:
    _run(db, "schema_rivals.sql")


@migrations()
def s016_passed_on(db: Database) -> None:
    """Calls that a service passes on, and of the tokens a recorded label took, those that came out of the provider's cache."""
    _run(db, "schema_passed_on.sql")
    for table in ("recordings", "recordings_before"):
        if "tokens_cached" not in db[table].columns_dict:  # a workspace made before it was a column of theirs
            db.execute(f"alter table {table} add column tokens_cached integer")


@migrations()
def s017_audits(db: Database) -> None:
    _run(db, "schema_audits.sql")


@migrations()
def s018_learning(db: Database) -> None:
    """With what chance the teacher was asked for a label that came of work (core/watch/learning.py), null where assets were
    labelled for their own sake; and how a challenger met the student at work (core/watch/meeting.py)."""
    db.execute("alter table labels add column chance real")
    _run(db, "schema_learning.sql")


@migrations()
def s020_images(db: Database) -> None:
    """Images of assets, each once by its content; an asset's is named by its hash."""
    _run(db, "schema_images.sql")
    if "image" not in db["assets"].columns_dict:  # a workspace made before it was a column of theirs
        db.execute("alter table assets add column image text")


@migrations()
def s023_image_corrections(db: Database) -> None:
    """The words on images as persons put them right."""
    _run(db, "schema_corrections.sql")


@migrations()
def s024_audit_trail(db: Database) -> None:
    _run(db, "schema_audit_trail.sql")


@migrations()
def s025_people(db: Database) -> None:
    """People and their roles; and who started a job, for what it does is done in their name."""
    _run(db, "schema_people.sql")
    db.execute("alter table jobs add column who text not null default ''")


@migrations()
def s026_tokens(db: Database) -> None:
    """Tokens of the service, and whose of them a call was made for (a number alone: the ledger outlives them)."""
    _run(db, "schema_tokens.sql")
    if "token_id" not in db["calls"].columns_dict:
        db.execute("alter table calls add column token_id integer")
