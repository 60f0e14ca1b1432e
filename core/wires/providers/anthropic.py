"""The wire to Anthropic's messages.

The SDK documents no temperature any more (its newest models take none), so none is sent: answers vary as the model likes, which
is what votes need. The instructions are marked for the prompt cache; short ones are not cached, which costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx2

from core.wires import client
from core.wires.failures import Failures, provider_message
from core.wires.providers import Provider
from core.wires.wire import BatchState, CallError, Reply, Request

if TYPE_CHECKING:
    from core.wires.connections import Connection
    from core.wires.pictures import Picture

_SIGNS = {"output_config": ("output_config", "output_format", "json_schema", "schema", "structured output", "grammar")}
_FINISH = {"max_tokens": "length", "model_context_window_exceeded": "length", "refusal": "refusal"}


class Anthropic:
    """See core/label/teachers/wire.Wire."""

    def __init__(self, connection: Connection, secret: str | None):
        import anthropic  # takes a second

        self.model, self.params = connection.model, connection.params
        address = (connection.base_url or PROVIDER.address).removesuffix("/v1")  # the SDK adds it
        self.client = client.client(anthropic, anthropic.AsyncAnthropic, address, secret, self.params)
        self.failures = Failures(anthropic, address, self.model, secret)
        self.plain = self.params.schema == "plain"

    async def ask(self, request: Request) -> Reply:
        """One call; made again at once, and unpaid, where the model takes no JSON schema."""
        while True:
            body = await client.made(self.body, request)
            try:
                started = time.perf_counter()
                async with self.failures.caught(request, seconds=self.params.timeout_s):
                    answer, headers = await client.post(self.client, "/v1/messages", body, self.failures)
                    reply = self._read(answer, headers, request, (time.perf_counter() - started) * 1000)
                self.failures.answered = True
                return reply
            except CallError as error:
                if "output_config" not in body or not self._adapt(error):
                    raise

    def _read(
        self, body: Any, headers: Any = None, request: Request | None = None, latency_ms: float | None = None
    ) -> Reply:
        """The message's JSON as a Reply; CallError where it holds an error in the answer's place."""
        whole = isinstance(body, dict) and isinstance(body.get("content"), list) and not body.get("error")
        ended = body.get("stop_reason") if isinstance(body, dict) else None
        if whole and ended != "error" and (body["content"] or ended):
            return read(body, latency_ms)
        raise self.failures.instead(client.says_why(body), ended, headers, request, client.counted(body, _usage))

    def body(self, request: Request) -> dict:
        """The request as this model takes it."""
        messages = [{"role": role, "content": text} for role, text in request.turns]
        if request.pictures:
            shown = [part for one in request.pictures for part in _shown(one)]
            messages[0]["content"] = [*shown, {"type": "text", "text": request.turns[0][1]}]
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": request.max_tokens_out,
            "system": [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
            "messages": messages,
        }
        if request.schema and not self.plain:
            body["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
        return body

    def _adapt(self, error: CallError) -> bool:
        """Ask in plain words from now on where the schema was refused."""
        if error.trouble != "request" or not client.mentioned(error, _SIGNS):
            return False
        if self.params.schema == "strict":
            raise CallError("schema", f"This model takes no JSON schema. {error.words}")
        self.plain = True
        return True

    # --- batches -------------------------------------------------------------------------------------------------

    async def send_batch(self, requests: dict[str, Request]) -> str:
        asked = [{"custom_id": id, "params": await client.made(self.body, one)} for id, one in requests.items()]
        async with self.failures.caught(seconds=client.BATCH_S):
            return (await self.client.messages.batches.create(requests=asked, timeout=client.BATCH_S)).id

    async def batch_state(self, batch_id: str) -> BatchState:
        async with self.failures.caught(seconds=self.params.timeout_s):
            batch = await self.client.messages.batches.retrieve(batch_id)
        counts = batch.request_counts
        done = counts.succeeded + counts.errored + counts.canceled + counts.expired
        return BatchState("ended" if batch.processing_status == "ended" else "running", done, done + counts.processing)

    async def batch_replies(self, batch_id: str) -> AsyncIterator[tuple[str, Reply | CallError]]:
        path, options = f"/v1/messages/batches/{batch_id}/results", {"timeout": client.BATCH_S}
        async with self.failures.caught(seconds=client.BATCH_S):
            content = (await self.client.get(path, cast_to=httpx2.Response, options=options)).content
        for line in client.lines(content):
            result = line.get("result")
            yield str(line.get("custom_id")), self._result(result if isinstance(result, dict) else {})

    def _result(self, result: dict) -> Reply | CallError:
        if result.get("type") == "succeeded":
            return client.parsed(self._read, result.get("message"))
        if result.get("type") != "errored":
            return CallError("server", f"The batch did not come to it ({result.get('type', 'no reason given')}).")
        _, kind = provider_message(result.get("error"))
        error = self.failures.status(_STATUS.get(kind, 500), result.get("error"))
        if self._adapt(error):
            return CallError("server", f"{error.words} It is asked in plain words from now on.")
        return error

    async def close(self) -> None:
        await self.client.close()


def _shown(one: Picture) -> list[dict]:
    """An image as blocks of a message."""
    source = {"type": "base64", "media_type": "image/jpeg", "data": one.base64()}
    caption = [{"type": "text", "text": one.caption}] if one.caption else []
    return [*caption, {"type": "image", "source": source}]


# A batch gives errors by type alone.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
}


def read(body: dict, latency_ms: float | None = None) -> Reply:
    """A message's JSON as a Reply. KeyError, TypeError or AttributeError where it is none."""
    return Reply(
        text="".join(block["text"] for block in body["content"] if block["type"] == "text"),
        **_usage(body),
        latency_ms=latency_ms,
        finish=_FINISH.get(body.get("stop_reason"), "stop"),
        model=str(body.get("model") or ""),
    )


def _usage(body: dict) -> dict[str, Any]:
    """The fields of a Reply that say what it took; the provider counts what is new apart from what its cache knew."""
    usage = body.get("usage") or {}
    written = client.count(usage.get("cache_creation_input_tokens")) or 0
    cached = client.count(usage.get("cache_read_input_tokens")) or 0
    fresh = client.count(usage.get("input_tokens"))
    return {
        "tokens_in": None if fresh is None else fresh + written + cached,
        "tokens_out": client.count(usage.get("output_tokens")),
        "tokens_cached": cached,
        "tokens_written": written,
        "cost_usd": client.charged(usage),
    }


PROVIDER = Provider(
    name="Anthropic",
    note="Leave the address empty for Anthropic itself.",
    address="https://api.anthropic.com",
    address_variable="ANTHROPIC_BASE_URL",
    key_variable="ANTHROPIC_API_KEY",
    wrapping_tokens=700,  # for an answer in JSON it adds instructions of its own, up to about 500
    writes_cache=True,
    spoken_elsewhere=False,
    wire=Anthropic,
)
