"""What of a workspace is kept: its databases, and every file but those that hold keys, that a start makes anew, or that tell of
the moment only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.swap import NOTE

DATABASE = "understudy.db"
# Logs may name what was removed since; encoders are made of the packaged ones; locks, owners and tmp are of running processes.
NOT_KEPT = {
    "logs",
    "owners",
    "locks",
    "tmp",
    "encoders",
    "backups",
    ".streamlit",
    "reserve",
    "worker.json",
    "backups.json",
    NOTE,
}
ASIDE = "before-restore-"  # a workspace that a restored one took the place of: this and its date
HEAD = b"SQLite format 3\0"
BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database


@dataclass(frozen=True)
class Kept:
    """A file of a workspace: its path within, with slashes; whether it is a database of SQLite's."""

    path: str
    database: bool


def of(home: Path) -> Iterator[Kept]:
    """The files that are kept, databases first: what is in one refers to files, not the other way round."""
    found = [Kept(path, _is_database(home / path)) for path in _paths(home, home)]
    yield from sorted(found, key=lambda one: (one.path != DATABASE, not one.database, one.path))


def _paths(home: Path, folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = Path(entry.path).relative_to(home).as_posix()
            if entry.is_symlink() or not_kept(path):
                continue
            if entry.is_dir():
                yield from _paths(home, Path(entry.path))
            elif entry.is_file():
                yield path


def not_kept(path: str) -> bool:
    """Whether a path within a workspace is left out."""
    first, last = path.split("/")[0], path.split("/")[-1]
    beside = tuple(f"{end}{more}" for end in (".db", ".sqlite") for more in BESIDE)
    return (
        first in NOT_KEPT
        or first.startswith(ASIDE)
        or last == "secrets.toml"
        or last.startswith(".")
        or last.endswith((".lock", *beside))
    )


def _is_database(path: Path) -> bool:
    if path.suffix not in (".db", ".sqlite"):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(HEAD)) == HEAD or path.name == DATABASE
    except OSError:
        return False
