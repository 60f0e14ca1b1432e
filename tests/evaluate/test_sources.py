"""Label sources: compared with each other, and each student with every one of them."""

from __future__ import annotations

import pytest

from core import review
from core.evaluate import evaluation, sources
from core.train.registry import all_students
from tests.evaluate.conftest import insert_assets


@pytest.fixture
def two_sources(client):
    """400 test assets labelled by the recorded teacher; the built-in one says another category on every fifth of 200 of them."""
    insert_assets(client, "test", 400, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    row = {
        "task_id": client.task.id,
        "taxonomy_id": 1,
        "teacher": "built-in",
        "prompt_hash": "",
        "started": "2026",
    }
    built_in = client.db["label_runs"].insert(row).last_pk
    client.db.execute(
        """insert into labels (run_id, asset_id, category_id, created)
           select ?, asset_id, case when asset_id % 5 = 0 then (category_id - 1) % 3 + 2 else category_id end, '' from labels
           where asset_id <= 1200""",
        [built_in],
    )
    return client


def test_sources_are_compared_on_what_both_have_labelled(two_sources):
    db, task = two_sources.db, two_sources.task
    assert sources.listed(db, task) == ["built-in", "recorded:label"]
    (pair,) = sources.between(db, task)
    assert pair.agreement.n == 200 and pair.agreement.value == pytest.approx(0.8)
    assert pair.agreement.low < 0.8 < pair.agreement.high
    assert " agree on 80.0 % (" in sources.between_words(pair)


def test_a_student_is_judged_by_each_source_and_its_own_is_marked(two_sources):
    (row,) = all_students(two_sources.db, two_sources.task)
    own, other = sources.judged(two_sources.db, row)
    assert (own.source, own.own, own.agreement.n) == ("recorded labels “label”", True, 400)
    assert own.agreement.value == pytest.approx(0.95)
    assert (other.source, other.own, other.agreement.n) == ("built-in teacher", False, 200)
    assert other.agreement.value < own.agreement.value
    assert sources.by_words(own).endswith("of 400 test assets, the labels it learned from")
    review.decide(two_sources.db, 1001, "ana", two_sources.category_ids[0], "queue")
    assert sources.judged(two_sources.db, row)[-1].source == "people (gold)"


def test_recorded_labels_that_nobody_took_count_as_a_source(two_sources):
    db = two_sources.db
    db.execute(
        "insert into recordings (task_id, asset_id, source, label) select 2, id, 'agency', 'Sale' from assets where id <= 1100"
    )
    found = {one.source: one.agreement for one in sources.judged(db, all_students(db, two_sources.task)[0])}
    assert found["recorded labels “agency”"].n == 100
