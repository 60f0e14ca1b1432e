"""Several facets asked about in one call, against a real HTTP server: labels, shares, cap, repair, batches, what is asked again."""

from __future__ import annotations

import json

import pytest

from core import __main__ as cli
from core import tasks, taxonomy
from core.label import labelling, runs
from core.tasks import Task
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.servers import Server, steady

PRICE = OwnPrice(1.0, 4.0, 0.1, 0.5, 2.0)
FACETS = {
    "Offer": ("Percent off", "Gift", "No offer"),
    "Stage": ("Awareness", "Purchase"),
    "Tone": ("Warm", "Loud", "Plain"),
}


def connected(db, folder, server, count: int = 40, facets=("Offer",), **params) -> list[Task]:
    """The small client (facet Category) with further facets and a connection called Local; its facets' tasks."""
    first = small.fill(db, folder, small.rows(count))
    there = [first] + [add(db, first.client_id, name) for name in facets]
    params = Params(**{"price": PRICE, "concurrency": 8} | params)
    connections.save(db, first.client_id, "Local", "openai", "model-of-mine", base_url=server.url, params=params)
    return there


def add(db, client_id: int, name: str) -> Task:
    task = tasks.add(db, client_id, name)
    taxonomy.save(db, task, [taxonomy.Category(label=one, name=one) for one in FACETS[name]], "facets.csv")
    return task


@pytest.fixture
def server():
    with Server(steady, latency=0.002) as running:
        yield running


def billed(server: Server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


def test_one_call_an_asset_brings_a_label_of_each_facet_and_its_bill_is_shared_out_to_the_last_cent(
    db, tmp_path, server
):
    facets = connected(db, tmp_path, server, facets=("Offer", "Stage"))
    made = labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert set(server.asked.values()) == {1} and len(server.calls) == 40
    assert [runs.summary(db, run)["count"] for run in made] == [40, 40, 40]
    calls = list(db.query("select * from calls"))
    assert len(calls) == 40 and {one["facets"] for one in calls} == {3} and {one["run_id"] for one in calls} == {None}
    shares = db.execute("select sum(cost_usd), count(distinct cost_usd) from labels group by asset_id").fetchall()
    assert sorted(cost for cost, _ in shares) == sorted(one["cost_usd"] for one in calls), "to the last bit"
    assert sum(cost for cost, _ in shares) == pytest.approx(billed(server), rel=1e-9)
    assert [runs.summary(db, run)["spent_usd"] for run in made] == pytest.approx([billed(server) / 3] * 3, rel=1e-9)
    assert db.execute("select sum(held_usd) from label_runs").fetchone()[0] == pytest.approx(0.0)
    labelling.label_together(db, facets, "connection:Local", budget_usd=1.0)
    assert len(server.calls) == 40, "a second run makes no call"


def test_the_command_asks_all_facets_together_and_says_beforehand_what_that_saves(db, tmp_path, server, capsys):
    facets = connected(db, tmp_path, server, facets=("Offer", "Stage", "Tone"))
    command = ["label", "--client", "Small", "--teacher", "connection:Local", "--budget", "1", "--json"]
    assert cli.main([*command, "--forecast"]) == 0
    said = json.loads(capsys.readouterr().out)["forecast"]
    assert said["lacking"] == {"Category": 40, "Offer": 40, "Stage": 40, "Tone": 40} and not server.calls
    assert cli.main(command) == 0
    done = json.loads(capsys.readouterr().out)
    assert {name: one["count"] for name, one in done["facets"].items()} == said["lacking"] and len(server.calls) == 40
    together = done["spent_usd"]
    assert said["together"]["cost"]["low"] < together < said["together"]["cost"]["high"]
    apart = sum(_alone(db, task, server) for task in facets)
    assert said["saved_usd"] / said["apart_usd"] == pytest.approx(1 - together / apart, abs=0.1)


def _alone(db, task: Task, server: Server) -> float:
    """What the labels of one facet cost asked for alone."""
    with db.atomic():
        db.execute("delete from labels")
        db.execute("delete from kept_replies")
    before = billed(server)
    labelling.label(db, task, "connection:Local", budget_usd=5.0)
    return billed(server) - before
