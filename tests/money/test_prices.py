import socket

import numpy as np
import pytest

from core.errors import InputError
from core.money import prices


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("prices must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_default_model_has_a_dated_price_with_batch(db):
    price = prices.price(db, prices.default_price_as())
    assert price.provider == "openai"
    assert (price.input_usd_mtok, price.output_usd_mtok) == (2.0, 10.0)
    assert price.batch_input_usd_mtok == pytest.approx(price.input_usd_mtok / 2)
    assert price.source.startswith("genai-prices ")
    assert price.as_of.startswith("2026-")


def test_the_default_costs_what_the_other_vendors_models_of_its_class_cost(db):
    asked = [prices.price(db, name) for name in ("anthropic:claude-sonnet-5-5", "google:gemini-4-argon")]
    # gemini-4-argon is at an introductory price until 2026-11-30; after it the claim is about the first vendor alone
    assert (asked[0].input_usd_mtok, asked[0].output_usd_mtok) == (2.0, 10.0)
    assert asked[1].output_usd_mtok >= 10.0


def test_models_are_text_models_with_a_price_newest_first(db):
    names = prices.models()
    assert prices.default_price_as() in names
    assert len(names) == len(set(names)) > 100
    assert all(prices.price(db, name) is not None for name in names)
    assert not [name for name in names if any(word in name for word in ("image", "embed", "tts", "whisper", "audio"))]
    assert names.index("openai:gpt-6-sol") < names.index("openai:gpt-5") < names.index("openai:gpt-4o")
    assert (
        names.index("openai:gpt-4o") < names.index("anthropic:claude-opus-5-5") < names.index("google:gemini-2.5-pro")
    )


@pytest.mark.parametrize("name", ["nobody:nothing", "a model nobody sells", "", ":", "openai:", "openai:gpt-99-zeta"])
def test_an_unknown_model_has_no_price_and_no_error(db, name):
    assert prices.price(db, name) is None


def test_a_bare_and_a_dated_name_are_found(db):
    assert prices.price(db, "gpt-4o-mini").input_usd_mtok == 0.15
    assert prices.price(db, "anthropic:claude-haiku-4-5-20251001").provider == "anthropic"


def test_cost_in_full_cached_and_batch(db):
    price = prices.price(db, "openai:gpt-6.1-sol")  # 2 in, 10 out, 0.1 cached, half in batch
    assert prices.cost(price, 1_000_000, 100_000) == pytest.approx(3.0)
    assert prices.cost(price, 1_000_000, 0, cached=500_000) == pytest.approx(1.05)
    assert prices.cost(price, 1_000_000, 100_000, batch=True) == pytest.approx(1.5)
    assert prices.cost(price, np.array([1e6, 0]), np.array([0, 1e6])) == pytest.approx([2.0, 10.0])


def test_your_own_price_has_no_batch_price_and_holds_under_every_name_of_the_model(db):
    prices.put_override(db, "gpt-6.1-sol", 1.0, 4.0, 0.5)
    for name in ("openai:gpt-6.1-sol", "gpt-6.1-sol"):
        own = prices.price(db, name)
        assert (own.input_usd_mtok, own.output_usd_mtok, own.cached_usd_mtok, own.source) == (1.0, 4.0, 0.5, "yours")
    assert prices.cost(own, 1_000_000, 0, batch=True) == 1.0  # the standard one
    prices.put_override(db, "llama3:8b", 0, 0)  # on no list: a colon is part of its name
    assert [p.model for p in prices.overrides(db)] == ["llama3:8b", "openai:gpt-6.1-sol"]
    assert prices.price(db, "openai:llama3:8b").input_usd_mtok == 0
    assert prices.price(db, "openai:gpt-6-sol").source != "yours"


@pytest.mark.parametrize("given", [(-1, 0), (0, float("nan")), (float("inf"), 1), (1, 1, -0.1)])
def test_a_price_below_zero_or_no_number_is_refused(db, given):
    with pytest.raises(InputError, match="not zero or more"):
        prices.put_override(db, "a:b", *given)
    assert prices.overrides(db) == []


def test_a_price_without_a_model_is_refused(db):
    with pytest.raises(InputError, match="needs a model"):
        prices.put_override(db, "  ", 1, 1)
