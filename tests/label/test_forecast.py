"""What a run will take, before it: counted, estimated, and measured by a dry run."""

from __future__ import annotations

import random

import pytest

from core import jobs, taxonomy
from core.label import engine, forecast, runs, spending
from core.money import prices
from core.wires.wire import Params
from tests.label import scripted
from tests.pages.clients import bring_in_many


def test_the_forecast_counts_what_is_left_to_label(db):
    client = bring_in_many(db, "Northwind", 200)
    assert forecast.recorded_columns(db, client) == {"bought": 200}
    before = forecast.forecast(db, client, "recorded:bought")
    assert (before.labels, before.tokens_basis) == (200, "estimated")
    built_in = forecast.forecast(db, client, "built-in")
    assert (built_in.labels, built_in.seconds_basis) == (200, "assumed")
    assert built_in.tokens_in > 200 * 120
    jobs.run_here(db, "label", {"task_id": client.id, "teacher": "recorded:bought"}, task=client)
    assert forecast.forecast(db, client, "recorded:bought").labels == 0


@pytest.mark.parametrize("teacher", ["recorded:bought", "built-in"])
def test_labels_under_an_earlier_taxonomy_are_still_to_get(db, teacher):
    client = bring_in_many(db, "Northwind", 120)
    jobs.run_here(db, "label", {"task_id": client.id, "teacher": teacher}, task=client)
    first = runs.newest_in_use(db, client)
    assert forecast.forecast(db, client, teacher).labels == 0
    categories = taxonomy.load(db, taxonomy.latest(db, client))
    taxonomy.save(db, client, [*categories, taxonomy.Category("Contest", "Contest")], "next.csv")
    said = forecast.forecast(db, client, teacher)
    assert (said.labels, said.wanted) == (120, 120)
    assert runs.newest_in_use(db, client) is None
    if teacher == "built-in":
        assert said.seconds_basis == "estimated", "what the earlier run took still says how fast it is"
    # Labels that came over count.
    run = (
        db["label_runs"]
        .insert(
            {
                "task_id": client.id,
                "taxonomy_id": taxonomy.latest(db, client),
                "teacher": teacher,
                "started": "2026-01-01",
            }
        )
        .last_pk
    )
    to = db.execute("select max(id) from categories").fetchone()[0]
    db.execute(
        "insert into labels (run_id, asset_id, category_id, created) select ?, asset_id, ?, created from labels"
        " where run_id = ? limit 50",
        [run, to, first],
    )
    assert forecast.forecast(db, client, teacher).labels == 70
    assert runs.newest_in_use(db, client, teacher) == run


@pytest.fixture
def taught(db, monkeypatch):
    """A client of 400 assets of uneven length and a hosted teacher that counts tokens in its own way: (client, run, teacher)."""
    client, categories = scripted.fill(db, 400)
    dice = random.Random(7)
    for id, length in [
        (row[0], int(dice.lognormvariate(4, 0.8))) for row in db.execute("select id from assets").fetchall()
    ]:
        db.execute("update assets set text = text || ' ' || ? where id = ?", ["word " * length, id])
    run = scripted.start(db, client)

    def reply(text, n):
        return scripted.good(
            categories[0], 80 + round(len(text) / 4.4 * dice.uniform(0.9, 1.1)), dice.choice([9, 10, 12])
        )

    teacher = scripted.Scripted(scripted.Wire(reply, 0.001), categories, Params(concurrency=16))
    monkeypatch.setattr(forecast, "for_labels", lambda *arguments: teacher)
    monkeypatch.setattr(forecast, "find_run", lambda *arguments: run)
    return client, run, teacher


def test_a_dry_run_foretells_the_cost_within_a_tenth(db, taught):
    client, run, teacher = taught
    before = forecast.forecast(db, client, "connection:scripted")
    assert (before.labels, before.measured_on, before.tokens_basis) == (400, 0, "estimated")
    engine.label_hosted(db, run, teacher, 10.0, todo=400, limit=spending.DRY_RUN)
    dry = teacher.wire.billed_usd
    said = forecast.forecast(db, client, "connection:scripted")
    assert (said.labels, said.calls, said.measured_on, said.tokens_basis) == (380, 380, 20, "measured")
    engine.label_hosted(db, run, teacher, 10.0, todo=380)
    actual = teacher.wire.billed_usd - dry
    assert said.cost.likely == pytest.approx(actual, rel=0.1)
    assert said.cost.low <= actual <= said.cost.high
    assert before.cost.low < actual + dry < before.cost.high
    assert said.batch_usd == pytest.approx(said.cost.likely / 2)
    done = forecast.forecast(db, client, "connection:scripted")
    assert (done.labels, done.cost.likely, done.seconds) == (0, 0, 0)


def test_a_slow_pace_is_what_takes_the_time(db, taught):
    client, _, teacher = taught
    quick = forecast.forecast(db, client, "connection:scripted")
    assert quick.seconds == pytest.approx(400 * prices.SECONDS / 16) and quick.seconds_basis == "assumed"
    teacher.connection.params = Params(concurrency=16, requests_per_minute=60)
    assert forecast.forecast(db, client, "connection:scripted").seconds == pytest.approx(400)


def test_copies_are_taken_off_and_a_model_without_a_price_has_no_cost(db, taught):
    client, _, teacher = taught
    db.execute("update assets set group_id = (select min(id) from assets) where id % 2 = 0")
    teacher.price = None
    said = forecast.forecast(db, client, "connection:scripted")
    assert said.labels + said.copies == 400 and said.copies >= 199
    assert said.cost is None and said.batch_usd is None and said.tokens_in > 0
