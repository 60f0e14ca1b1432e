"""Teachers that look, on the pages: the choice with its price on Teacher, and what Connections says of a model."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core.label import looking
from core.tasks import Task
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.images import clients
from tests.pages.test_pages import shown

TEACHER = "connection:Big"


@pytest.fixture
def task(db, tmp_path) -> Task:
    """The small client, each second asset with an image, and a teacher whose model is on no list."""
    task = small.fill(db, tmp_path, small.rows(12))
    clients.give(db, task.client_id, every=2)
    params = Params(logprobs=False, price=OwnPrice(2.0, 10.0))
    connections.save(db, task.client_id, "Big", "openai", "big-1", base_url="http://127.0.0.1:9/v1", params=params)
    return task


def chosen(app):
    return next((one for one in app.radio if one.label == "What the teacher gets"), None)


def test_what_the_teacher_gets_is_chosen_by_price(open_page, db, task):
    app = open_page("teacher", task)
    app.radio(key="teacher-chosen").set_value(TEACHER).run()
    assert chosen(app) is None and "not known: it reads the words alone" in shown(app)
    saved = connections.find(db, task.client_id, "Big")
    connections.save(db, task.client_id, "Big", "openai", saved.model, base_url=saved.base_url,
                     params=replace(saved.params, takes_images=True))  # fmt: skip
    app.run()
    words, both = (float(re.search(r"\$([\d.]+)", one)[1]) for one in chosen(app).proto.captions)
    assert both > words and chosen(app).value is False
    chosen(app).set_value(True).run()
    assert not app.exception and looking.chosen(db, task.client_id, TEACHER) and chosen(app).value is True
    assert "and their images" in shown(app)
    app.toggle(key="prompt-whole").set_value(True).run()
    assert not app.exception and "pixels as it is sent: about" in shown(app)
    connections.save(db, task.client_id, "Big", "openai", saved.model, base_url=saved.base_url,
                     params=replace(saved.params, takes_images=False))  # fmt: skip
    app.run()
    assert not app.exception and "Big takes no images" in shown(app)
    assert not looking.chosen(db, task.client_id, TEACHER)


def test_without_images_there_is_nothing_to_choose(open_page, db, task):
    with db.atomic():
        db.execute("update assets set image = null")
        db.execute("delete from images")
    app = open_page("teacher", task)
    app.radio(key="teacher-chosen").set_value(TEACHER).run()
    assert not app.exception and chosen(app) is None and "images" not in shown(app)
