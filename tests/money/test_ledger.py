"""The ledger: the cap against many at once, what a dead process leaves, and the sums."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import database
from core.money import ledger
from tests.label import scripted

ROOT = Path(__file__).resolve().parents[2]
SPENDER = """
import random, sys
from core import database
from core.money import ledger
run, cap, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
dice = random.Random(seed)
db = database.connect()
account = ledger.Account(1, run, "c", "m", cap)
for _ in range(150):
    usd = dice.uniform(0.001, 0.02)
    call = ledger.reserve(db, account, usd)
    if call and dice.random() < 0.9:
        ledger.settle(db, call, usd * dice.random() if dice.random() < 0.9 else None, 10, 1)
"""


@pytest.fixture
def account(db) -> ledger.Account:
    client, _ = scripted.fill(db, 3)
    return ledger.Account(client.client_id, scripted.start(db, client), "connection", "model", 1.0)


def sums(db, run: int) -> tuple[float, float]:
    return db.execute("select spent_usd, held_usd from label_runs where id = ?", [run]).fetchone()


def in_calls(db, run: int) -> float:
    return db.execute("select total(coalesce(cost_usd, reserved_usd)) from calls where run_id = ?", [run]).fetchone()[0]


def test_thirty_two_at_once_never_pass_the_cap(db, account):
    taken, most = [], []

    def spend(seed: int) -> None:
        with closing(database.connect()) as mine:
            for _ in range(20):
                call = ledger.reserve(mine, account, 0.007)
                if call:
                    taken.append(call)
                    most.append(in_calls(mine, account.run_id))
                    ledger.settle(mine, call, 0.005, 10, 2)

    threads = [threading.Thread(target=spend, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 1.0 + 1e-9 and len(taken) == 199, "199 × 0.005 leaves less than 0.007"
    assert sums(db, account.run_id) == (pytest.approx(199 * 0.005), pytest.approx(0))


def test_several_processes_never_pass_the_cap(db, account):
    cap = "2.0"
    command = [sys.executable, "-c", SPENDER, str(account.run_id), cap]
    spenders = [subprocess.Popen([*command, str(seed)], cwd=ROOT) for seed in range(4)]
    assert [process.wait(timeout=400) for process in spenders] == [0] * 4
    spent, held = sums(db, account.run_id)
    assert spent + held <= 2.0 + 1e-9 and spent + held == pytest.approx(in_calls(db, account.run_id))
    assert spent + held > 1.9, "the cap is used, too"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["reserve", "settle", "unknown", "release", "abandon"]), st.floats(0, 0.5)),
        max_size=30,
    )
)
def test_whatever_happens_the_sums_are_those_of_the_calls_and_within_the_cap(db, account, steps):
    run = db["label_runs"].insert({"task_id": 2, "taxonomy_id": 1, "teacher": "t", "started": "x"}).last_pk
    mine, open_calls = replace(account, run_id=run), []
    for what, usd in steps:
        if what == "reserve":
            call = ledger.reserve(db, mine, usd)
            open_calls += [(call, usd)] if call else []
        elif what == "abandon":
            ledger.close_abandoned(db, run)
            open_calls = []
        elif open_calls:
            call, reserved = open_calls.pop()
            if what == "release":
                ledger.release(db, [call])
            else:
                ledger.settle(db, call, reserved * 0.3 if what == "settle" else None)
        spent, held = sums(db, run)
        assert spent + held <= 1.0 + 1e-9
        assert spent + held == pytest.approx(in_calls(db, run), abs=1e-9)


def test_a_dead_processs_calls_become_unknown_and_count_in_full(db, account):
    call = ledger.reserve(db, account, 0.4)
    batch = ledger.reserve(db, replace(account, batch=True), 0.3)
    ledger.settle(db, ledger.reserve(db, account, 0.2), 0.1)
    assert ledger.close_abandoned(db, account.run_id) == 1
    states = dict(db.execute("select id, state from calls").fetchall())
    assert states[call] == "unknown" and states[batch] == "open"
    assert sums(db, account.run_id) == (pytest.approx(0.5), pytest.approx(0.3))
    ledger.settle(db, call, 0.01)
    assert sums(db, account.run_id)[0] == pytest.approx(0.5), "a call ends once"


def test_tables_add_up_and_go_by_client_and_month(db, account):
    ledger.settle(db, ledger.reserve(db, account, 0.2), 0.1, 100, 10, 40)
    ledger.settle(db, ledger.reserve(db, replace(account, purpose=ledger.DRY_RUN), 0.2), None)
    other, _ = scripted.fill(db, 4)
    elsewhere = replace(account, client_id=other.client_id, run_id=scripted.start(db, other))
    ledger.settle(db, ledger.reserve(db, elsewhere, 0.3), 0.3, 5, 5)
    db.execute("update calls set started = '2026-01-31T23:59:59' where client_id = ?", [other.client_id])
    rows = ledger.runs_table(db)
    assert len(rows) == 3 and sum(row["spent_usd"] for row in rows) == pytest.approx(0.6)
    assert [row["purpose"] for row in ledger.runs_table(db, other.client_id)] == ["labels"]
    dry = next(row for row in rows if row["purpose"] == "dry run")
    assert dry["unknown_usd"] == dry["spent_usd"] == pytest.approx(0.2)
    months = ledger.by_client_and_month(db)
    assert [m["month"] for m in months] == [database.now()[:7], "2026-01"] and months[1]["spent_usd"] == pytest.approx(
        0.3
    )
    assert months[0]["tokens_cached"] == 40


def test_csv_has_every_row_and_runs_no_formula(db, account):
    ledger.settle(db, ledger.reserve(db, replace(account, connection='=cmd|"/c calc"!A1'), 0.2), 0.1)
    table = list(csv.DictReader(io.StringIO(ledger.to_csv(ledger.runs_table(db)))))
    assert table[0]["connection"] == '\'=cmd|"/c calc"!A1' and float(table[0]["spent_usd"]) == 0.1
    assert ledger.to_csv([]) == ""


def test_what_was_set_aside_for_a_call_never_made_is_there_again_for_whoever_asks_outside_a_run(db):
    client_id = db["clients"].insert({"name": "A", "created": "x"}).last_pk
    for purpose in (ledger.SENT, ledger.WRITTEN):
        account = ledger.Account(client_id, None, "A", "m", 1.0, purpose, owner=purpose)
        call = ledger.reserve(db, account, 0.9)
        assert ledger.reserve(db, account, 0.2) is None
        ledger.release(db, [call])
        assert ledger.sent_usd(db, client_id, purpose) == 0 and ledger.reserve(db, account, 0.9)
