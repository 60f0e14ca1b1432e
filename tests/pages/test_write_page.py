"""The Write page: pairs in, students beside people's copy, drafts with their gates."""

from __future__ import annotations

import pytest

from core import jobs, settings, tasks
from core.database import client_id
from core.write import guide, pairs, training
from tests.pages.test_pages import press, shown
from tests.write import copy


@pytest.fixture
def task(db):
    return tasks.add(db, client_id(db, "Northwind"), "Slogans", "write")


@pytest.fixture
def taught(db, task, encoders, tmp_path):
    """A student that retrieves is at work."""
    settings.put(db, "base_model", str(copy.base(tmp_path / "base")))
    path = copy.file(tmp_path, copy.pairs(240))
    pairs.import_pairs(db, task, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    found = training.train(db, task, "retrieve")
    assert found["chosen"] == "1", found["ruled_out"]
    return task


def test_an_empty_task_asks_for_pairs_and_queues_their_training(open_page, db, task, tmp_path):
    app = open_page("write", task=task)
    assert "writes copy" in [text.value for text in app.sidebar.text]
    app.file_uploader[0].set_value(("pairs.csv", copy.file(tmp_path).read_bytes(), "text/csv")).run()
    assert app.multiselect[0].value == ["brief"]
    press(app, "Import and train")
    [job] = jobs.active(db, task)
    assert (job.kind, job.params["brief"], job.params["copy"]) == ("writers", ["brief"], "copy")


def test_drafts_come_with_what_the_gates_say(open_page, db, taught):
    guide.put(db, taught, guide.Guide(banned=("coffee",)))
    app = open_page("write", task=taught)
    assert "Drafts for a person" in shown(app) and "People, approved copy" in str(app.dataframe[0].value)
    app.text_area(key="write-brief").input("Norden Coast, soap for early hands")
    press(app, "Write drafts")
    assert "Nearest approved copy" in shown(app) and "Norden Coast" in shown(app) and db["drafts"].count == 3
    app.text_area(key="write-brief").input(" ")
    press(app, "Write drafts")
    assert "brief is empty" in app.error[0].value


def test_the_voice_guide_is_kept_and_other_pages_send_here(open_page, db, taught):
    app = open_page("write", task=taught)
    next(box for box in app.text_input if box.label == "Banned words").input("cheap, =Love")
    app.number_input(key="least-words").set_value(3)
    app.text_area(key="patterns").input(r"\bnow\b")
    app.selectbox(key="language").select("en")
    press(app, "See what they would stop")
    assert guide.of(db, taught, []) == guide.Guide() and "These rules" in shown(app)
    press(app, "Save the voice guide")
    kept = guide.of(db, taught, [])
    assert (kept.banned, kept.patterns, kept.language) == (("cheap", "=Love"), (r"\bnow\b",), "en")
    assert (kept.words, kept.exclamation_marks, kept.grade) == (guide.Span(least=3), 2, None)
    app.number_input(key="most-words").set_value(2)
    press(app, "Save the voice guide")
    assert "at least 3 and at most 2" in app.error[0].value and guide.of(db, taught, []) == kept
    app = open_page("student", task=taught)
    assert "Slogans is of the kind “Write”" in shown(app)
    app = open_page("write", task=tasks.of_client(db, taught.client_id)[0])
    assert "Choose one category" in shown(app)
    app = open_page("overview")
    assert "Approved pairs" in shown(app) or "Drafts for a person" in shown(app)


def test_with_too_few_pairs_more_are_asked_for_and_nothing_else(open_page, db, task, tmp_path):
    path = copy.file(tmp_path, copy.pairs(5))
    pairs.import_pairs(db, task, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    app = open_page("write", task=task)
    assert next(box for box in app.expander if box.label == "Bring in pairs").proto.expanded
    assert "Train again" not in [button.label for button in app.button]
