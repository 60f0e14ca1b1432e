"""The wire to OpenAI and to everything that speaks like it: Azure, OpenRouter, Ollama, LM Studio, vLLM, llama.cpp.

Not every server takes every parameter. One that is refused by name is left out from then on; no call is made twice otherwise.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx2

from core.wires import client, keys
from core.wires.failures import Failures, provider_message
from core.wires.providers import Provider
from core.wires.wire import BatchState, CallError, Reply, Request

if TYPE_CHECKING:
    from core.wires.connections import Connection
    from core.wires.pictures import Picture

PATH = "/chat/completions"
TOP = 20  # candidates a token, the most there is
_OWN_HOSTS = ("api.openai.com", ".openai.azure.com", ".services.ai.azure.com")
# Signs in a refusal's message that it is about a parameter.
_SIGNS = {
    "response_format": ("response_format", "json_schema", "structured output", "guided", "grammar", "schema"),
    "logprobs": ("logprobs", "log prob"),
    "temperature": ("temperature",),
    "limit": ("max_completion_tokens", "max_tokens"),
}


class OpenAI:
    """See core/label/teachers/wire.Wire."""

    def __init__(self, connection: Connection, secret: str | None):
        import openai  # takes a second

        self.model, self.params = connection.model, connection.params
        address = connection.base_url or PROVIDER.address
        self.client = client.client(openai, openai.AsyncOpenAI, address, secret, self.params)
        self.failures = Failures(openai, address, self.model, secret)
        host = httpx2.URL(address).host
        self.own = any(host == name or host.endswith(name) for name in _OWN_HOSTS)
        # Local servers ignore the newer name without a word, and would write on and on.
        self.limit = "max_completion_tokens" if self.own else "max_tokens"
        self.left_out: set[str] = {"response_format"} if self.params.schema == "plain" else set()
        self.swapped = False

    async def ask(self, request: Request) -> Reply:
        """One call; made again at once, and unpaid, where a parameter was refused."""
        while True:
            body = await client.made(self.body, request)
            try:
                return await self._once(request, body)
            except CallError as error:
                if error.trouble not in ("request", "server") or error.billed or error.counted:
                    raise
                if not self._adapt(error, body):
                    return await self._plainly(error, request, body)

    async def _plainly(self, error: CallError, request: Request, body: dict) -> Reply:
        """Before the first answer, a refusal that names nothing may be about anything: ask once without all extras."""
        extras = {name for name in _SIGNS if name in body}
        if error.trouble != "request" or self.failures.answered or not extras or self.params.schema == "strict":
            raise error
        try:
            reply = await self._once(request, {k: v for k, v in body.items() if k not in (*extras, "top_logprobs")})
        except CallError:
            raise error from None
        self.left_out |= extras
        return reply

    async def _once(self, request: Request, body: dict) -> Reply:
        started = time.perf_counter()
        async with self.failures.caught(request, seconds=self.params.timeout_s):
            answer, headers = await client.post(self.client, PATH, body, self.failures)
            reply = self._read(answer, headers, request, (time.perf_counter() - started) * 1000)
        self.failures.answered = True
        return reply

    def _read(
        self, body: Any, headers: Any = None, request: Request | None = None, latency_ms: float | None = None
    ) -> Reply:
        """The answer's JSON as a Reply; CallError where it holds an error in the answer's place."""
        choices = body.get("choices") if isinstance(body, dict) else None
        choice = choices[0] if choices else None
        ended = choice.get("finish_reason") if choice else None
        failed = choice is None or choice.get("error") or ended == "error"
        if not failed and not body.get("error"):
            return read(body, latency_ms)
        why = choice if choice and choice.get("error") else client.says_why(body)
        raise self.failures.instead(why, ended, headers, request, client.counted(body, _usage))

    def body(self, request: Request) -> dict:
        """The request as this server takes it."""
        turns = [{"role": role, "content": text} for role, text in request.turns]
        if request.pictures:
            shown = [part for one in request.pictures for part in self._shown(one)]
            turns[0]["content"] = [*shown, {"type": "text", "text": request.turns[0][1]}]
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": request.system}, *turns],
            self.limit: request.max_tokens_out,
        }
        if request.temperature is not None and "temperature" not in self.left_out:
            body["temperature"] = request.temperature
        if request.logprobs and "logprobs" not in self.left_out:
            body |= {"logprobs": True, "top_logprobs": TOP}
        if request.schema and "response_format" not in self.left_out:
            named = {"name": "answer", "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        return body

    def _shown(self, one: Picture) -> list[dict]:
        """An image as parts of a turn: already as large as the provider looks at, which it is told not to look at in less."""
        image = {"url": one.url()} | ({"detail": "high"} if self.own else {})
        caption = [{"type": "text", "text": one.caption}] if one.caption else []
        return [*caption, {"type": "image_url", "image_url": image}]

    def _adapt(self, error: CallError, body: dict) -> bool:
        """Leave out from now on what the refusal names; False where it names nothing that was sent."""
        sent = {name: signs for name, signs in _SIGNS.items() if name in body or name == "limit"}
        named = client.mentioned(error, sent)
        if named == "response_format" and self.params.schema == "strict":
            raise CallError("schema", f"This server takes no JSON schema. {error.words}")
        if named == "limit":
            if self.limit in body and not self.swapped:
                self.limit = "max_tokens" if self.limit == "max_completion_tokens" else "max_completion_tokens"
                self.swapped = True
            return self.limit not in body  # another call may have changed it meanwhile
        if named:
            self.left_out.add(named)
        return named is not None

    # --- batches -------------------------------------------------------------------------------------------------

    async def send_batch(self, requests: dict[str, Request]) -> str:
        asked = {"custom_id": "", "method": "POST", "url": f"/v1{PATH}"}
        lines = [
            json.dumps(asked | {"custom_id": id, "body": await client.made(self.body, request)}).encode()
            for id, request in requests.items()
        ]
        async with self.failures.caught(seconds=client.BATCH_S):
            content = ("batch.jsonl", b"\n".join(lines))
            file = await self.client.files.create(file=content, purpose="batch", timeout=client.BATCH_S)
            handed_in = {"input_file_id": file.id, "endpoint": f"/v1{PATH}", "completion_window": "24h"}
            return (await self.client.batches.create(**handed_in)).id

    async def batch_state(self, batch_id: str) -> BatchState:
        batch = await self._batch(batch_id)
        done, total = 0, 0
        if batch.request_counts:
            done, total = batch.request_counts.completed + batch.request_counts.failed, batch.request_counts.total
        if batch.status == "completed" or (batch.status in ("expired", "cancelled") and _files(batch)):
            return BatchState("ended", done, total)
        if batch.status in ("failed", "expired", "cancelled"):
            errors = (batch.errors.data if batch.errors else None) or []
            words = " ".join(keys.redact(error.message or "", self.failures.secret) for error in errors[:3])
            if any(self.failures.status(400, error.to_dict()).trouble == "full" for error in errors):
                return BatchState("full", done, total, words)
            return BatchState("failed", done, total, words or f"The provider calls it {batch.status}.")
        return BatchState("running", done, total)

    async def batch_replies(self, batch_id: str) -> AsyncIterator[tuple[str, Reply | CallError]]:
        for file in _files(await self._batch(batch_id)):
            async with self.failures.caught(seconds=client.BATCH_S):
                content = (await self.client.files.content(file, timeout=client.BATCH_S)).content
            for line in client.lines(content):
                yield str(line.get("custom_id")), self._result(line)

    async def _batch(self, batch_id: str) -> Any:
        async with self.failures.caught(seconds=self.params.timeout_s):
            return await self.client.batches.retrieve(batch_id)

    def _result(self, line: dict) -> Reply | CallError:
        response = line.get("response")
        if not isinstance(response, dict):
            message, code = provider_message(line)
            return CallError("server", f"The batch did not come to it: {message or code or 'no reason given'}")
        if response.get("status_code") == 200:
            return client.parsed(self._read, response.get("body"))
        status = response.get("status_code")
        error = self.failures.status(status if isinstance(status, int) else 500, response.get("body"))
        body = {name: None for name in _SIGNS if name not in self.left_out} | {self.limit: None}
        if error.trouble == "request" and client.mentioned(error, _SIGNS) and self._adapt(error, body):
            return CallError("server", f"{error.words} It is asked without from now on.")
        return error

    async def close(self) -> None:
        await self.client.close()


def _files(batch: Any) -> list[str]:
    return [file for file in (batch.output_file_id, batch.error_file_id) if file]


def read(body: dict, latency_ms: float | None = None) -> Reply:
    """A chat completion's JSON as a Reply. KeyError, TypeError, IndexError or AttributeError where it is none."""
    choice = body["choices"][0]
    message = choice["message"]
    refused = bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter"
    finish = "refusal" if refused else "length" if choice.get("finish_reason") == "length" else "stop"
    content = (choice.get("logprobs") or {}).get("content") or None
    text = message.get("refusal") if refused else message.get("content")
    return Reply(
        text=_text(text),
        **_usage(body),
        latency_ms=latency_ms,
        finish=finish,
        logprobs=[_token(token) for token in content] if content else None,
        model=str(body.get("model") or ""),
    )


def _usage(body: dict) -> dict[str, Any]:
    """The fields of a Reply that say what it took."""
    usage = body.get("usage") or {}
    return {
        "tokens_in": client.count(usage.get("prompt_tokens")),
        "tokens_out": client.count(usage.get("completion_tokens")),
        "tokens_cached": client.count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")) or 0,
        "cost_usd": client.charged(usage),
    }


def _text(content: Any) -> str:
    """A message's text; some servers send it in parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content if isinstance(content, str) else ""


def _token(token: dict) -> tuple[str, dict[str, float]]:
    top = {one["token"]: float(one["logprob"]) for one in token.get("top_logprobs") or ()}
    return token["token"], {token["token"]: float(token["logprob"]), **top}


PROVIDER = Provider(
    name="OpenAI, or a server that speaks like it",
    note="Also Azure, OpenRouter, Ollama, LM Studio, vLLM and llama.cpp: paste the address they give you.",
    address="https://api.openai.com/v1",
    address_variable="OPENAI_BASE_URL",
    key_variable="OPENAI_API_KEY",
    wrapping_tokens=64,
    writes_cache=False,
    spoken_elsewhere=True,
    wire=OpenAI,
)
