"""Nothing goes live but by a click and a confirmation that says what changes; the built-in teacher teaches for trial only."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from core import database, jobs, tasks
from core.train.registry import all_students
from tests.browser.test_journeys import Clicks, no_failure
from tests.pages.clients import bring_in


@pytest.fixture
def trained(workspace, encoders):
    """A client with a student of its recorded labels, and a newer one of the built-in teacher's."""
    with closing(database.connect()) as db:
        client = bring_in(db, "Northwind", workspace / "files", rows=600)
        for teacher in ("recorded:recorded_label", "built-in"):
            run = jobs.run_here(db, "label", {"task_id": client.id, "teacher": teacher}, client).result["run_id"]
            jobs.run_here(db, "train", {"task_id": client.id, "run_id": run, "kind": "linear", "target": 0.8}, client)
        yield db


def live(db) -> list[int]:
    return [row["id"] for row in all_students(db, tasks.get(db, 2)) if row["live"]]


def test_a_student_goes_live_by_a_confirmed_click_alone(trained, page, app):
    clicks = Clicks(page)
    page.goto(f"{app.url}/compare")
    expect(page.get_by_text("Trial only.")).to_be_visible()
    expect(page.get_by_text(re.compile("taught by built-in teacher"))).to_be_visible()
    expect(page.get_by_role("button", name="Make it live …")).to_have_count(0)
    clicks.link("Student")
    asked = page.get_by_text(re.compile("^Make linear 2 live"))
    clicks.button("Make live …")
    expect(asked).to_be_visible()
    clicks.button("No, not yet")
    expect(asked).to_have_count(0)
    assert live(trained) == []
    clicks.button("Make live …")
    clicks.button("Yes, make linear 2 live")
    expect(page.get_by_text("linear 2, live")).to_be_visible()
    assert live(trained) == [2]

    clicks.button("Make live …")
    expect(page.get_by_text(re.compile(r"\d+ of \d+ test assets would change category"))).to_be_visible()
    clicks.button("Yes, make linear 1 live")
    expect(page.get_by_text("linear 1, live")).to_be_visible()
    clicks.link("Compare")
    expect(page.get_by_text("Trial only.")).to_have_count(0)
    expect(page.get_by_text(re.compile("taught by recorded labels"))).to_be_visible()
    no_failure(page)
    assert live(trained) == [1]
