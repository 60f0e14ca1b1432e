"""A small client with a student at work, and answers of it written down as a server would."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import closing

import pytest

from core import database
from core.train import registry, students
from core.watch import rules, served
from core.watch.served import LIVE, Audit, Row
from tests import small


@pytest.fixture
def home(judged_small):
    """The small client with its student at work, texts kept and a share audited: the database and the task."""
    task = judged_small
    with closing(database.connect()) as db:
        registry.set_live(db, 1)
        rules.put_keeping(db, task.client_id, rules.Keeping(texts="all", audit_usd=10))
        rules.put_watching(db, task, rules.Watching(share=0.2))
        yield db, task


def traffic(count: int, seed: int = 5) -> list[tuple[str, str]]:
    """`count` (text, the teacher's label) like the small client's assets, none of them among these."""
    return [(f"{row['text']} new", row["label"]) for row in small.rows(count, seed)]


def serve(
    db,
    task,
    asked: Iterable[tuple[str, str]],
    *,
    share: float = 0.2,
    threshold: float = 0.8,
    start: float = 1_000_000.0,
    text: Callable[[str], str | None] = lambda text: text,
    strange: bool = False,
    seed: int = 0,
) -> None:
    """What a server would have written down: answers of the student at work, `share` of the handled ones audited, all others
    answered by the teacher at a cent each."""
    live = registry.find(db, task)
    loaded, dice = students.load(registry.folder_of(db, live["id"])), random.Random(seed)
    asked = list(asked)
    answers = loaded.answer([words for words, _ in asked])
    said = students.said(answers, loaded.labels)
    rows, audits = [], []
    for place, (words, label) in enumerate(asked):
        sure = float(answers.confidence[place])
        handled = sure >= threshold and not strange
        chance = share if handled else 1.0
        key, at = served.hash_of(words), start + place
        kept = text(words)
        by = "student" if handled else "teacher"
        of = (at, task.id, live["id"], key)
        rows.append(Row(*of, said[place], sure, handled, strange, by, 0.0, chance, LIVE, kept))
        if dice.random() < chance:
            audits.append(Audit(*of, chance, LIVE, handled, said[place], label, sure, 0.01, kept))
    with closing(served.answers(task.client_id)) as file:
        served.write(file, rows, audits)
