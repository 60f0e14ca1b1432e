"""The wire to OpenAI's decision models, POST /v1/decisions: what the SDK's client.decisions.create() sends and gets.

{"model", "input", "questions": [{"type": "choice", "name", "instructions", "choices": [{"value", "description"}]}]} ->
{"answers": [{"type": "choice", "name", "choice", "confidence", "probabilities": [{"value", "probability"}]} or
{"type": "refusal", "name"}, in the questions' order], "usage": {"input_tokens", "input_tokens_details": {"cached_tokens"}}}
"""

from __future__ import annotations

from functools import partial

from core.wires.deciding import Deciding
from core.wires.providers import Choices, Provider
from core.wires.wire import Choice, Request


def body(model: str, request: Request) -> dict:
    """The request as it is sent."""
    return {"model": model, "input": _input(request), "questions": [_question(one) for one in request.questions]}


def _input(request: Request) -> str | list[dict]:
    """What the questions are about: a text, or a message with images before it."""
    text = request.turns[0][1]
    if not request.pictures:
        return text
    shown = [{"type": "input_image", "image_url": one.url(), "detail": "high"} for one in request.pictures]
    return [{"role": "user", "content": [*shown, {"type": "input_text", "text": text}]}]


def answers(body: dict, request: Request) -> dict[str, dict]:
    """The answers by their questions' names."""
    given, asked = body["answers"], request.questions
    named = {answer["name"]: answer for answer in given if answer.get("name")}
    if not named and len(given) == len(asked):  # some servers leave the names out
        return {one.name: answer for one, answer in zip(asked, given)}
    return {one.name: named[one.name] for one in asked if one.name in named}


def _question(asked: Choice) -> dict:
    choices = [{"value": option} | ({"description": text} if text else {}) for option, text in asked.options]
    return {"type": "choice", "name": asked.name, "instructions": asked.instructions, "choices": choices}


PROVIDER = Provider(
    name="A decision model of OpenAI's, asked at /v1/decisions",
    note="It chooses among your categories, with probabilities, and writes nothing. Leave the address empty for OpenAI itself.",
    address="https://api.openai.com/v1",
    address_variable="OPENAI_BASE_URL",
    key_variable="OPENAI_API_KEY",
    wrapping_tokens=256,
    writes_cache=False,
    spoken_elsewhere=True,
    wire=partial(Deciding, "/decisions", body, answers),
    choices=Choices(options=255, questions=400),
    takes_batches=False,
    priced_as="openai-decisions",
    usual={"shortlist_over": 254},
)
