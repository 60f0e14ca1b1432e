"""Both wires against a real server on this machine: what is sent, what is read, and every failure in words."""

import asyncio
import dataclasses
import json
import math
import time

import pytest

from core.wires import connections
from core.wires.wire import CallError
from tests.label import questions
from tests.label.questions import CATEGORIES, asking, assets, connection, hosted
from tests.wires import servers
from tests.wires.servers import Fault, Server, Text

KINDS = ("openai", "anthropic")
SECRET = "sk-test-0123456789abcdef"


def address(server: Server, kind: str) -> str:
    return server.url if kind == "openai" else server.root


def one(server: Server, kind: str, request=None, **params):
    """One call through the wire of that kind."""
    return every(server, kind, [request or ask(kind, **params)], **params)[0]


def every(server: Server, kind: str, requests: list, key_source: str = "none", **params) -> list:
    """Calls one after the other through one wire: each a Reply, or its CallError."""

    async def run():
        wire = connections.connect(connection(kind, address(server, kind), key_source=key_source, **params))
        found = []
        for request in requests:
            try:
                found.append(await wire.ask(request))
            except CallError as error:
                found.append(error)
        await wire.close()
        return found

    return asyncio.run(run())


def ask(kind: str, count: int = 1, **params):
    """A request about `count` assets."""
    ((_, request),) = asking(kind=kind, **{"assets_per_call": count, **params}).requests(assets(count))
    return request


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_reply_is_read_back_as_the_labels_that_were_said(kind, count):
    with Server(lambda call: call.answer_labels(lambda text: "Hiring")) as server:
        asked = asking(kind=kind, assets_per_call=count)
        ((group, request),) = asked.requests(assets(count))
        reply = one(server, kind, request)
    assert [said.category_id for said in asked.read(group, request, reply)] == [102] * count
    assert reply.tokens_in > 0 and reply.tokens_out > 0 and reply.latency_ms > 0 and reply.model == "gpt-test"
    assert server.asked == {asset.text: 1 for asset in assets(count)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_is_held_to_a_schema_with_the_short_ids(kind):
    with Server() as server:
        one(server, kind)
        one(server, kind, ask(kind, 2))
    schema, several = (call.schema for call in server.calls)
    assert schema["properties"]["category"]["enum"] == ["1", "2", "3", "4"]
    assert several["properties"]["answers"]["items"]["properties"]["category"]["enum"] == ["1", "2", "3", "4"]
    assert schema["additionalProperties"] is False and several["required"] == ["answers"]


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_categories_for_a_schema_are_asked_without(kind):
    with Server() as server:
        asked = asking(questions.many(1100), kind=kind, shortlist_over=5000)
        ((_, request),) = asked.requests(assets())
        assert one(server, kind, request).text
    assert server.calls[0].schema is None and len(server.calls[0].categories) == 1100


def test_instructions_and_categories_stand_first_and_are_the_same_in_each_call():
    with Server() as server:
        for kind in KINDS:
            first, second = (asking(kind=kind).requests([asset])[0][1] for asset in assets(2))
            every(server, kind, [first, second])
    assert len({call.system for call in server.calls}) == 1
    assert "2: Store Opening — About store opening." in server.calls[0].system
    block = server.calls[-1].body["system"][0]
    assert block["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_the_providers_count_with_those_from_its_cache(kind):
    with Server(lambda call: Text(servers.steady(call), tokens_in=1000, tokens_out=7, tokens_cached=900)) as server:
        reply = one(server, kind)
    assert (reply.tokens_in, reply.tokens_out, reply.tokens_cached) == (1000, 7, 900)


def test_a_server_that_counts_nothing_gives_no_count():
    with Server(lambda call: Text(servers.steady(call), usage=False)) as server:
        reply = one(server, "openai")
    assert reply.tokens_in is None and reply.tokens_out is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("finish", ["length", "refusal"])
def test_cut_off_and_refused_answers_are_told_apart_and_bring_no_label(kind, finish):
    with Server(lambda call: Text('{"category": "1"}', finish=finish)) as server:
        asked = asking(kind=kind)
        ((group, request),) = asked.requests(assets())
        reply = one(server, kind, request)
    assert reply.finish == finish
    (said,) = asked.read(group, request, reply)
    assert said.category_id is None and said.problem


def test_log_probabilities_become_a_distribution():
    shares = {"3": math.log(0.6), "1": math.log(0.3), "7": math.log(0.1)}
    tokens = [('{"', {}), ("category", {}), ('":"', {}), ("3", shares), ('"}', {})]
    with Server(lambda call: Text('{"category":"3"}', logprobs=tokens)) as server:
        asked = asking()
        ((group, request),) = asked.requests(assets())
        (said,) = asked.read(group, request, one(server, "openai", request))
        (silent,) = asked.read(group, request, one(server, "openai", dataclasses.replace(request, logprobs=False)))
    assert said.category_id == 102 and said.confidence_kind == "logprobs" and said.confidence == pytest.approx(2 / 3)
    assert said.distribution == pytest.approx([1 / 3, 0, 2 / 3, 0])
    assert silent.confidence is None and silent.confidence_kind == "none"
    assert "logprobs" not in server.calls[1].body


@pytest.mark.parametrize("refused", ["response_format", "logprobs", "temperature", "max_tokens", "top_logprobs"])
def test_a_parameter_that_the_server_refuses_is_left_out_from_then_on(refused):
    with Server(refuses=frozenset({refused})) as server:
        replies = every(server, "openai", [ask("openai")] * 3)
    assert [asked.text for asked in replies]
    assert len(server.calls) == 3 and server.requests["/v1/chat/completions"] == 4
    assert server.asked == {"Text of asset 1": 3}


def test_every_parameter_refused_one_after_the_other():
    with Server(refuses=frozenset({"response_format", "logprobs", "temperature", "max_tokens"})) as server:
        (reply,) = every(server, "openai", [ask("openai")])
    assert reply.text and set(server.calls[0].body) == {"model", "messages", "max_completion_tokens"}


def test_a_refusal_that_names_nothing_is_met_by_asking_plainly_once():
    def script(call):
        extras = {"response_format", "logprobs", "temperature"} & set(call.body)
        return Fault("status", 400, words="Bad request.") if extras else servers.steady(call)

    with Server(script) as server:
        first, second = every(server, "openai", [ask("openai")] * 2)
    assert first.text and second.text and len(server.calls) == 3


def test_a_refusal_for_good_comes_back_as_it_is():
    with Server(lambda call: Fault("status", 400, words="This prompt is too long.")) as server:
        (error,) = every(server, "openai", [ask("openai")])
    assert (error.trouble, error.billed) == ("request", False) and "too long" in error.words
    assert len(server.calls) == 2


def test_one_prompt_that_is_refused_does_not_cost_the_others_their_schema():
    def script(call):
        return Fault("status", 400, words="Too long.") if call.texts == ["Text of asset 1"] else servers.steady(call)

    with Server(script) as server:
        asked = [request for _, request in asking().requests(assets(2))]
        refused, good = every(server, "openai", asked)
    assert refused.trouble == "request" and good.text
    assert {"response_format", "logprobs"} <= set(server.calls[-1].body)


def test_anthropic_without_schemas_is_asked_in_plain_words():
    with Server(refuses=frozenset({"output_config"})) as server:
        first, second = every(server, "anthropic", [ask("anthropic")] * 2)
    assert first.text and second.text and server.requests["/v1/messages"] == 3


@pytest.mark.parametrize(("kind", "refused"), [("openai", "response_format"), ("anthropic", "output_config")])
def test_where_a_schema_is_insisted_on_its_refusal_is_said(kind, refused):
    with Server(refuses=frozenset({refused})) as server:
        (error,) = every(server, kind, [ask(kind)], schema="strict")
    assert error.trouble == "schema" and not server.calls


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "trouble", "billed"),
    [
        (servers.rate_limited(7), "rate", False),
        (servers.rate_limited(), "rate", False),
        (servers.QUOTA, "quota", False),
        (Fault("status", 402, words="Pay first."), "quota", False),
        (Fault("status", 400, words="Your credit balance is too low to access the API."), "quota", False),
        (servers.SERVER_ERROR, "server", False),
        (servers.OVERLOADED, "server", False),
        (Fault("status", 503), "server", False),
        (Fault("status", 504), "server", True),
        (Fault("status", 401, words="no"), "auth", False),
        (Fault("status", 403, words="no"), "auth", False),
        (Fault("status", 404, code="model_not_found", words="model: gpt-test"), "model", False),
        (Fault("status", 413, words="too large"), "request", False),
        (Fault("reset"), "connection", True),
        (Fault("cut"), "connection", True),
        (Fault("broken"), "server", True),
        (Fault("hang"), "timeout", True),
        (Fault("drip", seconds=0.1), "timeout", True),
    ],
    ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else str(value),
)
def test_each_failure_has_its_name_its_words_and_whether_it_may_have_cost(kind, fault, trouble, billed):
    # Short where the time limit is the point; elsewhere long, so that a busy machine's answer is not late.
    timeout_s = 0.5 if trouble == "timeout" else 60
    with Server(lambda call: fault) as server:
        (error,) = every(server, kind, [ask(kind)], timeout_s=timeout_s, logprobs=False, schema="plain")
    assert isinstance(error, CallError)
    assert (error.trouble, error.billed) == (trouble, billed)
    assert error.words and "\n" not in error.words and "{" not in error.words
    assert error.retry_after == fault.retry_after


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_drips_in_ends_at_the_time_limit(kind):
    with Server(lambda call: Fault("drip", seconds=0.05)) as server:
        started = time.perf_counter()
        (error,) = every(server, kind, [ask(kind)], timeout_s=1.0)
    assert error.trouble == "timeout" and time.perf_counter() - started < 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_gone_and_back(kind):
    with Server() as server:

        async def run():
            wire = connections.connect(connection(kind, address(server, kind)))
            assert (await wire.ask(ask(kind))).text
            server.down()
            with pytest.raises(CallError) as gone:
                await wire.ask(ask(kind))
            with pytest.raises(CallError) as still:
                await wire.ask(ask(kind))
            server.up()
            assert (await wire.ask(ask(kind))).text
            await wire.close()
            return gone.value, still.value

        gone, still = asyncio.run(run())
    assert gone.trouble == still.trouble == "connection"
    assert not still.billed and str(server.port) in still.words


@pytest.mark.parametrize("kind", KINDS)
def test_an_address_that_does_not_exist_is_said(kind):
    async def run():
        wire = connections.connect(connection(kind, "http://nowhere.invalid/v1"))
        try:
            await wire.ask(ask(kind))
        except CallError as error:
            return error
        finally:
            await wire.close()

    error = asyncio.run(run())
    assert error.trouble == "connection" and not error.billed and "nowhere.invalid" in error.words


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_of_another_kind_is_said(kind):
    with Server() as server:

        async def run():
            wire = connections.connect(connection(kind, f"{server.root}/elsewhere"))
            try:
                await wire.ask(ask(kind))
            except CallError as error:
                return error
            finally:
                await wire.close()

        error = asyncio.run(run())
    assert error.trouble == "model" and "no service of this kind" in error.words


@pytest.mark.parametrize("kind", KINDS)
def test_no_message_holds_the_key_or_the_text(kind, monkeypatch):
    monkeypatch.setenv("TEST_KEY", SECRET)
    request = dataclasses.replace(ask(kind), temperature=None, logprobs=False)
    echoes = [
        f"Incorrect API key provided: {SECRET}. Find yours on the website.",
        f"Incorrect API key provided: {SECRET[:8]}********cdef.",
        f"Bad input near {request.turns[0][1]}",
        "Bad input: Text of asset 1",
    ]
    with Server(lambda call: Fault("status", 400, words=echoes[len(server.calls) - 1]), key=SECRET) as server:
        errors = every(server, kind, [request] * 4, key_source="env:TEST_KEY", schema="plain")
        monkeypatch.setenv("TEST_KEY", "sk-wrong-99999999999")
        (wrong,) = every(server, kind, [request], key_source="env:TEST_KEY")
    assert server.calls[0].key == SECRET
    for error in errors:
        assert error.trouble == "request"
        assert SECRET[:8] not in error.words and "cdef" not in error.words and "asset 1" not in error.words
    assert wrong.trouble == "auth" and "99999" not in wrong.words


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_the_environment_does_not_go_where_none_is_needed(kind, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    with Server() as server:
        one(server, kind)
    assert SECRET not in server.calls[0].key


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_character_does_not_break_a_call(kind):
    with Server() as server:
        asked = asking(kind=kind)
        ((_, request),) = asked.requests([dataclasses.replace(assets()[0], text="Sale \ud83d now \u2028 \x00")])
        assert one(server, kind, request).text


# --- batches ------------------------------------------------------------------------------------------------------


def batch(server: Server, kind: str, requests: dict, **params):
    """Hand in, wait and fetch: (states, replies)."""

    async def run():
        wire = connections.connect(connection(kind, address(server, kind), **params))
        id = await wire.send_batch(requests)
        states = [await wire.batch_state(id)]
        while states[-1].state == "running":
            states.append(await wire.batch_state(id))
        replies = {}
        if states[-1].state == "ended":
            replies = {name: reply async for name, reply in wire.batch_replies(id)}
        again = await wire.send_batch({"again": ask(kind)}) if states[-1].state == "ended" else None
        await wire.close()
        return states, replies, again

    return asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_matched_by_id_and_its_failures_are_told(kind):
    def script(call):
        place = int(call.texts[0].rsplit(" ", 1)[1])
        troubles = {3: servers.SERVER_ERROR, 4: Fault("hang"), 5: Text("", finish="refusal")}
        return troubles.get(place) or call.answer(lambda text: str(place))

    asked = asking(kind=kind)
    requests = {f"a{group[0].id}": request for group, request in asked.requests(assets(5))}
    with Server(script, batch_polls=3) as server:
        states, replies, _ = batch(server, kind, requests)
    assert [state.state for state in states] == ["running", "running", "ended"]
    assert states[-1].total == 5 and set(replies) == set(requests)
    assert [json.loads(replies[f"a{n}"].text)["category"] for n in (1, 2)] == ["1", "2"]
    assert replies["a1"].tokens_in > 0 and replies["a1"].latency_ms is None
    assert replies["a3"].trouble == replies["a4"].trouble == "server"
    assert replies["a5"].finish == "refusal"


@pytest.mark.parametrize(("kind", "refused"), [("openai", "logprobs"), ("anthropic", "output_config")])
def test_a_batch_refused_for_a_parameter_is_handed_in_without_it(kind, refused):
    with Server(refuses=frozenset({refused})) as server:
        _, replies, again = batch(server, kind, {"a1": ask(kind)})
    assert replies["a1"].trouble == "server" and "from now on" in replies["a1"].words
    assert refused not in server.batches[again]["asked"]["again"]


def test_a_batch_that_fails_as_a_whole_says_why():
    with Server(batch_fails="The file holds a line that is too long.") as server:
        states, _, _ = batch(server, "openai", {"a1": ask("openai")})
    assert states[-1].state == "failed" and "too long" in states[-1].words


def test_the_most_a_call_can_take_is_never_less_than_what_it_took():
    hard = ["Sale", "買一送一！全場八折", "🛍️🔥" * 40, "\x00\x01" * 30, "a" * 4000]
    with Server() as server:
        for kind in KINDS:
            teacher = hosted(asking(CATEGORIES, kind=kind))
            for text in hard:
                ((_, request),) = teacher.asking.requests([dataclasses.replace(assets()[0], text=text)])
                reply = one(server, kind, request)
                most = teacher.most_tokens(request)
                assert reply.tokens_in <= most[0] and reply.tokens_out <= most[1]
                assert most[0] >= len(request.system.encode()) + len(text.encode())
