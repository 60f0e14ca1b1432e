"""What a model writes, bought as everything else is: within a cap, in the ledger, kept, none twice, failures never."""

from __future__ import annotations

import json

import pytest

from core.errors import InputError
from core.label import model
from core.label.errands import errand
from core.money import ledger
from core.wires import connections
from core.wires.wire import OwnPrice, Params, Request
from tests import small
from tests.wires import servers
from tests.wires.servers import Server, Text

PLAIN = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture
def client(db, tmp_path) -> int:
    return small.fill(db, tmp_path, small.rows(3)).client_id


def write(db, client_id, server, names, cap=1.0, *, kind="openai", check=None, report=lambda done: None, **how):
    """(what was written of each name, whether the cap was reached)."""
    params = Params(price=OwnPrice(1.0, 4.0), concurrency=4)
    connections.save(db, client_id, "W", kind, "writer", base_url=server.url, params=params)
    asked = {name: Request("Write.", (("user", f"Brief {name}"),), max_tokens_out=300, **how) for name in names}
    found = model.find(db, client_id, "connection:W")
    with errand(db, client_id, found, None, "drafts-1", cap, ledger.WRITTEN) as desk:
        return desk.write(asked, report, check), desk.capped


def draft(call) -> str:
    return f"<think>Hm.</think>Copy for {call.turns[0][1]}"


def billed(server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_drafts_are_bought_once_and_stand_in_the_ledger_with_what_they_cost(db, client, kind):
    with Server(draft) as server:
        first, capped = write(db, client, server, range(6), kind=kind)
        assert not capped and [first[n].text for n in range(6)] == [f"Copy for Brief {n}" for n in range(6)]
        assert sum(one.cost_usd for one in first.values()) == pytest.approx(billed(server))
        again, _ = write(db, client, server, range(7), kind=kind)
        assert len(server.calls) == 7 and [again[n].text for n in range(6)] == [first[n].text for n in range(6)]
        assert [again[n].cost_usd for n in (0, 5)] == [0.0, 0.0]
        assert all(call.schema is None and "logprobs" not in call.body for call in server.calls)
    (row,) = ledger.runs_table(db, client)
    assert (row["purpose"], row["calls"], row["open"]) == ("written", 7, 0)
    assert row["spent_usd"] == pytest.approx(billed(server)) == pytest.approx(ledger.sent_usd(db, client, "drafts-1"))


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_the_askers_schema_goes_along_and_another_one_is_another_question(db, client, kind):
    with Server(lambda call: json.dumps({"text": "Yes"})) as server:
        for schema in (None, PLAIN, PLAIN):
            found, _ = write(db, client, server, ["a"], kind=kind, schema=schema)
            assert json.loads(found["a"].text) == {"text": "Yes"}
        assert [call.schema for call in server.calls] == [None, PLAIN]


def test_what_the_asker_cannot_use_is_asked_for_again_the_next_time_and_says_why(db, client):
    short = lambda text: "Too long." if len(text) > 20 else None  # noqa: E731
    with Server(lambda call: Text("so", "length") if "1" in call.turns[0][1] else "x" * 30) as server:
        first, _ = write(db, client, server, range(2), check=short)
        assert [(first[n].text, first[n].error) for n in range(2)] == [
            (None, "Too long."),
            (None, "The answer was cut off."),
        ]
        server.script = draft
        second, _ = write(db, client, server, range(2), check=None)
        assert [second[n].text for n in range(2)] == ["Copy for Brief 0", "Copy for Brief 1"]
    assert ledger.sent_usd(db, client, "drafts-1") == pytest.approx(billed(server))


def test_the_cap_is_never_passed_and_what_is_kept_is_told_all_the_same(db, client):
    with Server(draft, latency=0.01) as server:
        first, capped = write(db, client, server, range(60), cap=0.003)
        bought = len(server.calls)
        assert capped and 0 < len(first) == bought < 60 and billed(server) <= 0.003
        again, capped = write(db, client, server, range(60), cap=0.003)
        assert capped and first.keys() <= again.keys()
        with pytest.raises(InputError, match="no cap"):
            write(db, client, server, range(60), cap=None)
        rest, capped = write(db, client, server, range(60))
        assert len(rest) == 60 and not capped and len(server.calls) == 60
    assert ledger.sent_usd(db, client, "drafts-1") == pytest.approx(billed(server))


def test_stopped_it_keeps_what_is_paid_and_a_passing_fault_is_waited_out(db, client):
    def report(done: int) -> None:
        if len(server.calls) >= 8:
            raise KeyError("enough")

    storm = lambda call: servers.rate_limited(0.05) if len(server.calls) == 3 else draft(call)  # noqa: E731
    with Server(storm, latency=0.3) as server:
        with pytest.raises(KeyError):
            write(db, client, server, range(40), report=report)
        asked = len(server.calls)
        assert db["kept_replies"].count == asked - 1 and asked < 40
        rest, _ = write(db, client, server, range(40))
        assert len(rest) == 40 and len(server.calls) == 41
    assert db.execute("select distinct state from calls").fetchall() == [("settled",)]
