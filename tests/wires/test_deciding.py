"""Decision models in both forms: what is sent and what comes back, OpenAI's own client as yardstick, every fault in words."""

from __future__ import annotations

import asyncio
import json

import pytest

from core.errors import InputError
from core.wires import connections, providers
from core.wires.connections import Connection
from core.wires.wire import CallError, Choice, Params, Request
from tests.wires import deciders, servers
from tests.wires.deciders import REFUSED, Decider, surely
from tests.wires.servers import Fault

FORMS = ("systemone", "decisions")
OPTIONS = (("Sale", "Prices fall."), ("Hiring", ""), ("None of these", "Nothing fits."))
ASKED = Request("", (("user", "Save 20 % on äll shoes"),), questions=(Choice("category", "Which topic?", OPTIONS),))
TWO = Request("", (("user", "x"),), questions=(ASKED.questions[0], Choice("tone", "Which tone?", OPTIONS[:2])))


def connection(kind: str, server=None, *, timeout_s: float = 5.0) -> Connection:
    return Connection(1, 0, "Jev", kind, server and server.url, "jev", "none", Params(timeout_s=timeout_s))


def ask(kind, server, request=ASKED, **how):
    async def run():
        wire = connections.connect(connection(kind, server, **how))
        try:
            return await wire.ask(request)
        finally:
            await wire.close()

    return asyncio.run(run())


@pytest.mark.parametrize("kind", FORMS)
def test_a_question_and_its_answer(kind):
    with Decider(lambda call: {"Sale": 0.7, "Hiring": 0.2, "None of these": 0.1}) as server:
        reply = ask(kind, server)
    (call,) = server.calls
    assert (
        call.style == kind and call.text == "Save 20 % on äll shoes" and call.questions == {"category": dict(OPTIONS)}
    )
    shares = {"Sale": 0.7, "Hiring": 0.2, "None of these": 0.1}
    assert json.loads(reply.text) == {"category": {"choice": "Sale", "probabilities": shares}}
    assert reply.tokens_in == server.billed_in > 0 and reply.tokens_out == 0 and reply.finish == "stop"
    assert reply.latency_ms > 0 and reply.model == "jev"


def test_openais_own_client_sends_the_same():
    import openai

    with Decider() as server:
        ask("decisions", server)
        theirs = openai.OpenAI(api_key="none", base_url=server.url, max_retries=0)
        question = {"type": "choice", "name": "category", "instructions": "Which topic?"}
        choices = [{"value": v, "description": d} if d else {"value": v} for v, d in OPTIONS]
        decided = theirs.decisions.create(
            model="jev", input="Save 20 % on äll shoes", questions=[question | {"choices": choices}]
        )
        assert decided.answers[0].choice in dict(OPTIONS)  # what the server of these tests sends is what the SDK knows
        assert server.calls[0].body == server.calls[1].body


def test_a_server_that_no_one_here_wrote_takes_the_question_and_its_answer_is_read():
    """The request model, the check of the questions and the answers of `transformers serve`, without its model."""
    systemone = pytest.importorskip("transformers.cli.serving.systemone")
    from transformers.decision import DecisionConfig, parse_questions

    from core.wires import deciding
    from core.wires.providers import systemone as form

    taken = systemone.SystemOneRequest.model_validate(form.body("m", TWO), strict=True)
    parsed = parse_questions(taken.questions, DecisionConfig())
    answers = {one.name: one.answer([0.7, 0.3, 0.0][: len(one.options)]) for one in parsed}
    said = {name: deciding._said(one) for name, one in form.answers({"answers": answers}, TWO).items()}
    assert said["tone"] == {"choice": "Sale", "probabilities": {"Sale": 0.7, "Hiring": 0.3}}
    assert list(said) == ["category", "tone"]


@pytest.mark.parametrize("kind", FORMS)
def test_several_questions_of_which_one_is_refused_or_missing(kind):
    with Decider(lambda call: {"category": surely("Sale", list(dict(OPTIONS))), "tone": REFUSED}) as server:
        assert json.loads(ask(kind, server, TWO).text)["tone"] == {"refusal": True}
    with Decider(lambda call: {"category": surely("Sale", list(dict(OPTIONS)))}) as server:
        assert list(json.loads(ask(kind, server, TWO).text)) == ["category"]
    with Decider(lambda call: REFUSED) as server:
        assert ask(kind, server).finish == "refusal"


FAULTS = [
    (servers.rate_limited(7), "rate", "Too many requests"),
    (servers.SERVER_ERROR, "server", "failed (status 500)"),
    (servers.QUOTA, "quota", "no credit left"),
    (Fault("cut"), "connection", "broke off"),
    (Fault("broken"), "server", "not what its kind sends"),
    (Fault("reset"), "connection", "broke off"),
    (Fault("hang"), "timeout", "0.3 s"),
    (servers.inside("<html>Sign in</html>"), "model", "A web page answers"),
    (servers.inside({"answers": 7}), "server", "answer that is none"),
    (servers.inside({"answers": ["Sale"]}), "server", "not what its kind sends"),
    (servers.inside({"error": {"message": "Overloaded, too many requests"}}), "rate", "Too many requests"),
    (servers.inside({"detail": {"error_type": "x", "message": "Unknown model jev"}}), "server", "Unknown model jev"),
    (Fault("status", 401, words="Bad key"), "auth", "A key is needed"),
]


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("fault, trouble, words", FAULTS, ids=[f"{one[0].kind}-{one[1]}" for one in FAULTS])
def test_every_fault_is_an_error_in_words(kind, fault, trouble, words):
    with Decider(lambda call: fault) as server, pytest.raises(CallError) as error:
        ask(kind, server, timeout_s=0.3 if fault.kind == "hang" else 5.0)
    assert error.value.trouble == trouble and words in error.value.words
    assert error.value.retry_after == fault.retry_after
    assert "20 %" not in error.value.words


@pytest.mark.parametrize("kind", FORMS)
def test_the_text_never_stands_in_an_error(kind):
    short = Request("", (("user", "Secret x"),), questions=ASKED.questions)
    told = Fault("status", 422, words="state: Secret x is too short")
    with Decider(lambda call: told) as server, pytest.raises(CallError, match=r"refused \(status 422\)\.") as error:
        ask(kind, server, short)
    assert "Secret" not in str(error.value)


@pytest.mark.parametrize("kind", FORMS)
def test_odd_probabilities_come_as_they_are_or_not_at_all(kind):
    with Decider(lambda call: {"Sale": 0.9, "Hiring": 0.9}) as server:
        assert json.loads(ask(kind, server).text)["category"]["probabilities"] == {"Sale": 0.9, "Hiring": 0.9}
    with Decider(lambda call: {"Sale": 1.7, "Hiring": 0.1}) as server:
        assert json.loads(ask(kind, server).text)["category"] == {"choice": "Sale", "probabilities": None}


@pytest.mark.parametrize("kind", FORMS)
def test_the_test_call_says_that_probabilities_come(kind, workspace):
    with Decider(lambda call: surely("yes", call.options)) as server:
        assert "with probabilities" in connections.test_call(connection(kind, server))
    with Decider(lambda call: {"yes": 7.0}) as server:
        assert "without probabilities" in connections.test_call(connection(kind, server))
    with Decider(models=("other",)) as server, pytest.raises(InputError, match="knows no model 'jev'"):
        connections.test_call(connection(kind, server))


@pytest.mark.parametrize("kind", FORMS)
def test_what_a_decision_model_cannot_do_is_refused_in_words(db, kind):
    assert providers.of(kind).choices.options == 255
    with pytest.raises(InputError, match="says the same however often"):
        connections.save(db, 0, "J", kind, "jev", params=Params(votes=3))
    with pytest.raises(InputError, match="one text a call"):
        connections.save(db, 0, "J", kind, "jev", params=Params(assets_per_call=5))
    saved = connections.save(db, 0, "J", kind, "jev", base_url="http://127.0.0.1:1/v1/systemone")
    assert saved.params.shortlist_over == 254 and saved.base_url == "http://127.0.0.1:1/v1"


def test_what_the_price_list_says_of_them(db):
    from core.label.model import price_of

    jev = connections.save(db, 0, "Jev", "systemone", "jev-latest")
    luna = connections.save(db, 0, "Luna", "decisions", "gpt-6-luna")
    through = connections.save(
        db, 0, "Routed", "systemone", "typesafe/jev-1.14", base_url="https://openrouter.ai/api/v1"
    )
    for one, rate in ((jev, 0.042), (luna, 0.1), (through, 0.042)):
        price = price_of(db, one)
        assert (price.input_usd_mtok, price.output_usd_mtok) == (rate, 0.0) and price.as_of
    assert price_of(db, connections.save(db, 0, "Own", "systemone", "mine", base_url="http://127.0.0.1:9/v1")) is None


def test_the_steady_server_answers_the_same():
    call = deciders.Call("systemone", {"state": "x", "questions": {"a": {"criteria": {"1": None, "2": None}}}})
    assert deciders.steady(call) == deciders.steady(call)
