"""The teacher behind a served student: its money stands in the ledger, no answer is bought twice, nobody waits for a hung call."""

import asyncio
import subprocess
import sys
import time
from collections import Counter

import pytest

from core import database, settings, taxonomy
from core.deploy import fallback
from core.deploy.fallback import Fallback, TeacherReply
from core.deploy.live import Served
from core.errors import InputError
from core.label.labelling import label
from core.money import ledger, prices
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires import servers
from tests.wires.servers import Fault, Server

LABEL = "Hiring"


def hiring(call):
    return call.answer_labels(lambda text: LABEL)


@pytest.fixture
def client(db, tmp_path):
    return small.fill(db, tmp_path, small.rows(30))


def behind(db, client, server, key="none", **params) -> Served:
    params = Params(**{"price": OwnPrice(1.0, 4.0), "concurrency": 4, "timeout_s": 20.0} | params)
    connections.save(db, client.client_id, "A", "openai", "m", base_url=server.url, key_source=key, params=params)
    return student(db, client, "connection:A")


def student(db, client, teacher) -> Served:
    return Served(1, "linear", client, taxonomy.latest(db, client), teacher, None, 0.9, None)


def ask(client, served, *texts, budget=1.0):
    """A server's life: (what was said, outcomes)."""

    async def life():
        made, outcomes = Fallback(client, budget), []
        made.count = outcomes.append
        try:
            await made.prepare(served)
            return await made.answer(served, list(texts)), outcomes
        finally:
            await made.close()

    return asyncio.run(life())


def test_each_call_is_a_row_of_the_ledger_with_client_and_month(db, client):
    with Server(hiring) as server:
        said, outcomes = ask(client, behind(db, client, server), "one", "two", "one")
        billed = (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6
    assert [one.category for one in said] == [LABEL] * 3 and outcomes.count("answered") == 2
    (month,) = ledger.by_client_and_month(db, client.client_id)
    (row,) = ledger.runs_table(db, client.client_id)
    assert (row["purpose"], row["calls"], month["calls"]) == ("served", 2, 2)
    assert month["spent_usd"] == pytest.approx(billed) == pytest.approx(ledger.served_usd(db, client.client_id))


def test_a_restart_buys_nothing_again_nor_what_the_clients_own_labels_hold(db, client):
    with Server(hiring) as server:
        served = behind(db, client, server, assets_per_call=3)
        label(db, client, "connection:A", budget_usd=1.0)
        before = len(server.calls)
        known = db.execute("select text from assets limit 1").fetchone()[0]
        for _ in range(2):
            said, _ = ask(client, served, "one", known.upper())
            assert [one.category for one in said] == [LABEL] * 2
        assert len(server.calls) == before + 1


def test_a_missing_key_sets_nothing_aside(db, client, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    with Server(hiring) as server, pytest.raises(InputError, match="NO_KEY"):
        ask(client, behind(db, client, server, key="env:NO_KEY"), "one")
    assert db.execute("select count(*) from calls").fetchone()[0] == 0 and ledger.served_usd(db, client.client_id) == 0


@pytest.mark.parametrize("counts", [True, False])
def test_the_budget_is_never_passed_by_several_servers_at_once(db, client, counts):
    with Server(lambda call: servers.Text(hiring(call), usage=counts), latency=0.02) as server:
        served = behind(db, client, server)

        async def lives():
            made = [Fallback(client, 0.01) for _ in range(3)]
            for one in made:
                await one.prepare(served)
            found = await asyncio.gather(
                *(one.answer(served, [f"{n} {m}" for m in range(20)]) for n, one in enumerate(made))
            )
            for one in made:
                await one.close()
            return [said for part in found for said in part if said]

        answered = asyncio.run(lives())
        assert len(answered) == len(server.calls)
    assert answered and ledger.served_usd(db, client.client_id) <= 0.01


def test_calls_that_hang_hold_up_nobody_else(db, client, monkeypatch):
    monkeypatch.setattr(fallback, "SLOW_S", 0.2)
    script = lambda call: Fault("hang") if int(call.texts[0]) < 8 else hiring(call)  # noqa: E731
    with Server(script) as server:
        served = behind(db, client, server)

        async def life():
            made = Fallback(client, 1.0)
            await made.prepare(served)
            asked = [asyncio.ensure_future(made.ask([served], str(n))[0]) for n in range(192)]
            await asyncio.wait(asked, timeout=8)
            answered = sum(one.done() and one.result() is not None for one in asked)
            await made.close()
            return answered

        started = time.monotonic()
        assert asyncio.run(life()) == 184 and time.monotonic() - started < 15
    assert db.execute("select count(*) from calls where state = 'settled'").fetchone()[0] == 184


def test_a_paid_teacher_needs_a_budget(db, client):
    with Server(hiring) as server, pytest.raises(InputError, match="--fallback-budget"):
        ask(client, behind(db, client, server), "one", budget=None)


def test_a_failure_is_not_kept_and_what_was_not_billed_is_not_booked(db, client):
    with Server(lambda call: servers.SERVER_ERROR) as server:
        served = behind(db, client, server)
        assert ask(client, served, "one") == ([None], ["failed"])
        server.script = hiring
        assert ask(client, served, "one")[0] == [TeacherReply(LABEL, None)]
        billed = (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6
    assert ledger.served_usd(db, client.client_id) == pytest.approx(billed)


def test_what_the_database_refuses_fails_that_answer_and_no_later_one(db, client):
    refused = "create trigger refuses before update on calls begin select raise(abort, 'no'); end"
    with Server(hiring) as server:
        served = behind(db, client, server)

        async def life():
            made, outcomes = Fallback(client, 1.0), []
            made.count = outcomes.append
            await made.prepare(served)
            db.execute(refused)
            first = await asyncio.wait_for(made.answer(served, ["one"]), 20)
            db.execute("drop trigger refuses")
            second = await made.answer(served, ["two"])
            await made.close()
            return first, second, outcomes

        assert asyncio.run(life()) == ([None], [TeacherReply(LABEL, None)], ["failed", "answered"])
    assert hanging(db) == 0 and ledger.served_usd(db, client.client_id) > 0


def test_recorded_labels_answer_the_texts_they_know_and_cost_nothing(db, client):
    label(db, client, "recorded:label")
    known = small.rows(30)[3]
    said, outcomes = ask(client, student(db, client, "recorded:label"), "never seen", known["text"].upper())
    assert [one and one.category for one in said] == [None, known["label"]]
    assert sorted(outcomes) == ["answered", "unknown"]


SERVING = """
import asyncio, sys
from core import database, tasks
from core.deploy.fallback import Fallback
from tests.deploy.test_fallback import student

async def life():
    db = database.connect()
    task = tasks.get(db, int(sys.argv[1]))
    made = Fallback(task, 1.0)
    served = student(db, task, "connection:A")
    await made.prepare(served)
    await made.answer(served, sys.argv[2:])

asyncio.run(life())
"""


def test_a_killed_server_leaves_no_call_open_and_buys_nothing_again(db, client):
    texts = ["sound 1", "hang 1", "hang 2", "sound 2"]
    with Server(lambda call: Fault("hang") if call.texts[0].startswith("hang") else hiring(call)) as server:
        served = behind(db, client, server)
        alive = Fallback(client, 1.0)
        for calls in (4, 6):
            killed = subprocess.Popen([sys.executable, "-c", SERVING, str(client.id), *texts])
            until(lambda calls=calls: len(server.calls) == calls and hanging(db) == 2)
            killed.kill()
            killed.wait()

        async def life():
            await alive.prepare(served)
            try:
                return await alive.answer(served, ["sound 1", "sound 2"])
            finally:
                await alive.close()

        assert [said.category for said in asyncio.run(life())] == [LABEL] * 2
        assert Counter(text for call in server.calls for text in call.texts) == {
            "sound 1": 1,
            "sound 2": 1,
            "hang 1": 2,
            "hang 2": 2,
        }
    assert hanging(db) == 0
    (row,) = ledger.runs_table(db, client.client_id)
    assert (row["calls"], row["unknown"], row["open"]) == (6, 4, 0)
    assert "4 calls that were cut off" in ledger.unknown_in_words([row])
    assert not list(settings.subfolder("owners").glob("*"))


def test_a_living_servers_calls_are_not_taken_for_those_of_a_dead_one(db, client):
    with Server(lambda call: servers.Text(hiring(call), seconds=1.0)) as server:
        served = behind(db, client, server)

        async def life():
            first, second = Fallback(client, 1.0), Fallback(client, 1.0)
            await first.prepare(served)
            asked = asyncio.ensure_future(first.ask([served], "one")[0])
            while not hanging(db):
                await asyncio.sleep(0.02)
            await second.prepare(served)
            await second.close()
            still = hanging(db)
            await asked
            await first.close()
            return still

        assert asyncio.run(life()) == 1
    (row,) = ledger.runs_table(db, client.client_id)
    assert (row["calls"], row["unknown"]) == (1, 0)


def test_nobody_is_asked_while_the_provider_wants_to_be_left_alone(db, client):
    with Server(lambda call: servers.rate_limited(30)) as server:
        served = behind(db, client, server, concurrency=1)
        said, outcomes = ask(client, served, *map(str, range(40)))
        assert said == [None] * 40 and outcomes == ["paused"] * 40 and len(server.calls) == 1
    assert ledger.served_usd(db, client.client_id) == 0


def test_a_key_that_was_refused_is_not_tried_for_every_text(db, client, monkeypatch):
    script = lambda call: Fault("status", 401, code="invalid_api_key", words="no such key")  # noqa: E731
    with Server(script) as server:
        served = behind(db, client, server, concurrency=1)

        async def life():
            made = Fallback(client, 1.0)
            await made.prepare(served)
            first = await made.answer(served, list(map(str, range(20))))
            asked, server.script = len(server.calls), hiring
            (ready,) = made._ready.values()
            ready.line.desk.buyer.limits.not_before = 0.0  # the wait is over
            second = await made.answer(served, ["1"])
            await made.close()
            return first, asked, second

        assert asyncio.run(life()) == ([None] * 20, 1, [TeacherReply(LABEL, None)])


def test_a_changed_connection_is_asked_from_the_next_text_on(db, client):
    with Server(hiring) as old, Server(hiring) as new:
        served = behind(db, client, old)

        async def life():
            made = Fallback(client, 1.0)
            await made.prepare(served)
            await made.answer(served, ["one"])
            behind(db, client, new)
            await made.answer(served, ["two"])
            await made.close()

        asyncio.run(life())
        assert [call.texts for call in old.calls] == [["one"]] and [call.texts for call in new.calls] == [["two"]]


def hanging(db):
    return db.execute("select count(*) from calls where state = 'open'").fetchone()[0]


def until(happened, seconds=90):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_price_of_your_own_is_what_a_server_reserves_and_books_from_its_next_call_on(db, client):
    def price(*rates):
        with database.connect() as other:
            prices.put_override(other, "openai:m", *rates)

    price(0, 0)
    with Server(lambda call: servers.Text(hiring(call), tokens_in=1000, tokens_out=0)) as server:
        served = behind(db, client, server, price=None)

        async def life(budget, *rates):
            made, outcomes = Fallback(client, budget), []
            made.count = outcomes.append
            try:
                await made.prepare(served)
                await made.ask([served], f"asked at no cost {rates}")[0]
                price(*rates)
                await made.ask([served], f"asked at {rates}")[0]
                return outcomes
            finally:
                await made.close()
                price(0, 0)

        assert asyncio.run(life(10.0, 4, 0)) == ["answered", "answered"]
        assert asyncio.run(life(None, 5, 0)) == ["answered", "budget"], "free when it began, so nobody named a budget"
    assert [usd for (usd,) in db.execute("select cost_usd from calls order by id")] == [0, 0.004, 0]
