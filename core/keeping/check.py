"""Whether a workspace is sound: its databases, and the files of students and images by their digests.

    found = check(home)        # found.problems: a sentence each; found.counts: what was looked at

Only reads.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open

from core import database
from core.errors import InputError
from core.images import kept
from core.jobs.progress import NoProgress
from core.keeping import contents
from core.train import students
from core.words import counted

MOST = 20  # problems of one database that are listed
RETRAIN = "restore it from a backup, or delete it and train it again"


@dataclass
class Found:
    """What a check found: `counts` of databases, students, writers and images looked at, and a sentence a problem."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("databases", "students", "writers", "images"), 0)
    )
    problems: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """In words: what was looked at, then each problem."""
        nouns = {"databases": "database", "students": "student", "writers": "student that writes", "images": "image"}
        plural = {"writers": "students that write"}
        parts = [counted(n, nouns[name], plural.get(name, f"{nouns[name]}s")) for name, n in self.counts.items()]
        looked = f"Looked at {', '.join(parts[:-1])} and {parts[-1]}."
        return [looked, *self.problems] if self.problems else [f"{looked} All is sound."]


def check(home: Path, progress: NoProgress | None = None) -> Found:
    """Look at everything in the workspace `home`. InputError where there is none."""
    progress, found = progress or NoProgress(), Found()
    if not (home / contents.DATABASE).is_file():
        raise InputError("There is no workspace here.", "Name another with UNDERSTUDY_HOME.", where=str(home))
    for one in contents.of(home):
        if one.database:
            progress(0, 0, f"Looking at {one.path}")
            _database(home / one.path, one.path, found)
    if any(problem.startswith(f"{contents.DATABASE} is damaged") for problem in found.problems):
        return found  # what it says of files cannot be relied on
    with closing(sqlite3.connect(home / contents.DATABASE)) as db:
        rows = _rows(db, "students", "id, path", "ready = 1")
        writers = _rows(db, "writers", "id, path", "ready = 1")
        images = _rows(db, "images", "client_id, sha256, format")
    for number, path in rows:
        progress(found.counts["students"], len(rows), "Looking at students")
        found.counts["students"] += 1
        _student(home, number, path, found)
    for number, path in writers:
        found.counts["writers"] += 1
        _writer(home / path, number, found)
    for client_id, sha, format in images:
        progress(found.counts["images"], len(images), "Looking at images")
        found.counts["images"] += 1
        _image(home / "images" / str(client_id) / sha[:2] / f"{sha}.{kept.ENDINGS[format]}", sha, home, found)
    return found


def _rows(db: sqlite3.Connection, table: str, columns: str, where: str = "1") -> list[tuple]:
    """Rows of a table; none where the workspace is older than it."""
    there = db.execute("select 1 from sqlite_master where type = 'table' and name = ?", [table]).fetchone()
    return db.execute(f"select {columns} from {table} where {where}").fetchall() if there else []


def _database(path: Path, name: str, found: Found) -> None:
    found.counts["databases"] += 1
    try:
        with closing(sqlite3.connect(path, timeout=60)) as db:
            said = [row[0] for row in db.execute(f"pragma integrity_check({MOST})")]
            found.problems += [f"{name} is damaged: {' '.join(line.split())}." for line in said if line != "ok"]
            for table, row, parent, _ in db.execute("pragma foreign_key_check").fetchmany(MOST):
                found.problems.append(f"{name}: row {row} of {table} is about a row of {parent} that is not there.")
            if name == contents.DATABASE and said == ["ok"] and (newer := database.newer_steps(db)):
                found.problems.append(
                    f"{name} was used with a newer version of Understudy ({', '.join(newer)}): update this one."
                )
    except sqlite3.DatabaseError as error:
        found.problems.append(f"{name} is damaged: {error}.")


def _student(home: Path, number: int, path: str, found: Found) -> None:
    try:
        students.config_of(home / path)
    except InputError as error:
        found.problems.append(f"Student {number}: {error.what} {RETRAIN[0].upper()}{RETRAIN[1:]}.")


def _writer(folder: Path, number: int, found: Found) -> None:
    """JSON that can be read and tables that are as long as they say; nothing lists digests of a student that writes."""
    whole = folder.is_dir()
    try:
        for file in sorted(folder.rglob("*.json")) if whole else ():
            json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.rglob("*.safetensors")) if whole else ():
            with safe_open(file, "np") as tables:
                tables.keys()
    except (OSError, ValueError, SafetensorError):
        whole = False
    if not whole:
        found.problems.append(f"Student {number}, which writes: its files are damaged or missing; {RETRAIN}.")


def _image(path: Path, sha: str, home: Path, found: Found) -> None:
    try:
        with path.open("rb") as file:
            sound = hashlib.file_digest(file, "sha256").hexdigest() == sha
    except OSError:
        sound = False
    if not sound:
        found.problems.append(
            f"The image {path.relative_to(home).as_posix()} is damaged or missing; restore a backup, or import it again."
        )
