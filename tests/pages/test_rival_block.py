"""Compare with a decision model as a third: before one is connected, asked, answered, and when its server is gone."""

from __future__ import annotations

from core import jobs, tasks
from core.evaluate import rivals
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.pages.test_pages import links, shown
from tests.wires.deciders import Decider, surely


def by_words(call) -> dict:
    counts = {name: sum(word in call.text for word in words) for name, words in small.WORDS.items()}
    best = max(counts, key=counts.get)
    return surely(best if counts[best] else call.none, call.options)


def connect(db, client_id, server, price=OwnPrice(1.0, 0.0), name="Jev"):  # noqa: B008
    params = Params(price=price, shortlist_over=254)
    connections.save(db, client_id, name, "systemone", "jev-1", base_url=server.url, params=params)


def compare(open_page, task):
    """Compare, with the block opened."""
    app = open_page("compare", task)
    app.session_state["rivals"] = True
    app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def button(app, start: str):
    return next((one for one in app.button if one.label.startswith(start)), None)


def test_without_a_decision_model_it_leads_to_connections(judged_small, open_page):
    app = compare(open_page, judged_small)
    assert "None is connected yet." in shown(app) and "Connect a decision model" in links(app)
    assert button(app, "Ask ") is None


def test_asked_it_stands_as_a_third_beside_both(judged_small, db, open_page):
    task = tasks.get(db, judged_small.id)
    with Decider(by_words) as server:
        connect(db, task.client_id, server, name="<b>Jev</b> $x")
        app = compare(open_page, task)
        asks = button(app, "Ask ")
        assert "about 200 of them ($0.0" in asks.label.replace("\\", "")
        asks.click().run()
        assert not app.exception
        (job,) = [one for one in jobs.recent(db, task) if one.kind == "rival"]
        assert job.params["rows"] == 200 and job.params["budget_usd"] > 0 and not server.calls
        rivals.ask(db, task, job.params["student_id"], job.params["rival"], job.params["budget_usd"], 200)
        jobs.cancel(db, job.id)
    app = open_page("compare", task)  # opened by itself, once one has been asked
    said = shown(app).replace("\\", "")
    assert "decision model" in said and "of the test assets as the teacher does" in said
    table = next(one.value for one in app.dataframe if "Decision model" in one.value)
    assert list(table["Decision model"]) == ["<b>Jev</b> $x"] and table["Assets"][0] > 100
    assert "<b>Jev" not in "".join(
        one.value for one in app.markdown if "\\<b" not in one.value and "&lt;" not in one.value
    )


def test_one_without_a_price_is_not_asked(judged_small, db, open_page):
    with Decider(by_words) as server:
        connect(db, judged_small.client_id, server, price=None)
        app = compare(open_page, judged_small)
    assert "Nobody knows what this model charges" in shown(app) and button(app, "Ask ") is None


def test_a_job_that_failed_says_why_and_can_be_taken_up_again(judged_small, db, open_page):
    with Decider(by_words) as server:
        connect(db, judged_small.client_id, server)
    job = jobs.start(db, "rival", rivals.params(judged_small, 1, "connection:Jev", 1.0), judged_small)
    db["jobs"].update(job.id, {"state": "failed", "error": "The key was refused: no."})
    app = compare(open_page, judged_small)
    assert "The key was refused: no." in "".join(error.value for error in app.error)
    assert button(app, "Try again")


def test_it_is_connected_by_the_form_with_a_price_for_calls_and_what_its_terms_allow(judged_small, db, open_page):
    with Decider(by_words) as server:
        app = open_page("connections", judged_small)
        kind = next(one for one in app.radio if one.label == "Who answers")
        kind.set_value("systemone").run()
        for label, value in (("Address", server.url), ("Model", "jev-1"), ("Name", "Jev")):
            next(one for one in app.text_input if one.label == label).set_value(value)
        app.selectbox(key="connection-new-place").set_value("none").run()
        app.radio(key="connection-new-chooses-may-train").set_value("No")
        app.radio(key="connection-new-chooses-way").set_value("My own").run()
        app.number_input(key="connection-new-chooses-calls_usd_1000").set_value(0.5)
        app.toggle(key="connection-new-chooses-by-level").set_value(True)
        button(app, "Save and test").click().run()
        assert not app.exception and not app.error
        assert "with probabilities" in app.success[0].value
    (kept,) = connections.all(db, judged_small.client_id)
    assert (kept.params.price.calls_usd_1000, kept.params.price.input_usd_mtok) == (0.5, 0.0)
    assert kept.params.may_train is False and kept.params.by_level and kept.params.shortlist_over == 254


def test_the_teacher_page_offers_it_and_shows_what_it_is_asked(judged_small, db, open_page):
    with Decider(by_words) as server:
        connect(db, judged_small.client_id, server)
        app = open_page("teacher", judged_small)
        app.radio(key="teacher-chosen").set_value("connection:Jev").run()
        app.toggle(key="prompt-whole").set_value(True).run()
    assert not app.exception and any('"None of these"' in one.value for one in app.code)
    assert button(app, "Try it on 20 assets first")
