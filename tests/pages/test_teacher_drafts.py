"""The Write and Blind test pages where a large model writes or judges: price first, then the job; the desk before any student."""

from __future__ import annotations

import pytest

from core import jobs, tasks
from core.database import client_id
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from core.write import judge_pairs, teacher_behind
from tests.pages.test_pages import press, shown
from tests.write import copy, drafted

BRIEFS = [{"brief": f"Norden {n}, soap for town number {n}", "market": "UK"} for n in range(8)]


@pytest.fixture
def task(db, encoders):
    return tasks.add(db, client_id(db, "Northwind"), "Slogans", "write")


def connect(db, price: OwnPrice | None = OwnPrice(1.0, 4.0)) -> None:  # noqa: B008
    connections.save(db, 0, "T", "openai", "writer", base_url="http://127.0.0.1:9/v1", params=Params(price=price))
    db.conn.commit()


def test_without_a_connection_or_a_price_the_way_to_one_is_shown(open_page, db, task, tmp_path):
    assert "No large model is connected" in shown(open_page("write", task=task))
    connect(db, price=None)
    app = open_page("write", task=task)
    app.file_uploader[1].set_value(("b.csv", copy.file(tmp_path, BRIEFS).read_bytes(), "text/csv")).run()
    assert "Nobody knows what this model charges" in app.warning[0].value


def test_the_price_is_said_before_the_job_and_its_drafts_come_to_the_desk(open_page, db, task, tmp_path):
    connect(db)
    app = open_page("write", task=task)
    app.file_uploader[1].set_value(("b.csv", copy.file(tmp_path, BRIEFS).read_bytes(), "text/csv")).run()
    assert "estimated" in shown(app) and "tokens in" in shown(app)
    press(app, "Have drafts written for 8 briefs")
    [job] = jobs.active(db, task)
    assert job.kind == "teacher_drafts" and job.params["columns"] == ["brief"] and 0 < job.params["budget_usd"] < 1
    assert not app.file_uploader[1:], "while it runs there is nothing to start"
    jobs.cancel(db, job.id)
    drafted.draft(db, task, None, "A soft morning.", "Norden 1, soap", "teacher")
    db.conn.commit()
    assert "1 draft waiting" in shown(open_page("write", task=task))
    app = open_page("blind", task=task, reviewer="Ana")
    assert "A soft morning." in shown(app) and [radio.options for radio in app.radio] == [["Drafts' desk"]]


def test_who_stands_behind_the_student_and_who_judges_is_chosen(open_page, db, encoders, tmp_path):
    task = drafted.task(db, tmp_path)
    writer = drafted.writer(db, task)
    drafted.compared(db, task, writer, 20)
    connect(db)
    app = open_page("write", task=task)
    next(box for box in app.selectbox if box.label == "Who writes then").select("connection:T")
    press(app, "Save who stands behind")
    assert "costs money" in app.error[0].value
    next(box for box in app.number_input if "a month" in box.label).set_value(20.0)
    press(app, "Save who stands behind")
    assert teacher_behind.rules_of(db, task) == teacher_behind.Rules(teacher="connection:T", budget_usd=20.0)
    app = open_page("blind", task=task, reviewer="Ana")
    press(app, "Have it judge 20 pairs")
    [job] = jobs.active(db, task)
    params = judge_pairs.params(task, writer, "connection:T", job.params["budget_usd"], 20)
    assert (job.kind, job.params) == ("judge_pairs", params) and job.params["budget_usd"] > 0
