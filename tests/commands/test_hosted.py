"""connections, label and ledger at the command line, against a model server on a real port."""

from __future__ import annotations

import csv
import io
import json

import pytest

from core.label.runs import runs
from core.tasks import Task
from tests import small
from tests.test_main import call
from tests.wires import servers

KEY = "sk-test-77a1b2c3d4"


def sorted_well(call: servers.Call) -> str:
    words = small.WORDS
    return call.answer(lambda text: call.id_of(max(words, key=lambda name: sum(word in text for word in words[name]))))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("BIG_KEY", KEY)
    with servers.Server(sorted_well, key=KEY, models=("big-1",)) as running:
        yield running


@pytest.fixture
def big(capsys, db, tmp_path, server) -> Task:
    """The small client, and the connection "Big" added by command."""
    client = small.fill(db, tmp_path / "files")
    options = ["--kind", "openai", "--model", "big-1", "--base-url", server.url, "--key", "env:BIG_KEY"]
    status, _, err = call(capsys, "connections", "--client", "Small", "--add", "Big", *options, "--price", "2,10,0.2")
    assert status == 0, err
    return client


def said(capsys, *arguments: str) -> dict:
    status, out, err = call(capsys, *arguments, "--client", "Small", "--json")
    assert status == 0, err
    return json.loads(out)


def test_a_connection_is_listed_tested_changed_and_removed(capsys, big):
    (row,) = said(capsys, "connections")["connections"]
    assert (row["name"], row["model"], row["key"], row["every_client"]) == ("Big", "big-1", "env:BIG_KEY", False)
    assert "answered in" in said(capsys, "connections", "--test", "big")["test"]
    (row,) = said(capsys, "connections", "--add", "Big", "--model", "big-2", "--votes", "3")["connections"]
    assert (row["model"], row["key"]) == ("big-2", "env:BIG_KEY")
    status, _, err = call(capsys, "connections", "--client", "Small", "--test", "Big")
    assert status == 2 and "big-2" in err and KEY not in err
    moved = ("connections", "--client", "Small", "--add", "Big", "--base-url", "http://127.0.0.1:9/v1")
    status, _, err = call(capsys, *moved)
    assert status == 2 and "key was given for the first alone" in err
    assert call(capsys, *moved, "--key", "env:BIG_KEY")[0] == 0
    assert said(capsys, "connections", "--remove", "Big")["connections"] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["connections", "--test", "Small one"], "no connection called 'Small one'"),
        (["connections", "--add", "New"], "needs a kind and a model"),
        (["connections", "--add", "New", "--kind", "openai", "--model", "m", "--price", "2"], "IN,OUT"),
        (["connections", "--add", "New", "--kind", "openai", "--model", "m", "--key", KEY], "place where a key can be"),
        (["connections", "--put-key", "BIG"], "No key was given"),
        (["label", "--teacher", "connection:Big"], "no cap"),
        (["label", "--teacher", "connection:Nobody"], "no connection called 'Nobody'"),
        (["label", "--instructions", "nowhere.txt"], "no such file"),
        (["ledger", "--csv", "/proc/nowhere.csv"], "cannot be written"),
    ],
)
def test_wrong_input_is_one_sentence(capsys, big, monkeypatch, arguments, sentence):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    status, out, err = call(capsys, *arguments, "--client", "Small")
    assert status == 2 and sentence in err and not out and "Traceback" not in err


def test_forecast_trial_cap_and_the_rest(capsys, big, db, server):
    before = said(capsys, "label", "--teacher", "connection:Big", "--forecast")["forecast"]
    assert before["measured_on"] == 0 and not server.asked
    trial = said(capsys, "label", "--teacher", "connection:Big", "--dry-run", "--budget", "1")
    assert (trial["count"], trial["state"]) == (20, "stopped")
    forecast = said(capsys, "label", "--teacher", "connection:Big", "--forecast")["forecast"]
    assert forecast["measured_on"] == 20 and forecast["cost"]["low"] <= forecast["cost"]["likely"]
    cap = 2 * trial["spent_usd"]
    status, out, _ = call(capsys, "label", "--client", "Small", "--teacher", "connection:Big", "--budget", f"{cap:.6f}")
    assert status == 0 and "Stopped at the budget" in out
    whole = said(capsys, "label", "--teacher", "connection:Big", "--budget", "1")
    assert (whole["state"], whole["failed"]) == ("done", 0)
    assert set(server.asked.values()) == {1}
    assert whole["spent_usd"] - trial["spent_usd"] == pytest.approx(forecast["cost"]["likely"], rel=0.1)


def test_the_ledger_tells_every_run_and_writes_it(capsys, big, db, tmp_path, server):
    said(capsys, "label", "--teacher", "connection:Big", "--budget", "1")
    (run,) = runs(db, big)
    found = said(capsys, "ledger", "--csv", str(tmp_path / "ledger.csv"))
    assert found["months"][0]["spent_usd"] == pytest.approx(run["spent_usd"])
    assert found["months"][0]["tokens_in"] == server.billed_in
    with (tmp_path / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["big-1"] and float(rows[0]["spent_usd"]) > 0
    assert said(capsys, "ledger", "--all-clients")["runs"] == found["runs"]


def test_other_instructions_start_another_run(capsys, big, db, tmp_path, server):
    said(capsys, "label", "--teacher", "connection:Big", "--dry-run", "--budget", "1")
    (tmp_path / "words.txt").write_text("Sort these, please.", encoding="utf-8")
    words = ("--instructions", str(tmp_path / "words.txt"))
    said(capsys, "label", "--teacher", "connection:Big", "--dry-run", "--budget", "1", *words)
    assert len(runs(db, big)) == 2
    assert "Sort these, please." in server.calls[-1].system


def test_a_key_goes_from_a_pipe_into_the_keyring(capsys, big, monkeypatch):
    kept = {}
    monkeypatch.setattr("keyring.set_password", lambda service, name, secret: kept.update({(service, name): secret}))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    status, out, err = call(capsys, "connections", "--client", "Small", "--put-key", "BIG")
    assert status == 0 and kept == {("understudy", "BIG"): KEY}
    assert KEY not in out + err
