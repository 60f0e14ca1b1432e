"""The Write page: pairs in, students beside people's copy, drafts with their gates."""

from __future__ import annotations

import pytest

from core import jobs, settings, tasks
from core.database import client_id
from core.evaluate import house
from core.ui import house_writing
from core.write import comparison, desk, guide, pairs, training
from tests.pages.test_pages import press, shown
from tests.write import copy, drafted


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
    assert app.multiselect[0].value == ["brief"] and "estimated from some" in shown(app)
    press(app, "Import and train")
    [job] = jobs.active(db, task)
    assert (job.kind, job.params["brief"], job.params["copy"]) == ("writers", ["brief"], "copy")


def test_what_a_file_leaves_open_is_asked_and_read_so(open_page, db, task):
    lines = ["brief,copy", *(f"Tokyo {n} 東京,Line {n} 線" for n in range(30))]
    app = open_page("write", task=task)
    app.file_uploader[0].set_value(("pairs.csv", "\n".join(lines).encode("shift_jis"), "text/csv")).run()
    ask = next(box for box in app.selectbox if "encoding" in box.label.lower())
    ask.select("cp932").run()
    press(app, "Import and train")
    [job] = jobs.active(db, task)
    assert job.params["read_as"]["encoding"] == "cp932"


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


def test_an_unused_first_task_is_no_work_beside_one_that_writes(open_page, db, taught):
    first = tasks.of_client(db, taught.client_id)[0]
    assert first.name == "Category"
    app = open_page("overview")
    assert "Northwind · Slogans" in shown(app) and "Northwind · Category" not in shown(app)
    db["taxonomies"].insert({"task_id": first.id, "version": 1, "content_hash": "", "created": "2026"})
    db.conn.commit()
    assert "Northwind · Category" in shown(open_page("overview"))


def test_an_address_without_a_task_leads_to_the_one_that_something_was_done_with(open_page, db, taught):
    app = open_page("write")
    assert [text.value for text in app.sidebar.text if text.value == "writes copy"]


def test_drafts_kept_by_people_stand_beside_missing_pairs_and_count_among_savings(open_page, db, task):
    writer = drafted.writer(db, task)
    ids = [drafted.draft(db, task, writer, f"Line {n}", f"Brief {n}") for n in range(4)]
    for n, id in enumerate(ids[:3]):
        desk.decide(db, id, "Ana", f"Line {n}")
    db.execute("update drafts set passed = 0 where id = ?", [ids[3]])
    db.conn.commit()
    app = open_page("overview", task=task)
    lines = [text.value for text in app.sidebar.text]
    assert "3" in lines and "Approved drafts" in [one.value for one in app.sidebar.caption]
    months = comparison.drafted_by_month(db, task)
    assert [(briefs, passed) for _, briefs, passed in months] == [(4, 3)]
    result = house_writing.result_of(db, task)
    money = house_writing.earned(db, task, house.TaskMoney(task.id, False), result)
    prices = result.economics.per_1000
    assert sum(money.saved.values()) == pytest.approx((3 * prices["teacher"] - 4 * prices["student"]) / 1000)
    assert money.filed == {months[0][0]: 4} and "saved this month" in shown(app)


def test_with_too_few_pairs_more_are_asked_for_and_nothing_else(open_page, db, task, tmp_path):
    path = copy.file(tmp_path, copy.pairs(5))
    pairs.import_pairs(db, task, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    app = open_page("write", task=task)
    assert next(box for box in app.expander if box.label == "Bring in pairs").proto.expanded
    assert "Train again" not in [button.label for button in app.button]
