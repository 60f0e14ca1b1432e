"""Every page for a task that chooses several: it serves it, or says in a sentence what is not there yet."""

from __future__ import annotations

import pytest

from core import review, tasks, taxonomy, vendor
from core.label import gold
from core.review import queue
from core.taxonomy import tagsets
from core.ui import review_desk
from core.ui.compare_first import TABS
from core.ui.menu import MENU
from core.vendor import sets
from tests.pages.conftest import ask
from tests.pages.test_pages import press, shown

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


def test_keys_take_tags_and_enter_saves_them(open_page, tagged):
    task = tasks.named(tagged, "Northwind")
    queue.build(tagged, task)
    item = review.next_item(tagged, task, "Ana", "queue", most=20)
    app = open_page("review", reviewer="Ana")
    key = {one["category_id"]: place for place, one in zip(review_desk.KEYS, item.suggestions)}
    assert saves(app) == f"Save: {tagsets.words(item.tags, names(tagged, task))}"
    other = next(id for id in key if id not in item.tags)
    app = button(app, key[other]).click().run()
    assert not app.exception and saves(app) == f"Save: {tagsets.words({*item.tags, other}, names(tagged, task))}"
    for tag in {*item.tags, other}:
        app = button(app, key[tag]).click().run()
    assert saves(app) == "Save: No tag"
    app = button(app, key[other]).click().run()
    app = button(app, "enter").click().run()
    assert not app.exception and gold.labels(tagged, task) == {item.asset_id: names(tagged, task)[other]}
    assert review.next_item(tagged, task, "Ana", "queue").asset_id != item.asset_id
    app = button(app, "u").click().run()
    assert gold.labels(tagged, task) == {} and not app.exception


def button(app, key: str):
    return next(one for one in app.button if one.proto.shortcut.lower() == key)


def saves(app) -> str:
    return button(app, "enter").label


def names(db, task) -> dict[int, str]:
    return {one.id: one.label for one in taxonomy.load(db, taxonomy.latest(db, task))}


def test_a_vendors_tags_stand_beside_the_students(open_page, tagged, tmp_path):
    task = tasks.named(tagged, "Northwind")
    ids = tagged.execute(
        """select a.external_id from vendor_set_assets s join assets a on a.id = s.asset_id where s.set_id = ?""",
        [sets.held_out(tagged, task)],
    ).fetchall()
    file = tmp_path / "answers.csv"
    file.write_text("asset_id,label\n" + "".join(f"{id},Sale; Travel\n" for (id,) in ids), encoding="utf-8")
    vendor.import_file(tagged, task, "Acme", file)
    app = open_page("vendor")
    assert not app.exception and not app.error, shown(app)
    assert "In 4 of 4 tags it agrees worse than" in shown(app)
