"""Bad files brought to every door, each in a process of its own that is watched: what it said, what it took, what it left behind.

for one in tried(doors, files, home): ...      # one Tried a door and file
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import sqlite3
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core import database
from core.errors import outside
from tests.promised.bad_files import Bad
from tests.promised.doors import DOORS

MOST_MEGABYTES = 2000  # of memory, at any moment
MOST_SECONDS = 90
KEPT = ("images", "served_")  # tables that hold what was looked at, whatever comes of a file


@dataclass(frozen=True)
class Tried:
    """What came of one file at one door. `said`: the refusal's sentence, "" where it was taken; `broken`: what broke the promise,
    "" where nothing did."""

    door: str
    kind: str
    file: str
    said: str
    broken: str
    megabytes: float
    seconds: float


def tried(doors: Iterable[str], files: Iterable[Bad], home: Path, work: Path) -> Iterator[Tried]:
    """Bring every file to every door of a copy of the workspace `home` (tests/promised/doors.py makes it)."""
    doors = list(doors)
    for bad in files:
        for door in doors:
            yield one(door, bad, home, work)
        removed(bad)


def removed(bad: Bad) -> None:
    """Take a made file away."""
    if bad.path.is_dir() and not bad.path.is_symlink():
        bad.path.rmdir()
    else:
        bad.path.unlink(missing_ok=True)


def one(door: str, bad: Bad, home: Path, work: Path) -> Tried:
    """One file at one door, in a process of its own."""
    copy = work / "workspace"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy, copy_function=_linked)
    told, began = work / "told.json", time.monotonic()
    told.unlink(missing_ok=True)
    before = _before(home)
    child = os.fork()
    if child == 0:
        _behave(door, bad.path, copy, before, told)
    ended, status, used = _waited(child)
    seconds, megabytes = time.monotonic() - began, used.ru_maxrss / 1024 if used else 0.0
    said, broken = "", ""
    if not ended:
        broken = f"no answer within {MOST_SECONDS} s"
    elif not told.exists():
        broken = f"the process died ({status})"
    else:
        answer = json.loads(told.read_text())
        said, broken = answer["said"], answer["broken"]
    if megabytes > MOST_MEGABYTES:
        broken = broken or f"{megabytes:,.0f} MB of memory"
    return Tried(door, bad.kind, bad.path.name, said, broken, megabytes, seconds)


def _linked(source: str, target: str) -> None:
    """A file that is never written again as a link, a database as a copy."""
    (shutil.copyfile if ".db" in Path(source).name else os.link)(source, target)


def _waited(child: int) -> tuple[bool, int, resource.struct_rusage | None]:
    """Whether the child ended by itself, how, and what it used."""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        found, status, used = os.wait4(child, os.WNOHANG)
        if found:
            return True, status, used
        time.sleep(0.005)
    os.kill(child, 9)
    os.wait4(child, 0)
    return False, 9, None


def _behave(door: str, path: Path, home: Path, before: dict[str, str], told: Path) -> None:
    """The child: open the workspace, in which so much is, bring the file, say what came of it; never returns."""
    said = broken = ""
    try:
        os.environ["UNDERSTUDY_HOME"] = str(home)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        with closing(database.connect()) as db:
            try:
                rows = DOORS[door](db, path)
            except Exception as error:
                fault = outside(error)
                if fault is None:
                    broken = f"{type(error).__name__}: {error} | {_place(error)}"
                else:
                    said, broken = str(fault), _fit(str(fault))
                db.conn.rollback()
                changed = [name for name, held in contents(db.conn).items() if before.get(name) != held]
                if changed:
                    broken = broken or f"refused, and yet written: {', '.join(changed)}"
            else:
                if rows and rows[0] > rows[1]:
                    broken = f"{rows[0]} rows in, {rows[1]} accounted for"
                if db.execute("pragma integrity_check").fetchone()[0] != "ok":
                    broken = "the database is damaged"
    except BaseException as error:
        broken = f"{type(error).__name__}: {error} | {_place(error)}"
    told.write_text(json.dumps({"said": said, "broken": broken[:600]}))
    os._exit(0)


def _place(error: BaseException) -> str:
    last = [frame for frame in traceback.extract_tb(error.__traceback__) if "/core/" in frame.filename]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in last[-3:])


def _fit(sentence: str) -> str:
    """What is wrong with a sentence for a person; "" where nothing is."""
    if "Traceback" in sentence or 'File "' in sentence:
        return f"a traceback: {sentence[:200]}"
    if len(sentence) > 2000:
        return f"a sentence of {len(sentence):,} characters"
    if any(ord(one) < 32 for one in sentence.replace("\n", " ").replace("\t", " ")):
        return f"control characters in a sentence: {sentence[:200]!r}"
    return "" if sentence.strip() else "no sentence"


@cache
def _before(home: Path) -> dict[str, str]:
    """What every copy of the workspace holds."""
    with closing(sqlite3.connect(home / "understudy.db")) as db:
        return contents(db)


def contents(db: sqlite3.Connection) -> dict[str, str]:
    """A hash of every table's rows, but for those that keep what was looked at and the list of jobs."""
    names = [
        name
        for (name,) in db.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    ]
    held = {}
    for name in names:
        if not name.startswith((*KEPT, "jobs")):
            digest = hashlib.sha256()
            for row in db.execute(f'select * from "{name}"'):
                digest.update(repr(row).encode("utf-8", "surrogatepass"))
            held[name] = digest.hexdigest()
    return held
