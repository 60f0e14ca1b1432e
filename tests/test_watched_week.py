"""A week in the life of a student: it works, its work changes on the fourth day, the watch notices, it learns from what was asked,
the challenger beats it and is put to work by a person, and the promise holds again."""

from __future__ import annotations

import time

from core.train.registry import find, set_live
from core.watch import standing, telling
from tests.watch import week


def test_a_week_with_a_change_an_alarm_a_lesson_and_a_promotion(judged_small, db):
    task, states, seen = judged_small, {}, {}
    set_live(db, 1)

    def told(moment: str, state: str) -> None:
        states[moment] = state
        seen[moment] = standing.standing(db, task)
        if moment == "learned":
            assert find(db, task)["id"] == 1, "nothing goes live by itself"

    learned = week.play(db, task, time.time(), told)
    assert [states[day] for day in "123"] == [standing.HOLDS] * 3
    assert standing.BROKEN in (states["4"], states["5"]) and states["learned"] == standing.BROKEN
    broken = seen["5"]
    assert broken.moved[0].category == "Travel"
    assert any(week.THEME in example.text for example in broken.moved[0].examples)
    assert "is broken since" in telling.sentence(broken)
    assert learned["calls"][6] > learned["calls"][3], "everything goes to the teacher until somebody decides"
    assert learned["taken"]["labels"] > 100
    assert learned["meeting"]["better"] == "challenger" and learned["meeting"]["p"] < 0.05
    assert states["8"] == standing.HOLDS and seen["8"].agreed / seen["8"].audits > 0.95
