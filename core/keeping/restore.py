"""A backup put back: everything in it is verified before anything is replaced, and the workspace that was there is kept aside.

    restored = restore(Path("F.zip"), home)

An archive is not trusted. Its names must be plain paths below the workspace that its manifest lists, each once; no more bytes are
written than the manifest says, and these must fit on the disk; every file must have the digest that the manifest lists, databases
must be sound and no newer than this program. Killed before the change, the workspace is as it
was; killed within it, the next start goes on (core/swap.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from core import audit, database
from core.errors import InputError
from core.images.sources import DAMAGED, of_content
from core.jobs.progress import NoProgress
from core.keeping import contents
from core.keeping.backup import FORMAT, MANIFEST, chunks
from core.keeping.check import check
from core.swap import NOTE, finish, swap

MOST_MANIFEST = 256 << 20  # bytes
SPARE = 64 << 20  # bytes that are to stay free on the disk
STAYS = {"logs", "owners", "locks", "encoders", "backups", "backups.json", "reserve", "worker.json", "secrets.toml"}
NO_BACKUP = "This is no backup of Understudy, or it is damaged."
TODO = "Nothing was replaced: take another backup."


@dataclass(frozen=True)
class Restored:
    """What was put back: when the backup was made, how many files and bytes, and where the workspace before is kept (None: there
    was none)."""

    made: str
    files: int
    bytes: int
    aside: str | None


def restore(source: Path, home: Path, progress: NoProgress | None = None) -> Restored:
    """Put the backup `source` in the place of the workspace `home`. InputError, and nothing replaced, where the backup is not whole
    or of a newer version, the disk has no room, or the workspace is in use."""
    progress = progress or NoProgress()
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        finish(home)
        _sweep(home)
        ready = home / f".ready-{os.getpid()}"
        try:
            with _opened(source) as archive:
                manifest = _manifest(archive, source)
                rows = _listed(archive, manifest, source)
                _must_fit(rows, home)
                ready.mkdir()
                for done, row in enumerate(rows):
                    progress.check()
                    progress(done, len(rows), "Reading the backup")
                    _extract(archive, row, ready, source)
            _must_be_sound(ready, source, progress)
        except BaseException:
            shutil.rmtree(ready, ignore_errors=True)
            raise
        aside = _free(home / f"{contents.ASIDE}{database.now()[:19].replace(':', '')}")
        _must_be_unused(home)
        left = {
            path.name for path in home.iterdir() if path.name.endswith(".lock") or path.name.startswith(contents.ASIDE)
        }
        swap(home, ready, aside, STAYS | left)
        if not any(aside.iterdir()):
            aside.rmdir()
        with closing(database.connect(home / contents.DATABASE)) as db:
            audit.record(db, "restore", what=str(source), detail={"made": manifest["made"], "aside": aside.name})
    return Restored(
        manifest["made"], len(rows), sum(row["bytes"] for row in rows), str(aside) if aside.exists() else None
    )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """No worker is at work, and no other restore. InputError where one is."""
    lock = FileLock(home / "worker.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            "Understudy is running on this workspace; nothing was replaced.",
            "End it (Ctrl-C where it runs), then restore.",
            where=str(home),
        ) from None
    try:
        yield
    finally:
        lock.release()


def _must_be_unused(home: Path) -> None:
    """InputError where another program has one of the databases open: it would write into files that are no longer the workspace's.
    SQLite tells: a database leaves its WAL mode only for whoever is alone with it. One that is damaged is in nobody's use."""
    for one in contents.of(home):
        if not one.database:
            continue
        try:
            with closing(sqlite3.connect(home / one.path, timeout=2)) as db:
                db.execute("pragma journal_mode = delete").fetchone()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise InputError(
                    "A program has this workspace open; nothing was replaced.",
                    "End the dashboard and every `serve` on it, then restore.",
                    where=str(home),
                ) from None


def _sweep(home: Path) -> None:
    """Remove what restores that were killed had read."""
    for left in home.glob(".ready-*"):
        number = left.name.rpartition("-")[2]
        if not (number.isdigit() and psutil.pid_exists(int(number)) and int(number) != os.getpid()):
            shutil.rmtree(left, ignore_errors=True)
    for left in home.glob(f".{NOTE}.*.part"):
        left.unlink(missing_ok=True)


@contextmanager
def _opened(source: Path) -> Iterator[zipfile.ZipFile]:
    if not source.is_file():  # a folder, or a pipe that would be waited for
        raise InputError("There is no such file.", "Check the path.", where=str(source))
    try:
        with zipfile.ZipFile(source) as archive:
            yield archive
    except OSError as error:
        if not of_content(error):
            raise
        raise InputError(NO_BACKUP, TODO, where=str(source)) from None
    except DAMAGED:
        raise InputError(NO_BACKUP, TODO, where=str(source)) from None


def _manifest(archive: zipfile.ZipFile, source: Path) -> dict:
    """What the archive says it holds. InputError where it says nothing, or comes from a newer version."""
    if archive.getinfo(MANIFEST).file_size > MOST_MANIFEST:
        raise InputError(NO_BACKUP, TODO, where=str(source))
    try:
        with archive.open(MANIFEST) as file:
            manifest = json.loads(file.read(MOST_MANIFEST))
        newer = manifest["format"] > FORMAT or database.unknown_steps(manifest["migrations"])
        sound = isinstance(manifest["made"], str) and isinstance(manifest["files"], list)
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = newer = False
    if newer:
        raise InputError(
            "This backup was made by a newer version of Understudy.",
            "Update this one, then restore; nothing was replaced.",
            where=str(source),
        )
    if not sound:
        raise InputError(NO_BACKUP, TODO, where=str(source))
    return manifest


def _listed(archive: zipfile.ZipFile, manifest: dict, source: Path) -> list[dict]:
    """The manifest's rows. InputError where one is no file below a workspace, or archive and manifest do not hold the same."""
    rows, members = manifest["files"], archive.infolist()
    sizes = {info.filename: info.file_size for info in members}
    own = [row for row in rows if isinstance(row, dict) and "as" not in row]
    sound = (
        all(isinstance(row, dict) and _plain(row) for row in rows)
        and len({row["path"] for row in rows}) == len(rows)
        and len(sizes) == len(members) == len(own) + 1
        and all(sizes.get(row["path"]) == row["bytes"] for row in own)
    )
    paths = {row["path"] for row in own} if sound else set()
    if not sound or any(row["as"] not in paths for row in rows if "as" in row) or contents.DATABASE not in paths:
        raise InputError(
            "What is in this archive is not what its list says, or would not stay in the workspace.",
            TODO,
            where=str(source),
        )
    return [*own, *(row for row in rows if "as" in row)]


def _plain(row: dict) -> bool:
    """Whether a row names a file below the workspace that a backup may hold, on any system, with its size and digest."""
    path, size, digest = row.get("path"), row.get("bytes"), row.get("sha256")
    if not (isinstance(path, str) and type(size) is int and size >= 0 and isinstance(digest, str)):
        return False
    parts = path.split("/")
    return (
        bool(re.fullmatch("[0-9a-f]{64}", digest))
        and len(path) < 1000
        and path.isprintable()
        and "\\" not in path
        and ":" not in parts[0]
        and all(part not in ("", ".", "..") for part in parts)
        and not contents.not_kept(path)
    )


def _must_fit(rows: list[dict], home: Path) -> None:
    needed, free = sum(row["bytes"] for row in rows if "as" not in row), shutil.disk_usage(home).free
    if needed + SPARE > free:
        raise InputError(
            f"The backup needs {needed / 1e6:,.0f} MB and the disk has {free / 1e6:,.0f} MB free; nothing was replaced.",
            "Make room, or name a workspace on another disk with --to.",
            where=str(home),
        )


def _extract(archive: zipfile.ZipFile, row: dict, ready: Path, source: Path) -> None:
    """Write one file, no more bytes than its row says. InputError where it is not what was backed up."""
    to = ready / row["path"]
    to.parent.mkdir(parents=True, exist_ok=True)
    if "as" in row:
        try:
            os.link(ready / row["as"], to)
        except OSError:
            shutil.copyfile(ready / row["as"], to)
        return
    digest, size = hashlib.sha256(), 0
    with archive.open(row["path"]) as file, to.open("xb") as out:
        for part in chunks(file):
            size += len(part)
            if size > row["bytes"]:
                break
            digest.update(part)
            out.write(part)
        out.flush()
        os.fsync(out.fileno())
    if size != row["bytes"] or digest.hexdigest() != row["sha256"]:
        raise InputError(f"The backup is damaged: {row['path']} is not what it was.", TODO, where=str(source))


def _must_be_sound(ready: Path, source: Path, progress: NoProgress) -> None:
    """InputError where a database of the backup is damaged: that cannot come of the way here, its bytes are what they were."""
    damaged = [problem for problem in check(ready, progress).problems if " is damaged: " in problem]
    if damaged:
        raise InputError(f"The backup holds a database that is damaged. {damaged[0]}", TODO, where=str(source))


def _free(path: Path) -> Path:
    """A name that nothing has yet."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found
