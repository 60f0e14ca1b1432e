"""A task that writes as large as one gets: 2,600 pairs, 100,000 drafts, a blind test of 300 pairs; nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path

from sqlite_utils import Database

from core import tasks
from core.database import now
from core.tasks import Task
from core.write import blind, pairs
from tests.write import copy, drafted

PAIRS, DRAFTS, DECIDED, JUDGED = 2_600, 100_000, 2_000, 120
EXAMPLE = {
    "brief": "Alder, soap for town number 7",
    "text": "Clean hands and a calm mind. Alder.",
    "passed": True,
    "why": "",
}
FIGURES = {
    "briefs": 300,
    "handled": {"value": 0.95, "low": 0.92, "high": 0.97, "n": 300},
    "after_gates": drafted.SHARES | {"near_copies": 0.003, "recall_at_10": 0.677, "distinct_2": 0.839, "n": 285},
    "human": drafted.SHARES
    | {"near_copies": 0.013, "recall_at_10": 0.533, "distinct_2": 0.907, "n": 300, "passed": 0.953},
    "shuffled": drafted.SHARES | {"near_copies": 0.007, "recall_at_10": 0.097, "n": 300, "passed": 0.87},
    "stops": {"length": 0.04, "numbers and dates": 0.09, "copied": 0.02, "about the brief": 0.06},
    "human_stops": {"length": 0.01, "numbers and dates": 0.02, "copied": 0.012},
    "seconds_per_brief": {"p50": 1.7, "p95": 2.3},
    "peak_gb": 2.4,
    "examples": [EXAMPLE] * 20,
    "licence": "Apache-2.0",
}


def made(db: Database, folder: Path) -> Task:
    """The task, made once in the workspace; its files lie in `folder`."""
    there = db.execute("select id from tasks where kind = 'write'").fetchone()
    if there:
        return tasks.get(db, there[0])
    client = db.execute("select id from clients order by id limit 1").fetchone()
    task = tasks.add(db, client[0], "Slogans", "write") if client else drafted.task(db, folder, PAIRS)
    if client:
        path = copy.file(folder, copy.pairs(PAIRS))
        pairs.import_pairs(db, task, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    writers = [drafted.writer(db, task, live=n == 2, **FIGURES) for n in range(3)]
    moment = now()
    db["drafts"].insert_all(
        {
            "task_id": task.id, "writer_id": writers[-1], "author": "student", "brief": f"Brief number {n // 3}", "place": n % 3,
            "seed": 0, "text": f"Line {n} that says what brief number {n // 3} is about.", "passed": int(n % 9 > 0),
            "gates": json.dumps([{"name": "length", "passed": n % 9 > 0, "why": ""}]), "created": moment,
        }
        for n in range(DRAFTS)
    )  # fmt: skip
    chosen = [row[0] for row in db.execute("select id from drafts where passed = 1 limit ?", [DECIDED]).fetchall()]
    db["draft_decisions"].insert_all(
        {
            "draft_id": id, "decision": ("approved", "edited", "rejected")[n % 3], "text": f"Line {n}", "kept": 0.8,
            "reviewer": "Ana", "created": f"2026-{1 + n % 11:02d}-15T10:00:00",
        }
        for n, id in enumerate(chosen)
    )  # fmt: skip
    drafted.compared(db, task, writers[-1], 300)
    for n in range(JUDGED):
        item = blind.next_item(db, task, writers[-1], "Ana")
        blind.answer(db, item.id, "Ana", blind.ANSWERS[n % 4], 9.0)
    db.conn.commit()
    return task
