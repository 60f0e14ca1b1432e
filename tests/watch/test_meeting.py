"""Champion and challenger meet on answers that neither learned from; people promote and go back; must-pass examples block."""

from __future__ import annotations

import numpy as np
import pytest

from core import jobs
from core.errors import InputError
from core.train import must_pass, registry
from core.watch import meeting, served
from tests.watch.conftest import serve, traffic


@pytest.fixture
def challenged(home):
    """A challenger that has learned from work in which two categories swapped meaning."""
    db, task = home
    serve(db, task, swapped(traffic(300)), threshold=2.0)
    jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task)
    return db, task


def swapped(asked):
    swap = {"Sale": "Hiring", "Hiring": "Sale"}
    return [(text, swap.get(label, label)) for text, label in asked]


def test_they_meet_on_what_was_kept_aside_and_on_what_came_later(challenged):
    db, task = challenged
    first = meeting.stored(db, task, 1, 2)
    aside = db.execute("select count(*) from assets where external_id like 'served-%' and split = 'test'").fetchone()[0]
    assert first.n == aside > 30 and first.learned == 300 - aside
    serve(db, task, swapped(traffic(200, seed=77)), threshold=0.9, start=2_000_000.0)
    met = jobs.run_here(db, "meet", {"task_id": task.id, "student": 2}, task=task).result
    assert met["n"] > first.n and met["audits"] > 0 and met["learned"] == first.learned
    assert met["better"] == "challenger" and met["only_challenger"] > met["only_champion"] and met["low"] > 0
    assert f"challenger right where champion is not on {met['only_challenger']}, the other way round" in met["sentence"]
    assert meeting.as_json(meeting.stored(db, task, 1, 2)) == met
    assert meeting.challenger(db, task)["id"] == 2


def test_a_copy_of_what_one_of_them_learned_from_is_left_out(home):
    db, task = home
    text, label = db.execute(
        """select a.text, c.label from assets a join labels l on l.asset_id = a.id join categories c on c.id = l.category_id
           where a.split = 'train' limit 1"""
    ).fetchone()
    serve(db, task, [(f"{text} !", label), *traffic(60)], threshold=2.0)
    jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task)
    champion, other = registry.find(db, task), registry.find(db, task, 2)
    copy = served.hash_of(f"{text} !")
    assert meeting._unlearned(db, task, [copy], champion, other) == ({}, 1)


def test_a_student_does_not_meet_itself(home):
    db, task = home
    with pytest.raises(InputError, match="is the one at work"):
        meeting.meet(db, task, 1)
    assert meeting.challenger(db, task) is None


def test_the_weighted_difference_is_of_all_answers_and_reaches_zero_where_they_do_as_well():
    handled = np.array([True] * 50 + [False] * 50)
    first, second = np.zeros(100, bool), np.zeros(100, bool)
    second[50:75] = True  # better by half on what fell back, which is a tenth of all
    weights = np.where(handled, 18.0, 1.0)
    value, low, high = meeting._difference(first, second, handled, weights, np.array([50.0, 450.0]))
    assert value == pytest.approx(0.05) and low < 0.05 < high
    assert meeting._difference(first, second, np.zeros(100, bool), weights, np.array([50.0, 450.0])) is None
    value, low, high = meeting._difference(first, first, handled, weights, np.array([50.0, 450.0]))
    assert value == 0 and low < 0 < high


def test_a_person_promotes_the_challenger_and_goes_back_and_must_pass_examples_block(challenged):
    db, task = challenged
    must_pass.pin(db, task, "discount save deal clearance price off", "Travel")
    with pytest.raises(InputError, match="must-pass"):
        registry.set_live(db, 2)
    assert registry.find(db, task)["id"] == 1
    must_pass.unpin(db, task, 1)
    registry.set_live(db, 2)
    assert registry.find(db, task)["id"] == 2 and registry.roll_back(db, task) == 1
    assert meeting.challenger(db, task)["id"] == 2
