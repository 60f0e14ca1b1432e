"""The Blind test page: empty, judged by keys' buttons, its result in words, and the drafts' desk."""

from __future__ import annotations

import pytest

from core import jobs
from core.write import blind, desk, pairs
from tests.pages import hostile
from tests.pages.test_names_stay_text import check
from tests.pages.test_pages import links, press, shown
from tests.write import drafted


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path)


@pytest.fixture
def writer(db, task):
    return drafted.writer(db, task)


def judged(app) -> str:
    return app.get("progress")[0].proto.text


def test_without_a_student_it_leads_to_where_one_is_made(open_page, task):
    assert links(open_page("blind", task=task)) == ["Bring in pairs and train"]


def test_an_empty_test_is_drawn_up_by_a_job(open_page, db, task, writer):
    app = open_page("blind", task=task, reviewer="Ana")
    assert "beside the approved copy" in shown(app)
    press(app, "Draw up pairs")
    [job] = jobs.active(db, task)
    assert (job.kind, job.params) == ("blind", {"task_id": task.id, "writer_id": writer, "count": 100})


def test_pairs_are_judged_without_saying_whose_they_are(open_page, db, task, writer):
    drafted.compared(db, task, writer, 20)
    app = open_page("blind", task=task)
    assert "Give your name" in shown(app) and "Not settled yet" in shown(app)
    app = open_page("blind", task=task, reviewer="Ana")
    first = blind.next_item(db, task, writer, "Ana")
    texts = [one.value for one in app.text]
    assert first.brief in texts and first.left in texts and first.right in texts
    for label in ("Left", "Right", "Both fine", "Neither"):
        assert {"student", "approved"}.isdisjoint(element.label.casefold() for element in app.button)
        press(app, label)
    said = [row["answer"] for row in db.query("select answer from blind_answers order by created")]
    assert said == ["left", "right", "both", "neither"] and judged(app) == "4 of 20 judged by you"
    press(app, "Undo")
    assert blind.counts(db, task, writer, "Ana") == (17, 3)
    again = open_page("blind", task=task)  # a reload: the only reviewer is known, nothing is lost
    assert judged(again) == "3 of 20 judged by you" and blind.next_item(db, task, writer, "Ana").brief in [
        one.value for one in again.text
    ]


def test_a_settled_test_changes_the_verdict_on_the_write_page(open_page, db, task, writer):
    drafted.compared(db, task, writer, 60)
    while item := blind.next_item(db, task, writer, "Ana"):
        blind.answer(db, item.id, "Ana", "left" if item.left.startswith("Draft: ") else "right")
    db.conn.commit()
    app = open_page("blind", task=task)
    assert "Not worse than approved copy" in shown(app) and "Nothing waits for you" in shown(app)
    app = open_page("write", task=task)
    assert "Not worse than approved copy" in shown(
        app
    ) and "Compare its drafts with approved copy, sides hidden" in links(app)
    app = open_page("blind", task=task)
    next(box for box in app.number_input if box.label == "Margin, %").set_value(20)
    press(app, "Save what is asked for")
    assert blind.rules_of(db, task).margin == 0.2 and "30\u00a0% was asked for" in shown(app)


def test_drafts_are_approved_edited_and_rejected(open_page, db, task, writer):
    for n in range(3):
        drafted.draft(db, task, writer, f"Line number {n}", f"Brief {n}")
    app = open_page("blind", task=task, reviewer="Ana")
    app.radio[0].set_value("Drafts' desk").run()
    assert "Line number 0" in [one.value for one in app.text]
    press(app, "Approve")
    press(app, "Edit")
    app.text_area[0].input("Line number one")
    press(app, "Keep the edit")
    press(app, "Edit")
    app.text_area[0].input(" ")
    press(app, "Keep the edit")
    assert "is empty" in app.error[0].value
    press(app, "Close")
    press(app, "Reject")
    assert [row["decision"] for row in db.query("select decision from draft_decisions order by draft_id")] == [
        "approved",
        "edited",
        "rejected",
    ]
    assert "No draft waits" in shown(app) and "learns from 2 drafts" in shown(app)
    [rate] = desk.rates(db, task)
    assert rate.edited == 1 and "student: write" in str(app.dataframe[0].value)


def test_no_text_is_markup(open_page, db, task, writer):
    for piece in hostile.PIECES:
        drafted.draft(db, task, writer, f"{piece} line", f"{piece} brief")
    db.execute("update pairs set brief = ? || id, copy = ? || id", [hostile.PIECES[0], " ".join(hostile.PIECES)])
    drafted.compared(db, task, writer, 5)
    app = open_page("blind", task=task, reviewer=hostile.REVIEWERS[0])
    assert any(hostile.WORD in one.value for one in app.text)
    check(app)
    press(app, "Left")
    app.radio[0].set_value("Drafts' desk").run()
    check(app)
    press(app, "Approve")
    check(app)
    assert len(pairs.load(db, task)) == 240
