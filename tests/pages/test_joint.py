"""The Teacher page of a client with several tasks: asked together, with what that saves."""

from __future__ import annotations

import pytest

from core import jobs
from tests.label.test_joint import connected
from tests.wires.servers import Server, steady


@pytest.fixture
def server():
    with Server(steady) as running:
        yield running


def test_tasks_are_asked_about_together_and_the_page_says_what_that_saves(open_page, db, tmp_path, server):
    facets = connected(db, tmp_path, server, count=30, facets=("Offer", "Stage"))
    app = open_page("teacher", facets[0])
    app.radio[0].set_value("connection:Local").run()
    assert not app.exception
    (together,) = [pills for pills in app.button_group if pills.label == "Ask together with"]
    assert together.options == ["Offer", "Stage"] and len(together.value) == 2
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Labels to get"] == "90" and "Saved" in shown
    next(button for button in app.button if button.label == "Get 90 labels").click().run()
    (job,) = jobs.recent(db, facets[0])
    assert job.params["facets"] == [task.id for task in facets] and job.params["budget_usd"] > 0
    together.set_value([]).run()
    assert "Saved" not in {metric.label for metric in app.metric}
