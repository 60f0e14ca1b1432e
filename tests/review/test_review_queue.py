"""The queue puts first what is wrong, and says why; the random sample depends on nothing but the assets."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from core import review
from core.errors import InputError
from core.evaluate.evaluation import evaluate
from core.label.labelling import label
from core.review import queue as review_queue
from core.tasks import Task
from core.train.ladder import train
from tests import small


def fill(db, folder, rows=None) -> tuple[Task, int]:
    task = small.fill(db, folder, rows)
    return task, label(db, task, "recorded:label")


def items(db, mode: str) -> list[dict]:
    rows = db.query(
        """select i.*, a.external_id, a.split from review_items i join assets a on a.id = i.asset_id
           where mode = ? order by place""",
        [mode],
    )
    return [row | {name: json.loads(row[name]) for name in ("reasons", "suggestions", "neighbours")} for row in rows]


def kinds(item: dict) -> set[str]:
    return {reason["kind"] for reason in item["reasons"]}


def swapped(count: int = 600, every: int = 20) -> tuple[list[dict], dict[str, str]]:
    """Assets of which every 20th carries a wrong label, and the right labels of those."""
    rows, names, truth = small.rows(count, seed=4), list(small.WORDS), {}
    for place, row in enumerate(rows):
        words = row["text"].split()
        row["label"] = max(names, key=lambda name: sum(word in small.WORDS[name] for word in words))
        if place % every == 0:
            truth[row["id"]] = row["label"]
            row["label"] = names[(names.index(row["label"]) + 1) % 4]
    return rows, truth


def test_wrong_labels_come_first_with_the_right_one_a_key_away(db, tmp_path):
    rows, truth = swapped()
    task, _ = fill(db, tmp_path, rows)
    found = review_queue.build(db, task)
    first = items(db, "queue")[: len(truth)]
    hits = [item for item in first if item["external_id"] in truth]
    assert len(hits) > 0.8 * len(first), "of 600 assets 30 are wrong: by chance one in twenty would be hit"
    names = {row["id"]: row["label"] for row in db.query("select id, label from categories")}
    for item in hits:
        assert "quality" in kinds(item)
        assert truth[item["external_id"]] in [names[s["category_id"]] for s in item["suggestions"]]
        assert len({s["category_id"] for s in item["suggestions"]}) == len(item["suggestions"]) <= 9
        assert item["asset_id"] not in [near["asset_id"] for near in item["neighbours"]]
    assert found["queue"] == db.execute("select count(*) from review_items where mode = 'queue'").fetchone()[0]
    assert all(a["worth"] >= b["worth"] for a, b in pairwise(first))


def test_a_confident_student_that_disagrees_is_named(db, tmp_path):
    task, run_id = fill(db, tmp_path, swapped()[0])
    student = train(db, task, run_id, "linear")[-1]
    evaluate(db, student)
    assert review_queue.build(db, task)["student_id"] == student
    told = [item for item in items(db, "queue") if "student" in kinds(item)]
    assert {item["split"] for item in told} == {"test", "train"}, (
        "of training assets, by members that had not learnt from them"
    )
    assert "linear 1 is " in told[0]["reasons"][0]["words"]
    assert told[0]["suggestions"][0]["by"][0].startswith("linear 1: ")
    db.execute("update predictions set strange = 1")
    review_queue.build(db, task)
    assert not [item for item in items(db, "queue") if "student" in kinds(item)], "strange assets say nothing"


def test_split_votes_rare_categories_and_copies_labelled_differently(db, tmp_path):
    rows, _ = swapped(200, every=10_000)
    text = " ".join(f"careers hiring vacancy number {n}" for n in range(12))
    near = text.replace("number 3", "count 3")
    rows += [{"id": "copy1", "text": text, "label": "Hiring"}, {"id": "copy2", "text": text, "label": "Sale"}]
    rows += [{"id": "near", "text": near + " apply now", "label": "Opening"}]
    task, _ = fill(db, tmp_path, rows)
    db.execute("update labels set confidence_kind = 'votes', confidence = 0.4 where asset_id = 7")
    db.execute("update labels set category_id = 4 where asset_id = 9")
    db.execute("update labels set category_id = 1 where category_id = 4 and asset_id <> 9")
    review_queue.build(db, task)
    by_id = {item["asset_id"]: item for item in items(db, "queue")}
    assert "votes" in kinds(by_id[7]) and "40 %" in " ".join(r["words"] for r in by_id[7]["reasons"])
    assert "rare" in kinds(by_id[9])
    copies = {item["external_id"]: item for item in by_id.values() if "copies" in kinds(item)}
    assert set(copies) == {"copy1", "near"}, "copies count once, by the first"
    assert "Hiring (1), Sale (1)" in " ".join(r["words"] for r in copies["copy1"]["reasons"])
    assert "near copy (copy1) is labelled Hiring" in " ".join(r["words"] for r in copies["near"]["reasons"])


def test_what_people_looked_at_leaves_the_queue_and_stays_in_the_sample(db, tmp_path):
    task, _ = fill(db, tmp_path, swapped()[0])
    review_queue.build(db, task)
    queue, sample = items(db, "queue"), items(db, "random")
    for item in (queue[0], sample[0]):
        review.decide(db, item["asset_id"], "ana", 1, "queue")
    review_queue.build(db, task)
    assert {queue[0]["asset_id"], sample[0]["asset_id"]}.isdisjoint(item["asset_id"] for item in items(db, "queue"))
    assert [item["asset_id"] for item in items(db, "random")] == [item["asset_id"] for item in sample]


def test_the_random_sample_is_of_test_assets_and_knows_nothing_of_labels(db, tmp_path):
    task, _ = fill(db, tmp_path, swapped()[0])
    review_queue.build(db, task)
    before = [item["asset_id"] for item in items(db, "random")]
    assert {item["split"] for item in items(db, "random")} == {"test"}
    assert before != sorted(before)
    db.execute("update labels set category_id = category_id % 4 + 1 where asset_id % 3 = 0")
    review_queue.build(db, task)
    assert [item["asset_id"] for item in items(db, "random")] == before


def test_one_category_or_few_rows_break_nothing(db, tmp_path):
    rows = small.rows(4)
    task, _ = fill(db, tmp_path, [row | {"label": "Sale"} for row in rows])
    assert review_queue.build(db, task)["assets"] == 4
    with pytest.raises(InputError, match="no labels"):
        review_queue.build(db, small.fill(db, tmp_path / "none", client="None"))


def test_probabilities_are_out_of_fold():
    """A row whose only word is its own cannot be known to the model that is asked about it."""
    import scipy.sparse as sp

    label = np.arange(60) % 3
    features = sp.csr_matrix(np.eye(60, dtype=np.float32))
    found = review_queue._out_of_fold(features, label, 3, review_queue.NoProgress())
    assert np.allclose(found.sum(1), 1, atol=1e-5)
    assert np.take_along_axis(found, label[:, None], 1).max() < 0.5
