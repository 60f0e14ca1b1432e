"""The wire to decision models, which answer typed questions about a text with probabilities and write nothing.

Two forms are spoken, a file each: providers/systemone.py and providers/decisions.py. Whichever it is, a Reply's text is one JSON
object, by the question's name {"choice": option, "probabilities": {option: share} or null} or {"refusal": true}; a question that
was not answered is missing. What is to be made of it is core/label/deciding.py's work.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from core.wires import client, providers
from core.wires.failures import Failures
from core.wires.wire import BatchState, CallError, Reply, Request

if TYPE_CHECKING:
    from core.wires.connections import Connection

Body = Callable[[str, Request], dict]
Answers = Callable[[dict, Request], dict[str, dict]]
NO_BATCHES = "A decision model takes no batches: it answers at once."


class Deciding:
    """See core/wires/wire.Wire. A form says where it is asked (`path`), what is sent (`body(model, request)`), and where in what
    comes back an answer of each question stands, by the question's name (`answers(body, request)`)."""

    def __init__(self, path: str, body: Body, answers: Answers, connection: Connection, secret: str | None):
        import openai  # takes a second; of it only what posts and names errors is used

        self.path, self.body, self.answers = path, body, answers
        self.model, self.params = connection.model, connection.params
        address = connection.base_url or providers.of(connection.kind).address
        self.client = client.client(openai, openai.AsyncOpenAI, address, secret, self.params)
        self.failures = Failures(openai, address, self.model, secret)

    async def ask(self, request: Request) -> Reply:
        """One call, once."""
        sent = await client.made(partial(self.body, self.model), request)
        started = time.perf_counter()
        async with self.failures.caught(request, seconds=self.params.timeout_s):
            body, headers = await client.post(self.client, self.path, sent, self.failures)
            latency_ms = (time.perf_counter() - started) * 1000
            if not isinstance(body, dict) or body.get("error") or not isinstance(body.get("answers"), dict | list):
                raise self.failures.instead(client.says_why(body), None, headers, request, client.counted(body, _usage))
            said = {name: _said(answer) for name, answer in self.answers(body, request).items()}
        self.failures.answered = True
        refused = bool(said) and all("refusal" in one for one in said.values())
        return Reply(
            json.dumps(said, ensure_ascii=False),
            **_usage(body),
            latency_ms=latency_ms,
            finish="refusal" if refused else "stop",
            model=str(body.get("model") or ""),
        )

    async def send_batch(self, requests: dict[str, Request]) -> str:
        raise CallError("request", NO_BATCHES)

    async def batch_state(self, batch_id: str) -> BatchState:
        raise CallError("request", NO_BATCHES)

    async def batch_replies(self, batch_id: str) -> AsyncIterator[tuple[str, Reply | CallError]]:
        raise CallError("request", NO_BATCHES)
        yield

    async def close(self) -> None:
        await self.client.close()


def _said(answer: dict) -> dict[str, Any]:
    """An answer as a Reply holds it. TypeError where it is none."""
    if not isinstance(answer, dict):
        raise TypeError("an answer is an object")
    if answer.get("type") == "refusal" or answer.get("refusal"):
        return {"refusal": True}
    return {"choice": answer.get("choice"), "probabilities": _shares(answer.get("probabilities"))}


def _shares(probabilities: Any) -> dict[str, float] | None:
    """Probabilities by option, however they are listed; None where they are none."""
    if isinstance(probabilities, list):
        listed = [one for one in probabilities if isinstance(one, dict) and isinstance(one.get("value"), str)]
        if len({one["value"] for one in listed}) < len(probabilities):
            return None
        probabilities = {one["value"]: one.get("probability") for one in listed}
    if not isinstance(probabilities, dict) or not all(_is_share(value) for value in probabilities.values()):
        return None
    return {option: float(share) for option, share in probabilities.items()}


def _is_share(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -1e-6 <= value <= 1 + 1e-6
        and not math.isnan(value)
    )


def _usage(body: dict) -> dict[str, Any]:
    """The fields of a Reply that say what it took."""
    usage = body.get("usage") or {}
    details = usage.get("input_tokens_details")
    return {
        "tokens_in": client.count(usage.get("input_tokens")),
        "tokens_out": client.count(usage.get("output_tokens")),
        "tokens_cached": client.count((details or {}).get("cached_tokens")) or 0,
        "cost_usd": client.charged(usage),
    }
