"""Hosted teachers from the outside: the command line, the job, the forecast and the fallback, against a real HTTP server."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from core import __main__ as cli
from core import jobs, taxonomy
from core.deploy.fallback import Fallback
from core.errors import InputError
from core.label import forecast, labelling, relabel, runs, spending
from core.tasks import Task
from core.taxonomy import diff, versions
from core.taxonomy.versions import KeptDraft
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.servers import Call, Server, Text, steady

PRICE = OwnPrice(1.0, 4.0, 0.1, 0.5, 2.0)


def knowing(call: Call) -> str:
    """A model that knows the small client's categories by their words."""
    return call.answer_labels(lambda text: max(small.WORDS, key=lambda name: sum(w in text for w in small.WORDS[name])))


@pytest.fixture
def server():
    with Server(knowing, latency=0.005) as running:
        yield running


def connected(db, folder, server, count: int = 120, **params) -> Task:
    """The small client with a connection called Local; its id."""
    client = small.fill(db, folder, small.rows(count))
    params = Params(**{"price": PRICE, "concurrency": 8} | params)
    connections.save(db, client.client_id, "Local", "openai", "model-of-mine", base_url=server.url, params=params)
    return client


def test_distil_with_a_hosted_teacher_from_files_to_verdict(db, tmp_path, server, capsys, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    taxonomy, assets = small.files(tmp_path / "files", small.rows(240))
    command = ["distil", "--taxonomy", str(taxonomy), "--assets", str(assets), "--student", "linear", "--json"]
    command += ["--teacher", "openai:gpt-4o-mini", "--base-url", server.url]
    assert cli.main(command) == 2
    assert "cap" in capsys.readouterr().err and not server.calls
    assert cli.main([*command, "--budget", "1"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["labels"]["count"], said["labels"]["failed"], said["labels"]["state"]) == (240, 0, "done")
    assert 0 < said["labels"]["spent_usd"] < 1 and set(server.asked.values()) == {1}
    assert said["students"][0]["agreement"]["value"] > 0.6
    assert said["economics"]["priced_as"] == "openai:gpt-4o-mini"  # nobody has chosen another
    before = len(server.calls)
    assert cli.main([*command, "--budget", "1"]) == 0 and len(server.calls) == before


def test_the_cap_stops_the_job_and_a_higher_one_carries_on(db, tmp_path, server):
    client = connected(db, tmp_path, server, concurrency=32)
    params = {"task_id": client.id, "teacher": "connection:Local", "budget_usd": 0.01}
    first = jobs.run_here(db, "label", params, client).result
    assert first["state"] == "capped" and 0 < first["count"] < 120 and first["spent_usd"] <= 0.01
    second = jobs.run_here(db, "label", params | {"budget_usd": 1.0}, client).result
    assert (second["state"], second["count"], second["budget_usd"]) == ("done", 120, 1.0)
    assert second["run_id"] == first["run_id"] and set(server.asked.values()) == {1}
    billed = (server.billed_in + 4 * server.billed_out) / 1e6
    assert second["spent_usd"] == pytest.approx(billed, rel=1e-6)


def test_another_prompt_is_another_run_and_buys_anew(db, tmp_path, server):
    from core.label import prompts

    client = connected(db, tmp_path, server, count=30)
    first = labelling.label(db, client, "connection:Local", budget_usd=1.0)
    prompts.save(db, client, "Sort these texts well.")
    second = labelling.label(db, client, "connection:Local", budget_usd=1.0)
    assert first != second and set(server.asked.values()) == {2}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_run_in_batches(db, tmp_path, server, monkeypatch, kind):
    monkeypatch.setattr("core.label.batches.FIRST_POLL", 0.01)
    monkeypatch.setattr("core.label.batches.CHUNK", 50)
    client = connected(db, tmp_path, server)
    url = server.url if kind == "openai" else server.root
    connections.save(db, client.client_id, "Local", kind, "m", base_url=url, params=Params(price=PRICE))
    made = labelling.label(db, client, "connection:Local", budget_usd=1.0, batch=True)
    figures = runs.summary(db, made)
    assert (figures["count"], figures["state"]) == (120, "done") and set(server.asked.values()) == {1}
    billed = (server.billed_in * 0.5 + server.billed_out * 2.0) / 1e6
    assert figures["spent_usd"] == pytest.approx(billed, rel=1e-6)
    names = {row["id"]: row["label"] for row in db["categories"].rows}
    for external, category in db.execute(
        "select a.text, l.category_id from labels l join assets a on a.id = l.asset_id"
    ):
        assert names[category] == max(small.WORDS, key=lambda name: sum(w in external for w in small.WORDS[name]))


@pytest.mark.parametrize("params", [{}, {"assets_per_call": 5}, {"votes": 3, "logprobs": False}])
def test_the_dry_runs_forecast_is_within_a_tenth_of_what_the_run_costs(db, tmp_path, server, params):
    client = connected(db, tmp_path, server, count=240, **params)
    labelling.label(db, client, "connection:Local", budget_usd=1.0, limit=spending.DRY_RUN)
    said = forecast.forecast(db, client, "connection:Local")
    dry = runs.summary(db, runs.runs(db, client)[0]["id"])
    assert (dry["count"], dry["state"], said.measured_on) == (20, "stopped", 20)
    labelling.label(db, client, "connection:Local", budget_usd=1.0)
    whole = runs.runs(db, client)[0]
    assert whole["spent_usd"] - dry["spent_usd"] == pytest.approx(said.cost.likely, rel=0.1)


def test_the_fallback_asks_a_hosted_teacher_within_its_budget(db, tmp_path, server):
    client = connected(db, tmp_path, server, count=30)
    taxonomy_id = db.execute("select max(id) from taxonomies").fetchone()[0]
    served = SimpleNamespace(teacher="connection:Local", taxonomy_id=taxonomy_id, task=client)

    async def life(budget):
        behind = Fallback(client, budget)
        try:
            await behind.prepare(served)
            return await behind.answer(served, ["flights beach hotel", "careers join hiring"]), behind.spent_usd
        finally:
            await behind.close()

    with pytest.raises(InputError, match="costs money"):
        asyncio.run(life(None))
    said, spent = asyncio.run(life(1.0))
    assert [one.category for one in said] == ["Travel", "Hiring"] and 0 < spent < 0.01


def test_an_unpriced_model_asks_for_its_price_before_the_first_call(db, tmp_path, server):
    client = connected(db, tmp_path, server, price=None)
    with pytest.raises(InputError, match="price"):
        labelling.label(db, client, "connection:Local", budget_usd=1.0)
    assert not server.calls


def test_a_server_that_counts_no_tokens_counts_in_full(db, tmp_path):
    with Server(lambda call: Text(knowing(call), usage=False)) as server:
        client = connected(db, tmp_path, server, count=20)
        made = labelling.label(db, client, "connection:Local", budget_usd=1.0)
    assert runs.summary(db, made)["count"] == 20
    reserved, states = db.execute("select sum(reserved_usd), group_concat(distinct state) from calls").fetchone()
    assert states == "unknown" and runs.summary(db, made)["spent_usd"] == pytest.approx(reserved)


def test_a_wording_is_tried_on_what_people_settled_alone(db, tmp_path, server):
    client = connected(db, tmp_path, server)
    params = {"task_id": client.id, "teacher": "connection:Local", "budget_usd": 1.0, "gold_only": True}
    with pytest.raises(InputError, match="decided on no asset"):
        jobs.run_here(db, "label", params, client)
    category = db.execute("select id from categories where label = 'Sale'").fetchone()[0]
    settled = [row[0] for row in db.execute("select id from assets where group_id = id order by id limit 7")]
    db["reviews"].insert_all(
        {"task_id": 2, "asset_id": asset, "reviewer": "ana", "category_id": category, "created": ""}
        for asset in settled
    )
    done = jobs.run_here(db, "label", params, client).result
    assert (done["count"], done["state"], len(server.asked)) == (7, "stopped", 7)
    assert [row[0] for row in db.execute("select asset_id from labels order by asset_id")] == settled


def test_after_a_change_of_taxonomy_only_what_no_longer_holds_is_bought_again(db, tmp_path, server, encoders):
    client = connected(db, tmp_path, server)
    first = labelling.label(db, client, "connection:Local", budget_usd=1.0)
    says = {row["id"]: row["label"] for row in db["categories"].rows}
    before = {row["asset_id"]: says[row["category_id"]] for row in db.query("select * from labels")}
    base = taxonomy.latest(db, client)
    draft = diff.begin(taxonomy.load(db, base))
    draft = diff.rename(diff.remove(draft, "Sale"), "Travel", "Trips")
    kept = KeptDraft(base, "by hand", draft, ())
    versions.keep(db, client, kept)
    found, gone = relabel.plan(db, client, kept), list(before.values()).count("Sale")
    spent = runs.summary(db, first)["spent_usd"]
    assert 0 < gone < len(before) and found.ask == gone and found.price.model == "model-of-mine"
    assert found.usd(None) == pytest.approx(spent * gone / len(before), rel=0.1)

    (carried,) = relabel.carry_over(db, client)["runs"]
    asked, server.script = len(server.calls), steady
    second = labelling.label(db, client, "connection:Local", budget_usd=1.0)
    assert second == carried["run_id"] != first and len(server.calls) == asked + gone
    assert runs.summary(db, second)["spent_usd"] == pytest.approx(found.usd(None), rel=0.1)
    names = {row["id"]: row["label"] for row in db["categories"].rows}
    after = {
        row["asset_id"]: names[row["category_id"]]
        for row in db.query("select * from labels where run_id = ?", [second])
    }
    assert after.keys() == before.keys() and "Sale" not in after.values()
    moved = {"Travel": "Trips"}
    assert all(after[id] == moved.get(label, label) for id, label in before.items() if label != "Sale")
