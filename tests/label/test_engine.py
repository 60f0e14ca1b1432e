"""The engine over a scripted wire: money, stopping and resuming, retries, votes, what is kept."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import Counter

import pytest

from core import database
from core.errors import Cancelled, InputError
from core.label import buying, engine, patience, writer
from core.wires.wire import CallError, Params, Reply
from tests.label import scripted
from tests.label.scripted import good


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Pauses a thousandth as long."""
    monkeypatch.setattr(buying, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(buying, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr("core.wires.limits.FIRST_PAUSE", 0.002)
    monkeypatch.setattr("core.wires.limits.LONGEST_PAUSE", 0.02)


def go(db, run, reply, categories, budget=100.0, progress=None, limit=None, seconds=0.002, **params):
    """One run of the engine; the wire, which has counted."""
    wire = scripted.Wire(reply, seconds)
    teacher = scripted.Scripted(wire, categories, Params(**params))
    todo = db.execute("select count(*) from assets").fetchone()[0]
    wire.state = engine.label_hosted(db, run, teacher, budget, progress, todo=todo, limit=limit)
    return wire


def counts(db, run) -> tuple[int, int]:
    return db.execute("select count(category_id), count(error) from labels where run_id = ?", [run]).fetchone()


def money(db, run) -> tuple[float, float, float]:
    """(spent by the run's row, by the ledger, still held)."""
    spent, held = db.execute("select spent_usd, held_usd from label_runs where id = ?", [run]).fetchone()
    total = db.execute("select total(coalesce(cost_usd, reserved_usd)) from calls where run_id = ?", [run]).fetchone()
    return spent, total[0], held


def test_every_asset_gets_its_label_once_and_the_sums_are_right(db):
    client, categories = scripted.fill(db, 300)
    run = scripted.start(db, client)
    wire = go(db, run, lambda text, n: good(categories[1]), categories, concurrency=16)
    assert wire.state == "done" and counts(db, run) == (300, 0)
    assert set(wire.asked.values()) == {1} and wire.most_flying == 16
    spent, ledger, held = money(db, run)
    assert spent == pytest.approx(wire.billed_usd) and ledger == pytest.approx(spent) and held == pytest.approx(0)
    of_labels = db.execute("select sum(cost_usd), sum(tokens_in), sum(tokens_out) from labels").fetchone()
    assert of_labels == (pytest.approx(spent), 300 * 100, 300 * 10)
    assert db.execute("select distinct state from calls").fetchall() == [("settled",)]


def test_the_cap_is_never_passed_and_a_higher_one_carries_on(db):
    client, categories = scripted.fill(db, 200)
    run = scripted.start(db, client)
    each = 0.00014  # 100 tokens in at $1, 10 out at $4 the million
    first = go(db, run, lambda text, n: good(categories[0]), categories, budget=100 * each, concurrency=32)
    assert first.state == "capped"
    assert first.billed_usd <= 100 * each and money(db, run)[0] <= 100 * each
    done = counts(db, run)[0]
    assert 95 <= done <= 100, "what was set aside for calls that cost less must be used"
    second = go(db, run, lambda text, n: good(categories[0]), categories, budget=1.0, concurrency=32)
    assert second.state == "done" and counts(db, run) == (200, 0)
    assert not set(first.asked) & set(second.asked)


def test_a_cap_below_the_first_call_asks_nothing(db):
    client, categories = scripted.fill(db, 5)
    run = scripted.start(db, client)
    wire = go(db, run, lambda text, n: good(categories[0]), categories, budget=1e-6)
    assert wire.state == "capped" and not wire.asked


def test_the_cap_holds_through_votes_and_repairs_with_everything_in_flight(db):
    client, categories = scripted.fill(db, 100)
    run = scripted.start(db, client)

    def reply(text, n):
        return Reply("no", 100, 10) if n == 1 else good(categories[n % 2])

    first = go(db, run, reply, categories, budget=0.01, concurrency=32, votes=3)
    assert first.state == "capped" and first.billed_usd <= 0.01 and counts(db, run)[0] < 100
    assert money(db, run)[1] <= 0.01


def test_stopped_it_waits_for_what_is_paid_and_asks_nothing_twice(db):
    client, categories = scripted.fill(db, 200)
    run = scripted.start(db, client)

    def progress(done, total, message="", spent=0.0):
        if done >= 50:
            raise Cancelled

    wire = scripted.Wire(lambda text, n: good(categories[0]), 0.01)
    teacher = scripted.Scripted(wire, categories, Params(concurrency=16))
    with pytest.raises(Cancelled):
        engine.label_hosted(db, run, teacher, 1.0, progress, todo=200)
    assert db.execute("select state from label_runs").fetchone()[0] == "stopped"
    assert counts(db, run)[0] == len(wire.asked) < 200, "a call under way was paid and not kept"
    assert db.execute("select count(*) from calls").fetchone()[0] == len(wire.asked)
    assert money(db, run) == (pytest.approx(wire.billed_usd), pytest.approx(wire.billed_usd), pytest.approx(0))
    go(db, run, wire.reply, categories)
    assert counts(db, run) == (200, 0)


def test_passing_troubles_pass_and_a_poisoned_asset_is_left_with_its_reason(db):
    client, categories = scripted.fill(db, 60)
    run = scripted.start(db, client)

    def reply(text, n):
        if text.endswith("number 7"):
            return CallError("server", "The server fell over (500).")
        if n == 1 and text.endswith("3"):
            return CallError("connection", "The line broke.")
        return good(categories[2])

    wire = go(db, run, reply, categories, concurrency=4)
    assert wire.state == "done" and counts(db, run) == (59, 1)
    assert db.execute("select error from labels where error is not null").fetchone()[0] == "The server fell over (500)."
    assert wire.asked["asset number 7"] == 2 * patience.TRIES, "set aside once, then given up"
    assert wire.asked["asset number 3"] == 2 and wire.asked["asset number 5"] == 1
    again = go(db, run, lambda text, n: good(categories[1]), categories)
    assert dict(again.asked) == {"asset number 7": 1} and counts(db, run) == (60, 0)


def test_a_storm_of_429_slows_the_run_and_loses_nothing(db):
    client, categories = scripted.fill(db, 120)
    run = scripted.start(db, client)
    storm = Counter()

    def reply(text, n):
        storm["calls"] += 1
        if 20 <= storm["calls"] < 80:
            return CallError("rate", "Too many requests.", retry_after=0.005)
        return good(categories[0])

    wire = go(db, run, reply, categories, concurrency=16)
    assert wire.state == "done" and counts(db, run) == (120, 0)
    assert sum(wire.asked.values()) == 120 + 60
    assert money(db, run)[0] == pytest.approx(120 * 0.00014), "a call turned away costs nothing"


def test_a_server_gone_and_back_costs_a_few_probes(db):
    client, categories = scripted.fill(db, 100)
    run = scripted.start(db, client)
    tried = Counter()

    def reply(text, n):
        tried["calls"] += 1
        return CallError("connection", "Nobody there.") if 30 <= tried["calls"] < 70 else good(categories[0])

    wire = go(db, run, reply, categories, concurrency=8)
    assert counts(db, run) == (100, 0) and sum(wire.asked.values()) == 140


def test_a_server_gone_for_good_stops_the_run_in_words(db, monkeypatch):
    monkeypatch.setattr(patience, "GIVE_UP_S", 0.2)
    client, categories = scripted.fill(db, 100)
    run = scripted.start(db, client)
    tried = Counter()

    def reply(text, n):
        tried["calls"] += 1
        return CallError("connection", "Nobody there.") if tried["calls"] > 30 else good(categories[0])

    with pytest.raises(InputError, match="Nobody there"):
        go(db, run, reply, categories, concurrency=8)
    labelled, failed = counts(db, run)
    assert labelled == 30 and failed == 0
    assert money(db, run)[2] == pytest.approx(0)


@pytest.mark.parametrize("trouble", ["auth", "model", "quota"])
def test_what_asking_again_cannot_help_stops_the_run_at_once(db, trouble):
    client, categories = scripted.fill(db, 100)
    run = scripted.start(db, client)
    tried = Counter()

    def reply(text, n):
        tried["calls"] += 1
        return CallError(trouble, "No longer.") if tried["calls"] > 20 else good(categories[0])

    with pytest.raises(InputError, match="No longer"):
        go(db, run, reply, categories, concurrency=4)
    assert counts(db, run)[0] == 20 and tried["calls"] <= 20 + 4


def test_calls_all_refused_as_wrong_stop_the_run(db):
    client, categories = scripted.fill(db, 100)
    run = scripted.start(db, client)
    with pytest.raises(InputError, match="no such parameter"):
        go(db, run, lambda text, n: CallError("request", "There is no such parameter."), categories, concurrency=4)
    assert counts(db, run)[0] == 0


def test_a_call_that_may_have_been_billed_counts_in_full(db):
    client, categories = scripted.fill(db, 10)
    run = scripted.start(db, client)

    def reply(text, n):
        return CallError("timeout", "No answer.", billed=True) if n == 1 and text.endswith("5") else good(categories[0])

    go(db, run, reply, categories, concurrency=2)
    assert counts(db, run) == (10, 0)
    (lost,) = db.query("select reserved_usd, cost_usd, error from calls where state = 'unknown'")
    assert lost["cost_usd"] is None and lost["error"] == "No answer."
    assert money(db, run)[0] == pytest.approx(10 * 0.00014 + lost["reserved_usd"])


def test_an_unreadable_answer_is_repaired_once_and_never_kept(db):
    client, categories = scripted.fill(db, 6)
    run = scripted.start(db, client)

    def reply(text, n):
        if text.endswith("1"):
            return Reply("Sure!", 100, 10)
        return Reply("Sure!", 100, 10) if n == 1 and text.endswith("2") else good(categories[0])

    wire = go(db, run, reply, categories, concurrency=2)
    assert counts(db, run) == (5, 1) and wire.asked["asset number 1"] == 2
    assert db.execute("select count(*) from kept_replies").fetchone()[0] == 5
    costs = dict(db.execute("select asset_id, cost_usd from labels").fetchall())
    assert costs[2] == pytest.approx(2 * costs[3]), "the repair turn is part of what the label cost"


def test_what_was_said_before_is_not_bought_by_another_run(db):
    client, categories = scripted.fill(db, 30)
    go(db, scripted.start(db, client), lambda text, n: good(categories[3]), categories)
    other = scripted.start(db, client)
    wire = go(db, other, lambda text, n: good(categories[0]), categories)
    assert not wire.asked and counts(db, other) == (30, 0)
    assert db.execute("select distinct category_id from labels").fetchall() == [(categories[3],)]
    assert money(db, other)[:2] == (0, 0)


def test_votes_are_kept_one_by_one(db):
    client, categories = scripted.fill(db, 20)
    run = scripted.start(db, client)
    wire = go(db, run, lambda text, n: good(categories[0 if n < 3 else 1]), categories, votes=3)
    assert set(wire.asked.values()) == {3}
    rows = db.execute("select distinct category_id, round(confidence, 3), confidence_kind from labels").fetchall()
    assert rows == [(categories[0], 0.667, "votes")]
    assert db.execute("select count(*) from kept_replies").fetchone()[0] == 60


def test_log_probabilities_make_further_votes_needless(db):
    client, categories = scripted.fill(db, 10)
    probable = [("x", {"x": -0.1})]
    wire = go(db, scripted.start(db, client), lambda t, n: good(categories[0], logprobs=probable), categories, votes=5)
    assert set(wire.asked.values()) == {1}


def test_several_assets_a_call_share_its_cost_and_sound_ones_do_not_wait(db):
    client, categories = scripted.fill(db, 20)
    run = scripted.start(db, client)

    def reply(text, n):
        bad = n == 1 and text.startswith("asset number 1\n")
        return Reply(f"[{categories[0]}, {999 if bad else categories[0]}, {categories[1]}, {categories[1]}]", 400, 40)

    wire = go(db, run, reply, categories, assets_per_call=4)
    assert counts(db, run) == (20, 0) and sum(wire.asked.values()) == 6
    spent = money(db, run)[0]
    assert db.execute("select sum(cost_usd) from labels").fetchone()[0] == pytest.approx(spent)
    dearest = db.execute("select asset_id from labels order by cost_usd desc limit 1").fetchone()[0]
    assert dearest == 2, "the repair is paid by the asset that needed it"


def test_a_dry_run_asks_an_even_sample_once(db):
    client, categories = scripted.fill(db, 200)
    run = scripted.start(db, client)
    wire = go(db, run, lambda text, n: good(categories[0]), categories, limit=20)
    assert len(wire.asked) == 20 and counts(db, run) == (20, 0)
    places = sorted(int(text.split()[-1]) for text in wire.asked)
    assert max(b - a for a, b in zip([0, *places], [*places, 200])) < 30
    assert db.execute("select distinct purpose from calls").fetchall() == [("dry run",)]
    assert not go(db, run, lambda text, n: good(categories[0]), categories, limit=20).asked
    rest = go(db, run, lambda text, n: good(categories[0]), categories)
    assert len(rest.asked) == 180 and counts(db, run) == (200, 0)


def test_no_price_or_no_cap_is_asked_for_before_the_first_call(db):
    client, categories = scripted.fill(db, 5)
    run = scripted.start(db, client)
    wire = scripted.Wire(lambda text, n: good(categories[0]))
    with pytest.raises(InputError, match="price"):
        engine.label_hosted(db, run, scripted.Scripted(wire, categories, price=None), 1.0, todo=5)
    with pytest.raises(InputError, match="cap"):
        engine.label_hosted(db, run, scripted.Scripted(wire, categories), None, todo=5)
    assert not wire.asked


def test_a_free_model_needs_no_cap(db):
    client, categories = scripted.fill(db, 5)
    run = scripted.start(db, client)
    free = scripted.prices.Price("own", "", 0.0, 0.0, None, None, None, "yours", None)
    wire = scripted.Wire(lambda text, n: Reply(f"[{categories[0]}]", None, None))
    wire.reply = lambda text, n: good(categories[0])
    engine.label_hosted(db, run, scripted.Scripted(wire, categories, price=free), None, todo=5)
    assert counts(db, run) == (5, 0) and money(db, run)[0] == 0


def test_the_same_run_in_two_processes_is_refused(db):
    client, categories = scripted.fill(db, 5)
    run = scripted.start(db, client)
    with buying.held(f"label-run-{run}", "These labels"), pytest.raises(InputError, match="already"):
        go(db, run, lambda text, n: good(categories[0]), categories)


def test_a_call_dearer_than_thought_possible_makes_the_next_ones_set_more_aside(db):
    client, categories = scripted.fill(db, 40)
    run = scripted.start(db, client)
    wire = go(db, run, lambda text, n: good(categories[0], tokens_in=5000), categories, budget=0.05, concurrency=2)
    assert wire.state == "capped" and wire.billed_usd <= 0.05


def test_somebody_else_writing_for_long_costs_no_answer(db, monkeypatch):
    client, categories = scripted.fill(db, 40)
    run = scripted.start(db, client)
    opened = database.connect

    def impatient(path):
        mine = opened(path)
        mine.conn.execute("PRAGMA busy_timeout = 20")
        return mine

    monkeypatch.setattr(database, "connect", impatient)
    released = []

    def reply(text, n):
        if not released and text.endswith("number 20"):
            other.conn.execute("BEGIN IMMEDIATE")
            released.append(threading.Timer(0.3, other.conn.commit))
            released[0].start()
        return good(categories[0])

    other = database.Database(sqlite3.connect(database.settings.home() / "understudy.db", check_same_thread=False))
    wire = go(db, run, reply, categories, concurrency=4)
    released[0].join()
    assert counts(db, run) == (40, 0) and set(wire.asked.values()) == {1}


def test_an_answer_that_the_database_refuses_ends_the_run_and_counts_at_the_most(db):
    client, categories = scripted.fill(db, 40)
    run = scripted.start(db, client)
    db.execute(
        "create trigger refuses before insert on labels when new.asset_id = 9 begin select raise(abort, 'no'); end"
    )
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        go(db, run, lambda text, n: good(categories[0]), categories, concurrency=4)
    assert db.execute("select state from label_runs").fetchone()[0] == "stopped"
    assert not db.execute("select count(*) from calls where state = 'open'").fetchone()[0]
    db.execute("drop trigger refuses")
    go(db, run, lambda text, n: good(categories[0]), categories, concurrency=4)
    assert counts(db, run) == (40, 0)


def test_a_worker_cut_off_while_it_waits_for_the_writer_costs_the_others_nothing(db, monkeypatch):
    client, categories = scripted.fill(db, 80)
    run = scripted.start(db, client)
    handed, cut = writer.Writer.written, []

    def cut_off(self):
        future = handed(self)
        if not cut:
            cut.append(future.cancel())
        return future

    monkeypatch.setattr(writer.Writer, "written", cut_off)
    wire = scripted.Wire(lambda text, n: good(categories[0]), 0.05)
    teacher = scripted.Scripted(wire, categories, Params(concurrency=16))
    with pytest.raises(asyncio.CancelledError):
        engine.label_hosted(db, run, teacher, 1.0, todo=80)
    assert 0 < counts(db, run)[0] == len(wire.asked) < 80, "an answer was paid and not written"
