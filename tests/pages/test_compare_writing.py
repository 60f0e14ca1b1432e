"""Compare for a task that writes: empty, with figures, with a blind test, and with money that changes."""

from __future__ import annotations

import pytest

from core.evaluate.kept import assumptions_of
from core.ui.compare_writing import TABS
from core.write import blind
from tests.pages import hostile
from tests.pages.conftest import ask
from tests.pages.test_names_stay_text import check
from tests.pages.test_pages import links, shown
from tests.write import drafted


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path)


def test_without_a_student_it_leads_to_where_one_is_made(open_page, task):
    assert links(open_page("compare", task=task)) == ["Bring in pairs and train"]


def test_the_verdict_comes_first_with_the_price_of_the_next_step(open_page, db, task):
    drafted.writer(db, task)
    app = open_page("compare", task=task)
    assert (
        "It drafts, and a person decides." in app.info[0].value and "207 comparisons at 30 s each" in app.info[0].value
    )
    assert "Today" in app.header[0].value and "a month" in app.header[0].value
    assert "People have not compared" in shown(app)
    assert {"measure", "Student", "People, approved copy", "People, copy of other briefs", "how"} == set(
        app.dataframe[0].value.columns
    )
    next(box for box in app.number_input if box.label == "Briefs a month").set_value(50_000).run()
    assert assumptions_of(db, task).volume_per_month == 50_000 and not app.exception
    for question in TABS:
        ask(app, question)


def test_a_blind_test_stands_on_it_with_its_range(open_page, db, task):
    writer = drafted.writer(db, task)
    drafted.compared(db, task, writer, 20)
    while item := blind.next_item(db, task, writer, "Ana"):
        blind.answer(db, item.id, "Ana", "left", 4.0)
    db.conn.commit()
    app = open_page("compare", task=task)
    assert "Not settled yet" in shown(app) and "more comparisons at 4.0 s each" in app.info[0].value


def test_no_text_is_markup(open_page, db, task):
    example = {"brief": hostile.PIECES[0], "text": " ".join(hostile.PIECES), "passed": False, "why": hostile.PIECES[1]}
    drafted.writer(db, task, examples=[example] * 20, stops={hostile.PIECES[2]: 0.2})
    app = open_page("compare", task=task)
    for question in TABS:
        check(ask(app, question))


def test_overview_says_what_it_handles_saves_and_what_comes_next(open_page, db, task):
    writer = drafted.writer(db, task)
    drafted.compared(db, task, writer, 5)
    app = open_page("overview")
    assert "Handles 90.0\u00a0% of briefs · nobody has compared" in shown(app)
    assert "a month at 10,000 briefs" in shown(app) and "207 comparisons at 30 s each" in shown(app)
    job = {"task_id": task.id, "client_id": task.client_id, "kind": "writers", "params": "{}", "state": "failed"}
    db["jobs"].insert(job | {"dedup": "x", "created": "2026-11-30"})
    db.conn.commit()
    assert "Writers failed" in shown(open_page("overview"))
