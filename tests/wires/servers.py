"""A model server of one's own on a real port: speaks OpenAI's chat completions and Anthropic's messages, and both batch ways.

    with servers.Server() as server: ...               # in a thread; answers each text with one and the same category
    with servers.Server(lambda call: ...) as server:   # scripted: what comes of each call
    with servers.process(latency=0.05) as url: ...     # in a process of its own, for measuring; servers.counts(url)

A script gets a Call and returns a Text (what the model says), a Fault (what goes wrong) or a plain str. It runs in the server's
thread, one call at a time. `call.number` says for the how manyth time this text is asked about, from 1.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

ASSET = re.compile(r'^Text (\d+): (".*")$', re.MULTILINE)
CATEGORY = re.compile(r"^([a-z]?\d+):? (.+?)(?: — .*)?$", re.MULTILINE)
FACET = re.compile(
    r"^(?!Categories\b)(\w+)(?: \(.*\))?:?\n(?:Of this facet.*\n)?(?:Categories.*\n)?((?:[a-z]?\d+:? .*(?:\n|\Z))+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Text:
    """What the model says. Tokens None: counted from the characters. `logprobs`: (token, {candidate: log probability}) each."""

    text: str
    finish: Literal["stop", "length", "refusal"] = "stop"
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    logprobs: list[tuple[str, dict[str, float]]] | None = None
    usage: bool = True  # some local servers count nothing
    cost: float | None = None  # USD, as OpenRouter says it with the usage
    seconds: float | None = None  # None: the server's latency


@dataclass(frozen=True)
class Fault:
    """What goes wrong. status: an HTTP error; hang: no answer at all; drip: the answer comes a byte every `seconds`; reset:
    the connection is torn down before, cut: in the middle of the answer; broken: an answer that is no JSON; body: status 200
    and the JSON (or the web page, where it is a text) of `body` in the answer's place. `retry_after` in seconds or as a date."""

    kind: Literal["status", "hang", "drip", "reset", "cut", "broken", "body"]
    status: int = 500
    retry_after: float | str | None = None
    code: str = ""
    words: str = "Something went wrong."
    seconds: float = 0.5
    body: dict | list | str | None = field(default=None, hash=False)


def rate_limited(retry_after: float | str | None = None) -> Fault:
    return Fault("status", 429, retry_after, "rate_limit_exceeded", "Rate limit reached.")


def inside(body: dict | list | str, retry_after: float | None = None) -> Fault:
    """Status 200, and this in the answer's place."""
    return Fault("body", 200, retry_after, body=body)


QUOTA = Fault("status", 429, None, "insufficient_quota", "You exceeded your current quota.")
FULL = "Enqueued token limit reached for model-x. Please try again once some in_progress batches have been completed."
SERVER_ERROR = Fault("status", 500, None, "server_error", "The server had an error.")
OVERLOADED = Fault("status", 529, None, "overloaded_error", "Overloaded")


@dataclass(frozen=True)
class Call:
    """One call as it arrived. `style` is "openai" or "anthropic"."""

    style: str
    body: dict[str, Any]
    number: int = 1
    key: str = ""

    @cached_property
    def system(self) -> str:
        """The instructions, whichever way they were sent."""
        if self.style == "anthropic":
            system = self.body.get("system") or ""
            return system if isinstance(system, str) else "\n".join(block["text"] for block in system)
        return "\n".join(m["content"] for m in self.body["messages"] if m["role"] in ("system", "developer"))

    @cached_property
    def turns(self) -> list[tuple[str, str]]:
        """(role, text) after the instructions."""
        turns = [m for m in self.body["messages"] if m["role"] in ("user", "assistant")]
        return [(m["role"], m["content"] if isinstance(m["content"], str) else m["content"][-1]["text"]) for m in turns]

    @cached_property
    def images(self) -> list[bytes]:
        """The images that came along, as they were before base64, whichever way they were sent."""
        return [base64.b64decode(one) for one in _images(self.body)]

    @cached_property
    def texts(self) -> list[str]:
        """The texts of the assets asked about, in order."""
        return [json.loads(text) for _, text in ASSET.findall(self.turns[0][1])]

    @property
    def repair(self) -> bool:
        """Whether the model is told what was wrong with its first answer."""
        return len(self.turns) > 1

    @cached_property
    def categories(self) -> dict[str, str]:
        """id -> label of the categories on offer, as the prompt lists them (the short list where there is one)."""
        return dict(CATEGORY.findall(self.turns[0][1]) or CATEGORY.findall(self.system))

    @cached_property
    def schema(self) -> dict | None:
        """The JSON schema of the answer; None where none was sent."""
        if self.style == "anthropic":
            return ((self.body.get("output_config") or {}).get("format") or {}).get("schema")
        return ((self.body.get("response_format") or {}).get("json_schema") or {}).get("schema")

    @cached_property
    def facets(self) -> dict[str, dict[str, str]]:
        """Of a call about several facets: key -> id -> label of the categories on offer, of those facets that its last turn
        wants."""
        listed = {key: dict(CATEGORY.findall(block)) for key, block in FACET.findall(self.system)}
        for text in (text for role, text in self.turns if role == "user"):
            listed |= {
                key: dict(CATEGORY.findall(block)) for key, block in FACET.findall(text) if CATEGORY.search(block)
            }
        form = self.turns[-1][1].rpartition("Answer ")[2]
        wanted = re.findall(r'"(\w+)": (?:\["<id>|"<id>)', form)
        wanted = listed if wanted and re.search(r"[^\[]…\}", form) else wanted
        return {key: listed[key] for key in wanted if key in listed}

    def answer_facets(self, choose: Callable[[str, str], Any]) -> str:
        """The JSON that names for each text, in each facet (by its key), the id `choose(key, text)`."""
        said = [{key: choose(key, text) for key in self.facets} for text in self.texts]
        if len(said) == 1:
            return json.dumps(said[0])
        return json.dumps({"answers": [{"text": n, **one} for n, one in enumerate(said, 1)]})

    def id_of(self, label: str) -> str:
        """The short id under which the prompt lists a category. KeyError if it does not."""
        return {name: id for id, name in self.categories.items()}[label]

    def answer(self, choose: Callable[[str], str]) -> str:
        """The JSON that names for each text the id `choose(text)`."""
        if len(self.texts) == 1:
            return json.dumps({"category": choose(self.texts[0])})
        return json.dumps({"answers": [{"text": n, "category": choose(t)} for n, t in enumerate(self.texts, 1)]})

    def answer_labels(self, choose: Callable[[str], str]) -> str:
        """The JSON that names for each text the category labelled `choose(text)`."""
        return self.answer(lambda text: self.id_of(choose(text)))


def _images(body: Any) -> Iterator[str]:
    """Images in base64 anywhere in a body."""
    if isinstance(body, list):
        for one in body:
            yield from _images(one)
    elif isinstance(body, dict):
        url = body.get("image_url")
        url = url.get("url") if isinstance(url, dict) else url
        data = url.partition(";base64,")[2] if isinstance(url, str) else body.get("data_base64") or body.get("data")
        if isinstance(data, str):
            yield data
        else:
            for one in body.values():
                yield from _images(one)


def steady(call: Call) -> str:
    """For each text one of the categories, the same whenever it is asked."""
    if call.facets:
        return call.answer_facets(lambda key, text: _draw(list(call.facets[key]), key + text))
    return call.answer(lambda text: _draw(list(call.categories), text))


def _draw(ids: list[str], text: str) -> str:
    return ids[int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:4]) % len(ids)]


@dataclass
class Server:
    """The server; see the module. `asked` counts calls by asset text, `billed_in`/`billed_out` the tokens of whole answers."""

    script: Callable[[Call], Text | Fault | str] = steady
    latency: float = 0.0
    key: str | None = None  # what a caller must show; None: anything
    models: tuple[str, ...] = ()  # what can be asked for; empty: anything
    refuses: frozenset[str] = frozenset()  # parameters that this server answers with status 400
    batch_polls: int = 1  # a batch has ended when its state was asked for so many times
    batch_fails: str = ""  # why a batch fails as a whole
    batch_room: int | None = None  # requests that may be enqueued at once
    batch_room_when: Literal["handed in", "checked"] = "checked"  # when it is noticed that a batch does not fit
    batch_refused: Fault | None = None  # what comes of handing one in
    image_tokens: int = 0  # that it counts for an image
    moved: str = ""  # where every call is sent on to
    port: int = 0

    calls: list[Call] = field(default_factory=list)
    asked: Counter = field(default_factory=Counter)
    requests: Counter = field(default_factory=Counter)  # by path
    flying: int = 0
    most_flying: int = 0
    most_enqueued: int = 0
    billed_in: int = 0
    billed_out: int = 0
    keep_calls: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    styles: ClassVar[dict[str, str]] = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}  # by path
    made: ClassVar[type[Call]] = Call
    steady: ClassVar[Callable[[Call], str]] = staticmethod(steady)

    @property
    def root(self) -> str:
        """Base URL for Anthropic's way."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Base URL for OpenAI's way."""
        return f"{self.root}/v1"

    # --- its life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Server:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_) -> None:
        self.down()
        self._do(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def up(self) -> None:
        """Listen (again), always on the same port."""
        self._do(self._listen())

    def down(self) -> None:
        """Gone: nobody listens and every connection is torn down."""
        self._do(self._close())

    def _do(self, what) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _listen(self) -> None:
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512, limit=2**26)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            _reset(writer)
        await asyncio.sleep(0)

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # --- HTTP ----------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"\x16":  # somebody speaks TLS
                    await _send(writer, 400, {"error": "This is http."})
                    return
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ", 2)
                path = re.sub(r"^http://[^/]+", "", path)  # as a proxy is asked
                headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if ":" in line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._reply(writer, method, path.partition("?")[0], headers, body):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply(self, writer, method: str, path: str, headers: dict, body: bytes) -> bool:
        """Answer one request; False: the connection is of no more use."""
        self.requests[path] += 1
        shown = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("x-api-key", "")
        style = self.styles.get(path) or ("anthropic" if path.startswith("/v1/messages") else "openai")
        if path == "/counts":
            return await _send(writer, 200, {"asked": dict(self.asked), "most_flying": self.most_flying})
        if self.key is not None and shown != self.key:
            fault = Fault("status", 401, code="invalid_api_key", words=f"Incorrect API key provided: {shown}.")
            return await self._fail(writer, style, fault)
        if self.moved:
            return await _send(writer, 308, {}, {"location": self.moved + path})
        if self.batch_refused and method == "POST" and path in ("/v1/files", "/v1/messages/batches"):
            return await self._fail(writer, style, self.batch_refused)
        if path == "/v1/batches" and method == "POST" and self.batch_room_when == "handed in" and not self._takes(body):
            return await self._fail(writer, style, Fault("status", 429, code="token_limit_exceeded", words=FULL))
        if path in self.styles:
            self.flying += 1
            self.most_flying = max(self.most_flying, self.flying)
            try:
                return await self._complete(writer, style, json.loads(body), shown)
            finally:
                self.flying -= 1
        status, answer = self._other(method, path, headers, body)
        return await _send(writer, status, answer)

    async def _complete(self, writer, style: str, body: dict, key: str) -> bool:
        call, said = self._ask(style, body, key)
        seconds = said.seconds if isinstance(said, Text) and said.seconds is not None else self.latency
        if seconds:
            await asyncio.sleep(seconds)
        if isinstance(said, Text):
            answer = self._spoken(call, said)
            return await _send(writer, 200, answer)
        if said.kind == "status":
            return await self._fail(writer, style, said)
        if said.kind == "hang":
            await asyncio.sleep(3600)
        elif said.kind == "reset":
            _reset(writer)
        elif said.kind == "body":
            body = said.body.encode() if isinstance(said.body, str) else said.body
            return await _send(writer, 200, body, _waiting(said))
        elif said.kind == "broken":
            return await _send(writer, 200, b'{"id": "x", "choices": [{"mess')
        else:
            whole = _http(200, json.dumps(self._spoken(call, Text(self.steady(call)), billed=False)).encode())
            if said.kind == "cut":
                writer.write(whole[: len(whole) - 20])
                await writer.drain()
            else:
                for n in range(len(whole)):
                    writer.write(whole[n : n + 1])
                    await writer.drain()
                    await asyncio.sleep(said.seconds)
        return False

    async def _fail(self, writer, style: str, fault: Fault) -> bool:
        return await _send(writer, fault.status, _error(style, fault), _waiting(fault))

    # --- the model -----------------------------------------------------------------------------------------------

    def _ask(self, style: str, body: dict, key: str = "") -> tuple[Call, Text | Fault]:
        call = self.made(style, body, key=key)
        if self.models and body.get("model") not in self.models:
            words = f"The model `{body.get('model')}` does not exist."
            return call, Fault("status", 404, code="model_not_found", words=words)
        for name in self.refuses:
            if name in body:
                return call, Fault(
                    "status", 400, code="unsupported_parameter", words=f"Unsupported parameter: '{name}'."
                )
        for text in call.texts:
            self.asked[text] += 1
        call = self.made(style, body, self.asked[call.texts[0]] if call.texts else 1, key)
        if self.keep_calls:
            self.calls.append(call)
        said = self.script(call)
        return call, Text(said) if isinstance(said, str) else said

    def _spoken(self, call: Call, said: Text, *, billed: bool = True) -> dict:
        """The provider's JSON for what was said."""
        system = hash(call.system)
        stable = len(call.system.encode()) // 4
        everything = stable + sum(len(text.encode()) for _, text in call.turns) // 4 + 8
        everything += self.image_tokens * len(call.images)
        tokens_in = everything if said.tokens_in is None else said.tokens_in
        tokens_out = max(1, len(said.text.encode()) // 3) if said.tokens_out is None else said.tokens_out
        cached = said.tokens_cached
        if cached is None:
            cached = min(stable, tokens_in) if stable >= 1024 and system in self._seen else 0
        self._seen.add(system)
        if billed:
            self.billed_in += tokens_in
            self.billed_out += tokens_out
        if call.style == "anthropic":
            stop = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}[said.finish]
            usage = {"input_tokens": tokens_in - cached, "output_tokens": tokens_out, "cache_read_input_tokens": cached}
            return {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": call.body.get("model", ""),
                "content": [{"type": "text", "text": said.text}] if said.text else [],
                "stop_reason": stop,
                "stop_sequence": None,
                "usage": usage,
            }
        refused = said.finish == "refusal"
        message = {
            "role": "assistant",
            "content": None if refused else said.text,
            "refusal": (said.text or "I cannot help with that.") if refused else None,
        }
        choice = {"index": 0, "message": message, "finish_reason": "length" if said.finish == "length" else "stop"}
        if said.logprobs is not None and call.body.get("logprobs"):
            choice["logprobs"] = {"content": [_token(*token) for token in said.logprobs]}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": call.body.get("model", ""),
            "choices": [choice],
        }
        if said.usage:
            answer["usage"] = {
                "prompt_tokens": tokens_in,
                "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
                "prompt_tokens_details": {"cached_tokens": cached},
            }
            if said.cost is not None:
                answer["usage"]["cost"] = said.cost
        return answer

    # --- files and batches -----------------------------------------------------------------------------------------

    def _other(self, method: str, path: str, headers: dict, body: bytes) -> tuple[int, Any]:
        *_, parent, last = path.strip("/").split("/")
        if path == "/v1/files" and method == "POST":
            return 200, self._file(_uploaded(headers, body))
        if path.startswith("/v1/files/") and last == "content" and parent in self.files:
            return 200, self.files[parent]
        if path == "/v1/batches" and method == "POST":
            wanted = json.loads(body)
            lines = [json.loads(line) for line in self.files[wanted["input_file_id"]].splitlines()]
            return 200, self._openai_batch(self._batch({line["custom_id"]: line["body"] for line in lines}, wanted))
        if path == "/v1/messages/batches" and method == "POST":
            asked = {one["custom_id"]: one["params"] for one in json.loads(body)["requests"]}
            return 200, self._anthropic_batch(self._batch(asked, {}))
        if path.startswith("/v1/messages/batches/") and last == "results" and parent in self.batches:
            return 200, b"\n".join(json.dumps(line).encode() for line in self._results("anthropic", parent))
        if last in self.batches:
            self.batches[last]["polls"] += 1
            return 200, (self._anthropic_batch if path.startswith("/v1/messages") else self._openai_batch)(last)
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        return 404, {"error": {"message": f"There is no {path}.", "type": "invalid_request_error", "code": "not_found"}}

    def _file(self, content: bytes) -> dict:
        id = f"file-{len(self.files) + 1}"
        self.files[id] = content
        about = {"id": id, "object": "file", "bytes": len(content), "created_at": 1, "filename": "batch.jsonl"}
        return {**about, "purpose": "batch", "status": "processed"}

    def _batch(self, asked: dict[str, dict], wanted: dict) -> str:
        id = f"batch_{len(self.batches) + 1}"
        self.batches[id] = {"asked": asked, "polls": 0, "refused": not self._fits(len(asked)), **wanted}
        self.most_enqueued = max(self.most_enqueued, self._enqueued())
        return id

    def _takes(self, body: bytes) -> bool:
        return self._fits(len(self.files[json.loads(body)["input_file_id"]].splitlines()))

    def _enqueued(self) -> int:
        under_way = [batch for id, batch in self.batches.items() if not (batch["refused"] or self._ended(id))]
        return sum(len(batch["asked"]) for batch in under_way)

    def _fits(self, requests: int) -> bool:
        return self.batch_room is None or self._enqueued() + requests <= self.batch_room

    def _results(self, style: str, id: str) -> list[dict]:
        """One line a request, the last one first: nobody promises an order. Worked out once."""
        batch = self.batches[id]
        if "results" not in batch:
            batch["results"] = [self._result(style, *one) for one in reversed(batch["asked"].items())]
        return batch["results"]

    def _result(self, style: str, id: str, body: dict) -> dict:
        call, said = self._ask(style, body)
        good = isinstance(said, Text)
        answer = self._spoken(call, said) if good else _error(style, said)
        if style == "anthropic":
            result = {"type": "succeeded", "message": answer} if good else {"type": "errored", "error": answer}
            if not good and said.kind == "hang":
                result = {"type": "expired"}
            return {"custom_id": id, "result": result}
        status = 200 if good else said.status
        if not good and said.kind == "hang":
            error = {"code": "batch_expired", "message": "This request could not be executed before it expired."}
            return {"id": f"r-{id}", "custom_id": id, "response": None, "error": error}
        return {"id": f"r-{id}", "custom_id": id, "response": {"status_code": status, "body": answer}, "error": None}

    def _ended(self, id: str) -> bool:
        return self.batches[id]["polls"] >= self.batch_polls

    def _openai_batch(self, id: str) -> dict:
        batch, ended = self.batches[id], self._ended(id)
        about = {
            "id": id,
            "object": "batch",
            "endpoint": batch["endpoint"],
            "input_file_id": batch["input_file_id"],
            "completion_window": batch["completion_window"],
            "created_at": 1,
            "status": "completed" if ended else "in_progress",
            "request_counts": {"total": len(batch["asked"]), "completed": 0, "failed": 0},
        }
        if batch["refused"]:
            errors = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": FULL, "line": None}]}
            return {**about, "status": "failed", "errors": errors}
        if ended and self.batch_fails:
            errors = {"object": "list", "data": [{"code": "invalid", "message": self.batch_fails}]}
            return {**about, "status": "failed", "errors": errors}
        if ended:
            sound, failed = [], []
            for line in self._results("openai", id):
                (sound if line["response"] and line["response"]["status_code"] == 200 else failed).append(line)
            about["request_counts"] |= {"completed": len(sound), "failed": len(failed)}
            for name, lines in (("output_file_id", sound), ("error_file_id", failed)):
                if lines:
                    if name not in batch:
                        batch[name] = self._file(b"\n".join(json.dumps(line).encode() for line in lines))["id"]
                    about[name] = batch[name]
        return about

    def _anthropic_batch(self, id: str) -> dict:
        ended, total = self._ended(id), len(self.batches[id]["asked"])
        counts = {"processing": 0 if ended else total, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        if ended:
            counts |= Counter(line["result"]["type"] for line in self._results("anthropic", id))
        return {
            "id": id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": "2026-11-01T00:00:00Z",
            "expires_at": "2026-11-02T00:00:00Z",
            "ended_at": "2026-11-01T01:00:00Z" if ended else None,
            "results_url": f"{self.root}/v1/messages/batches/{id}/results" if ended else None,
        }


def _token(token: str, candidates: dict[str, float]) -> dict:
    top = [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in candidates.items()]
    mine = candidates.get(token, -0.01)
    return {"token": token, "logprob": mine, "bytes": list(token.encode()), "top_logprobs": top}


def _waiting(fault: Fault) -> dict[str, str]:
    """The header that says when to come back."""
    after = fault.retry_after
    return {} if after is None else {"retry-after": after if isinstance(after, str) else f"{after:g}"}


def _error(style: str, fault: Fault) -> dict:
    if style == "anthropic":
        kinds = {
            400: "invalid_request_error",
            401: "authentication_error",
            404: "not_found_error",
            413: "request_too_large",
        }
        kinds |= {402: "billing_error", 403: "permission_error", 429: "rate_limit_error", 529: "overloaded_error"}
        words = "Your credit balance is too low." if fault.code == "insufficient_quota" else fault.words
        error = {"type": kinds.get(fault.status, "api_error"), "message": words}
        return {"type": "error", "error": error}
    named = re.search(r"'(\w+)'", fault.words)
    param = named[1] if named and fault.status == 400 else None
    return {"error": {"message": fault.words, "type": fault.code, "code": fault.code or None, "param": param}}


def _uploaded(headers: dict, body: bytes) -> bytes:
    """The file of a multipart form."""
    boundary = headers["content-type"].partition("boundary=")[2].strip('"').encode()
    for part in body.split(b"--" + boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return content.removesuffix(b"\r\n")
    return b""


def _http(status: int, body: bytes, headers: dict | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _send(writer, status: int, answer: dict | list | bytes, headers: dict | None = None) -> bool:
    writer.write(_http(status, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), headers))
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Tear the connection down with a TCP reset instead of a good-bye."""
    if (sock := writer.get_extra_info("socket")) is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# --- in a process of its own -----------------------------------------------------------------------------------------


@contextmanager
def process(latency: float = 0.0) -> Iterator[str]:
    """A steady server in a process of its own; its base URL for OpenAI's way."""
    command = [sys.executable, "-m", "tests.wires.servers", "--latency", str(latency)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as running:
        try:
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


def counts(url: str) -> dict:
    """{"asked": {text: calls}, "most_flying"} of the server at that base URL."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/counts") as answer:
        return json.load(answer)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--latency", type=float, default=0.0)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--key")
    args = options.parse_args()
    with Server(latency=args.latency, port=args.port, key=args.key, keep_calls=False) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
