"""The wire to decision models in TypeSafe's form, POST /v1/systemone, as its clones and `transformers serve` speak it too.

{"model", "state", "questions": {name: {"type": "choice", "instructions", "criteria": {option: text or null}}}, "assets": images by
what stands for them in the state, {name: {"type": "image", "format", "data_base64"}}} ->
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
    state, assets = request.turns[0][1], {}
    for one in request.pictures:
        name = f"<image {one.sight.sha256[:16]}>"  # stands where the image is seen, so nowhere in the text
        state = f"{name}\n{state.replace(name, '')}"
        assets[name] = {"type": "image", "format": "jpeg", "data_base64": one.base64()}
    return {"model": model, "state": state, "questions": questions} | ({"assets": assets} if assets else {})


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
