"""A student that writes with a blind test, as rows: nothing is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from core import settings, tasks
from core.database import client_id, now
from core.encoders.encoder import encoder
from core.tasks import Task
from core.write import blind_pairs, drafting, known, language, pairs, training, tuning
from core.write.guide import Guide, Span
from core.write.rungs import write as writing
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


def learned(folder: Path) -> Path:
    """The folder of a model that has learned a little, made in `folder`, as is its base; its rows fill whole blocks of Q8_0."""
    base = copy.base(folder / "base", hidden_size=64)
    learner = language.load(base, train=True)
    rows = [(learner.prompt(row["brief"]), learner.copy(row["copy"])) for row in copy.pairs(100)]
    recipe = tuning.Recipe(2, 16, 3e-3)
    tuning.tune(learner, rows, recipe, folder / "point", lambda *told: None, lambda epoch: None)
    writing._save(learner, learner.model.dtype, base, folder, {"most": 24, "greedy": False})
    return folder / writing.MODEL


def taught(db, folder: Path, model: Path, guide: Guide | None = None) -> tuple[Task, dict[str, dict]]:
    """A task with a student of each kind that lines have, judged by nobody; (task, row by kind)."""
    made = task(db, folder, 160)
    there = [(pair.brief, pair.copy) for pair in pairs.load(db, made) if pair.split == "train"]
    seen = known.of(there, [], encoder(), frozenset(("the", "and", "with")))
    for place, kind in enumerate(("retrieve", "write", "choose"), 1):
        own = settings.subfolder("writers") / str(place)
        own.mkdir()
        seen.save(own)
        config = {"kind": kind, "guide": (guide or Guide(words=Span(most=12))).model_dump()}
        (own / drafting.CONFIG).write_text(json.dumps(config))
        if kind != "retrieve":
            shutil.copytree(model, own / writing.MODEL)
        row = writer(db, made, live=kind == "choose")
        db["writers"].update(row, {"kind": kind, "path": f"writers/{place}"})
    return made, {row["kind"]: row for row in training.all_writers(db, made)}


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
