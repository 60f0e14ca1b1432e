"""Labels that work has paid for join the others once, teach, and never enter what the promise rests on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core import jobs
from core.errors import InputError
from core.evaluate.evaluation import evaluate, figures_of
from core.label import runs
from core.train import data, registry
from core.vendor import sets
from core.watch import learning, rules
from tests.watch.conftest import serve, traffic


def test_labels_from_work_join_once_with_their_chance_and_say_where_they_come_from(home):
    db, task = home
    serve(db, task, traffic(150))
    found = learning.found(db, task)
    assert found.new > found.audits > 0 and found.seconds > 0 and "paid for already ($" in found.sentence()
    assert found.paid_usd == pytest.approx(0.01 * found.new) and found.button == f"Train on {found.new} new labels"
    before, labels = db["assets"].count, db["labels"].count
    taken = learning.take_in(db, task)
    assert (taken.labels, taken.assets) == (found.new, found.new) and db["assets"].count == before + found.new
    rows = db.execute(
        """select l.chance, a.extra, a.split, c.label from labels l join assets a on a.id = l.asset_id
           join categories c on c.id = l.category_id where l.run_id = ? and a.external_id like 'served-%'""",
        [taken.run_id],
    ).fetchall()
    assert {chance for chance, *_ in rows} == {0.2, 1.0} and sum(chance < 1 for chance, *_ in rows) == found.audits
    assert {json.loads(extra)["origin"] for _, extra, *_ in rows} == {
        "a check of an answer",
        "an answer that fell back",
    }
    assert 0.1 < np.mean([split == "test" for *_, split, _ in rows]) < 0.3
    again = learning.take_in(db, task)
    assert (again.labels, again.assets) == (0, 0) and learning.found(db, task).taken == found.new
    assert learning.found(db, task).why.startswith("All ")
    assert db["labels"].count_where("run_id = ?", [taken.run_id]) == labels + found.new


def test_a_near_copy_of_an_asset_joins_its_group_and_split(home):
    db, task = home
    text, group, split, label = db.execute(
        """select a.text, a.group_id, a.split, c.label from assets a join labels l on l.asset_id = a.id
           join categories c on c.id = l.category_id where a.split = 'test' limit 1"""
    ).fetchone()
    serve(db, task, [(f"{text.upper()} !", label)], threshold=2.0)
    assert learning.take_in(db, task).copies == 1
    joined = db.execute("select group_id, split from assets where external_id like 'served-%'").fetchone()
    assert joined == (group, split)


def test_what_came_of_work_teaches_but_neither_calibrates_nor_tests(home):
    db, task = home
    before = data.load(db, task, 1)
    held = figures_of(db, 1)
    serve(db, task, traffic(200), threshold=2.0)  # all of it falls back
    learning.take_in(db, task)
    frame = runs.labelled(db, 1)
    assert set(frame[frame.worked].split) == {"train", runs.ASIDE}
    after = data.load(db, task, 1)
    assert after.judging.texts == before.judging.texts and after.train.worked.sum() > 100
    assert (after.train.folds()[after.train.worked] == -1).all()
    assert (after.train.folds()[~after.train.worked] == before.train.folds()).all()
    assert after.fingerprint() != before.fingerprint()
    again = evaluate(db, 1, target=held.target)
    assert (again.agreement, again.certificate, again.counts["test"]) == (
        held.agreement,
        held.certificate,
        held.counts["test"],
    )


def test_nor_does_it_in_another_task_that_labels_the_same_assets(home):
    db, task = home
    serve(db, task, traffic(100), threshold=2.0)
    learning.take_in(db, task)
    db.execute(
        "update labels set chance = null"
    )  # as another task's teacher labels assets that this one's work brought
    frame = runs.labelled(db, 1)
    assert frame.worked.sum() == 100 and set(frame[frame.worked].split) == {"train", runs.ASIDE}
    assert data.load(db, task, 1).train.worked.sum() > 50
    held = sets.count(db, task)
    assert held == frame[frame.split == "test"].group_id.nunique()


def test_a_challenger_learns_from_them_and_is_judged_on_the_same_test_assets(home):
    db, task = home
    serve(db, task, traffic(200))
    result = jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task).result
    challenger, champion = registry.find(db, task, result["student"]), registry.find(db, task)
    assert champion["id"] == 1 and challenger["id"] == 2  # nothing goes live by itself
    assert challenger["params"]["train"] > champion["params"]["train"]
    assert challenger["params"]["calibration"] == champion["params"]["calibration"]
    assert figures_of(db, 2).agreement.n == figures_of(db, 1).agreement.n
    assert result["meeting"]["n"] > 0
    twice = jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task).result
    assert (twice["student"], twice["taken"]["labels"]) == (2, 0)


def test_without_texts_it_says_why_nothing_can_be_learned_and_which_setting_changes_it(home):
    db, task = home
    assert "not asked about any answer yet" in learning.found(db, task).why
    rules.put_keeping(db, task.client_id, rules.Keeping(texts="none"))
    serve(db, task, traffic(20), threshold=2.0, text=lambda text: None)
    found = learning.found(db, task)
    assert (found.new, found.untold) == (0, 20) and "no texts are kept" in found.why
    assert "keep those the teacher was asked about" in found.why
    with pytest.raises(InputError, match="no texts are kept"):
        jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task)
    assert learning.take_in(db, task).labels == 0


def test_a_category_that_is_gone_and_what_no_text_can_be_made_of_are_left_out_and_said(home):
    db, task = home
    serve(
        db, task, [("a text", "No such category"), ("  \n ", "Sale"), ("half of it\0 \x1b[0m", "Sale")], threshold=2.0
    )
    found = learning.found(db, task)
    assert (found.new, found.unknown, found.untold) == (1, 1, 1)
    assert "no longer has" in found.sentence()
    assert learning.take_in(db, task).assets == 1


def test_a_teacher_s_distributions_still_teach_where_labels_from_work_have_none(home):
    db, task = home
    width = db.execute("select count(*) from categories where assignable = 1").fetchone()[0]
    blob = np.full(width, 1 / width, np.float16).tobytes()
    db.execute("update labels set distribution = ?", [blob])
    serve(db, task, traffic(80), threshold=2.0)
    learning.take_in(db, task)
    rows = data.load(db, task, 1).train
    assert rows.soft and set(rows.targets[rows.worked].max(1)) == {1.0}
    assert np.allclose(rows.targets[~rows.worked].max(1), 1 / width, atol=1e-3)


def test_what_a_kill_cut_off_between_assets_and_labels_is_carried_on(home):
    db, task = home
    serve(db, task, traffic(60), threshold=2.0)
    fresh = learning._fresh(db, task, 1)[0]
    learning._import(db, task, fresh, jobs.NoProgress())  # killed here: the assets are in, their labels are not
    taken = learning.take_in(db, task)
    assert (taken.labels, taken.assets) == (60, 0)
    assert db["labels"].count_where("chance is not null") == 60
