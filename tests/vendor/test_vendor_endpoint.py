"""An endpoint judged as a vendor: asked about the held-out assets only, against a real HTTP server."""

import pytest

from core import jobs, vendor
from core.errors import InputError
from core.vendor import scorecard, sets
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires.servers import Call, Server


def careless(call: Call) -> str:
    """Knows the categories by their words, but calls each sale a travel."""
    best = lambda text: max(small.WORDS, key=lambda name: sum(word in text for word in small.WORDS[name]))  # noqa: E731
    return call.answer_labels(lambda text: "Travel" if best(text) == "Sale" else best(text))


@pytest.fixture
def client(judged_small) -> int:
    return judged_small


def test_only_the_held_out_assets_are_asked_about_and_judged(client, db):
    with Server(careless, latency=0.001) as server:
        params = Params(price=OwnPrice(1.0, 4.0, 0.1, 0.5, 2.0), concurrency=8)
        connections.save(db, client.client_id, "Acme", "openai", "tagger", base_url=server.url, params=params)
        size = sets.find(db, client, None)["size"]
        asked = {"task_id": client.id, "name": "Acme", "teacher": "connection:Acme", "set_id": None, "budget_usd": 1.0}
        job = jobs.run_here(db, "vendor", asked, client)
        assert (job.state, job.done, job.total) == ("done", size, size)
        assert sum(server.asked.values()) == size and set(server.asked.values()) == {1}
        jobs.run_here(db, "vendor", asked, client)
        assert sum(server.asked.values()) == size  # nothing bought twice
    card = scorecard.scorecard(db, vendor.find(db, client, "Acme"))
    them = card.rows[0]
    assert (them.usd.basis, them.ms.basis, card.judged) == ("measured", "measured", size)
    spent = db.execute("select spent_usd from label_runs where teacher = 'connection:Acme'").fetchone()[0]
    assert them.usd.value == pytest.approx(1000 * spent / size)
    assert card.verdict.rule == "worse" and card.confusions[0]["vendor"] == "Travel"
    assert db.execute("select state from label_runs where teacher = 'connection:Acme'").fetchone()[0] == "stopped"


def test_without_a_budget_nothing_is_asked(client, db):
    with Server(careless) as server:
        params = Params(price=OwnPrice(1.0, 4.0, 0.1, 0.5, 2.0))
        connections.save(db, client.client_id, "Acme", "openai", "tagger", base_url=server.url, params=params)
        with pytest.raises(InputError, match="no cap"):
            vendor.ask(db, client, "Acme", "connection:Acme")
        assert not server.asked and not vendor.tests(db, client)


def test_any_teacher_can_be_asked_for_a_part(client, db, monkeypatch, encoders):
    vendor.ask(db, client, "Zero-shot", "built-in")
    size = sets.find(db, client, None)["size"]
    assert db.execute("select count(*) from labels where run_id = 2").fetchone()[0] == size
    assert scorecard.scorecard(db, vendor.find(db, client)).judged == size
