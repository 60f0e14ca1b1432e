"""Batches over a scripted wire: money, matching, what is asked again, and coming back after a kill."""

from __future__ import annotations

import pytest

from core.errors import Cancelled, InputError
from core.label import batches
from core.money import ledger
from core.wires.wire import BatchState, CallError, Params, Reply
from tests.label import scripted
from tests.label.scripted import good
from tests.label.test_engine import counts, money

EACH = 0.00007  # 100 tokens in, 10 out, at half price


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(batches, "FIRST_POLL", 0.002)
    monkeypatch.setattr(batches, "CHUNK", 25)
    monkeypatch.setattr("core.label.buying.FIRST_PAUSE", 0.001)


def go(db, run, wire, categories, budget=1.0, progress=None, **params):
    teacher = scripted.Scripted(wire, categories, Params(**params))
    return batches.label_in_batches(db, run, teacher, budget, progress, todo=60)


def test_a_run_in_batches_is_matched_by_number_and_costs_the_batch_price(db):
    client, categories = scripted.fill(db, 60)
    run = scripted.start(db, client)
    first = db.execute("select min(id) from assets").fetchone()[0]
    wire = scripted.Wire(lambda text, n: good(categories[int(text.split()[-1]) % 4]))
    assert go(db, run, wire, categories) == "done"
    assert [len(sent) for sent in wire.sent] == [25, 25, 10] and counts(db, run) == (60, 0)
    for asset, category in db.execute("select asset_id, category_id from labels"):
        assert category == categories[(asset - first + 1) % 4]
    assert money(db, run) == (pytest.approx(60 * EACH), pytest.approx(60 * EACH), pytest.approx(0))
    assert db.execute("select sum(cost_usd), sum(tokens_in) from labels").fetchone() == (pytest.approx(60 * EACH), 6000)
    (row, *_) = ledger.runs_table(db, client.client_id)
    assert (row["batch"], row["calls"], row["tokens_out"]) == (1, 3, 600)


def test_what_a_batch_did_not_answer_goes_into_the_next(db):
    client, categories = scripted.fill(db, 30)
    run = scripted.start(db, client)

    def reply(text, n):
        if text.endswith("7"):
            return CallError("server", "Expired.") if n == 1 else good(categories[0])
        if text.endswith("number 3"):
            return None if n == 1 else good(categories[0])  # missing from the results
        if text.endswith("number 4"):
            return Reply("Sure!", 100, 10) if n == 1 else good(categories[0])
        return Reply("Sure!", 100, 10) if text.endswith("number 5") else good(categories[0])

    wire = scripted.Wire(reply)
    assert go(db, run, wire, categories) == "done"
    assert counts(db, run) == (29, 1)
    assert wire.asked["asset number 5"] == batches.ROUNDS and wire.asked["asset number 4"] == 2
    assert money(db, run)[0] == pytest.approx(wire.billed_usd)
    repairs = [r for sent in wire.sent[2:] for r in sent.values() if len(r.turns) > 1]
    assert repairs, "an unsound answer is asked for again with what was wrong"


def test_stopped_or_killed_between_handing_in_and_fetching_nothing_is_handed_in_twice(db):
    client, categories = scripted.fill(db, 60)
    run = scripted.start(db, client)
    wire = scripted.Wire(lambda text, n: good(categories[1]), ends_after=1000)

    def progress(done, total, message="", spent=0.0):
        if "at the provider" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        go(db, run, wire, categories, progress=progress)
    assert len(wire.sent) == 3 and counts(db, run) == (0, 0) and money(db, run)[2] > 0
    wire.ends_after = 0
    assert go(db, run, wire, categories) == "done"
    assert len(wire.sent) == 3 and counts(db, run) == (60, 0) and set(wire.asked.values()) == {1}
    assert money(db, run)[2] == pytest.approx(0)


def test_a_batch_killed_while_it_was_handed_in_counts_in_full_and_is_handed_in_again(db):
    client, categories = scripted.fill(db, 20)
    run = scripted.start(db, client)
    wire = scripted.Wire(lambda text, n: good(categories[1]))

    class Killed(BaseException):
        pass

    async def die(requests):
        raise Killed

    whole, wire.send_batch = wire.send_batch, die
    with pytest.raises(Killed):
        go(db, run, wire, categories)
    wire.send_batch = whole
    assert go(db, run, wire, categories) == "done" and counts(db, run) == (20, 0)
    (lost,) = db.query("select * from calls where state = 'unknown'")
    assert money(db, run)[0] == pytest.approx(20 * EACH + lost["reserved_usd"])


def test_the_cap_holds_and_a_higher_one_carries_on(db):
    client, categories = scripted.fill(db, 60)
    run = scripted.start(db, client)
    wire = scripted.Wire(lambda text, n: good(categories[1]))
    assert go(db, run, wire, categories, budget=40 * EACH) == "capped"
    assert wire.billed_usd <= 40 * EACH and 36 <= counts(db, run)[0] <= 40
    assert go(db, run, wire, categories) == "done" and set(wire.asked.values()) == {1}


def test_votes_go_into_one_batch(db):
    client, categories = scripted.fill(db, 10)
    run = scripted.start(db, client)
    wire = scripted.Wire(lambda text, n: good(categories[0 if n < 3 else 1]))
    assert go(db, run, wire, categories, votes=3) == "done"
    kinds = db.execute("select distinct round(confidence, 3), confidence_kind from labels").fetchall()
    assert kinds == [(0.667, "votes")] and set(wire.asked.values()) == {3}


@pytest.mark.parametrize("when", ["sending", "running"])
def test_a_batch_refused_or_failed_is_told_in_words_and_costs_nothing(db, when):
    client, categories = scripted.fill(db, 10)
    run = scripted.start(db, client)
    wire = scripted.Wire(lambda text, n: good(categories[0]))

    async def refuse(requests):
        raise CallError("quota", "The account is empty.")

    async def failed(batch_id):
        return BatchState("failed", words="The account is empty.")

    setattr(wire, *(("send_batch", refuse) if when == "sending" else ("batch_state", failed)))
    with pytest.raises(InputError, match="account is empty"):
        go(db, run, wire, categories)
    assert money(db, run) == (0, 0, pytest.approx(0))


def test_what_was_said_before_is_not_handed_in(db):
    client, categories = scripted.fill(db, 20)
    wire = scripted.Wire(lambda text, n: good(categories[0]))
    go(db, scripted.start(db, client), wire, categories)
    other = scripted.start(db, client)
    assert go(db, other, wire, categories) == "done"
    assert len(wire.sent) == 1 and counts(db, other) == (20, 0)
