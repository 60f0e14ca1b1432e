"""The Watch page: nothing at work, nothing checked, a promise that holds or is broken, a shadow run; what people set stays set."""

from __future__ import annotations

import re
import time
from contextlib import closing

import pytest

from core import tasks
from core.evaluate.evaluation import figures_of
from core.train.registry import all_students, find, set_live
from core.watch import rules, served, standing
from tests.pages.test_pages import press, shown
from tests.watch import lived

NAMES = ("Seasonal sale", "Product launch", "Brand film")


@pytest.fixture
def task(filled):
    """The task of the filled client, whose student at work promises something."""
    task = tasks.of_client(filled, 1)[0]
    set_live(filled, all_students(filled, task)[0]["id"])
    assert figures_of(filled, find(filled, task)["id"]).certificate.certified
    return task


def lead(db, task, *agreement: float, **more) -> None:
    lived.live(
        db, task, ends=time.time(), agreement=agreement, categories=NAMES, student_id=find(db, task)["id"], **more
    )


def test_without_a_student_at_work_it_says_so(open_page, db):
    tasks.of(db, "Northwind")
    assert "no promise to watch" in shown(open_page("watch"))


def test_a_promise_nobody_checks_is_called_so_and_a_first_share_is_proposed(open_page, filled, task):
    app = open_page("watch")
    assert "is unchecked" in shown(app) and "Next: Have 2" in shown(app)


def test_a_promise_that_holds_shows_its_weeks(open_page, filled, task):
    lead(filled, task, 0.99)
    app = open_page("watch")
    assert "holds." in app.success[0].value and "Agreement lately lies between" in shown(app)
    assert not app.error and not standing.broken(filled, task)


def test_a_broken_promise_stands_on_the_overview_until_somebody_decides(open_page, filled, task):
    lead(filled, task, 0.99, 0.3, texts=True)
    app = open_page("watch")
    assert "is broken since" in app.error[0].value and "Categories that agree less" in shown(app)
    assert "creative number" in shown(app)
    assert "promise of the student at work is broken" in shown(open_page("overview"))
    app.text_input(key="watch-decided").set_value("Asked the client").run()
    app = press(app, "It is seen to: watch anew")
    assert "is unchecked" in shown(app)
    assert "promise of the student" not in shown(open_page("overview"))


def test_hostile_texts_stay_text(open_page, filled, task):
    lead(filled, task, 0.2, days=10, texts=True)
    with closing(served.answers(task.client_id)) as file:
        file.execute("update audits set text = '<img src=x onerror=alert(1)> **bold** $x$'")
    told = "".join(element.value for element in open_page("watch").markdown)
    assert "<img" in told and not re.search(r"(?<!\\)(<img|\*\*bold)", told)


def test_what_is_checked_and_kept_is_set_here(open_page, filled, task):
    app = open_page("watch")
    app.number_input(key="watch-share").set_value(2.5)
    app.number_input(key="watch-budget").set_value(12.0)
    next(radio for radio in app.radio if radio.label == "When the promise is broken").set_value(rules.TEACHER)
    app.button(key="watch-keep").click().run()
    next(radio for radio in app.radio if radio.label.startswith("Texts kept")).set_value(rules.ASKED)
    app.number_input(key="watch-days").set_value(30)
    app.button(key="watch-keep-texts").click().run()
    assert rules.watching(filled, task) == rules.Watching(share=0.025, broken="teacher")
    assert rules.keeping(filled, 1) == rules.Keeping(texts="asked", days=30, audit_usd=12.0)


def test_what_was_written_down_is_erased_only_after_a_yes(open_page, filled, task):
    lead(filled, task, 0.99, days=5)
    app = open_page("watch")
    erase = next(button for button in app.button if button.label == "Erase what was written down")
    assert erase.disabled and served.there(task.client_id)
    app.checkbox(key="watch-erase-sure").check().run()
    press(app, "Erase what was written down")
    assert served.there(task.client_id) is None


def test_a_shadow_run_says_what_the_student_would_have_done(open_page, filled, task):
    lead(filled, task, 0.99, days=4, mode=served.SHADOW)
    assert "would have handled" in shown(open_page("watch")) and "Ready to go to work" in shown(open_page("watch"))


def test_a_student_at_work_that_was_tried_on_a_file_is_not_to_be_put_to_work(open_page, filled, task):
    lead(filled, task, 0.99, days=4, mode=served.SHADOW)
    lead(filled, task, 0.99, days=2)
    said = shown(open_page("watch"))
    assert "would have handled" in said and "It is at work." in said and "Ready to go to work" not in said
