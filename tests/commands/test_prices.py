"""Prices of your own, by command and by page: what is bought, forecast and compared from then on costs that."""

from __future__ import annotations

import json

import pytest

from core import database
from core.label.runs import runs
from core.money import prices
from core.wires import connections
from core.wires.wire import Params
from tests import small
from tests.test_main import call
from tests.wires import servers


def said(capsys, *arguments: str) -> dict:
    status, out, err = call(capsys, *arguments, "--json")
    assert status == 0, err
    return json.loads(out)


def test_a_price_is_listed_set_and_reset(capsys, db):
    everything = said(capsys, "prices")["prices"]
    assert [row["model"] for row in everything] == prices.models()
    found = said(capsys, "prices", "--find", "GPT-6.1")["prices"]
    assert found and all("gpt-6.1" in row["model"] and row["price"] == row["listed"] for row in found)
    (row,) = said(capsys, "prices", "--set", "gpt-6.1-sol", "--price", "1.5,8,0.05")["prices"]
    own = row["price"]
    assert (own["input_usd_mtok"], own["output_usd_mtok"], own["cached_usd_mtok"]) == (1.5, 8.0, 0.05)
    assert (own["source"], row["listed"]["input_usd_mtok"]) == ("yours", 2.0)
    said(capsys, "prices", "--set", "openai:ours", "--price", "0,0")
    _, out, _ = call(capsys, "prices")
    assert out.splitlines()[0].startswith("openai:ours ") and "0 in, 0 out" in out
    assert "1.5 in, 8 out, 0.05 cached" in out and "(list: 2 in, 10 out)" in out
    (row,) = said(capsys, "prices", "--reset", "gpt-6.1-sol")["prices"]
    assert row["price"] == row["listed"]
    (row,) = said(capsys, "prices", "--reset", "openai:ours")["prices"]
    assert row["price"] is None
    assert said(capsys, "prices")["prices"] == everything


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "a:b"], "Give both"),
        (["--price", "1,2"], "Give both"),
        (["--set", "a:b", "--price", "1"], "IN,OUT"),
        (["--set", "a:b", "--price", "1,-2"], "less than nothing"),
        (["--set", " ", "--price", "1,2"], "needs a model"),
        (["--reset", "openai:gpt-6.1-sol"], "no price of your own"),
        (["--set", "a:b", "--reset", "a:b"], "not allowed with"),
    ],
)
def test_a_wrong_price_is_one_sentence_and_changes_nothing(capsys, db, arguments, sentence):
    status, out, err = call(capsys, "prices", *arguments)
    assert (status, out) == (2, "") and sentence in err and "Traceback" not in err
    assert prices.overrides(db) == []


def steady_but(change):
    """A model of 1,000 tokens in and 10 out an answer; `change()` is done while the tenth is being given."""
    seen = []

    def script(asked: servers.Call):
        seen.append(asked)
        if len(seen) == 10:
            change()
        return servers.Text(servers.steady(asked), tokens_in=1000, tokens_out=10)

    return script


def set_price(*rates: float) -> None:
    with database.connect() as other:
        prices.put_override(other, "openai:ours", *rates)


def test_forecast_calls_and_the_ledger_cost_it_at_once_and_what_is_booked_stays(capsys, db, tmp_path):
    client = small.fill(db, tmp_path / "files", small.rows(60))
    with servers.Server(steady_but(lambda: set_price(200, 0)), latency=0.1) as server:
        connections.save(
            db, client.client_id, "Ours", "openai", "ours", base_url=server.url, params=Params(concurrency=2)
        )
        command = ("label", "--client", "Small", "--teacher", "connection:Ours")
        assert "price of ours is not known" in call(capsys, *command, "--budget", "5")[2]
        said(capsys, "prices", "--set", "openai:ours", "--price", "2,0")
        first = said(capsys, *command, "--forecast")
        said(capsys, "prices", "--set", "openai:ours", "--price", "4,0")
        assert (
            said(capsys, *command, "--forecast")["forecast"]["cost"]["likely"]
            == 2 * first["forecast"]["cost"]["likely"]
        )
        said(capsys, *command, "--budget", "1")
    (run,) = runs(db, client)
    costs = [usd for (usd,) in db.execute("select round(cost_usd, 4) from calls order by id")]
    assert set(costs) == {0.004, 0.2}, "two prices, before and after the change"
    assert costs[0] == 0.004 and costs.count(0.004) < 30 and costs[-1] == 0.2
    ledger = said(capsys, "ledger", "--client", "Small")["runs"]
    assert ledger[0]["spent_usd"] == pytest.approx(sum(costs)) == pytest.approx(run["spent_usd"])
    assert run["spent_usd"] <= 1 and run["state"] == "capped", "no call was made that the cap no longer allowed"


def test_compare_prices_teacher_and_other_models_by_it_at_once(judged_small, capsys, db):
    command = ("compare", "--client", "Small", "--student", "1")
    said(capsys, *command, "--assume", "price_as=openai:gpt-6.1-sol", "--other-models", "openai:gpt-6-sol")

    def formulas() -> str:
        return json.dumps(said(capsys, *command)["formulas"])

    def sums() -> list[float]:
        return [course["value"] for course in said(capsys, *command)["formulas"] if "value" in course]

    before, listed = formulas(), sums()
    said(capsys, "prices", "--set", "openai:gpt-6.1-sol", "--price", "20,100")
    said(capsys, "prices", "--set", "openai:gpt-6-sol", "--price", "77,7")
    after = formulas()
    assert "yours" in after and "77" in after and after != before and sums() != listed
    said(capsys, "prices", "--reset", "openai:gpt-6.1-sol")
    said(capsys, "prices", "--reset", "openai:gpt-6-sol")
    assert formulas() == before
