"""Every page for a task that chooses several: it serves it, or says in a sentence what is not there yet."""

from __future__ import annotations

import pytest

from core import tasks
from core.ui.compare_first import TABS
from core.ui.menu import MENU
from tests.pages.conftest import ask
from tests.pages.test_pages import links, press, shown

SORTING = [key for key, item in MENU.items() if not item.needs_client or "choose_several" in item.kinds]


@pytest.mark.parametrize("key", SORTING)
def test_every_page_renders_for_tags(open_page, tagged, key):
    app = open_page(key)
    assert app.title[0].value == MENU[key].title
    assert not app.exception, shown(app)
    assert not app.error, shown(app)


@pytest.mark.parametrize("key", ("teacher", "student", "compare", "try_one", "review", "deploy"))
def test_a_new_task_of_tags_is_sent_to_the_step_before(open_page, db, key):
    tasks.of(db, "Northwind", "Mood", kind="choose_several")
    app = open_page(key)
    assert not app.exception and not app.error


def test_try_one_says_the_tags_and_the_teachers(open_page, tagged):
    text = tagged.execute(
        "select a.text from assets a join predictions p on p.asset_id = a.id join categories c on c.id = p.category_id"
        " where c.tags like '%,%' and p.category_id = p.teacher_category_id order by a.id limit 1"
    ).fetchone()[0]
    app = open_page("try_one")
    app.text_area(key="try-text").set_value(text)
    app = press(app, "Ask student and teacher")
    assert not app.exception and not app.error
    said = [element.value for element in app.text if "; " in element.value]
    assert len(said) >= 2 and said[0] == said[1]


def test_compare_tells_of_tags_in_every_tab_and_changes_the_promise(open_page, tagged):
    app = open_page("compare")
    assert "tag for tag" in shown(app)
    assert any(box.label == "What is promised of tags" for box in app.selectbox)
    for tab in TABS[1:]:
        assert not ask(app, tab).error, shown(app)


def test_review_says_how_tags_are_settled(open_page, tagged):
    app = open_page("review")
    assert "Settle tags in a file" in shown(app) and links(app) == ["Bring in a file of gold labels"]
