"""Labelling in a process of its own that is killed with -9 at random moments, again and again, and what that costs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from core import tasks, taxonomy
from core.label import labelling, looking, runs
from core.tasks import Task
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.images import clients
from tests.wires.servers import Call, Server, steady

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from core import database, tasks
from core.label import labelling
db = database.connect()
facets = [tasks.get(db, int(id)) for id in sys.argv[1:]]
labelling.label_together(db, facets, "connection:Local", budget_usd=50.0)
"""
CONCURRENCY = 8


@dataclass
class Kill:
    """One kill: labels on disk after it, calls that were open then, labels lost of those there before."""

    after_s: float
    labels: int
    open_calls: int
    lost: int


@dataclass
class Killed:
    """All kills, and in the end: labels, answers the server gave an asset beyond the first, what was spent and billed."""

    kills: list[Kill]
    labels: int
    twice: int
    spent: float
    billed: float

    @property
    def open_calls(self) -> int:
        return sum(kill.open_calls for kill in self.kills)


def kill_again_and_again(
    db: Database, folder: Path, kills: int, assets: int, seed: int = 1, facets: int = 1, images: bool = False
) -> Killed:
    """Kill the labelling of `assets` assets (by `facets` facets together, with `images` looked at) `kills` times, then let it
    finish."""
    dice, answered = random.Random(seed), Counter()

    def script(call: Call) -> str:
        answered.update(call.texts)
        return steady(call)

    with Server(script, latency=0.05, keep_calls=False) as server:
        client = small.fill(db, folder, small.rows(assets))
        params = Params(concurrency=CONCURRENCY, price=OwnPrice(1.0, 4.0), takes_images=images)
        connections.save(db, client.client_id, "Local", "openai", "model-of-mine", base_url=server.url, params=params)
        if images:
            clients.give(db, client.client_id)
            looking.choose(db, client.client_id, "connection:Local", True)
        asked = [client, *(_further(db, client, number) for number in range(1, facets))]
        found = [_kill(db, server, asked, dice.uniform(0, 0.5)) for _ in range(kills)]
        made = labelling.label_together(db, asked, "connection:Local", budget_usd=50.0)
        figures = [runs.summary(db, run) for run in made]
        billed = (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6
    twice = sum(n - 1 for n in answered.values())
    labels, spent = (sum(one[name] for one in figures) for name in ("count", "spent_usd"))
    return Killed(found, labels, twice, spent, billed)


def _further(db: Database, client: Task, number: int) -> Task:
    """One more facet of the client."""
    task = tasks.add(db, client.client_id, f"Facet {number}")
    taxonomy.save(db, task, [taxonomy.Category(label=one, name=one) for one in ("Yes", "No", "Maybe")], "facet.csv")
    return task


def _kill(db: Database, server: Server, facets: list[Task], after_s: float) -> Kill:
    """Start it, and kill it so many seconds after its first call arrived."""
    before, asked = _labels(db), sum(server.asked.values())
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *(str(task.id) for task in facets)], cwd=ROOT, env=os.environ.copy()
    )
    while sum(server.asked.values()) == asked and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after_s)
    process.kill()
    process.wait()
    now = _labels(db)
    open_calls = db.execute("select count(*) from calls where state = 'open'").fetchone()[0]
    return Kill(after_s, len(now), open_calls, len(before.items() - now.items()))


def _labels(db: Database) -> dict[tuple[int, int], tuple]:
    rows = db.execute("select run_id, asset_id, category_id, created from labels where category_id is not null")
    return {row[:2]: row[2:] for row in rows}
