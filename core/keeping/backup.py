"""A whole workspace in one ZIP, made while everything goes on: databases as of one moment each, then the files they speak of.

    made = backup(home, Path("F.zip"))        # the file is whole or absent
    newest(home)                              # the newest backup that is still where it was written

Databases are copied page by page by SQLite's own backup, from a transaction that reads: nobody who writes waits, and the copy is of
one moment. Students and images never change once they are there; what vanishes meanwhile was removed by people. Keys, logs and
what a start makes anew are left out (contents.py). `manifest.json`, the last member, lists every file with its size and SHA-256.
Memory does not grow with what is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import psutil
from sqlite_utils import Database

from core import audit, database, settings
from core.errors import InputError, outside
from core.jobs.progress import NoProgress
from core.keeping import contents
from core.whole import whole, write_whole

FORMAT = 1
MANIFEST = "manifest.json"
MEMORY = "backups.json"  # in the workspace, beside the database: where backups were written
REMEMBERED = 20
PAGES = 2000  # of a database, copied at once
CHUNK = 1 << 20
PACKED = {
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".gif",
    ".zip",
    ".xlsx",
    ".parquet",
    ".npz",
    ".safetensors",
    ".gguf",
    ".onnx",
    ".gz",
}
TRIES = 3  # while people remove students meanwhile


@dataclass(frozen=True)
class Backup:
    """A backup: where it is, when it was begun (as core.database.now() writes it), its size in bytes and its files."""

    path: str
    made: str
    bytes: int
    files: int


class _Vanished(Exception):
    """What the copied database speaks of was removed before it could be copied."""


def backup(home: Path, to: Path | None = None, progress: NoProgress | None = None) -> Backup:
    """Back the workspace `home` up to a ZIP, in its folder `backups` unless said otherwise; where it is a folder, in there.

    InputError where there is no workspace, or its database is damaged; what was at `to` then stays.
    """
    progress = progress or NoProgress()
    if not (home / contents.DATABASE).is_file():
        raise InputError("There is no workspace here.", "Name another with UNDERSTUDY_HOME.", where=str(home))
    made = database.now()
    to = _target(home, to, made)
    for attempt in range(TRIES):
        _sweep(to)
        try:
            with whole(to) as aside:
                files = _write(home, aside, made, progress)
                with aside.open("rb+") as written:
                    os.fsync(written.fileno())
            break
        except _Vanished:
            if attempt == TRIES - 1:
                raise InputError(
                    "Students are being removed while the backup is made.", "Try again when that is done."
                ) from None
    result = Backup(str(to), made, to.stat().st_size, files)
    _remember(home, result)
    with closing(database.connect(home / contents.DATABASE)) as db:
        audit.record(db, "backup", what=result.path, detail={"bytes": result.bytes, "files": result.files})
    return result


def backup_job(db: Database, params: dict, progress: NoProgress) -> dict:
    """The job `backup`: params {"to": path or None}."""
    to = params.get("to")
    return asdict(backup(settings.home(), Path(to) if to else None, progress))


def remembered(home: Path) -> list[Backup]:
    """The backups that were made of this workspace, the newest first, also those that are not there any more."""
    try:
        rows = json.loads((home / MEMORY).read_text(encoding="utf-8"))
        return [Backup(**row) for row in rows]
    except (OSError, ValueError, TypeError):
        return []


def newest(home: Path) -> Backup | None:
    """The newest backup that is where it was written; what lies in the folder `backups` is found without its being remembered."""
    known = {one.path: one for one in remembered(home) if Path(one.path).is_file()}
    for path in (home / "backups").glob("*.zip") if (home / "backups").is_dir() else ():
        made = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="microseconds")
        known.setdefault(str(path), Backup(str(path), made, path.stat().st_size, 0))
    return max(known.values(), key=lambda one: one.made, default=None)


def age(made: str) -> float:
    """Seconds since a backup was begun; 0 where the clock was set back meanwhile."""
    return max((datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds(), 0.0)


def _target(home: Path, to: Path | None, made: str) -> Path:
    name = f"understudy-{made[:10]}-{made[11:19].replace(':', '')}.zip"
    to = (home / "backups" if to is None else to.expanduser()).resolve()
    if to == home / "backups" or to.is_dir():
        to = to / name
    if not to.suffix:
        raise InputError(
            "A backup is a ZIP.", "Name a file that ends in .zip, or a folder that is there.", where=str(to)
        )
    to.parent.mkdir(parents=True, exist_ok=True)
    return to


def _sweep(to: Path) -> None:
    """Remove what backups that were killed left beside `to`."""
    for left in to.parent.glob(f".{to.name}.*"):
        found = re.search(r"\.(\d+)\.(?:part|db)(?:-journal|-wal|-shm)?$", left.name)
        if found and not (psutil.pid_exists(int(found[1])) and int(found[1]) != os.getpid()):
            left.unlink(missing_ok=True)


def _write(home: Path, to: Path, made: str, progress: NoProgress) -> int:
    """Write the archive; how many files it holds."""
    files, first_at, folders, applied = [], {}, set(), []
    scratch = to.with_name(to.name.removesuffix(".part") + ".db")
    todo = list(contents.of(home))
    try:
        with zipfile.ZipFile(to, "w", allowZip64=True) as archive:
            for done, one in enumerate(todo):
                progress.check()
                progress(done, len(todo), "Backing up")
                source = home / one.path
                try:
                    if one.database:
                        _copy(source, scratch)
                        source = scratch
                    if one.path == contents.DATABASE:
                        applied, folders = _speaks_of(scratch)
                        folders = {folder for folder in folders if (home / folder).exists()}
                    state = source.stat()
                    same = None if one.database else first_at.get((state.st_dev, state.st_ino))
                    if same is None:
                        files.append({"path": one.path} | _add(archive, one.path, source))
                        first_at[state.st_dev, state.st_ino] = files[-1]
                    else:
                        files.append(same | {"path": one.path, "as": same.get("as", same["path"])})
                except FileNotFoundError:  # removed meanwhile
                    continue
            if any(not any(row["path"].startswith(f"{folder}/") for row in files) for folder in folders):
                raise _Vanished
            manifest = {"format": FORMAT, "made": made, "migrations": applied, "files": files}
            archive.writestr(MANIFEST, json.dumps(manifest, indent=0), zipfile.ZIP_DEFLATED)
    finally:
        for end in ("", "-journal", *contents.BESIDE):
            scratch.with_name(scratch.name + end).unlink(missing_ok=True)
    progress(len(todo), len(todo), "Backing up")
    return len(files)


def _copy(source: Path, target: Path) -> None:
    """A database as it stands at this moment. InputError where it is damaged."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source, timeout=60)) as db, closing(sqlite3.connect(target)) as copy:
        try:
            copy.execute("pragma synchronous = off")
            db.execute("begin")  # held: the copy is of this moment, however long it takes and whoever writes
            db.execute("select count(*) from sqlite_master").fetchone()
            db.backup(copy, pages=PAGES)
            damage = copy.execute("pragma quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            fault = outside(error)
            if fault is None:
                raise
            raise InputError(fault.what, f"No backup was made. {fault.todo}", where=str(source)) from None
        if damage != "ok":
            raise InputError(
                "The database is damaged, so no backup was made of it; earlier ones are as they were.",
                "`python3 run.py check` says more.",
                where=str(source),
            )
        copy.execute("pragma journal_mode = delete")


def _speaks_of(copy: Path) -> tuple[list[str], set[str]]:
    """The steps of the schema that a database has taken, and the folders of its students. InputError for one of before tasks."""
    with closing(sqlite3.connect(copy)) as db:
        applied = [row[0] for row in db.execute("select name from _sqlite_migrations order by name")]
        if database.BEFORE_TASKS in applied:
            raise InputError(
                "This workspace was made by an earlier version of Understudy, in which a client had one job only.",
                "`python3 run.py rescue --to FOLDER` writes what it holds as files.",
            )
        query = "select path from {} where ready = 1"
        return applied, {row[0] for table in ("students", "writers") for row in db.execute(query.format(table))}


def _add(archive: zipfile.ZipFile, name: str, source: Path) -> dict[str, Any]:
    """Stream a file into the archive; its size and SHA-256."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_STORED if Path(name).suffix.lower() in PACKED else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, archive.open(info, "w", force_zip64=True) as out:
        for part in chunks(file):
            digest.update(part)
            out.write(part)
            size += len(part)
    return {"bytes": size, "sha256": digest.hexdigest()}


def chunks(file: BinaryIO) -> Any:
    """What is left of a file, a part at a time."""
    return iter(lambda: file.read(CHUNK), b"")


def _remember(home: Path, made: Backup) -> None:
    """Note where a backup is, in a file of its own: it is looked for when the database cannot be read."""
    others = [one for one in remembered(home) if one.path != made.path]
    write_whole(home / MEMORY, json.dumps([asdict(one) for one in [made, *others][:REMEMBERED]], indent=1))
