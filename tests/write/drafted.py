"""A student that writes with a blind test, as rows: nothing is trained."""

from __future__ import annotations

import json

from core import settings, tasks
from core.database import client_id, now
from core.encoders.encoder import encoder
from core.tasks import Task
from core.write import blind_pairs, known, pairs, training
from tests.write import copy

SHARES = {"near_copies": 0.0, "recall_at_10": 0.6, "distinct_2": 0.9, "unique": 1.0, "n": 100, "passed": 1.0}
FIGURES = {
    "briefs": 100,
    "handled": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 100},
    "after_gates": SHARES,
    "human": SHARES,
    "shuffled": SHARES | {"recall_at_10": 0.1},
    "stops": {},
    "human_stops": {},
    "rouge": None,
    "seconds_per_brief": {"p50": 0.1, "p95": 0.2},
    "peak_gb": 0.5,
}


def task(db, folder, count: int = 240) -> Task:
    """A task that writes, with pairs."""
    made = tasks.add(db, client_id(db, "Northwind"), "Slogans", "write")
    path = copy.file(folder, copy.pairs(count))
    pairs.import_pairs(db, made, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    return made


def writer(db, task: Task, live: bool = True, **figures) -> int:
    """A student whose figures rule nothing out; its id."""
    params = json.dumps({"data": "d", "train": 180, "base": "b"})
    row = {"task_id": task.id, "kind": "write", "params": params, "path": "writers/1", "live": int(live), "ready": 1}
    row |= {"train_seconds": 1.0, "size_mb": 1.0, "figures": json.dumps(FIGURES | figures), "created": now()}
    return db["writers"].insert(row).last_pk


def retrieving(db, task: Task, live: bool = True, count: int = 60, **config) -> int:
    """A student that retrieves, with its files, so that it can write; its id."""
    found = writer(db, task, live=False)
    folder = settings.home() / "writers" / str(found)
    folder.mkdir(parents=True)
    there = [(row["brief"], row["copy"]) for row in copy.pairs(count, seed=found)]
    known.of(there, [], encoder(), frozenset()).save(folder)
    config = {"kind": "retrieve", "base": None, "guide": {}} | config
    (folder / "config.json").write_text(json.dumps(config))
    db["writers"].update(found, {"kind": "retrieve", "path": f"writers/{found}"})
    if live:
        training.LIVE.set_live(db, found)
    return found


def compared(db, task: Task, writer_id: int, count: int, seed: int = 0, brief: str = "{brief}") -> None:
    """A blind test of so many pairs; the draft of a brief is "Draft: " and the brief."""
    there = pairs.load(db, task)[:count]
    assert len(there) == count
    there = [pairs.Pair(**{**vars(one), "brief": brief.format(brief=one.brief)}) for one in there]
    blind_pairs.put(db, task, writer_id, [(one, f"Draft: {one.brief}") for one in there], seed)


def draft(db, task: Task, writer_id: int | None, text: str, brief: str = "A brief", author: str = "student") -> int:
    """A draft that passed the gates; its id."""
    row = {"task_id": task.id, "writer_id": writer_id, "author": author, "brief": brief, "place": 0, "seed": 0}
    return db["drafts"].insert(row | {"text": text, "passed": 1, "gates": "[]", "created": now()}).last_pk
