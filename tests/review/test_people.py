"""Accuracy against people from the random sample alone; reviewers against each other; two label runs on gold."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from core import review, tasks, taxonomy
from core.errors import InputError
from core.evaluate import evaluation, measure
from core.evaluate.agreement import interval
from core.review import people, wordings
from tests.evaluate.conftest import insert_assets


@pytest.fixture
def judged(client):
    """100 test assets; the student is wrong on every fifth, the teacher on none of them by its own lights."""
    insert_assets(client, "calibration", 100, 5, start=0)
    insert_assets(client, "test", 100, 5, start=100)
    client.db["predictions"].insert_all(
        {
            "student_id": 1,
            "asset_id": asset,
            "category_id": client.category_ids[(asset - 1 + ((asset - 1) % 5 == 0)) % 3],
            "teacher_category_id": client.category_ids[(asset - 1) % 3],
            "confidence": 0.9,
            "top": "[]",
        }
        for asset in range(101, 201)
    )
    client.db["evaluations"].insert({"student_id": 1, "split": "test", "figures": "{}", "created": ""})
    client.db.conn.commit()
    return client


def truth(client, asset: int, wrong: bool = False) -> int:
    return client.category_ids[(asset - 1 + wrong) % 3]


def test_accuracy_comes_from_the_random_sample_with_the_exact_interval(judged):
    db = judged.db
    assert people.accuracy(db, tasks.get(db, 2)) is None
    for asset in range(101, 141):  # people side with the teacher on all but every tenth
        review.decide(db, asset, "ana", truth(judged, asset, asset % 10 == 0), "random")
    for asset in range(141, 181):  # the queue: the teacher always wrong
        review.decide(db, asset, "ana", truth(judged, asset, True), "queue")
    review.skip(db, tasks.get(db, 2), 190, "ana", "random")
    found = people.accuracy(db, tasks.get(db, 2))
    assert (found.teacher.value, found.teacher.n, found.skipped, found.open) == (0.9, 40, 1, 0)
    assert (found.teacher.low, found.teacher.high) == pytest.approx(interval(36, 40))
    assert found.student.value == pytest.approx(np.mean([(a - 1) % 5 > 0 and a % 10 > 0 for a in range(101, 141)]))
    assert found.paired.only_second - found.paired.only_first == 8
    gold = measure.gold(db, judged.task, evaluation.predictions(db, 1), [], None)
    assert gold is None, "no category, no gold"


def test_compare_counts_no_asset_of_the_queue(judged):
    categories = taxonomy.load(judged.db, 1)
    review.decide(judged.db, 101, "ana", truth(judged, 101), "queue")
    assert measure.gold(judged.db, judged.task, evaluation.predictions(judged.db, 1), categories, None) is None
    review.decide(judged.db, 102, "ana", truth(judged, 102), "random")
    assert measure.gold(judged.db, judged.task, evaluation.predictions(judged.db, 1), categories, None).n == 1


def test_sampled_assets_on_which_reviewers_differ_are_left_out_and_counted(judged):
    for reviewer, wrong in (("ana", False), ("ben", True)):
        review.decide(judged.db, 101, reviewer, truth(judged, 101, wrong), "random")
        review.decide(judged.db, 102, reviewer, truth(judged, 102), "random")
    found = people.accuracy(judged.db, tasks.get(judged.db, 2))
    assert (found.teacher.n, found.open) == (1, 1)


def test_reviewers_agree_as_far_as_kappa_says(judged):
    first = [truth(judged, asset) for asset in range(101, 161)]
    second = [truth(judged, asset, asset % 4 == 0) for asset in range(101, 161)]
    for asset, one, two in zip(range(101, 161), first, second):
        review.decide(judged.db, asset, "ana", one, "random")
        review.decide(judged.db, asset, "ben", two, "random")
    review.decide(judged.db, 199, "cid", truth(judged, 199), "queue")
    (pair,) = people.pairs(judged.db, tasks.get(judged.db, 2))
    assert (pair.first, pair.second, pair.agreement.n) == ("ana", "ben", 60)
    assert pair.kappa == pytest.approx(cohen_kappa_score(first, second))
    whole = people.people(judged.db, tasks.get(judged.db, 2))
    assert whole.conflicts == 15 and whole.gold == {"random": 45, "queue": 1}
    assert [row["reviewer"] for row in whole.reviewers][-1] == "cid"


def second_run(client, wrong_every: int, teacher: str = "recorded:other") -> int:
    """Another run of labels that is right except on every n-th asset, and failed on asset 101."""
    client.db["label_runs"].insert({"id": 2, "task_id": 2, "taxonomy_id": 1, "teacher": teacher, "started": ""})
    client.db["labels"].insert_all(
        {
            "run_id": 2,
            "asset_id": asset,
            "category_id": None if asset == 101 else truth(client, asset, asset % wrong_every == 0),
            "error": "refused" if asset == 101 else None,
            "cost_usd": 0.25,
            "created": "",
        }
        for asset in range(1, 201)
    )
    return 2


def test_two_runs_on_gold_by_the_exact_mcnemar_test(judged):
    second_run(judged, 4)
    for asset in range(101, 161):
        review.decide(judged.db, asset, "ana", truth(judged, asset), "random")
    found = wordings.compare(judged.db, tasks.get(judged.db, 2), 1, 2)
    pair = found.sampled
    assert (pair.n, pair.only_first, pair.only_second) == (60, 16, 0), "15 wrong answers and one that failed"
    assert pair.p == pytest.approx(2 * 0.5**16) and pair.better == "first"
    assert found.sentence.startswith("The first is better: right 100.0 % and 73.3 % of 60")
    assert found.second["cost_usd"] == 0.25 and found.first["cost_usd"] is None


def test_gold_of_the_queue_does_not_decide_between_runs(judged):
    second_run(judged, 4)
    for asset in range(101, 161):
        review.decide(judged.db, asset, "ana", truth(judged, asset), "queue")
    found = wordings.compare(judged.db, tasks.get(judged.db, 2), 1, 2)
    assert (found.sampled.n, found.every.n) == (0, 60)
    assert "nothing is shown" in found.sentence


def test_training_assets_a_prompt_may_have_shown_are_left_out(judged):
    second_run(judged, 4, teacher="openai:some-model")
    judged.db.execute("update assets set split = 'train' where id <= 150")
    for asset in range(141, 161):
        review.decide(judged.db, asset, "ana", truth(judged, asset), "random")
    assert wordings.compare(judged.db, tasks.get(judged.db, 2), 1, 2).sampled.n == 10


def test_runs_that_cannot_be_compared(judged):
    for first, second, said in ((1, 1, "same"), (1, 9, "no label run 9"), (1, 2, "people decided")):
        if second == 2:
            second_run(judged, 4)
        with pytest.raises(InputError, match=said):
            wordings.compare(judged.db, tasks.get(judged.db, 2), first, second)
