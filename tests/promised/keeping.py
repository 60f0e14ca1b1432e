"""Backup and restore killed with -9 at any step they take in the file system: an archive is whole or absent, a workspace the old
one or the new one.

Each runs as its command, in a process of its own that kills itself before one of its steps (a file opened, made, renamed or
removed, a database opened); which one is dealt, of all that an undisturbed run takes.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core import database, jobs
from core.errors import InputError
from core.keeping import contents as kept
from core.keeping.backup import backup
from core.keeping.check import check
from core.keeping.restore import restore
from core.swap import NOTE
from core.watch import served
from tests import small
from tests.promised.files import contents
from tests.promised.killed import ROOT, Kill, home, unsound

# The command line, killed before its step of the number given: a step is whatever touches a file below a folder.
COMMAND = """
import os, signal, sys
from core import __main__ as cli
below, left, steps = sys.argv.pop(1), int(sys.argv.pop(1)), 0
touches = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "sqlite3.connect"}
def seen(event, args):
    global steps
    if event in touches and any(below in os.fsdecode(one) for one in args if isinstance(one, str | bytes | os.PathLike)):
        if steps == left:
            print(f"{steps}|{event}", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
sys.addaudithook(seen)
status = cli.main(sys.argv[1:])
print(f"{steps}|the end", file=sys.stderr, flush=True)
sys.exit(status)
"""
NEVER = 10**9
NOTED = ("audit_trail", "removals")  # tables in which a restore, and the writer of these trials, writes


def _command(below: Path, before: int, *line: str) -> tuple[int, str, int]:
    """Run a command, killed before so many steps; the step it came to, what that was, and the exit status."""
    command = [sys.executable, "-c", COMMAND, str(below), str(before), *line]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    step, _, what = done.stderr.strip().rpartition("\n")[2].partition("|")
    if not step.isdigit():
        raise RuntimeError(f"{line[0]} ended with {done.returncode}: {done.stderr[-500:]}")
    return int(step), what, done.returncode


def _fill(folder: Path, client: str, seed: int) -> None:
    """A workspace with a client, a student, and an answer that was served."""
    with home(folder), closing(database.connect()) as db:
        task = small.fill(db, folder.parent / f"files {client}", small.rows(120, seed=seed), client)
        run = jobs.run_here(db, "label", {"task_id": task.id, "teacher": "recorded:label"}, task).result["run_id"]
        jobs.run_here(db, "train", {"task_id": task.id, "run_id": run, "kind": "linear", "target": 0.7}, task)
        text = f"served to {client}"
        row = served.Row(
            1.0, task.id, 1, served.hash_of(text), "Sale", 0.9, True, False, "student", 0.0, 0.0, "live", text
        )
        with closing(served.answers(task.client_id)) as file:
            served.write(file, [row])


def _held(folder: Path) -> dict[str, object]:
    """What a workspace holds: a hash of every file that is kept, and of every table of its databases but for what is noted."""
    found: dict[str, object] = {}
    for one in kept.of(folder):
        if one.database:
            with closing(sqlite3.connect(folder / one.path)) as db:
                told = contents(db)
            found[one.path] = {name: rows for name, rows in told.items() if name not in NOTED}
        else:
            found[one.path] = hashlib.sha256((folder / one.path).read_bytes()).hexdigest()
    return found


# --- restoring --------------------------------------------------------------------------------------------------------


def restoring(kills: int, folder: Path, dice: random.Random) -> Iterator[Kill]:
    """Two workspaces take each other's place, each from its backup: after a kill it is one or the other as a whole, and the one
    that had to go lies beside it as a whole."""
    wholes, archives = [], []
    for seed, client in enumerate(("Northwind", "Southgate")):
        made, archive = folder.with_name(client), folder.with_name(f"{client}.zip")
        _fill(made, client, seed)
        archives.append(Path(backup(made, archive).path))
        wholes.append(_held(made))
    folder.mkdir()
    with home(folder):
        restore(archives[0], folder)
        there, steps = 0, NEVER
        for number in range(kills + 2):  # the first tells how many steps there are
            last = number > kills
            before = NEVER if last or steps == NEVER else dice.randrange(steps)
            step, what, _ = _command(folder, before, "restore", "--from", str(archives[1 - there]))
            database.connect().close()  # a start: it goes on with a restore that was cut off
            now = _held(folder)
            beside = [_held(path) for path in folder.glob(f"{kept.ASIDE}*")]
            broken = unsound(folder) or ("" if now in wholes else "neither the old workspace nor the new one")
            if not broken and now == wholes[1 - there]:
                broken = "" if beside == [wholes[there]] else "the workspace before is not kept aside as a whole"
                there = 1 - there
            elif not broken and (last or before == NEVER):
                broken = "not put back, though nothing killed it"
            left = [path.name for path in folder.iterdir() if path.name.startswith(".ready-") or path.name == NOTE]
            broken = broken or (f"left behind: {left}" if left and (last or NOTE in left) else "")
            for path in folder.glob(f"{kept.ASIDE}*"):
                shutil.rmtree(path)
            steps = step if before == NEVER else steps
            yield Kill("restoring", _when(step, what, before), broken)


def _when(step: int, what: str, before: int) -> str:
    return "not killed" if before == NEVER else f"at step {step}: {what}"


# --- backing up -------------------------------------------------------------------------------------------------------


def backing_up(kills: int, folder: Path, dice: random.Random) -> Iterator[Kill]:
    """Backups one over the other while somebody writes: after a kill the archive is the one before or the new one, each whole
    and of one moment, and nothing that was written is lost."""
    _fill(folder, "Northwind", 0)
    archive, whole = folder.with_name("B.zip"), _held(folder)
    with home(folder), _writer() as wrote:
        steps, earlier = NEVER, ""
        for number in range(kills + 2):  # the first tells how many steps there are
            last = number > kills
            before = NEVER if last or steps == NEVER else dice.randrange(steps)
            step, what, _ = _command(folder.parent, before, "backup", "--to", str(archive))
            promised = len(wrote)
            broken = unsound(folder) or _written(folder, promised)
            now = hashlib.sha256(archive.read_bytes()).hexdigest()
            if now != earlier:
                broken = broken or _put_back(archive, folder.with_name("elsewhere"), whole)
            elif before == NEVER:
                broken = broken or "no backup, though nothing killed it"
            left = [path.name for path in folder.parent.glob(f".{archive.name}.*")] if before == NEVER else []
            steps, earlier = step if before == NEVER else steps, now
            yield Kill("backing up", _when(step, what, before), broken or (f"left behind: {left}" if left else ""))


@contextmanager
def _writer() -> Iterator[list[int]]:
    """Somebody who writes pairs of rows all the while; the list grows by the number of each pair that is written."""
    over, wrote = threading.Event(), []

    def write() -> None:
        rows = "insert into removals (client_id, kind, number, name, what, created) values (1, ?, ?, '', '', '')"
        with closing(database.connect()) as db:
            while not over.wait(0.01):
                with db.atomic():
                    for side in ("left", "right"):
                        db.execute(rows, [side, len(wrote)])
                wrote.append(len(wrote))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield wrote
    finally:
        over.set()
        writer.join()


def _written(folder: Path, promised: int) -> str:
    """What is wrong with the pairs in a workspace of which so many at least were written."""
    with closing(sqlite3.connect(folder / kept.DATABASE)) as db:
        left, right = db.execute("select total(kind = 'left'), total(kind = 'right') from removals").fetchone()
    if left != right:
        return f"half a pair: {left:.0f} and {right:.0f}"
    return "" if left >= promised else f"{left:.0f} pairs of {promised} that were written"


def _put_back(archive: Path, elsewhere: Path, whole: dict[str, object]) -> str:
    """What is wrong with an archive of that workspace: put back elsewhere it is looked over."""
    shutil.rmtree(elsewhere, ignore_errors=True)
    try:
        restore(archive, elsewhere)
    except InputError as error:
        return f"the archive cannot be put back: {error}"
    problems = check(elsewhere).problems
    broken = problems[0] if problems else _written(elsewhere, 0)
    return broken or ("" if _held(elsewhere) == whole else "what was put back is not what was there")
