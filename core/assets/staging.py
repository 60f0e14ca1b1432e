"""The waiting room of an import: a scratch SQLite file whose rows enter the workspace in one transaction, or not at all."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from core import settings
from core.asset_columns import stored_columns

# asset_id: the asset that is there already (its text unchanged), null for new ones.
# family: its key; family_id: the family that is there already, which the asset joins; family_head: n of a new one's first asset.
# head: n of the first new asset of the group; group_id: the group that is there already, which the asset joins.
KEPT = stored_columns(True) | stored_columns(False)
OF_FILES = ", ".join(f"{role} {kind}" for role, kind in KEPT.items())
SCHEMA = f"""
create table rows (
    n integer primary key, asset_id integer, external_id text, text text, text_hash text, form text, split text,
    split_given integer, extra text, label text, category text, gold integer, family text, {OF_FILES}, head integer,
    group_id integer, family_id integer, family_head integer);
create table bands (n integer primary key, bands blob not null);
create table family_joins (old integer primary key, new integer not null);
create table group_splits (group_id integer primary key, split text not null)
"""
STAGED = (
    *("asset_id", "external_id", "text", "text_hash", "form", "split", "split_given", "extra", "label", "category"),
    *("gold", "family", *KEPT),
)
INSERT = f"insert into rows ({', '.join(STAGED)}) values ({', '.join('?' * len(STAGED))})"
_ours: set[Path] = set()


@contextmanager
def staging() -> Iterator[tuple[sqlite3.Connection, Path]]:
    """A scratch database in workspace/tmp, removed at the end; those left by killed imports are removed as well."""
    folder = settings.subfolder("tmp")
    for path in folder.glob("import-*.db"):
        pid = int(path.stem.split("-")[1])
        if not psutil.pid_exists(pid) or (pid == os.getpid() and path not in _ours):
            path.unlink(missing_ok=True)
    path = folder / f"import-{os.getpid()}-{secrets.token_hex(4)}.db"
    _ours.add(path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        # A crash throws the file away: neither a journal nor a flush is needed.
        connection.executescript(f"pragma journal_mode = off; pragma synchronous = off; {SCHEMA};")
        yield connection, path
    finally:
        connection.close()
        with suppress(OSError):
            path.unlink(missing_ok=True)
        _ours.discard(path)


def put(stage: sqlite3.Connection, statement: str, rows: Iterator[tuple] | list[tuple]) -> None:
    """Run a statement for each row in one transaction of the scratch file."""
    stage.execute("begin")
    stage.executemany(statement, rows)
    stage.execute("commit")
