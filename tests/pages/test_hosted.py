"""Connections, hosted teachers and the ledger as a person meets them, against a model server on a real port."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import jobs, tasks
from core.database import now
from core.label import prompts
from core.label.runs import runs
from core.tasks import Task
from core.ui.hosted_teacher import rounded_up
from core.wires import connections, keys
from core.wires.wire import OwnPrice, Params
from tests.pages.clients import HOSTILE, WORDS, bring_in
from tests.pages.test_pages import links, shown
from tests.wires import servers

SECRET = "sk-test-5f2d81c0a7"
PRICE = OwnPrice(2.0, 10.0, 0.2, as_of="2026-11-01")


def button(app, label: str):
    return next(found for found in app.button if found.label.startswith(label))


def field(app, label: str):
    kinds = (*app.text_input, *app.number_input, *app.selectbox)
    return next(found for found in kinds if found.label.startswith(label))


def sorted_well(call: servers.Call) -> str:
    """The category whose words a text has."""
    return call.answer(lambda text: call.id_of(max(WORDS, key=lambda name: sum(word in text for word in WORDS[name]))))


@pytest.fixture
def server():
    with servers.Server(sorted_well, key=SECRET, models=("big-1",)) as running:
        yield running


@pytest.fixture
def northwind(db, tmp_path) -> Task:
    return bring_in(db, "Northwind", tmp_path / "files")


@pytest.fixture
def connected(db, northwind, server, monkeypatch) -> Task:
    """Northwind with the connection "Big" to the server, its key in the environment."""
    monkeypatch.setenv("BIG_KEY", SECRET)
    params = Params(logprobs=False, price=PRICE)
    connections.save(
        db, northwind.client_id, "Big", "openai", "big-1", base_url=server.url, key_source="env:BIG_KEY", params=params
    )
    return northwind


def fill_in(app, **values: str):
    for label, value in values.items():
        field(app, label.replace("_", " ")).set_value(value)
    return app


def test_a_connection_is_added_tested_and_its_key_kept_nowhere(
    open_page, db, northwind, server, monkeypatch, workspace
):
    monkeypatch.setenv("BIG_KEY", SECRET)
    app = open_page("connections")
    assert "Add a connection" in shown(app)
    fill_in(app, Address=server.url, Model="big-1", Name="Big", Name_of_the_variable="BIG_KEY")
    button(app, "Save and test").click().run()
    assert not app.exception and not app.error
    assert "big-1 answered in" in app.success[0].value.replace("\\", "")
    (kept,) = connections.all(db, northwind.client_id)
    assert (kept.client_id, kept.key_source) == (northwind.client_id, "env:BIG_KEY")
    db.execute("pragma wal_checkpoint(truncate)")
    for file in workspace.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file


def test_how_a_model_is_asked_can_be_set(open_page, db, northwind, server, monkeypatch):
    monkeypatch.setenv("BIG_KEY", SECRET)
    app = open_page("connections")
    fill_in(app, Address=server.url, Model="big-1", Name="Big", Name_of_the_variable="BIG_KEY")
    app.selectbox(key="connection-new-schema").set_value("plain")
    app.toggle(key="connection-new-logprobs").set_value(False)
    app.number_input(key="connection-new-votes").set_value(3)
    button(app, "Save and test").click().run()
    assert not app.exception and not app.error
    (kept,) = connections.all(db, northwind.client_id)
    assert (kept.params.schema, kept.params.logprobs, kept.params.votes) == ("plain", False, 3)
    assert not {"response_format", "logprobs"} & set(server.calls[-1].body)


@pytest.mark.parametrize(
    ("key", "model", "path", "words"),
    [
        ("sk-wrong-000000000000", "big-1", "", "key"),
        (SECRET, "huge-9", "", "model"),
        (SECRET, "big-1", "nowhere", "address"),
    ],
)
def test_a_test_call_says_in_words_what_is_wrong(
    open_page, db, northwind, server, monkeypatch, key, model, path, words
):
    monkeypatch.setenv("BIG_KEY", key)
    url = "http://127.0.0.1:9/v1" if path else server.url
    connections.save(db, northwind.client_id, "Big", "openai", model, base_url=url, key_source="env:BIG_KEY")
    app = open_page("connections")
    button(app, "Test call").click().run()
    assert not app.exception
    (said,) = [error.value for error in app.error]
    assert words in said.lower() and key not in said and "Error" not in said and "Traceback" not in said


def test_a_missing_key_is_seen_before_anything_is_asked(open_page, db, northwind, monkeypatch):
    monkeypatch.delenv("BIG_KEY", raising=False)
    connections.save(db, northwind.client_id, "Big", "openai", "big-1", key_source="env:BIG_KEY")
    assert "BIG\\_KEY is not set" in open_page("connections").warning[0].value


def test_what_cannot_be_right_is_refused_in_words_and_what_was_typed_stays(open_page, db, northwind):
    app = fill_in(open_page("connections"), Address="api.example", Model="big-1")
    button(app, "Save and test").click().run()
    assert "no web address" in app.error[0].value
    assert field(app, "Model").value == "big-1"
    fill_in(app, Address="https://api.example/v1", Name="sk-abcdefghijklmnopqrstuvwxyz")
    button(app, "Save and test").click().run()
    assert "key is missing" in app.error[0].value
    field(app, "Where its key is").set_value("none")
    button(app, "Save and test").click().run()
    assert "looks like a key" in app.error[0].value
    assert not connections.all(db, northwind.client_id)


def test_a_key_is_chosen_among_those_that_are_there(open_page, db, northwind, monkeypatch, workspace):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "BIG_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    (workspace / "secrets.toml").write_text('TOP = "k"\nnumber = 1\n[openai]\napi_key = "k"\n', encoding="utf-8")
    app = open_page("connections")
    variables = field(app, "Name of the variable")
    assert (
        variables.options == ["ANTHROPIC_API_KEY", "BIG_KEY", "OPENAI_API_KEY"] and variables.value == "OPENAI_API_KEY"
    )
    field(app, "Where its key is").set_value("secrets").run()
    lines = field(app, "Name of the line")
    assert lines.options == ["TOP", "openai.api_key"] and lines.value is None
    fill_in(app, Model="m", Name="Big", Name_of_the_line="openai.api_key")
    app.text_input(key="connection-new-url").set_value("http://127.0.0.1:9/v1")
    button(app, "Save and test").click().run()
    assert connections.find(db, northwind.client_id, "Big").key_source == "secrets:openai.api_key"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "BIG_KEY"):
        monkeypatch.delenv(name)
    app = open_page("connections")
    button(app, "Add a connection").click().run()
    assert "No variable that may hold a key is set" in shown(app)


@pytest.mark.parametrize("place", ["env", "keyring"])
def test_a_key_does_not_follow_its_connection_to_another_server(
    open_page, db, northwind, server, store, monkeypatch, place
):
    """The key is asked for again, with the reason, and the other server sees none until it is given."""
    monkeypatch.setenv("BIG_KEY", SECRET)
    keys.put_keyring("Big", SECRET)
    source = {"env": "env:BIG_KEY", "keyring": "keyring:Big"}[place]
    connections.save(db, northwind.client_id, "Big", "openai", "big-1", base_url=server.url, key_source=source)
    with servers.Server(sorted_well) as other:
        app = open_page("connections")
        button(app, "Edit").click().run()
        fill_in(app, Address=other.url).run()
        assert "the key does not go along: give it once more" in shown(app)
        button(app, "Save and test").click().run()
        assert "The key is missing" in app.error[0].value and not other.requests
        assert connections.find(db, northwind.client_id, "Big").base_url == server.url
        if place == "env":
            fill_in(app, Name_of_the_variable="BIG_KEY")
        else:
            app.text_input[-1].set_value("sk-other-123456")
        button(app, "Save and test").click().run()
        assert not app.error and "answered in" in shown(app)
        assert {call.key for call in other.calls} == {SECRET if place == "env" else "sk-other-123456"}
        assert connections.find(db, northwind.client_id, "Big").base_url == other.url
    assert keys.read("keyring:Big") == SECRET  # the first server's is as it was


def test_a_connection_is_changed_and_removed(open_page, db, connected):
    app = open_page("connections")
    button(app, "Edit").click().run()
    assert field(app, "Name").disabled
    fill_in(app, Model="big-2", Calls_at_the_same_time=3)
    button(app, "Save and test").click().run()
    (one,) = connections.all(db, connected.client_id)
    assert (one.name, one.model, one.params.concurrency) == ("Big", "big-2", 3)
    assert (one.params.price.input_usd_mtok, one.params.logprobs) == (2.0, False)
    app = open_page("connections")
    button(app, "Remove it").click().run()
    assert not connections.all(db, connected.client_id)


def test_an_own_price_needs_both_of_its_parts(open_page, db, northwind):
    app = fill_in(open_page("connections"), Address="http://127.0.0.1:9/v1", Model="big-1")
    field(app, "Where its key is").set_value("none")
    next(radio for radio in app.radio if radio.label == "Price").set_value("My own").run()
    field(app, "Tokens in").set_value(3.0)
    button(app, "Save and test").click().run()
    assert "price" in app.error[0].value and not connections.all(db, northwind.client_id)
    field(app, "Tokens out").set_value(9.0)
    button(app, "Save and test").click().run()
    (one,) = connections.all(db, northwind.client_id)
    assert (one.params.price.input_usd_mtok, one.params.price.output_usd_mtok) == (3.0, 9.0)
    assert one.params.price.as_of == now()[:10]


def test_a_name_is_never_markup(open_page, db, northwind):
    connections.save(
        db, northwind.client_id, HOSTILE[:60], "openai", "<b>m</b>", key_source="none", params=Params(price=PRICE)
    )
    for key in ("connections", "teacher", "ledger"):
        app = open_page(key)
        for kind in ("markdown", "caption", "error", "warning", "success", "info"):
            assert not [one.value for one in app.get(kind) if "<img" in one.value.replace("\\<img", "")], (key, kind)
        assert not [option for radio in app.radio for option in radio.options if "<img" in option.replace("\\<img", "")]


def choose_big(app):
    return next(radio for radio in app.radio if radio.label == "Teacher").set_value("connection:Big").run()


def run_job(db):
    (job,) = jobs.active(db)
    return jobs.run_here(db, job.kind, job.params, tasks.get(db, job.task_id))


def test_trial_cap_raise_and_done(open_page, db, connected, server):
    app = choose_big(open_page("teacher"))
    assert "Guessed from the length" in shown(app)
    assert button(app, "Get 360 labels").proto.type != "primary"
    button(app, "Try it on 20 assets first").click().run()
    assert run_job(db).result["count"] == 20

    app = choose_big(open_page("teacher"))
    assert "Measured on 20 labels" in shown(app)
    spent = runs(db, connected)[0]["spent_usd"]
    cap = field(app, "Stop at")
    assert spent < cap.value < 1
    cap.set_value(spent * 3).run()
    button(app, "Get 340 labels").click().run()
    assert run_job(db).result["state"] == "capped"

    app = choose_big(open_page("teacher"))
    (run,) = runs(db, connected)
    assert 20 < run["count"] < 360 and run["spent_usd"] <= spent * 3
    assert f"{run['count']:,} of 360 labels are in" in app.warning[0].value
    field(app, "Raise the cap").set_value(spent * 2).run()
    assert button(app, "Raise the cap and carry on").disabled
    field(app, "Raise the cap").set_value(spent * 50).run()
    button(app, "Raise the cap and carry on").click().run()
    assert run_job(db).result["state"] == "done"

    app = choose_big(open_page("teacher"))
    assert "All 360 labels are in" in shown(app) and not app.warning
    assert set(server.asked.values()) == {1}, "an asset was bought twice"


def test_assets_without_a_label_are_counted_with_their_reasons(open_page, db, connected, server):
    server.script = lambda call: "I would rather not say." if "reward" in call.texts[0] else sorted_well(call)
    jobs.run_here(db, "label", {"task_id": connected.id, "teacher": "connection:Big", "budget_usd": 9.0}, connected)
    (run,) = runs(db, connected)
    assert run["failed"] > 10
    app = choose_big(open_page("teacher"))
    assert f"{run['failed']:,} assets have no label" in [box.label for box in app.expander]
    table = next(frame.value for frame in app.dataframe if "Reason" in frame.value.columns)
    assert table["Assets"].sum() == run["failed"]


def test_a_model_without_a_price_is_not_asked(open_page, db, northwind, server):
    connections.save(db, northwind.client_id, "Big", "openai", "nobody-knows-1", base_url=server.url)
    app = choose_big(open_page("teacher"))
    assert "Nobody knows what this model charges" in app.warning[0].value
    assert "Give its price with the connection" in links(app)
    assert not [found for found in app.button if found.label.startswith(("Get", "Try"))]


def test_another_wording_is_another_run(open_page, db, connected):
    jobs.run_here(
        db, "label", {"task_id": connected.id, "teacher": "connection:Big", "budget_usd": 9.0, "limit": 20}, connected
    )
    app = choose_big(open_page("teacher"))
    assert "Measured on 20 labels" in shown(app)
    next(area for area in app.text_area if area.label == "Instructions").set_value("Sort these, please.")
    button(app, "Save as a new version").click().run()
    assert prompts.current(db, connected).version == 1
    assert "Version 1." in shown(app)
    assert "Guessed from the length" in shown(app) and "Measured on 20 labels" not in shown(app)
    next(toggle for toggle in app.toggle if toggle.label.startswith("Show exactly")).set_value(True).run()
    assert any("Sort these, please." in code.value for code in app.code)


def test_the_ledger_adds_up_for_one_client_and_for_all(open_page, db, connected, server):
    assert links(open_page("ledger")) == ["Choose a teacher"]
    jobs.run_here(db, "label", {"task_id": connected.id, "teacher": "connection:Big", "budget_usd": 9.0}, connected)
    (run,) = runs(db, connected)
    app = open_page("ledger")
    months, bought = (frame.value for frame in app.dataframe)
    assert months["Spent"].sum() == pytest.approx(run["spent_usd"]) == pytest.approx(bought["Spent"].sum())
    assert list(months["Month"]) == [now()[:7]] and bought["Labels"].sum() == 360
    assert (months["Tokens in"].sum(), months["Tokens out"].sum()) == (server.billed_in, server.billed_out)
    assert [metric.label for metric in app.metric][:2] == ["Spent this month", "Spent in all"]

    app = open_page("ledger", task=tasks.of(db, "Other"))
    assert links(app) == ["Choose a teacher"]
    app.radio(key="ledger-whose").set_value("all").run()
    assert list(next(frame.value for frame in app.dataframe)["Client"]) == ["Northwind"]


def test_no_page_or_row_shows_the_key(open_page, db, connected, server):
    server.script = lambda call: servers.Fault("status", 401, code="x", words=f"Incorrect API key provided: {SECRET}.")
    with pytest.raises(Exception, match="key"):
        jobs.run_here(db, "label", {"task_id": connected.id, "teacher": "connection:Big", "budget_usd": 9.0}, connected)
    for key in ("connections", "teacher", "ledger"):
        assert SECRET not in shown(open_page(key)), key
    rows = [json.dumps(row, default=str) for table in ("calls", "jobs", "connections") for row in db[table].rows]
    assert rows and not [row for row in rows if SECRET in row]


def test_a_tested_connection_is_the_one_chosen_on_the_teacher_page(open_page, db, connected):
    app = open_page("connections")
    button(app, "Test call").click().run()
    app.switch_page("pages/teacher.py").run()
    assert next(radio for radio in app.radio if radio.label == "Teacher").value == "connection:Big"


def test_one_asset_is_asked_about_where_a_person_pays_for_it(open_page, db, connected, server):
    bought = {"task_id": connected.id, "teacher": "connection:Big", "budget_usd": 9.0}
    run = jobs.run_here(db, "label", bought, connected).result
    params = {"task_id": connected.id, "run_id": run["run_id"], "kind": "linear", "target": 0.9}
    jobs.run_here(db, "train", params, connected)
    asked = sum(server.asked.values())
    app = open_page("try_one")
    app.text_area[0].input("introducing the first launch that nobody has seen")
    button(app, "Ask student and teacher").click().run()
    assert sum(server.asked.values()) == asked and "It has not been asked" in shown(app)
    button(app, "Ask Big now").click().run()
    assert not app.exception and not app.error
    assert sum(server.asked.values()) == asked + 1 and "Asked now" in shown(app)
    assert "Product launch" in [text.value for text in app.text]
    (tried,) = db.query("select * from calls where purpose = 'one asset'")
    assert tried["state"] == "settled" and tried["run_id"] is None and 0 < tried["cost_usd"] <= tried["reserved_usd"]
    assert "one asset" in list(open_page("ledger").dataframe[1].value["For"])


@given(st.floats(1e-6, 1e6))
def test_a_cap_filled_in_is_a_short_number_just_above_the_forecast(usd):
    filled = rounded_up(usd)
    assert isinstance(filled, float) and usd * (1 - 1e-9) <= filled <= 1.1 * usd + 1e-12
    assert float(f"{filled:.2g}") == filled


def test_the_short_list_is_checked_against_what_is_known(open_page, db, connected, server, encoders):
    app = choose_big(open_page("teacher"))
    button(app, "Check the short list").click().run()
    assert any(one.value.startswith("None is needed") for one in app.text)
    params = Params(price=PRICE, shortlist_over=2, shortlist=3)
    connections.save(db, connected.client_id, "Big", "openai", "big-1", base_url=server.url, params=params)
    app = choose_big(open_page("teacher"))
    button(app, "Check the short list").click().run()
    (said,) = [one.value for one in app.text if one.value.startswith("The short list of 3 of ")]
    assert "% of 300 assets" in said and "measured" in said
