"""The hosted teacher asked about one text, as Try one does."""

import pytest

from core import taxonomy
from core.errors import InputError
from core.label.desk import ask_once
from core.label.teachers import Asset, hosted, make
from core.money import ledger, prices
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.wires import servers
from tests.wires.servers import Fault, Server, Text

PRICE = OwnPrice(2.0, 8.0, 0.2, 1.0, 4.0, "2026-11-24")
LABELS = tuple(small.WORDS)


@pytest.fixture
def client(db, tmp_path):
    return small.fill(db, tmp_path)


def teacher(db, client, server, kind="openai", spec="connection:A", **params):
    url = server.url if kind == "openai" else server.root
    connections.save(
        db, client.client_id, "A", kind, "model-x", base_url=url, params=Params(**{"price": PRICE, **params})
    )
    return make(db, client, spec, taxonomy.load(db, taxonomy.latest(db, client)))


def labels(db):
    return {row["id"]: row["label"] for row in db["categories"].rows}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_it_answers_with_tokens_and_what_they_cost(db, client, kind):
    def script(call):
        return Text(call.answer_labels(lambda text: LABELS[0]), tokens_in=1000, tokens_out=10, tokens_cached=500)

    with Server(script) as server:
        made = teacher(db, client, server, kind)
        answer = ask_once(db, client.client_id, made, "Buy one, get one free")
        most = made.most_usd_answer(Asset(1, "Buy one, get one free"))
    assert labels(db)[answer.category_id] == LABELS[0]
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (1000, 10, 500)
    assert answer.cost_usd == pytest.approx((500 * 2 + 500 * 0.2 + 10 * 8) / 1e6)
    assert answer.latency_ms > 0 and answer.error is None and most > 0


def test_a_wrong_answer_is_repaired_once_and_both_calls_are_paid(db, client):
    def script(call):
        said = call.answer_labels(lambda text: LABELS[1]) if call.repair else '{"category": "Nonsense"}'
        return Text(said, tokens_in=100, tokens_out=10)

    with Server(script) as server:
        answer = ask_once(db, client.client_id, teacher(db, client, server), "Buy")
        assert server.asked == {"Buy": 2}
    assert labels(db)[answer.category_id] == LABELS[1]
    assert answer.cost_usd == pytest.approx(2 * (100 * 2 + 10 * 8) / 1e6)


def test_an_answer_that_stays_wrong_is_none_with_its_reason(db, client):
    with Server(lambda call: '{"category": "Nonsense"}') as server:
        answer = ask_once(db, client.client_id, teacher(db, client, server), "Buy")
        assert server.asked == {"Buy": 2}
    assert answer.category_id is None and "'Nonsense' is not in the taxonomy" in answer.error


def test_a_failure_is_an_answer_with_words_and_its_cost_is_known_or_not(db, client):
    with Server(lambda call: servers.SERVER_ERROR) as server:
        free = ask_once(db, client.client_id, teacher(db, client, server), "Buy")
        server.script = lambda call: Fault("cut")
        unknown = ask_once(db, client.client_id, teacher(db, client, server), "Buy")
    assert free.category_id is None and free.error and unknown.error
    calls = [row for row in db.query("select state, cost_usd from calls order by id")]
    assert [(call["state"], call["cost_usd"]) for call in calls] == [("settled", 0), ("unknown", None)]


def test_votes_are_asked_at_once_and_counted(db, client):
    with Server(lambda call: call.answer_labels(lambda text: LABELS[call.number % 3 == 0])) as server:
        made = teacher(db, client, server, votes=3)
        answer = ask_once(db, client.client_id, made, "Buy")
        assert server.asked == {"Buy": 3}
    assert labels(db)[answer.category_id] == LABELS[0] and answer.confidence_kind == "votes"
    assert answer.confidence == pytest.approx(2 / 3)


def test_the_same_text_is_not_bought_twice_but_a_failure_is_asked_again(db, client):
    with Server(lambda call: servers.SERVER_ERROR) as server:
        assert ask_once(db, client.client_id, teacher(db, client, server), "Buy").error
        server.script = lambda call: call.answer_labels(lambda text: LABELS[0])
        first, second = (ask_once(db, client.client_id, teacher(db, client, server), "Buy") for _ in range(2))
        assert server.asked == {"Buy": 2}
    assert first.category_id == second.category_id and first.cost_usd > 0 == second.cost_usd
    (row,) = ledger.runs_table(db, client.client_id)
    assert (row["calls"], row["open"], row["unknown"]) == (2, 0, 0)
    assert row["spent_usd"] == pytest.approx(first.cost_usd)


def test_a_provider_that_wants_to_be_left_alone_is_answered_in_its_words(db, client):
    with Server(lambda call: servers.rate_limited(30)) as server:
        said = ask_once(db, client.client_id, teacher(db, client, server), "Buy")
    assert said.category_id is None and "Rate limit" in said.error


def test_a_model_is_asked_through_its_connection_else_with_the_environments(db, client, monkeypatch):
    with Server(key="from-env") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        monkeypatch.setenv("OPENAI_API_KEY", "from-env")
        categories = taxonomy.load(db, taxonomy.latest(db, client))
        plain = make(db, client, "openai:gpt-6.1-sol", categories)
        answer = ask_once(db, client.client_id, plain, "Buy")
        assert answer.category_id and plain.name == "openai:gpt-6.1-sol"
        saved = teacher(db, client, server, spec="openai:model-x")
    assert saved.connection.name == "A" and saved.name == "openai:model-x"


def test_prices_are_the_connections_then_the_providers_by_address_then_by_kind(db, client):
    def price(model, base_url=None, own=None):
        return hosted.price_of(
            db, connections.save(db, 0, "P", "openai", model, base_url=base_url, params=Params(price=own))
        )

    assert price("anything", own=PRICE).batch_input_usd_mtok == 1.0
    listed = price("gpt-6.1-sol")
    assert listed == prices.price(db, "openai:gpt-6.1-sol") and listed.provider == "openai"
    assert price("gpt-6.1-sol", "http://127.0.0.1:4000/v1") == listed
    router = price("openai/gpt-4o", "https://openrouter.ai/api/v1")
    assert router and router.provider == "openrouter"
    assert price("my-own-model", "http://127.0.0.1:11434/v1") is None


def test_without_a_price_it_asks_for_one(db, client):
    with Server() as server:
        made = teacher(db, client, server, price=None)
        with pytest.raises(InputError, match="price of model-x is not known"):
            made.most_usd_answer(Asset(1, "Buy"))


@pytest.mark.parametrize("spec", ["connection:", "connection:nobody", "openai:", "anthropic: "])
def test_a_teacher_that_is_not_there_is_answered_in_words(db, client, spec):
    with pytest.raises(InputError):
        make(db, client, spec, taxonomy.load(db, taxonomy.latest(db, client)))


def test_tokens_written_to_a_cache_cost_a_quarter_more():
    price = prices.Price("m", "p", 2.0, 8.0, 0.2, None, None, "test", None)
    assert prices.cost(price, 1000, 0, written=1000) == pytest.approx(1.25 * prices.cost(price, 1000, 0))
