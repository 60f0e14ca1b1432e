"""The program killed with -9 in the middle of its work, again and again: what is lost, what is bought twice, what is left broken.

    for kill in killed(counts={"labelling": 14, ...}, seed=1, work=folder): ...

Each kind of work has a workspace of its own. After each kill its databases are checked, what was there before is looked for, and
the money is added up; the next kill meets the program as it was started again, and in the end it finishes.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from core import database, jobs, removal
from tests import small, test_survival
from tests.promised.keeping import backing_up, restoring
from tests.promised.killed import ROOT, Kill, home, labels, unsound
from tests.promised.paid import labelling, serving


def training(kills: int, folder: Path, dice: random.Random) -> Iterator[Kill]:
    """A client taken from files to a verdict, killed at a random word of its progress; no step of its training begins again."""
    with home(folder), closing(database.connect()) as db:
        encoder = small.encoder(folder / "tiny")
        taxonomy, assets = small.files(folder / "files", small.rows(100))
        options = [
            "--taxonomy",
            str(taxonomy),
            "--assets",
            str(assets),
            "--client",
            "Small",
            "--student",
            "transformer",
        ]
        command = [sys.executable, "-c", test_survival.PROGRAM, encoder, "distil", *options, "--json"]
        reached = 0
        for number in range(kills + 1):
            before, last = labels(db), number == kills
            words = 10**6 if last else dice.randrange(2, 60)
            told = _heard(command, words)
            lost = len(before.items() - labels(db).items())
            steps = test_survival.reached(told, "transformer: training")
            broken = unsound(folder) or (f"{lost} labels lost or made again" if lost else "")
            if steps and steps[0] < reached - 1:
                broken = broken or f"trained {reached} steps, and began again at {steps[0]}"
            reached = max([reached, *steps])
            if last:
                # One that died too often without getting further is given up; the next command takes over what it had.
                given_up = [
                    job for job in jobs.recent(db) if job.state == "failed" and job.attempts >= jobs.MAX_CRASHES
                ]
                states = [job.state for job in jobs.recent(db) if job not in given_up]
                count = db.execute("select count(*) from students").fetchone()[0]
                broken = broken or ("" if (states, count) == (["done"], 1) else f"jobs {states}, {count} students")
            yield Kill(
                "training", "in the end" if last else f"at word {len(told)}: {told[-1][0] if told else 'none'}", broken
            )


def _heard(command: list[str], words: int) -> list[tuple[str, int]]:
    """What the command told of its progress until it was killed, after so many words."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    told = []
    for line in process.stderr:
        message, bar, done = line.strip().rpartition("|")
        if bar and done.isdigit():
            told.append((message, int(done)))
            if len(told) >= words:
                process.kill()
    process.wait()
    return told


IMPORTING = """
import sys, time
from pathlib import Path
from core import database, tasks
from core.assets import imports
from core.jobs.progress import NoProgress
class Told(NoProgress):
    def __call__(self, done, total, message="", spent=0.0):
        print(message, done, flush=True)
        time.sleep(0.005)
db = database.connect()
imports.import_assets(db, tasks.get(db, int(sys.argv[1])), Path(sys.argv[2]), progress=Told())
"""


def importing(kills: int, folder: Path, dice: random.Random) -> Iterator[Kill]:
    """A file of assets, killed anywhere: it is in as a whole, or not at all."""
    rows = 4_000
    with home(folder), closing(database.connect()) as db:
        task = small.fill(db, folder / "files", small.rows(40, seed=9))
        _, path = small.files(folder / "large", [row | {"id": f"L{row['id']}"} for row in small.rows(rows)])
        command = [sys.executable, "-c", IMPORTING, str(task.id), str(path)]
        for number in range(kills + 1):
            last = number == kills
            told = _imported(command, 10**6 if last else dice.randrange(25))
            there = db.execute("select count(*), sum(external_id like 'LA%') from assets").fetchone()
            told = db.execute("select count(*), total(imported) from imports").fetchone()
            broken = unsound(folder)
            if there[0] not in (40, 40 + rows) or told[1] != there[0] or (last and there[0] != 40 + rows):
                broken = broken or f"{there[0]} assets, of {told[1]:.0f} that imports tell of"
            left = list((folder / "tmp").glob("import-*"))
            broken = broken or (f"{len(left)} scratch files left" if last and left else "")
            if there[0] == 40 + rows and not last:  # it was in already: once more from the beginning
                removal.undo_import(db, task.client_id, db.execute("select max(id) from imports").fetchone()[0])
            yield Kill(
                "importing", "in the end" if last else f"at word {len(told)}: {told[-1] if told else 'none'}", broken
            )


def _imported(command: list[str], words: int) -> list[str]:
    """Run it until it has told so much of its progress, then kill it; what it told."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    told = []
    for line in process.stdout:
        told.append(line.strip())
        if len(told) > words:
            process.kill()
    process.wait()
    return told


WORK: dict[str, Callable[[int, Path, random.Random], Iterator[Kill]]] = {
    "labelling": labelling, "training": training, "serving": serving, "importing": importing, "restoring": restoring,
    "backing up": backing_up,
}  # fmt: skip
SHARES = {"labelling": 0.28, "training": 0.16, "serving": 0.2, "importing": 0.1, "restoring": 0.16, "backing up": 0.1}


def shared_out(kills: int) -> dict[str, int]:
    """How many kills each kind of work gets."""
    counts = {name: int(kills * SHARES[name]) for name in WORK}
    return counts | {"labelling": counts["labelling"] + kills - sum(counts.values())}


def killed(counts: dict[str, int], seed: int, work: Path) -> Iterator[Kill]:
    """Kill each kind of work so many times, each in a workspace of its own in the folder `work`."""
    for name, count in counts.items():
        if count:
            (work / name).mkdir(parents=True)
            yield from WORK[name](count, work / name / "workspace", random.Random(f"{seed} {name}"))
