"""The wire to decision models in TypeSafe's form, POST /v1/systemone, as its clones and `transformers serve` speak it too.

{"model", "state", "questions": {name: {"type": "choice", "instructions", "criteria": {option: text or null}}}} ->
{"answers": {name: {"type": "choice", "choice", "confidence", "probabilities": {option: share}}}, "usage": {"input_tokens"}}
"""

from __future__ import annotations

from functools import partial

from core.wires.deciding import Deciding
from core.wires.providers import Choices, Provider
from core.wires.wire import Request


def body(model: str, request: Request) -> dict:
    """The request as it is sent."""
    questions = {
        one.name: {
            "type": "choice",
            "instructions": one.instructions,
            "criteria": {option: text or None for option, text in one.options},
        }
        for one in request.questions
    }
    return {"model": model, "state": request.turns[0][1], "questions": questions}


def answers(body: dict, request: Request) -> dict[str, dict]:
    """The answers by their questions' names."""
    found = {one.name: body["answers"].get(one.name) for one in request.questions}
    return {name: answer for name, answer in found.items() if answer is not None}


PROVIDER = Provider(
    name="A decision model, asked at /v1/systemone",
    note="TypeSafe, and servers that speak like it: it chooses among your categories, with probabilities, and writes nothing.",
    address="https://api.typesafe.ai/v1",
    address_variable="TYPESAFE_BASE_URL",
    key_variable="TYPESAFE_API_KEY",
    wrapping_tokens=256,
    writes_cache=False,
    spoken_elsewhere=True,
    wire=partial(Deciding, "/systemone", body, answers),
    choices=Choices(options=255, questions=64),
    takes_batches=False,
    priced_as="typesafe",
    usual={"shortlist_over": 254},
)
