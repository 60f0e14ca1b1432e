"""Rows of a scored file sent to the teacher: only those the student does not handle, within a cap, none bought twice."""

import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from core import database, jobs, tasks
from core.deploy import inputs, scoring
from core.errors import InputError
from core.money import ledger
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.deploy.test_scoring import live, read_csv, score
from tests.wires import servers
from tests.wires.servers import Fault, Server

__all__ = ["live"]
ROOT = Path(__file__).resolve().parents[2]
ROWS = "ad,text\n1,0 0.9 shoes\n2,2 0.4 =hats\n3,\n4,1 0.4 coats\n5,2 0.4 =hats\n6,0 0.9 strange\n"
FOR_TEACHER = {"2 0.4 =hats", "1 0.4 coats", "0 0.9 strange"}


def offer(call):
    return call.answer_labels(
        lambda text: "Retail > Offer" if "Retail > Offer" in call.categories.values() else "Offer"
    )


def connect(db, client_id, server, **params) -> str:
    params = Params(**{"price": OwnPrice(1.0, 4.0), "concurrency": 4, "timeout_s": 20.0, "logprobs": False} | params)
    connections.save(db, client_id, "A", "openai", "m", base_url=server.url, params=params)
    return "connection:A"


def billed(server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_the_rows_the_student_does_not_handle_come_back_answered_by_the_teacher(live, tmp_path, kind):
    with Server(offer) as server:
        teacher = connect(live.db, live.task.client_id, server)
        for _ in range(2):  # the second time nothing is bought
            result, out = score(
                live, tmp_path, ROWS, out=f"out.{kind}", text_columns=["text"], teacher=teacher, budget_usd=1.0
            )
            assert server.asked == Counter(FOR_TEACHER)
    if kind == "xlsx":
        head, *cells = openpyxl.load_workbook(out).active.values
        rows = [dict(zip(head, row)) for row in cells]
    elif kind == "parquet":
        rows = scoring.pq.read_table(out).to_pylist()
    else:
        rows = read_csv(out)
    assert [str(row["ad"]) for row in rows] == list("123456")
    assert [row["answered_by"] or None for row in rows] == ["student", "teacher", None, "teacher", "teacher", "teacher"]
    assert [row["category"] or None for row in rows] == ["Sale", "Offer", None, "Offer", "Offer", "Offer"]
    assert [str(row["handled"]).lower() for row in rows] == ["true"] + ["false"] * 5
    assert (result["rows"], result["by_teacher"], result["left"], result["teacher_texts"]) == (6, 4, 0, 3)
    (paid,) = ledger.runs_table(live.db, live.task.client_id)
    assert (paid["purpose"], paid["calls"]) == ("sent", 3)
    assert result["spent_usd"] == pytest.approx(paid["spent_usd"]) == pytest.approx(billed(server))
    assert not list(tmp_path.glob(".*parts"))


def test_the_cap_is_never_passed_and_a_higher_one_asks_about_the_rest_alone(live, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD", 16)
    rows = "text\n" + "".join(f"1 0.4 coat {i}\n" for i in range(60))
    with Server(offer, latency=0.01) as server:
        teacher = connect(live.db, live.task.client_id, server)
        capped, out = score(live, tmp_path, rows, teacher=teacher, budget_usd=0.004)
        bought = sum(server.asked.values())
        assert billed(server) == pytest.approx(capped["spent_usd"]) and capped["spent_usd"] <= 0.004
        assert capped["capped"] and 0 < capped["by_teacher"] == bought < 60 and capped["left"] == 60 - bought
        assert Counter(row["answered_by"] for row in read_csv(out)) == {"teacher": bought, "student": 60 - bought}
        again = scoring.score(
            live.db, task=live.task, input=tmp_path / "in.csv", output=out, teacher=teacher, budget_usd=1.0
        )
        assert (again["by_teacher"], again["left"], again["capped"]) == (60, 0, False)
        assert max(server.asked.values()) == 1 and again["spent_usd"] == pytest.approx(billed(server))


def test_a_pause_is_waited_for_and_a_failure_is_asked_again_the_next_time(live, tmp_path):
    refused, busy = {"1 0.4 coats"}, ["2 0.4 =hats"]

    def script(call):
        if call.texts == busy:
            busy.clear()
            return servers.rate_limited(0.2)
        return Fault("status", 400, words="No.") if refused & {*call.texts} else offer(call)

    with Server(script) as server:
        teacher = connect(live.db, live.task.client_id, server)
        first, _ = score(live, tmp_path, ROWS, teacher=teacher, budget_usd=1.0)
        assert (first["by_teacher"], first["left"], list(first["reasons"].values())) == (3, 1, [1])
        refused.clear()
        second, _ = score(live, tmp_path, ROWS, teacher=teacher, budget_usd=1.0)
        assert (second["by_teacher"], second["left"]) == (4, 0)
        assert server.asked["0 0.9 strange"] == 1 and server.asked["2 0.4 =hats"] == 2


def test_a_refused_key_stops_it_and_no_teacher_says_connect_one_first(live, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="Connect a model first"):
        score(live, tmp_path, ROWS, budget_usd=1.0)
    with Server(offer, key="sk-right") as server:
        monkeypatch.setenv("UNDERSTUDY_KEY_VARIABLES", "A_KEY")
        monkeypatch.setenv("A_KEY", "sk-wrong")
        teacher = connect(live.db, live.task.client_id, server)
        with pytest.raises(InputError, match="costs money"):
            score(live, tmp_path, ROWS, teacher=teacher)
        connections.save(
            live.db,
            live.task.client_id,
            "A2",
            "openai",
            "m",
            base_url=server.url,
            key_source="env:A_KEY",
            params=Params(price=OwnPrice(1.0, 4.0)),
        )
        with pytest.raises(InputError, match="key was refused"):
            score(live, tmp_path, ROWS, teacher="connection:A2", budget_usd=1.0)
        monkeypatch.setenv("A_KEY", "sk-right")
        assert score(live, tmp_path, ROWS, teacher="connection:A2", budget_usd=1.0)[0]["by_teacher"] == 4


def test_stopped_it_waits_for_the_calls_under_way_and_carries_on(live, tmp_path):
    class Stop(jobs.NoProgress):
        def __call__(self, done, total, message="", spent_usd=0.0):
            if message == "Asking the teacher" and sum(server.asked.values()):
                raise jobs.Cancelled

    rows = "text\n" + "".join(f"1 0.4 coat {i}\n" for i in range(40))
    with Server(offer, latency=0.7) as server:
        teacher = connect(live.db, live.task.client_id, server)
        with pytest.raises(jobs.Cancelled):
            score(live, tmp_path, rows, teacher=teacher, budget_usd=1.0, progress=Stop())
        (paid,) = ledger.runs_table(live.db, live.task.client_id)
        assert (paid["open"], paid["unknown"]) == (0, 0) and 0 < paid["calls"] < 40
        server.latency = 0.0
        result, _ = score(live, tmp_path, rows, teacher=teacher, budget_usd=1.0)
        assert result["by_teacher"] == 40 and max(server.asked.values()) == 1


def test_killed_it_buys_nothing_again(trained, tmp_path, monkeypatch):
    answered = Counter()

    def script(call):
        answered.update(call.texts)
        return servers.steady(call)

    shutil.copytree(trained / "workspace", tmp_path / "workspace")
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "workspace"))
    db, out = database.connect(), tmp_path / "out.csv"
    known = [row["text"] for row in small.rows(200, seed=2)]
    texts = [known[i] if i % 2 else f"zzqx plonk wibble {i}" for i in range(200)]
    (tmp_path / "in.csv").write_text("id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts)))
    with Server(script, latency=0.05, keep_calls=False) as server:
        client = tasks.of(db, "Small")
        connect(db, client.client_id, server)
        command = [sys.executable, "-m", "core", "score", "--client", "Small", "--input", str(tmp_path / "in.csv")]
        command += [
            "--output",
            str(out),
            "--text-columns",
            "text",
            "--teacher",
            "connection:A",
            "--teacher-budget",
            "9",
        ]
        process = subprocess.Popen(command, cwd=ROOT)
        while sum(server.asked.values()) < 25 and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -9
        subprocess.run(command, cwd=ROOT, check=True, timeout=400)
        bill = billed(server)
    rows = read_csv(out)
    assert [row["text"] for row in rows] == texts
    wanted = {row["text"] for row in rows if row["handled"] == "false"}
    assert len(wanted) >= 90 and set(answered) == wanted
    assert {row["text"] for row in rows if row["answered_by"] == "teacher"} == wanted
    (paid,) = ledger.runs_table(db, client.client_id)
    # What a kill cut off, four calls at once, is all that was asked again, and counts in full.
    assert sum(answered.values()) - len(answered) <= paid["unknown"] <= 4 and paid["open"] == 0
    assert bill <= paid["spent_usd"] <= 9
    db.close()
