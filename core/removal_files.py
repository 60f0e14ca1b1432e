"""The files of a client in the workspace, its keys in the keyring, and what is left of its bytes once its rows are deleted.

For core/removal.py. Deleted rows leave bytes behind in free pages of a database and in the log beside it: overwrite() writes the
database anew without them. What lies elsewhere, in backups and beside restored workspaces, it cannot reach: afterwards() says so.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keyring
from keyring.errors import KeyringError
from sqlite_utils import Database

from core import settings
from core.keeping import backup, contents
from core.room import no_room
from core.watch import served
from core.wires import keys
from core.words import counted

PATIENCE_S = 10.0  # that readers are waited for, so that the log can be emptied
FRESH_S = 3600.0  # an upload that is younger may be in somebody's hands, also where nothing speaks of it yet
LATER = "`python3 run.py check --overwrite` does it."


def of_client(db: Database, client_id: int) -> list[str]:
    """The files of a client, as paths within the workspace: students, their ZIPs, uploads and results of jobs, images, vectors,
    answers that were served, logs of its jobs. Not those of others."""
    mine = "(select id from tasks where client_id = ?)"
    paths = []
    for table, name in (("students", "student"), ("writers", "writer")):
        for id, path in db.execute(f"select id, path from {table} where task_id in {mine}", [client_id]).fetchall():
            paths += [path, f"output/understudy-{name}-{id}.zip"]
    others = {row[0] for row in db.execute("select sha256 from imports where client_id != ?", [client_id])}
    own = [row[0] for row in db.execute("select sha256 from imports where client_id = ?", [client_id])]
    paths += [f"uploads/{one[:12]}" for one in own if one and one not in others]
    paths += [f"vectors/{client_id}.npz", f"images/{client_id}"]
    home = settings.home()
    paths += [str(path.relative_to(home)) for path in served.files_of(client_id)]
    theirs = _spoken_of(db, "client_id is not ?", client_id) | {f"uploads/{one[:12]}" for one in others if one}
    paths += sorted(_spoken_of(db, "client_id = ?", client_id) - theirs)
    jobs = db.execute("select id from jobs where client_id = ?", [client_id]).fetchall()
    return paths + [f"logs/job-{id}.log" for (id,) in jobs]


def uploads(db: Database, digests: Iterable[str]) -> list[str]:
    """The folders of uploads that no import needs any more."""
    needed = {row[0][:12] for row in db.execute("select distinct sha256 from imports")}
    return [f"uploads/{one[:12]}" for one in digests if one and one[:12] not in needed]


def uploads_of_nobody(db: Database) -> list[str]:
    """The folders of uploads that nothing speaks of and nobody can be busy with: looked at, and never imported."""
    folder = settings.home() / "uploads"
    needed = {f"uploads/{row[0][:12]}" for row in db.execute("select distinct sha256 from imports where sha256 != ''")}
    needed |= _spoken_of(db, "1")
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    old = [path for path in found if time.time() - path.stat().st_mtime > FRESH_S]
    return [f"uploads/{path.name}" for path in old if f"uploads/{path.name}" not in needed]


def _spoken_of(db: Database, where: str, *parameters: object) -> set[str]:
    """The folders and files directly below `uploads` and `output` that jobs speak of, as told or as what came of them."""
    home, found = settings.home(), set()
    for row in db.execute(f"select params, result from jobs where {where}", parameters):
        for text in (text for column in row if column for text in _texts(json.loads(column))):
            path = Path(text)
            if path.is_absolute() and path.is_relative_to(home):
                parts = path.relative_to(home).parts
                if len(parts) > 1 and parts[0] in ("uploads", "output") and ".." not in parts:
                    found.add("/".join(parts[:2]))
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def own_keys(db: Database, client_id: int) -> list[str]:
    """The names of keys in the keyring that this client's connections use, and no other's."""
    query = """select distinct key_source from connections where client_id = :c and key_source like 'keyring:%'
               and key_source not in (select key_source from connections where client_id != :c)"""
    return [row[0].partition(":")[2] for row in db.execute(query, {"c": client_id})]


def afterwards(db: Database, own: Iterable[str]) -> list[str]:
    """Have the bytes of what was removed, and these keys, be gone; sentences about what is and what is not."""
    told = [_without_key(name) for name in own]
    told.append(overwrite(db))
    home = settings.home()
    left = [one.path for one in backup.remembered(home) if Path(one.path).is_file()]
    if left:
        told.append(f"Backups made before still hold it: {', '.join(left)}.")
    aside = sorted(path.name for path in home.glob(f"{contents.ASIDE}*"))
    if aside:
        told.append(f"So may what restored backups took the place of: {', '.join(aside)}, in the workspace.")
    folder = home / "uploads"
    fresh = len(list(folder.iterdir())) - len(_needed(db, folder)) if folder.is_dir() else 0
    if fresh > 0:
        which = counted(fresh, "file was", "files were")
        told.append(f"{which} uploaded within the last hour and imported by nobody yet: whose, nothing says.")
    told.append("The ledger and the audit trail keep its name, what was paid and who did what.")
    return told


def _needed(db: Database, folder: Path) -> list[Path]:
    needed = {row[0][:12] for row in db.execute("select distinct sha256 from imports")}
    needed |= {path.partition("/")[2] for path in _spoken_of(db, "1")}
    return [path for path in folder.iterdir() if path.name in needed]


def _without_key(name: str) -> str:
    try:
        keyring.delete_password(keys.SERVICE, name)
    except KeyringError:
        return f"The key {name} could not be taken out of this computer's keyring: do it there."
    return f"The key {name} is out of this computer's keyring."


def overwrite(db: Database) -> str:
    """Write the database anew, without the bytes of what was ever deleted from it, and empty the log beside it; a sentence about
    that. It takes as long as copying the database, and as much room on the disk for that time."""
    try:
        db.execute("vacuum")
        if not _log_emptied(db):
            return f"The database's log still holds what was deleted, for somebody reads it just now: once that ends, {LATER}"
    except sqlite3.OperationalError as error:
        why = "the disk has no room to write it anew" if no_room(error) else "somebody else has been writing for long"
        return f"Free pages of the database still hold what was deleted, for {why}: {LATER}"
    return "What the database had freed is overwritten: no byte of it is left there."


def _log_emptied(db: Database) -> bool:
    """Whether the log beside the database could be emptied, while nobody reads what is in it."""
    until, (patience,) = time.monotonic() + PATIENCE_S, db.execute("pragma busy_timeout").fetchone()
    db.execute("pragma busy_timeout = 100")
    try:
        while db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True
    finally:
        db.execute(f"pragma busy_timeout = {patience}")
