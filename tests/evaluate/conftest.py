"""A small client with a label run and a student that answers by rule, so that every figure is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from sqlite_utils import Database

from core import tasks
from core.evaluate import evaluation
from core.tasks import Task
from core.train.students import Answers


@dataclass
class RuleStudent:
    """Says the category named by the text's first word, as sure as the second says; counts what it is asked.

    Texts with the word "strange" are strange to it."""

    categories: list[int]
    kind: str = "linear"
    asked: list[str] = field(default_factory=list)

    def answer(self, texts: list[str]) -> Answers:
        self.asked.extend(texts)
        table = np.empty((len(texts), len(self.categories)), np.float32)
        for row, text in enumerate(texts):
            said, sure = text.split()[:2]
            table[row] = (1 - float(sure)) / (len(self.categories) - 1)
            table[row, int(said)] = float(sure)
        return Answers(table, np.array(["strange" in text for text in texts], bool))

    def consulted(self, texts: list[str]) -> dict[str, float]:
        return {"linear": 1.0}


@dataclass
class Client:
    db: Database
    task: Task
    run_id: int
    student_id: int
    category_ids: list[int]
    student: RuleStudent


def insert_assets(made: Client, split: str, count: int, wrong_every: int, start: int, copies: int = 1) -> None:
    """`count` groups of `copies` assets; every `wrong_every`-th is one the student gets wrong, at confidence 0.40."""
    assets, labels = [], []
    for i in range(start, start + count):
        truth, wrong = i % 3, i % wrong_every == 0
        said, sure = ((truth + 1) % 3, 0.40) if wrong else (truth, 0.60 + (i % 300) / 1000)
        for copy in range(copies):
            asset, text = i * copies + copy + 1, f"{said} {sure} asset {i}" + " copy" * copy
            assets.append((asset, made.task.client_id, f"a{asset}", text, i * copies + 1, split))
            labels.append((made.run_id, asset, made.category_ids[truth]))
    with made.db.atomic():
        made.db.conn.executemany(
            "insert into assets (id, client_id, external_id, text, text_hash, group_id, split, import_id)"
            " values (?, ?, ?, ?, '', ?, ?, 1)",
            assets,
        )
        made.db.conn.executemany(
            "insert into labels (run_id, asset_id, category_id, tokens_in, tokens_out, latency_ms, created)"
            " values (?, ?, ?, 1000, 10, 1500.0, '')",
            labels,
        )


@pytest.fixture
def client(db, monkeypatch) -> Client:
    return make_client(db, monkeypatch)


def make_client(db: Database, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Three categories (two under one parent), a recorded run, a student of kind linear; no assets yet."""
    task = tasks.of(db, "Acme")
    db["taxonomies"].insert({"id": 1, "task_id": task.id, "version": 1, "content_hash": "", "created": ""})
    names = [("Retail", None, 0), ("Sale", 1, 1), ("Offer", 1, 1), ("Brand", None, 1)]
    for position, (name, parent, assignable) in enumerate(names):
        db["categories"].insert(
            {
                "id": position + 1,
                "taxonomy_id": 1,
                "position": position,
                "label": name,
                "name": name,
                "parent_id": parent,
                "assignable": assignable,
            }
        )
    db["imports"].insert(
        {
            "id": 1,
            "client_id": task.client_id,
            "task_id": task.id,
            "filename": "f.csv",
            "sha256": "",
            "mapping": "{}",
            "created": "",
        }
        | dict.fromkeys(("row_count", "imported", "unchanged", "duplicates", "problem_count"), 0)
    )
    db["label_runs"].insert({"id": 1, "task_id": task.id, "taxonomy_id": 1, "teacher": "recorded:label", "started": ""})
    db["students"].insert(
        {
            "id": 1,
            "task_id": task.id,
            "kind": "linear",
            "label_run_id": 1,
            "taxonomy_id": 1,
            "path": "students/1",
            "ready": 1,
            "train_seconds": 12.0,
            "size_mb": 1.5,
            "created": "",
        }
    )
    made = Client(db, task, 1, 1, [2, 3, 4], RuleStudent([2, 3, 4]))
    monkeypatch.setattr(evaluation.students, "load", lambda folder: made.student)
    return made
