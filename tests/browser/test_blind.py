"""A blind test by keyboard alone, in a real browser: no key is lost, nor is anything by a reload; then the drafts' desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.write import drafted

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def task(db, tmp_path):
    """A student with a blind test of 40 pairs and four drafts; made before the dashboard starts."""
    made = drafted.task(db, tmp_path)
    writer = drafted.writer(db, made)
    drafted.compared(db, made, writer, 40)
    for n in range(4):
        drafted.draft(db, made, writer, f"Line number {n}", f"Brief {n}")
    db.conn.commit()
    return made


def at(page: Page, said: str) -> None:
    """The desk says so, and is drawn to its end."""
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()


def test_fifteen_keys_typed_fast_are_fifteen_answers_and_a_reload_loses_none(task, db, page, app):
    page.goto(f"{app.url}/blind?client=Northwind&task=Slogans")
    page.get_by_label("Your name").fill("Ana")
    page.keyboard.press("Enter")
    at(page, "0 of 40 judged by you")
    expect(page.get_by_label("Your name")).to_have_count(0)
    typed = "121341212341213"
    for key in typed:
        page.keyboard.press(key)
    at(page, "15 of 40 judged by you")
    said = dict(zip("1234", ("left", "right", "both", "neither")))
    query = "select p.place, a.answer from blind_answers a join blind_pairs p on p.id = a.pair_id order by a.created"
    assert db.execute(query).fetchall() == [(place, said[key]) for place, key in enumerate(typed)]
    page.keyboard.press("u")
    at(page, "14 of 40 judged by you")
    page.reload()
    at(page, "14 of 40 judged by you")
    page.keyboard.press("2")
    at(page, "15 of 40 judged by you")
    expect(page.get_by_text("Not settled yet")).not_to_be_visible()  # until somebody looks: it moves with each answer
    page.get_by_text("How it stands").click()
    expect(page.get_by_text("Not settled yet")).to_be_visible()

    page.get_by_text("Drafts' desk", exact=True).click()
    at(page, "0 decided, 4 to decide")
    page.keyboard.press("a")
    at(page, "1 decided, 3 to decide")
    page.keyboard.press("e")
    field = page.get_by_label("The draft")
    expect(field).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(", and more aeux")  # in a field, keys are letters
    page.keyboard.press("Control+Enter")
    at(page, "2 decided, 2 to decide")
    page.keyboard.press("x")
    at(page, "3 decided, 1 to decide")
    rows = db.execute("select decision, text from draft_decisions order by draft_id").fetchall()
    assert rows == [("approved", "Line number 0"), ("edited", "Line number 1, and more aeux"), ("rejected", None)]
    expect(page.get_by_test_id("stException")).to_have_count(0)
