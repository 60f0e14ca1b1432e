"""Teachers that look, on the pages: the choice with its price on Teacher, and what Connections says of a model."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from core import taxonomy
from core.images import kept
from core.images.seen import Seen
from core.label import labelling, looking
from core.label.desk import ask_once
from core.label.teachers import make
from core.tasks import Task
from core.ui import answers
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.images import clients
from tests.pages.test_pages import shown
from tests.wires.servers import Server, steady

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
    assert looking.chosen(db, task.client_id, TEACHER), "to look at a page changes nothing"
    app.button(key=f"no-look-{task.client_id}-{TEACHER}").click().run()
    assert not looking.chosen(db, task.client_id, TEACHER)
    assert not app.exception and "Big takes no images: it reads the words alone" in shown(app)


def test_without_images_there_is_nothing_to_choose(open_page, db, task):
    with db.atomic():
        db.execute("update assets set image = null")
        db.execute("delete from images")
    app = open_page("teacher", task)
    app.radio(key="teacher-chosen").set_value(TEACHER).run()
    assert not app.exception and chosen(app) is None and "images" not in shown(app)


def test_on_try_one_a_teacher_that_looks_is_asked_about_the_image_at_hand(db, task):
    with Server(steady, image_tokens=100) as server:
        params = Params(logprobs=False, price=OwnPrice(2.0, 10.0), takes_images=True)
        connections.save(db, task.client_id, "Big", "openai", "big-1", base_url=server.url, params=params)
        looking.choose(db, task.client_id, TEACHER, True)
        run = labelling.label(db, task, TEACHER, budget_usd=1.0)
        rows = db.execute("select id, text from assets where image is not null order by id limit 2").fetchall()
        own, other = (kept.sights(db, task.client_id, [id])[id] for id, _ in rows)
        words, before = rows[0][1], len(server.calls)
        assert answers.ask_teacher(db, task, run, Seen(words, own), looks=True).label
        assert answers.ask_teacher(db, task, run, Seen(words, other), looks=True).label is None
        hosted = make(db, task, TEACHER, taxonomy.load(db, taxonomy.latest(db, task)))
        said = [ask_once(db, task.client_id, hosted, Seen(words, sight)) for sight in (own, other)]
    assert [one.cost_usd > 0 for one in said] == [False, True]
    (call,) = server.calls[before:]
    assert call.texts == [words] and len(call.images) == 1
