"""A hosted teacher writes drafts: kept as they arrive, within the cap, none twice, whatever briefs and replies hold."""

from __future__ import annotations

import json

import pytest

from core import removal, tasks
from core.database import client_id
from core.errors import InputError
from core.money import ledger
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from core.write import desk, guide, teacher, teacher_behind
from core.write.guide import Guide, Span
from tests.wires.servers import Call, Fault, Server, Text
from tests.write import copy
from tests.write.test_run import call

WORDS = frozenset({"soft", "slow", "line", "for", "the", "morning"})
PRICE = OwnPrice(1.0, 4.0)
BRIEFS = [f"Norden {n}, soap for town number {n}" for n in range(6)]


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setattr("core.write.training.common_words", lambda name: WORDS)


@pytest.fixture
def task(db, encoders):
    """A task that writes, without a pair."""
    return tasks.add(db, client_id(db, "Northwind"), "Slogans", "write")


def brief_of(call: Call) -> str:
    """The brief that a call asks about."""
    return json.loads(call.turns[-1][1].split("\n")[1])


def says(*lines: str) -> str:
    return json.dumps({"drafts": list(lines)})


def about(call: Call) -> str:
    brief = brief_of(call)
    return says(f"A soft morning for {brief.split(',')[0]}.")


def connect(db, task, server, price: OwnPrice | None = PRICE, **more):
    params = Params(price=price, concurrency=4, **more)
    connections.save(db, task.client_id, "T", "openai", "writer", base_url=server.url, params=params)


def buy(db, task, briefs=BRIEFS, cap=1.0, owner="written-1", **more) -> teacher.Bought:
    return teacher.drafts(db, task, "connection:T", briefs, cap, owner, **more)


def billed(server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


def test_drafts_arrive_go_through_the_gates_come_to_the_desk_and_are_bought_once(db, task):
    guide.put(db, task, Guide(banned=("cheap",), characters=Span(most=60)))
    script = lambda call: says("A cheap soap.") if "Norden 3" in brief_of(call) else about(call)  # noqa: E731
    with Server(script) as server:
        connect(db, task, server)
        told = buy(db, task)
        assert (told.bought, told.kept, told.handled, told.failed, told.capped) == (6, 0, 5, {}, False)
        assert (
            told.spent_usd
            == pytest.approx(billed(server))
            == pytest.approx(ledger.sent_usd(db, task.client_id, "written-1"))
        )
        [stopped] = told.drafts[BRIEFS[3]]
        assert [gate["name"] for gate in stopped["gates"] if not gate["passed"]] == ["banned words"]
        again = buy(db, task, [*BRIEFS, BRIEFS[0], " "])
        assert (again.bought, again.kept, len(server.calls)) == (0, 6, 6) and again.failed == {
            "": "The brief is empty."
        }
        assert again.drafts == told.drafts
        call = server.calls[0]
        assert (
            "cheap" in call.system and "60 characters" in call.system and call.schema["properties"].keys() == {"drafts"}
        )
    assert desk.counts(db, task) == (5, 0) and desk.next_draft(db, task).who == "teacher"
    assert ledger.runs_table(db, task.client_id)[0]["purpose"] == ledger.WRITTEN
    removal.remove_task(db, task)
    assert not db["teacher_drafts"].count and not db["drafts"].count and db["calls"].count == 6


def test_behind_a_student_the_teacher_writes_within_the_months_budget_and_never_raises(db, task):
    with Server(about) as server:
        connect(db, task, server)
        assert "No teacher" in teacher_behind.behind(db, task, BRIEFS[:1]).why[BRIEFS[0]]
        with pytest.raises(InputError, match="a month"):
            teacher_behind.put(db, task, teacher_behind.Rules(teacher="connection:T"))
        teacher_behind.put(db, task, teacher_behind.Rules(teacher="connection:T", budget_usd=0.005))
        told = teacher_behind.behind(db, task, BRIEFS)
        assert told.drafts and told.why and set(told.why.values()) == {"The month's budget is spent."}
        assert told.spent_usd == pytest.approx(billed(server)) and told.spent_usd <= 0.005
        calls = len(server.calls)
        assert teacher_behind.behind(db, task, list(told.drafts)[:1]).drafts and len(server.calls) == calls
        assert ledger.runs_table(db, task.client_id)[0]["purpose"] == ledger.SERVED
        teacher_behind.put(db, task, teacher_behind.Rules(teacher="connection:T", budget_usd=1.0))
        server.script = lambda call: Fault("status", 401, code="invalid_api_key", words="No.")
        assert "key was refused" in next(iter(teacher_behind.behind(db, task, ["Another brief"]).why.values()))
        server.script = lambda call: Text(about(call), seconds=2.0)
        late = teacher_behind.behind(db, task, ["A brief nobody waits for"], wait_s=0.2)
        assert late.drafts or "did not answer" in next(iter(late.why.values()))
    connections.remove(db, connections.find(db, task.client_id, "T").id)
    assert "no connection" in teacher_behind.behind(db, task, ["And one more"]).why["And one more"].lower()


def test_the_command_says_the_price_buys_within_the_budget_and_carries_on(db, encoders, tmp_path, capsys):
    def command(*more: str, status: int = 0) -> dict:
        code, told, said = call(capsys, "write", "--client", "New", "--teacher", "connection:T", *more)
        assert code == status, said
        return told if status == 0 else {"said": said}

    file = copy.file(tmp_path, [{"brief": one, "market": "UK"} for one in BRIEFS] + [{"brief": "", "market": "DE"}])
    ask = ["--input", str(file), "--brief-columns", "brief"]
    assert "no connection" in command(*ask, "--forecast", status=2)["said"] and not db["clients"].count
    with Server(about) as server:
        params = Params(price=PRICE, concurrency=2)
        connections.save(db, 0, "T", "openai", "writer", base_url=server.url, params=params)
        db.conn.commit()
        told = command(*ask, "--forecast")
        assert told["forecast_usd"] > 0 and told["forecast"]["calls"] == 6 and not server.calls
        assert "--budget" in command(*ask, status=2)["said"]
        part = command(*ask, "--budget", "0.005")
        assert part["capped"] and 0 < part["bought"] < 6 and part["spent_usd"] <= 0.005
        rest = command(*ask, "--budget", "1", "--output", str(tmp_path / "out.csv"))
        assert (rest["drafts"], rest["handled"], rest["bought"] + part["bought"]) == (6, 6, 6) and len(
            server.calls
        ) == 6
        assert rest["spent_usd"] == pytest.approx(billed(server)) and rest["problems"] == 1
        again = command(*ask, "--budget", "1")
        assert (again["bought"], again["kept"], again["forecast_usd"]) == (0, 6, 0) and len(server.calls) == 6
        assert len((tmp_path / "out.csv").read_text().splitlines()) == 7
        one = command("--brief", "Norden 9, tea for two", "--budget", "1")
        assert [draft["passed"] for draft in one["drafts"]] == [True] and one["handled"] and one["forecast_usd"] > 0
        assert command(*ask, "--forecast")["forecast"]["measured_on"] == 0, "nothing is left to buy"
