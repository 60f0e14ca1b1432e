"""A decision model beside a student: asked once about the student's own assets, calibrated, certified, weighed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import removal, tasks
from core.__main__ import main
from core.errors import InputError
from core.evaluate import rivalry, rivals
from core.evaluate.comparison import judgement
from core.evaluate.evaluation import evaluate, figures_of
from core.evaluate.evidence import Rules
from core.evaluate.kept import assumptions_of, keep_assumptions
from core.evaluate.verdict import in_words
from core.label import labelling
from core.money import ledger
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests.evaluate.conftest import insert_assets
from tests.wires import servers
from tests.wires.deciders import REFUSED, Decider, surely

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("Sale", "Offer", "Brand")


def number(text: str) -> int:
    """Of the small client's assets: the truth is this modulo 3."""
    return int(text.split()[3])


def right(call, share: float = 0.9) -> dict:
    return surely(NAMES[number(call.text) % 3], call.options, share)


def often(every: int, share: float = 0.95):
    """Wrong on every so manyth asset, and unsure there."""

    def script(call):
        n = number(call.text)
        return surely(NAMES[(n + 1) % 3], call.options, 0.4) if n % every == 0 else right(call, share)

    return script


@pytest.fixture
def judged(client):
    """Student right on 19 of 20 test assets, 24 of 25 that calibrate; certified."""
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    evaluate(client.db, client.student_id)
    return client


def connect(client, server, usd: float = 1.0, **params):
    saved = Params(price=OwnPrice(usd, 0.0), concurrency=4, shortlist_over=254, **params)
    connections.save(client.db, client.task.client_id, "Jev", "systemone", "jev-1", base_url=server.url, params=saved)


def asked(client, rows=200, cap=1.0):
    return rivals.ask(client.db, client.task, 1, "connection:Jev", cap, rows)


def rival(client):
    (found,) = rivalry.rivals(client.db, 1, figures_of(client.db, 1))
    return found


def test_it_is_asked_once_about_the_students_own_assets_within_the_cap(judged):
    with Decider(right) as server:
        connect(judged, server)
        count, cost = rivals.forecast(judged.db, judged.task, 1, "connection:Jev", 60)
        assert count == 120 and cost.low <= cost.likely <= cost.high
        capped = asked(judged, 60, cap=0.004)
        assert capped["capped"] and 0 < len(server.calls) < 120 and capped["spent_usd"] <= 0.004
        whole = asked(judged, 60)
        assert not whole["capped"] and len(server.calls) == 120 == sum(server.asked.values())
        assert whole["spent_usd"] == pytest.approx(server.billed_in / 1e6)
        assert asked(judged, 60)["answered"] == 120 == len(server.calls)
        asked(judged, 100)
        assert len(server.calls) == 200  # those that were asked before among them
    (row,) = ledger.runs_table(judged.db, judged.task.client_id)
    assert (row["purpose"], row["open"]) == ("compared", 0)
    assert judged.db.execute("select count(*) from label_runs").fetchone() == (1,)  # it is no teacher's run
    splits = "select split, count(*) from rival_answers r join assets a on a.id = r.asset_id group by 1 order by 1"
    assert judged.db.execute(splits).fetchall() == [("calibration", 100), ("test", 100)]


def test_without_a_cap_or_a_price_or_for_another_kind_nothing_is_asked(judged):
    with Decider(right) as server:
        connect(judged, server)
        with pytest.raises(InputError, match="no cap"):
            asked(judged, cap=None)
        connections.save(judged.db, judged.task.client_id, "GPT", "openai", "gpt", base_url=server.url)
        with pytest.raises(InputError, match="GPT is no decision model"):
            rivals.ask(judged.db, judged.task, 1, "connection:GPT", 1.0)
        assert not server.calls


def test_figures_are_of_the_same_test_assets_and_hold_up(judged):
    with Decider(often(4)) as server:
        connect(judged, server)
        asked(judged, 300)
    found = rival(judged)
    assert found.agreement.n == found.student.n == found.paired.n == 300
    assert found.agreement.value == pytest.approx(0.75) and found.student.value == pytest.approx(0.95)
    assert found.paired.better == "second" and found.usd_each > 0 and found.times.n == 600
    assert found.certificate.certified and found.handled.value == pytest.approx(0.75)  # it knows where it is wrong
    assert found.agreement_handled.value == 1.0 and found.calibrated_on == 300


def test_its_confidences_are_calibrated_on_ours(judged):
    """Nine in ten sure and right three times in four: calibrated, it says about three in four."""

    def boasts(call):
        n = number(call.text)
        return surely(NAMES[(n + (n % 4 == 0)) % 3], call.options, 0.99)

    with Decider(boasts) as server:
        connect(judged, server)
        asked(judged, 300)
    found = rival(judged)
    assert found.temperature > 1.5 and not found.certificate.certified
    both = rivalry._both(judged.db, found.id, 1)
    rivalry._calibrate(both, both["split"] != "test", [2, 3, 4])
    assert np.isclose(both["confidence_student"].mean(), 0.75, atol=0.04)


def test_what_it_would_not_answer_does_not_agree_and_trouble_does_not_count(judged):
    def script(call):
        n = number(call.text)
        if n % 10 == 1:
            return REFUSED
        if n % 10 == 2:
            return surely(call.none, call.options)
        return servers.Fault("status", 400, words="No.") if n % 10 == 3 else right(call)

    with Decider(script) as server:
        connect(judged, server)
        result = asked(judged, 300)
        found = rival(judged)
        assert found.agreement.n == 270 and found.unanswered == 60
        assert found.agreement.value == pytest.approx(210 / 270) and 50 < result["failed"] < 70
        server.script = right
        again = asked(judged, 300)
    assert again["answered"] == 600 and again["failed"] == 0 and rival(judged).agreement.n == 300


def test_it_says_what_it_waits_for(judged):
    told = []

    def report(done, total, usd, waiting):
        told.append(waiting)
        if waiting:
            raise KeyboardInterrupt

    with Decider(right) as server:
        connect(judged, server)
    with pytest.raises(KeyboardInterrupt):
        rivals.ask(judged.db, judged.task, 1, "connection:Jev", 1.0, 50, report)
    assert told[-1].startswith("Waiting for Jev: No server answers at")


def test_labels_of_the_same_teacher_are_not_bought_again(judged):
    with Decider(right) as server:
        connect(judged, server)
        labelling.label(judged.db, judged.task, "connection:Jev", budget_usd=5.0)
        bought = len(server.calls)
        assert asked(judged, 100)["answered"] == 200 and len(server.calls) == bought
    found = rival(judged)
    assert found.agreement.value == 1.0 and found.usd_each > 0 and found.times.p50 > 0


def test_what_was_kept_from_before_is_reckoned_at_the_price(judged):
    with Decider(right) as server:
        connect(judged, server)
        asked(judged, 100)
        before = judgement(judged.db, 1).beside[0]
        judged.db.execute("delete from rival_answers")
        asked(judged, 100)
        assert len(server.calls) == 200
    after = judgement(judged.db, 1).beside[0]
    assert after.rival.usd_each is None and after.usd_1000 == pytest.approx(before.usd_1000, rel=1e-3)


def test_renamed_it_is_the_same_one(judged):
    with Decider(right) as server:
        connect(judged, server)
        asked(judged, 60)
        connections.rename(judged.db, connections.find(judged.db, judged.task.client_id, "Jev").id, "Judge")
        again = rivals.ask(judged.db, judged.task, 1, "connection:Judge", 1.0, 60)
        assert again["answered"] == 120 == len(server.calls) and rival(judged).name == "Judge"


# --- the verdict --------------------------------------------------------------------------------------------------


def verdict(client, script, *, rows=300, usd=1.0, **assumed):
    """The verdict once a decision model has been asked."""
    with Decider(script) as server:
        connect(client, server, usd)
        asked(client, rows, cap=100.0)
    if assumed:
        keep_assumptions(client.db, client.task, replace(assumptions_of(client.db, client.task), **assumed))
    return judgement(client.db, 1)


def test_a_decision_model_that_does_the_work_for_cents_leaves_a_student_nothing_to_save(judged):
    assert judgement(judged.db, 1).verdict.decision == "fallback"
    result = verdict(judged, often(40))
    (one,) = result.beside
    assert one.outcome == "does_it" and one.month < 10
    assert result.verdict.decision == result.verdict.rule == "decision_model" and not result.takes_over
    assert (
        "A decision model does this: Jev files 97." in result.verdict.reason
        and "not worth its upkeep ($40" in one.words
    )
    assert result.verdict.next.startswith("Let Jev do the work,")


def test_where_the_volume_is_large_the_student_saves_more_than_its_upkeep(judged):
    result = verdict(judged, often(40), usd=2.0, volume_per_month=1_000_000)
    (one,) = result.beside
    assert one.outcome == "student_saves" and result.verdict.decision == "fallback"
    assert "more than its upkeep" in result.verdict.reason


def test_the_student_is_right_where_it_is_not(judged):
    result = verdict(
        judged, lambda call: surely(NAMES[(number(call.text) + (number(call.text) % 4 == 0)) % 3], call.options)
    )
    (one,) = result.beside
    assert one.outcome == "student_better" and result.verdict.decision == "fallback"
    assert "Your student is right where Jev is not" in result.verdict.reason
    assert "only the student on" in one.words and "p < 0.001" in one.words


def test_one_that_costs_as_much_as_the_teacher_saves_nothing(judged):
    result = verdict(judged, often(40), usd=50.0)
    assert result.beside[0].outcome == "dear" and "no less than the teacher" in result.verdict.reason


def test_too_few_say_nothing(judged):
    result = verdict(judged, right, rows=50)
    assert result.beside[0].outcome == "few" and "too few to say" in result.verdict.reason


def test_in_the_middle_it_takes_over_what_the_student_leaves(client):
    """The student leaves half of the assets; the decision model is right on those."""
    insert_assets(client, "calibration", 600, 3, start=100)
    insert_assets(client, "test", 300, 3, start=1000)
    evaluate(client.db, client.student_id)
    before = judgement(client.db, 1)
    left = 1 - before.figures.handled.value
    assert before.figures.certificate.certified and left > 0.3
    result = verdict(client, often(10), usd=2.0)
    (one,) = result.beside
    middle = one.rival.middle
    assert middle.certificate.certified and 0 < one.middle_share <= left
    assert one.middle_month < result.economics.monthly["cascade"]
    assert "Between student and teacher Jev would take over" in one.middle_words


def test_the_command_asks_tells_and_keeps(judged, capsys, tmp_path):
    with Decider(often(40)) as server:
        connect(judged, server)
        how = [
            "compare",
            "--client",
            "Acme",
            "--student",
            "1",
            "--ask",
            "Jev",
            "--rows",
            "150",
            "--budget",
            "1",
            "--json",
        ]
        assert main(how) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["asked"]["answered"] == 300 == len(server.calls) and told["verdict"]["decision"] == "decision_model"
        (one,) = told["decision_models"]
        assert (
            one["name"] == "Jev" and one["rival"]["agreement"]["n"] == 150 and one["rival"]["certificate"]["certified"]
        )
        assert main(["compare", "--client", "Acme", "--student", "1"]) == 0
        text, page = capsys.readouterr().out, tmp_path / "r.html"
        assert main(["report", "--client", "Acme", "--student", "1", "--to", str(page)]) == 0
    assert (
        "A decision model will do." in page.read_text() and "A decision model does this: Jev files" in page.read_text()
    )
    assert text.startswith("decision model: A decision model does this: Jev") and "Next: Let Jev do the work" in text


def test_it_goes_with_its_client_and_its_assets(judged):
    with Decider(right) as server:
        connect(judged, server)
        asked(judged, 50)
    tasks.add(judged.db, judged.task.client_id, "Another")
    removal.remove_task(judged.db, judged.task)
    assert judged.db.execute(
        "select (select count(*) from rivals) + (select count(*) from rival_answers)"
    ).fetchone() == (0,)


def test_the_rules_say_when(judged):
    assert any(line.startswith("A decision model, asked about the same assets") for line in in_words(Rules()))


PROGRAM = """
from core import database, tasks
from core.evaluate import rivals
db = database.connect()
rivals.ask(db, tasks.get(db, 2), 1, "connection:Jev", 50.0, 300)
"""


def test_killed_while_it_asks_it_has_lost_the_calls_under_way_and_nothing_else(judged):
    with Decider(right, latency=0.02) as server:
        connect(judged, server)
        there = 0
        for _ in range(2):
            running = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=ROOT)
            count = "select count(*) from rival_answers"
            while (now := judged.db.execute(count).fetchone()[0]) < there + 60 and running.poll() is None:
                time.sleep(0.02)
            assert running.poll() is None, "it ended before it was killed"
            running.kill()
            running.wait()
            there = judged.db.execute(count).fetchone()[0]
            assert there >= now
        whole = asked(judged, 300, cap=50.0)
        twice = sum(server.asked.values()) - len(server.asked)
    assert whole["answered"] == 600 == len(server.asked) and twice <= 2 * 3 * 4  # no more than was under way, each time
    assert whole["spent_usd"] >= server.billed_in / 1e6 - 1e-9
