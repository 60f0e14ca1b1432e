"""A disk that runs full while labels are bought: no further call, and what is paid for is kept or its loss said."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing

import pytest

from core import database, jobs, room, taxonomy
from core.deploy.fallback import Fallback
from core.deploy.live import Served
from core.errors import InputError
from core.label import engine, labelling, runs
from core.label.errands import errand
from core.label.teachers import make
from core.money import ledger
from core.tasks import Task
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.full_disks import empty, fill, small_disk
from tests.wires.servers import Server, steady

ASSETS, CONCURRENCY, FULL_AT = 160, 8, 50


@pytest.fixture
def disk(workspace):
    with small_disk(workspace) as mounted:
        yield mounted


@pytest.fixture
def teacher(disk):
    """A server that fills the disk with its call number FULL_AT; `after` says what happens then."""
    asked = []

    def script(call) -> str:
        asked.append(call)
        if len(asked) == FULL_AT:
            fill(disk)
            server.after()
        return steady(call)

    with Server(script, latency=0.05) as server:
        server.after = lambda: None
        server.counted = lambda: len(asked)
        yield server


@pytest.fixture
def client(disk, teacher, tmp_path):
    with closing(database.connect()) as db:
        client = small.fill(db, tmp_path / "files", small.rows(ASSETS))
        params = Params(concurrency=CONCURRENCY, price=OwnPrice(1.0, 4.0), timeout_s=5)
        connections.save(db, client.client_id, "Local", "openai", "model-of-mine", base_url=teacher.url, params=params)
    return client


def label(db, client: Task) -> int:
    return labelling.label(db, client, "connection:Local", budget_usd=1.0)


def billed(server: Server) -> float:
    return (server.billed_in * 1.0 + server.billed_out * 4.0) / 1e6


def states(db) -> dict[str, int]:
    return dict(db.execute("select state, count(*) from calls group by state").fetchall())


def test_what_is_paid_for_goes_into_the_room_kept_aside_and_nothing_is_bought_twice(disk, teacher, client):
    with closing(database.connect()) as db:
        with pytest.raises(
            InputError, match=r"disk is full, so buying stopped\. All that had arrived is kept\. Make room"
        ):
            label(db, client)
        calls = teacher.counted()
        assert FULL_AT <= calls <= FULL_AT + CONCURRENCY
        found = runs.runs(db, client)[0]
        assert (found["count"], found["state"], found["held_usd"]) == (calls, "stopped", pytest.approx(0))
        assert states(db) == {"settled": calls} and found["spent_usd"] == pytest.approx(billed(teacher))
        with pytest.raises(InputError, match="The disk is all but full"):  # not one call is made
            jobs.run_here(db, "label", {"task_id": client.id, "teacher": "connection:Local", "budget_usd": 1.0}, client)
        assert teacher.counted() == calls
        empty(disk)
        found = runs.summary(db, label(db, client))
        assert (found["count"], found["state"], teacher.counted()) == (ASSETS, "done", ASSETS)
        assert found["spent_usd"] == pytest.approx(billed(teacher)) and (disk / "reserve").exists()


def test_without_any_room_it_says_what_was_lost_and_the_ledger_counts_it(disk, teacher, client, monkeypatch):
    monkeypatch.setattr(room, "keep", lambda: True)
    monkeypatch.setattr(engine, "HOLD_S", 1.0)
    with closing(database.connect()) as db:
        with pytest.raises(InputError, match="could not be written and will be bought again") as said:
            label(db, client)
        calls = teacher.counted()
        assert FULL_AT <= calls <= FULL_AT + CONCURRENCY
        lost = calls - runs.runs(db, client)[0]["count"]
        assert 0 < lost <= 2 * CONCURRENCY and f"{lost} label" in str(said.value)
        empty(disk)
        found = runs.summary(db, label(db, client))
        assert (found["count"], found["state"], teacher.counted()) == (ASSETS, "done", ASSETS + lost)
        assert (
            states(db)["settled"] == ASSETS and states(db)["unknown"] >= lost and found["spent_usd"] >= billed(teacher)
        )


def test_what_is_held_is_written_once_there_is_room(disk, teacher, client, monkeypatch):
    monkeypatch.setattr(room, "keep", lambda: True)
    teacher.after = lambda: threading.Timer(1.5, empty, [disk]).start()
    with closing(database.connect()) as db:
        with pytest.raises(InputError, match=r"buying stopped\. All that had arrived is kept"):
            label(db, client)
        calls = teacher.counted()
        assert FULL_AT <= calls <= FULL_AT + CONCURRENCY and runs.runs(db, client)[0]["count"] == calls
        label(db, client)
        assert teacher.counted() == ASSETS


def test_a_statement_that_finds_no_room_leaves_nobody_locked_out(disk, client):
    with closing(database.connect()) as db, closing(database.connect()) as other:
        fill(disk)
        while True:  # into what the database's log has left of its last block
            try:
                db.execute("update clients set created = created || 'x'")
            except Exception as error:
                assert room.no_room(error)
                break
        assert not db.conn.in_transaction
        empty(disk)
        other.conn.execute("pragma busy_timeout = 0")
        other.execute("update clients set name = 'Other'")


def served(client: Task, texts: list[str]) -> int:
    """How many texts a served teacher answers."""

    async def life() -> int:
        with closing(database.connect()) as db:
            latest = taxonomy.latest(db, client)
        behind = Served(1, "linear", client, latest, "connection:Local", None, 0.9, None)
        made = Fallback(client, 1.0)
        try:
            await made.prepare(behind)
            return sum(said is not None for said in await made.answer(behind, texts))
        finally:
            await made.close()

    return asyncio.run(life())


def sent(client: Task, texts: list[str]) -> int:
    """How many texts an errand brings answers of."""
    with closing(database.connect()) as db:
        hosted = make(db, client, "connection:Local", taxonomy.load(db, taxonomy.latest(db, client)))
        with errand(db, client.client_id, hosted, None, "a file", 1.0) as asked:
            return sum(one.category_id is not None for one in asked.ask(texts, lambda done: None).values())


@pytest.mark.parametrize("way", [served, sent])
def test_whoever_asks_outside_a_run_keeps_what_is_paid_for_and_asks_no_further(disk, teacher, client, way):
    texts = [row["text"] for row in small.rows(ASSETS, seed=7)]
    try:
        assert way(client, texts) < ASSETS
    except InputError as said:
        assert "disk" in str(said)
    calls = teacher.counted()
    assert FULL_AT <= calls <= FULL_AT + CONCURRENCY
    with closing(database.connect()) as db:
        assert states(db) == {"settled": calls} and db["kept_replies"].count == calls
        assert sum(row["spent_usd"] for row in ledger.runs_table(db, client.client_id)) == pytest.approx(
            billed(teacher)
        )
        empty(disk)
        assert way(client, texts) == ASSETS == teacher.counted() == max(states(db).values())
