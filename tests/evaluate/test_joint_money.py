"""What all facets cost together: recomputed by hand from the predictions, the prompts and what the server billed."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace

import pytest

from core import distil, tasks
from core.commands import compare
from core.errors import InputError
from core.evaluate import evaluation, joint, joint_money, kept
from core.money import prices
from core.money.economics import Assumptions
from core.report import client as client_report
from core.report import html
from core.wires import connections
from core.wires.wire import Params
from tests import small
from tests.wires.servers import Call, Server


def knowing(call: Call) -> str:
    """A teacher that knows the small client's words."""
    words = small.WORDS | {"Buy": ["buy"], "Look": ["look"]}

    def choose(key: str, text: str) -> str:
        return max(call.facets[key], key=lambda id: sum(word in text for word in words[call.facets[key][id]]))

    return call.answer_facets(choose)


@pytest.fixture
def taught(db, tmp_path):
    """A client whose two facets were labelled in joint calls, and the server that charged for them."""
    facets, assets = small.facet_files(tmp_path / "files")
    client = tasks.of(db, "Northwind").client_id
    with Server(knowing, keep_calls=False) as server:
        params = Params(logprobs=False, concurrency=16)
        connections.save(db, client, "Local", "openai", "gpt-6.1-sol", base_url=server.url, params=params)
        prices.put_override(db, "openai:gpt-6.1-sol", 2.0, 10.0)
        how = {"client": "Northwind", "student": "linear", "target": 0.6, "budget": 50.0}
        result = distil.distil(db, taxonomy=facets, assets=assets, teacher="connection:Local", **how)
    return result, server, client


def test_what_facets_cost_together_is_what_their_calls_took_times_how_often_they_fall_back_together(db, taught):
    result, server, client = taught
    with db.atomic():  # as if so easy a client were harder: half of each facet falls back
        for id in joint.looked_at(db, client).values():
            sure = [row[0] for row in db.execute("select confidence from predictions where student_id = ?", [id])]
            middle = sorted(sure)[len(sure) // 2]
            figures = "json_set(figures, '$.certificate.threshold', ?)"
            db.execute(f"update evaluations set figures = {figures} where student_id = ?", [middle, id])
    of = joint_money.money_of(db, joint.looked_at(db, client))
    assert sum(server.asked.values()) == 400 and 0.2 < of.fell_back < 1 and 1 < of.facets_a_call < 2
    each = (server.billed_in * 2.0 + server.billed_out * 10.0) / 1e6 / 400
    assert of.per_1000["teacher"] == pytest.approx(1000 * each, rel=0.01)
    held = [_falls(db, id) for id in joint.looked_at(db, client).values()]
    sets = Counter(tuple(place for place, one in enumerate(held) if one[asset]) for asset in held[0])
    assert of.n == sets.total() and of.fell_back == pytest.approx(1 - sets[()] / of.n)
    alone = of.per_1000["teacher_apart"] / of.per_1000["teacher"]
    assert 1 < alone < 2, "two calls cost more than one, and less than two of both"
    students = next(line.value for line in of.lines if line.key == "students")
    most = students + of.fell_back * of.per_1000["teacher"]
    assert students < of.per_1000["cascade"] <= most < of.per_1000["teacher"]
    assert of.per_1000["cascade"] <= of.per_1000["cascade_apart"]
    assert of.saving_month == pytest.approx(of.monthly["teacher"] - of.monthly["cascade"]) and 0 < of.saving < 1
    costs = of.monthly | {"cascade": of.monthly["teacher"] + 2.0}
    assert "would cost $2.00 a month more (est" in joint_money.sentence(replace(of, monthly=costs, takes_over=False))
    same = of.monthly | {"cascade": of.monthly["teacher"] + 0.001}
    assert "would save nothing (est" in joint_money.sentence(replace(of, monthly=same, takes_over=False))
    told = result["all_facets"]["economics"]
    assert told["per_1000_usd"]["teacher"] == of.per_1000["teacher"] and told["fell_back"]["n"] == of.n
    assert "at the rate of the calls that were bought" in told["tokens_basis"]
    args = {
        "client": "Northwind",
        "task": None,
        "student": "live",
        "rule": [],
        "assume": [],
        "ask": None,
        "other_models": None,
    }
    compared, text = compare.run(argparse.Namespace(**args))
    assert (
        compared["all_facets"]["economics"]["per_1000_usd"] == of.per_1000
        and "A month of 10,000 assets in all facets: $" in text
    )
    report = html.render(client_report.of(db, client))
    assert joint_money.WAYS["cascade"] in report and "in one call however many they are" in report
    first = next(iter(joint.looked_at(db, client)))
    kept.keep_assumptions(db, first, Assumptions(price_as="openai:gpt-6.1-mini"))
    with pytest.raises(InputError, match="not priced as one model"):
        joint_money.money_of(db, joint.looked_at(db, client))
    assert "not priced as one model" in compare.run(argparse.Namespace(**args))[0]["all_facets"]["economics"]["reason"]


def _falls(db, student: int) -> dict[int, bool]:
    """Of each test asset whether it falls back."""
    threshold, _ = evaluation.certified(db, student)
    held = evaluation.predictions(db, student)
    held = held[held["split"] == "test"]
    return {
        row.asset_id: bool(threshold is None or row.confidence_student < threshold or row.strange)
        for row in held.itertuples()
    }
