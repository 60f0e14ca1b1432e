"""A week of work, played in seconds: a server's life a day, a theme that appears on the fourth day and that the teacher files
elsewhere than the student does, and a lesson from what was asked about it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlite_utils import Database

from core.deploy import watching
from core.evaluate.evaluation import certified
from core.jobs import NoProgress
from core.relearning import learn_job
from core.tasks import Task
from core.train.registry import find, set_live
from core.watch import rules, standing
from tests import small
from tests.deploy.test_watching import answered, at_work
from tests.wires.servers import Server

DAY, A_DAY, DAYS = 86_400.0, 160, 8
THEME = "voucher"  # the word of what appears on the fourth day; the teacher files it under Sale


def teacher(text: str) -> str:
    """Who knows the theme."""
    if THEME in text:
        return "Sale"
    return max(small.WORDS, key=lambda name: sum(text.count(word) for word in small.WORDS[name]))


def traffic(day: int) -> list[str]:
    """The texts of a day: two in five of them of the theme from the fourth day on, in words of Travel."""
    dice, texts = random.Random(day), []
    for place in range(A_DAY):
        if day >= 4 and place % 5 < 2:
            words = [*dice.sample(small.WORDS["Travel"], 4), THEME, *dice.sample(small.COMMON, 5)]
        else:
            words = dice.sample(small.WORDS[dice.choice(list(small.WORDS))], 4) + dice.sample(small.COMMON, 3)
        dice.shuffle(words)
        texts.append(" ".join(words))
    return texts


def play(db: Database, task: Task, begins: float, told: Callable[[str, str], None]) -> dict[str, Any]:
    """The week of the task's student at work, whose days begin at `begins` (seconds since 1970). `told` hears of each moment, the
    day's number or "learned", and how the promise stands then. Returns what was learned, and the calls to the teacher by day."""
    clock, calls = [begins + DAY / 2], {}
    _at_work(db, task, find(db, task)["id"], begins)
    rules.put_watching(db, task, rules.Watching(share=0.5, broken=rules.TEACHER))
    rules.put_keeping(db, task.client_id, rules.Keeping(texts=rules.ASKED, audit_usd=50.0))
    with pytest.MonkeyPatch.context() as patch, Server(lambda call: call.answer_labels(teacher)) as server:
        patch.setattr(watching, "time", SimpleNamespace(time=lambda: clock[0], monotonic=time.monotonic))
        learned: dict[str, Any] = {}
        for day in range(1, DAYS + 1):
            live = find(db, task)["id"]
            before = len(server.calls)
            one = at_work(db, task, server, certified(db, live)[0], live)
            answered(one, traffic(day), budget=50.0, wait=lambda watch: not watch._auditing)
            clock[0] += DAY
            calls[day] = len(server.calls) - before
            told(str(day), standing.state(db, task))
            if day == 6:
                learned = learn_job(db, {"task_id": task.id}, NoProgress())
                told("learned", standing.state(db, task))
                _at_work(db, task, learned["student"], clock[0] - DAY / 2)
    return learned | {"calls": calls}


def _at_work(db: Database, task: Task, student_id: int, at: float) -> None:
    """Put a student to work at a moment of the played week."""
    set_live(db, student_id)
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    db.execute(
        "update live_history set created = ? where task_id = ? and student_id = ?", [moment, task.id, student_id]
    )
