"""What gateways do instead of answering: errors inside a 200, answers used up by thinking, waits of an hour, batches that do not
fit; and addresses, keys and proxies as people have them. Over real HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from core import tasks
from core.errors import Cancelled, InputError
from core.label import batches, buying, labelling, runs
from core.wires import connections, keys, limits
from core.wires.wire import CallError, OwnPrice, Params
from tests import small
from tests.wires import servers
from tests.wires.servers import Fault, Server, Text, inside, steady
from tests.wires.test_wires import address, one

KINDS = ("openai", "anthropic")
PRICE = OwnPrice(1.0, 4.0, batch_input_usd_mtok=0.5, batch_output_usd_mtok=2.0)
CREDITS = {"error": {"code": 402, "message": "Insufficient credits. Add more using the provider's page."}}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for module in (buying, limits):
        monkeypatch.setattr(module, "FIRST_PAUSE", 0.02)
        monkeypatch.setattr(module, "LONGEST_PAUSE", 0.3)
    monkeypatch.setattr(batches, "FIRST_POLL", 0.02)
    monkeypatch.setattr(batches, "LONGEST_POLL", 0.05)


def label(db, folder, server: Server, kind: str = "openai", assets: int = 12, progress=None, batch=False, **params):
    """A run over so many assets: (the run's figures, the words it stopped with)."""
    there = db["clients"].count
    client = tasks.get(db, 2) if there else small.fill(db, folder, small.rows(assets))
    params = Params(**{"timeout_s": 5.0, "concurrency": 4, "price": PRICE} | params)
    connections.save(db, client.client_id, "Gateway", kind, "model-x", base_url=address(server, kind), params=params)
    try:
        labelling.label(db, client, "connection:Gateway", budget_usd=1.0, batch=batch, progress=progress)
        stopped = ""
    except (InputError, Cancelled) as error:
        stopped = str(error) or type(error).__name__
    return runs.runs(db, client)[0], stopped


def billed(server: Server) -> float:
    return (server.billed_in * PRICE.input_usd_mtok + server.billed_out * PRICE.output_usd_mtok) / 1e6


# --- an error inside a 200 -----------------------------------------------------------------------------------------

INSIDE = {
    "credits": (CREDITS, "quota"),
    "quota by its type": ({"error": {"type": "insufficient_quota", "message": "You exceeded your quota."}}, "quota"),
    "billing": ({"type": "error", "error": {"type": "billing_error", "message": "Your balance is too low."}}, "quota"),
    "rate": ({"error": {"code": 429, "message": "Provider returned error"}}, "rate"),
    "rate by its name": ({"error": {"code": "rate_limit_exceeded", "message": "Slow down."}}, "rate"),
    "rate as text": ({"error": "Rate limit exceeded: free-models-per-min."}, "rate"),
    "key": ({"error": {"code": "401", "message": "No auth credentials found"}}, "auth"),
    "key by its name": ({"error": {"type": "authentication_error", "message": "invalid x-api-key"}}, "auth"),
    "model": ({"error": {"code": 404, "message": "No endpoints found for model-x."}}, "model"),
    "upstream": ({"error": {"code": 502, "message": "Upstream error"}}, "server"),
    "overloaded": ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "server"),
    "text": ({"error": "Something broke on our side."}, "server"),
    "in a list": ([{"error": {"code": 429, "message": "Resource has been exhausted."}}], "rate"),
    "moderation": ({"error": {"code": 403, "message": "Your input was flagged by moderation."}}, "request"),
    "nothing": ({"choices": None, "content": None}, "server"),
    "no choice": ({"choices": [], "content": None}, "server"),
    "empty": ({}, "server"),
    "broken off": (
        {
            "choices": [{"finish_reason": "error", "message": {"role": "assistant", "content": '{"cat'}}],
            "content": [{"type": "text", "text": '{"cat'}],
            "stop_reason": "error",
        },
        "server",
    ),
    "error of a choice": (
        {
            "choices": [{"error": {"code": 429, "message": "Slow"}, "finish_reason": "error", "message": {}}],
            "content": [],
            "error": {"code": 429, "message": "Slow"},
        },
        "rate",
    ),
    "web page": ("<!doctype html><html><body>Welcome</body></html>", "model"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(INSIDE))
def test_an_error_inside_a_200_is_that_error_and_was_not_billed(name, kind):
    body, trouble = INSIDE[name]
    with Server(lambda call: inside(body, retry_after=7)) as server:
        error = one(server, kind)
    assert isinstance(error, CallError) and (error.trouble, error.billed) == (trouble, False), error
    assert error.words and (trouble != "rate" or error.retry_after == 7)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_inside_a_200_with_a_count_costs_what_was_counted(db, tmp_path, kind):
    usage = {"prompt_tokens": 50, "completion_tokens": 5, "input_tokens": 50, "output_tokens": 5}
    cut_off = {
        "choices": [{"finish_reason": "error", "message": {"content": '{"cat'}}],
        "content": [{"type": "text", "text": '{"cat'}],
        "stop_reason": "error",
        "usage": usage,
    }
    with Server(lambda call: inside(cut_off) if call.number == 1 else steady(call)) as server:
        figures, stopped = label(db, tmp_path, server, kind)
    assert (figures["count"], figures["failed"], stopped) == (12, 0, "")
    assert figures["spent_usd"] == pytest.approx(billed(server) + 12 * (50 * 1.0 + 5 * 4.0) / 1e6)
    assert db.execute("select count(*) from calls where state != 'settled'").fetchone()[0] == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "words"),
    [(CREDITS, "no credit left"), ({"error": {"code": 401, "message": "User not found."}}, "key is needed")],
)
def test_an_account_that_empties_within_a_200_stops_the_run_and_books_what_was_billed(db, tmp_path, kind, body, words):
    asked = []

    def script(call):
        asked.append(call)
        return inside(body) if len(asked) > 6 else steady(call)

    with Server(script) as server:
        figures, stopped = label(db, tmp_path, server, kind)
        assert words in stopped and figures["count"] == 6 and figures["failed"] == 0
        assert figures["spent_usd"] == pytest.approx(billed(server)) and figures["held_usd"] == pytest.approx(0)
        assert db.execute("select count(*) from kept_replies").fetchone()[0] == 6
        server.script = steady
        figures, stopped = label(db, tmp_path, server, kind)
    assert (figures["count"], stopped) == (12, "") and figures["spent_usd"] == pytest.approx(billed(server))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [429, 503])
def test_what_passes_within_a_200_is_asked_again_and_costs_nothing(db, tmp_path, kind, code):
    body = {"error": {"code": code, "message": "Later."}}
    with Server(lambda call: inside(body) if call.number <= 2 else steady(call)) as server:
        figures, stopped = label(db, tmp_path, server, kind)
    assert (figures["count"], figures["failed"], stopped) == (12, 0, "")
    assert figures["spent_usd"] == pytest.approx(billed(server))


def test_what_the_gateway_says_it_charged_goes_before_the_price_list(db, tmp_path):
    with Server(lambda call: Text(steady(call), cost=0.00123)) as server:
        figures, _ = label(db, tmp_path, server)
    assert figures["spent_usd"] == pytest.approx(12 * 0.00123)


def test_a_gateway_dearer_than_the_price_list_does_not_pass_the_cap(db, tmp_path):
    with Server(lambda call: Text(steady(call), cost=0.2)) as server:
        figures, _ = label(db, tmp_path, server, concurrency=1)
    assert figures["state"] == "capped" and 0 < figures["spent_usd"] <= 1.0


# --- answers used up by thinking -----------------------------------------------------------------------------------

THINKING = {
    "nothing said": Text("", "length"),
    "thought aloud": Text("<think>The text could be about a sale, or about", "length"),
    "cut off": Text("First I look at the categories. The text", "length"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(THINKING))
def test_a_model_that_thinks_its_answer_away_stops_the_run_after_a_few(db, tmp_path, kind, name):
    with Server(lambda call: THINKING[name], latency=0.02) as server:
        figures, stopped = label(db, tmp_path, server, kind, assets=60, concurrency=16)
        assert "llow a longer answer" in stopped and "64" in stopped and figures["count"] == 0
        assert len(server.calls) <= 8, "paid for again and again"
        assert figures["spent_usd"] == pytest.approx(billed(server))
        server.script = steady
        figures, stopped = label(db, tmp_path, server, kind, max_tokens_out=2000)
    assert (figures["count"], figures["failed"], stopped) == (60, 0, "")


def test_a_model_that_often_thinks_its_answer_away_stops_the_run_too(db, tmp_path):
    with Server(lambda call: Text("", "length") if int(call.texts[0][-1]) < 7 else steady(call)) as server:
        _, stopped = label(db, tmp_path, server, assets=60, concurrency=1)
    assert "llow a longer answer" in stopped and len(server.calls) < 45


def test_a_few_answers_cut_off_are_left_with_the_reason_and_not_asked_twice(db, tmp_path):
    with Server(lambda call: Text("", "length") if call.texts[0][-1] == "3" else steady(call)) as server:
        figures, stopped = label(db, tmp_path, server, assets=40, concurrency=2)
        assert (figures["count"], figures["failed"], stopped) == (36, 4, "") and len(server.calls) == 40
    (reason,) = runs.reasons(db, figures["run_id"])
    assert "llow a longer answer" in reason["reason"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_answers_thought_away_is_handed_in_once(db, tmp_path, kind):
    with Server(lambda call: Text("", "length")) as server:
        figures, stopped = label(db, tmp_path, server, kind, batch=True)
        assert "llow a longer answer" in stopped and len(server.batches) == 1 and set(server.asked.values()) == {1}
    assert figures["held_usd"] == pytest.approx(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "said", [Text("", "length"), Text("", "stop"), Text("<think>hm", "stop"), Text(" \n")], ids=repr
)
def test_the_test_call_refuses_an_empty_answer(db, kind, said):
    with Server(lambda call: said) as server:
        made = connections.save(db, 0, "A", kind, "model-x", base_url=address(server, kind))
        with pytest.raises(InputError, match="llow a longer answer"):
            connections.test_call(made)


# --- waits ---------------------------------------------------------------------------------------------------------


class Watched:
    """Progress that keeps what it was told, and cancels once somebody says so."""

    def __init__(self, stops_at: str = "nothing"):
        self.messages, self.stops_at = [], stops_at

    def __call__(self, done, total, message="", spent_usd=0.0):
        self.messages.append(message)
        if self.stops_at in message:
            raise Cancelled

    def check(self):
        pass


def clock(seconds: float) -> str:
    return f"{datetime.now().astimezone() + timedelta(seconds=seconds):%H:%M}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("how", ["429", "503", "inside a 200"])
def test_a_long_wait_is_shown_with_its_reason_and_its_end_and_can_be_cancelled(db, tmp_path, kind, dated, how):
    after = format_datetime(datetime.now(UTC) + timedelta(seconds=1800), usegmt=True) if dated else 1800.0
    faults = {
        "429": servers.rate_limited(after),
        "503": Fault("status", 503, after, "overloaded", "Busy."),
        "inside a 200": inside({"error": {"code": 429, "message": "Later."}}, after),
    }
    watched, expected = Watched("asks to wait"), (clock(1799), clock(1800))
    asked = []

    def script(call):
        asked.append(call)
        return faults[how] if len(asked) > 5 else steady(call)

    started = time.monotonic()
    with Server(script, latency=0.02) as server:
        figures, stopped = label(db, tmp_path, server, kind, progress=watched)
    assert stopped == "Cancelled" and time.monotonic() - started < 10 and len(asked) <= 5 + 4
    told = watched.messages[-1]
    assert any(end in told for end in (*expected, clock(1800))), told
    assert figures["count"] == 5 and figures["held_usd"] == pytest.approx(0)


def test_a_wait_of_hours_pauses_the_run_and_it_carries_on_later(db, tmp_path):
    with Server(lambda call: servers.rate_limited(7200)) as server:
        figures, stopped = label(db, tmp_path, server)
        assert "asks to wait until" in stopped and clock(7200)[:2] in stopped and "carries on" in stopped
        assert figures["state"] == "stopped" and figures["failed"] == 0
        server.script = steady
        figures, _ = label(db, tmp_path, server)
    assert figures["count"] == 12


def test_a_batch_that_is_to_wait_can_be_cancelled(db, tmp_path):
    watched, started = Watched("asks to wait"), time.monotonic()
    with Server() as server:
        server.batch_refused = servers.rate_limited(1800)
        _, stopped = label(db, tmp_path, server, batch=True, progress=watched)
    assert stopped == "Cancelled" and time.monotonic() - started < 10


# --- batches that do not fit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["handed in", "checked"])
def test_a_batch_beyond_the_enqueued_tokens_waits_for_the_one_in_progress(db, tmp_path, monkeypatch, when):
    monkeypatch.setattr(batches, "CHUNK", 5)
    watched = Watched()
    with Server(batch_polls=3, batch_room=5, batch_room_when=when) as server:
        figures, stopped = label(db, tmp_path, server, assets=12, batch=True, progress=watched)
        assert (figures["count"], figures["failed"], stopped) == (12, 0, "")
        assert set(server.asked.values()) == {1} and server.most_enqueued <= 5
    assert any("takes no more" in message for message in watched.messages)
    assert figures["spent_usd"] == pytest.approx(billed(server) / 2) and figures["held_usd"] == pytest.approx(0)


def test_a_batch_too_large_for_the_enqueued_tokens_is_made_smaller(db, tmp_path):
    with Server(batch_room=4, batch_room_when="checked") as server:
        figures, stopped = label(db, tmp_path, server, assets=12, batch=True)
    assert (figures["count"], stopped) == (12, "") and set(server.asked.values()) == {1}
    assert figures["spent_usd"] == pytest.approx(billed(server) / 2)


# --- addresses and keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "tail", ["/chat/completions", "/v1/chat/completions/ ", "/v1/messages", "  ", "/v1/models", "\n"]
)
def test_an_address_with_too_much_at_its_end_is_put_right_and_that_is_said(db, kind, tail):
    with Server() as server:
        base = server.root + ("/v1" if kind == "openai" and not tail.startswith("/v1") else "")
        made = connections.save(db, 0, "A", kind, "model-x", base_url=f" {base}{tail}")
        assert made.base_url.removesuffix("/v1") == server.root
        said = connections.test_call(made)
    assert "answered" in said
    corrected = connections.tidied(f"{base}{tail}")[1]
    assert bool(corrected) == ("/" in tail) and (not corrected or made.base_url in corrected)


def test_an_address_without_v1_is_found_and_said(db):
    with Server() as server:
        made = connections.save(db, 0, "A", "openai", "model-x", base_url=server.root)
        with pytest.raises(InputError) as error:
            connections.test_call(made)
    assert f"{server.root}/v1" in str(error.value) and "no service of this kind" in str(error.value)


def test_an_address_that_is_a_web_page_is_said(db):
    with Server(lambda call: inside("<html>Sign in</html>")) as server:
        made = connections.save(db, 0, "A", "openai", "model-x", base_url=server.url)
        with pytest.raises(InputError, match="web page") as error:
            connections.test_call(made)
    assert error.value.todo


def test_http_instead_of_https_is_said_and_the_key_does_not_travel(db, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-test-0123456789abcdef")
    said = connections.tidied("http://api.openai.com/v1")
    assert said[0] == "https://api.openai.com/v1" and "https" in said[1]
    made = connections.save(db, 0, "A", "openai", "m", base_url="http://openrouter.ai/api/v1", key_source="env:MY_KEY")
    assert made.base_url == "https://openrouter.ai/api/v1"
    with Server() as server:
        server.moved = f"https://127.0.0.1:{server.port}"
        made = connections.save(db, 0, "B", "openai", "m", base_url=server.url, key_source="env:MY_KEY")
        with pytest.raises(InputError, match=r"https://127\.0\.0\.1") as error:
            connections.test_call(made)
        assert error.value.todo


def test_https_to_a_server_that_speaks_http_is_said(db):
    with Server() as server:
        made = connections.save(db, 0, "A", "openai", "m", base_url=server.url.replace("http:", "https:"))
        with pytest.raises(InputError, match="http://"):
            connections.test_call(made)


KEY = "sk-test-0123456789abcdef"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "given",
    [f"“{KEY}”", f"'{KEY}'", f" {KEY} \n", f"Bearer {KEY}", f"Authorization: Bearer {KEY}", f"x-api-key: {KEY}",
     f"OPENAI_API_KEY={KEY}", f'export K="{KEY}"', f"\ufeff{KEY}\u200b", f"„Bearer {KEY}“", f"{KEY[:9]}\n  {KEY[9:]}"],
)  # fmt: skip
def test_a_key_with_something_around_it_is_used_without_and_that_is_said(db, monkeypatch, kind, given):
    monkeypatch.setenv("MY_KEY", given)
    with Server(key=KEY) as server:
        made = connections.save(db, 0, "A", kind, "model-x", base_url=address(server, kind), key_source="env:MY_KEY")
        said = connections.test_call(made)
    assert "answered" in said and KEY not in said
    assert ("key" in said) == (given.strip() != KEY)


@pytest.mark.parametrize("given", ["my secret key", "sk-tést-0123456789", "“”", "Bearer ", "sk-one\x01two"])
def test_a_key_that_cannot_be_one_is_refused_in_words(db, monkeypatch, given):
    monkeypatch.setenv("MY_KEY", given)
    with Server() as server:
        made = connections.save(db, 0, "A", "openai", "model-x", base_url=server.url, key_source="env:MY_KEY")
        with pytest.raises(InputError, match="MY_KEY") as error:
            connections.test_call(made)
        assert not server.calls and error.value.todo and "secret" not in str(error.value)


def test_a_key_for_the_keyring_goes_there_tidied(monkeypatch):
    kept = {}
    monkeypatch.setattr(keys.keyring, "set_password", lambda service, name, secret: kept.update({name: secret}))
    keys.put_keyring("A", f"“Bearer {KEY}”")
    assert kept == {"A": KEY}
    with pytest.raises(InputError, match="key"):
        keys.put_keyring("A", "not a key")


# --- proxies -------------------------------------------------------------------------------------------------------

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def proxied(monkeypatch):
    """Sets the environment's proxies."""

    def put(**given: str) -> None:
        for name in PROXIES:
            for spelt in (name, name.lower()):
                monkeypatch.delenv(spelt, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_proxy_does_not_swallow_this_machine(db, proxied, kind, host, name):
    with Server() as server:
        proxied(**{name: "http://127.0.0.1:9"})
        base = address(server, kind).replace("127.0.0.1", host)
        said = connections.test_call(connections.save(db, 0, "A", kind, "model-x", base_url=base))
    assert "answered" in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_other_addresses_go_through_the_proxy_unless_it_is_told_not_to(db, proxied, kind, name):
    with Server() as proxy:
        proxied(**{name: f"http://127.0.0.1:{proxy.port}"})
        base = "http://model.invalid/v1" if kind == "openai" else "http://model.invalid"
        made = connections.save(db, 0, "A", kind, "model-x", base_url=base)
        assert "answered" in connections.test_call(made) and len(proxy.calls) == 1
        proxied(**{name: f"http://127.0.0.1:{proxy.port}", "NO_PROXY": "model.invalid"})
        with pytest.raises(InputError, match="No server answers"):
            connections.test_call(made)
    proxied(**{name: f"http://127.0.0.1:{proxy.port}"})
    with pytest.raises(InputError, match="proxy"):
        connections.test_call(made)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "no address", "ftp://x:1"])
def test_a_proxy_that_cannot_be_used_is_said(db, proxied, proxy):
    proxied(ALL_PROXY=proxy)
    made = connections.save(db, 0, "A", "openai", "model-x", base_url="http://model.invalid/v1")
    with pytest.raises(InputError, match="proxy") as error:
        connections.test_call(made)
    assert error.value.todo
