"""An asset with all its facets before a person."""

from __future__ import annotations

import pytest

from core import distil, review, tasks
from core.review import facets, queue
from tests import small


@pytest.fixture
def both(db, tmp_path):
    """Topic and Intent of the same assets, each with a queue."""
    files = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=files[0], assets=files[1], **how)
    there = tasks.of_client(db, tasks.client_named(db, "Northwind"))
    for task in there:
        queue.build(db, task)
    return there


def put_in_doubt(db, task, asset_id, worth):
    """The asset is in the task's queue with this worth."""
    like = next(db.query("select * from review_items limit 1"))
    db.execute("delete from review_items where task_id = ? and asset_id = ? and mode = 'queue'", [task.id, asset_id])
    row = like | {"task_id": task.id, "asset_id": asset_id, "mode": "queue", "worth": worth, "place": -9 - asset_id}
    db["review_items"].insert(row | {"suggestions": "[]", "neighbours": "[]"})


def category_of(db, task):
    query = (
        "select c.id from categories c join taxonomies t on t.id = c.taxonomy_id where t.task_id = ? and assignable = 1"
    )
    return db.execute(query, [task.id]).fetchone()[0]


def test_the_doubtful_facet_comes_first_then_the_next_then_another_asset(db, both):
    topic, intent = both
    asset = db.execute("select min(id) from assets").fetchone()[0]
    put_in_doubt(db, topic, asset, 1.98)
    put_in_doubt(db, intent, asset, 1.99)
    assert facets.next_asset(db, both, "Ann") == asset
    first, second = facets.facets(db, both, asset, "Ann", most=20)
    assert (first.task, second.task, first.item.facet) == (intent, topic, "Intent")
    assert {one["label"] for one in first.item.suggestions} == {"Buy", "Look"}
    assert {one["teacher"] for one in first.item.labels} == {"recorded:intent_label"}, "no other facet's labels"
    left, total = facets.counts(db, both, "Ann")
    review.decide(db, asset, "Ann", category_of(db, intent), "queue")
    put_in_doubt(db, topic, asset + 1, 1.999)
    assert facets.next_asset(db, both, "Ann", current=asset) == asset, "an asset is gone through to its end"
    first, second = facets.facets(db, both, asset, "Ann")
    assert (first.task, second.item, second.label, second.by) == (topic, None, "Buy", "people")
    review.skip(db, topic, asset, "Ann", "queue")
    assert facets.next_asset(db, both, "Ann", current=asset) == asset + 1
    assert facets.counts(db, both, "Ann")[0] <= left and total


def test_the_last_decision_is_taken_back_whichever_facet_it_was_of(db, both):
    topic, intent = both
    asset = db.execute("select min(id) from assets").fetchone()[0]
    assert facets.latest_task(db, both, "Ann") is None
    review.decide(db, asset, "Ann", category_of(db, topic), "queue")
    review.decide(db, asset, "Ann", category_of(db, intent), "queue")
    for task in (intent, topic):
        assert facets.latest_task(db, both, "Ann") == task
        assert review.undo(db, task, "Ann") == asset


def test_reviewers_who_differ_on_one_facet_do_not_on_the_other(db, both):
    topic, _ = both
    asset = db.execute("select min(id) from assets").fetchone()[0]
    query = "select c.id from categories c join taxonomies t on t.id = c.taxonomy_id where t.task_id = ? limit 2"
    for name, (category,) in zip(("Ann", "Bob"), db.execute(query, [topic.id]).fetchall()):
        review.decide(db, asset, name, category, "queue")
    item = review.next_item(db, topic, "Cy", "conflict")
    assert item.asset_id == asset and len(item.decisions) == 2
    assert {one["teacher"] for one in item.labels} == {"recorded:topic"}
