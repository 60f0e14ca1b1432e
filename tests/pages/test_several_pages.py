"""Every page for a task that chooses several: it serves it, or says in a sentence what is not there yet."""

from __future__ import annotations

import pytest

from core import tasks
from core.ui.menu import MENU
from tests.pages.test_pages import shown

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
