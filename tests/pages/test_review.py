"""The review page without a browser: empty, before the first list, and at work."""

from __future__ import annotations

import pytest

from core import jobs, review, tasks
from core.label import gold
from core.review.queue import build
from tests.pages.test_pages import links, shown


@pytest.fixture
def at_work(open_page, filled):
    """The review page of a client whose list is made, opened by Ana."""
    build(filled, tasks.get(filled, 2))
    return open_page("review", reviewer="Ana")


def button(app, key: str):
    """The button with a shortcut."""
    return next(one for one in app.button if one.proto.shortcut == key)


def waiting(db, mode: str = "queue", reviewer: str = "Ana"):
    return review.next_item(db, tasks.get(db, 2), reviewer, mode)


def test_without_labels_it_sends_to_the_teacher(open_page, db):

    tasks.of(db, "Northwind")
    assert links(open_page("review")) == ["Get labels first"]


def test_the_first_list_is_made_by_a_job(open_page, filled, no_worker):
    app = open_page("review")
    next(one for one in app.button if one.label == "Find what to review").click().run()
    assert [job.kind for job in jobs.active(filled, tasks.get(filled, 2))] == ["review_queue"] and no_worker
    assert next(one for one in app.button if one.label == "Find what to review").disabled


def test_nobody_decides_without_a_name(open_page, filled):
    build(filled, tasks.get(filled, 2))
    app = open_page("review")
    assert "Give your name" in shown(app) and not [one for one in app.button if one.proto.shortcut]
    app.text_input[0].input("Ana").run()
    assert button(app, "1")


def test_where_no_label_looks_doubtful_the_page_says_so_and_offers_no_undo(open_page, filled):
    build(filled, tasks.get(filled, 2))
    filled.execute("delete from review_items where mode = 'queue'")
    filled.conn.commit()
    app = open_page("review", reviewer="Ana")
    assert "No label looks doubtful" in shown(app) and "of 0" not in shown(app)
    assert not [one for one in app.button if one.proto.shortcut]


def test_a_key_decides_and_the_next_asset_comes(at_work, filled):
    first = waiting(filled)
    assert first.text in shown(at_work) and "A model of the other labels says" in shown(at_work)
    button(at_work, "2").click().run()
    assert gold.labels(filled, tasks.get(filled, 2)) == {first.asset_id: first.suggestions[1]["label"]}
    assert waiting(filled).text in shown(at_work) and first.text not in shown(at_work)
    button(at_work, "u").click().run()
    assert gold.labels(filled, tasks.get(filled, 2)) == {} and first.text in shown(at_work)


def test_a_note_goes_with_the_decision_and_a_skip_leaves_none(at_work, filled):
    button(at_work, "n").click().run()
    at_work.text_input(key="review-note").input("the picture says otherwise").run()
    assert "the picture says otherwise" in shown(at_work)
    button(at_work, "1").click().run()
    assert filled.execute("select note, seconds > 0 from reviews").fetchall() == [("the picture says otherwise", 1)]
    before = waiting(filled).asset_id
    button(at_work, "s").click().run()
    assert waiting(filled).asset_id != before and filled["reviews"].count == 1


def test_any_category_can_be_found(at_work, filled):
    first = waiting(filled)
    button(at_work, "f").click().run()
    at_work.selectbox(key="review-find").select("Product launch").run()
    assert gold.labels(filled, tasks.get(filled, 2)) == {first.asset_id: "Product launch"}


def test_the_random_sample_gives_accuracy_and_the_queue_does_not(at_work, filled):
    button(at_work, "1").click().run()
    at_work.run()
    assert "The queue cannot say it" in shown(at_work) and not at_work.metric
    at_work.radio[0].set_value("random").run()
    assert "You do not see what teacher and student said" in shown(
        at_work
    ) and "A model of the other labels says" not in shown(at_work)
    for _ in range(3):
        button(at_work, "1").click().run()
    at_work.run()
    assert [metric.label for metric in at_work.metric] == ["Teacher is right", "Student is right", "Who is better"]
    assert "n = 3" in shown(at_work)


def test_conflicts_are_settled_with_what_both_said(at_work, filled):
    asset = waiting(filled, "random").asset_id
    for reviewer, category in (("Ana", 1), ("Ben", 2)):
        review.decide(filled, asset, reviewer, category, "random", note=f"{reviewer} thinks so")
    at_work.radio[0].set_value("conflict").run()
    assert "Ana thinks so" in shown(at_work) and "Ben thinks so" in shown(at_work)
    button(at_work, "2").click().run()
    assert gold.labels(filled, tasks.get(filled, 2)) == {asset: "Product launch"}
    assert "Reviewers agree wherever two of them decided" in shown(at_work)
    at_work.run()
    assert "Ana and Ben agree on 0.0 %" in shown(at_work).replace("\\", "").replace("\u00a0", " ")


def test_hostile_text_stays_text(at_work, filled):
    hostile = filled.execute("select id, text from assets where external_id = 'A-0000'").fetchone()
    filled.execute("update review_items set asset_id = ? where mode = 'queue' and place = 0", [hostile[0]])
    filled.conn.commit()
    at_work.run()
    assert hostile[1] in [element.value for element in at_work.text]
    for kind in ("markdown", "caption"):
        assert not [
            e.value for e in at_work.get(kind) if "onerror" in e.value or "<img" in e.value.replace("\\<img", "")
        ]


def test_decisions_for_a_spreadsheet(at_work, filled):
    at_work.toggle(key="review-export").set_value(True).run()
    assert [one.proto.label for one in at_work.get("download_button")] == ["Download CSV"]
    ids = [row[0] for row in filled.execute("select external_id from assets limit 3")]
    file = "asset,category\n{},Brand films\n{},Brand film\n{},Odd\n".format(*ids).encode()
    at_work.file_uploader(key="review-file").set_value(("back.csv", file, "text/csv")).run()
    next(one for one in at_work.button if one.label == "Read the decisions").click().run()
    assert [one.value for one in at_work.success] == ["1 new decisions in 3 rows."]
    offer = next(box for box in at_work.selectbox if box.label.startswith("What “Brand films”"))
    offer.set_value("Brand film").run()
    next(one for one in at_work.button if one.label == "Use these labels").click().run()
    assert [one.value for one in at_work.success] == ["1 new decisions in 3 rows."] and not at_work.exception
    assert not [box for box in at_work.selectbox if box.label.startswith("What “Brand films”")]
