"""What a large model was asked and what it said, out of any of the forms in which that is written down.

    read(request, reply)        an Exchange of the two bodies of a call, of OpenAI's three ways to ask and Anthropic's
    streamed(content)           the body that a streamed reply would have been

Nothing here raises on what others wrote: a body that says nothing gives None.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from core.wires.wire import unthought

SYSTEM = ("system", "developer")
LONGEST = 200_000  # characters of one message, or of an answer, that are looked at

Finish = Literal["stop", "length", "refusal"]


@dataclass(frozen=True)
class Said:
    """A model's answer. Tokens are the provider's count, `tokens_cached` those of `tokens_in` that it read from its cache; None
    where it gave none."""

    answer: str
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    finish: Finish = "stop"
    created: str = ""  # when, as ISO 8601, where that is known


@dataclass(frozen=True)
class Exchange:
    """A prompt, as its messages (role, text), and the answer. `latency_ms` None where nobody timed it. `model`: as it was asked
    for, else as it answered. `id`: what whoever asked called the call."""

    messages: tuple[tuple[str, str], ...]
    said: Said
    model: str = ""
    latency_ms: float | None = None
    id: str = ""

    @property
    def user(self) -> str:
        """The last message of the person who asks."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")

    @property
    def system(self) -> str:
        """The instructions."""
        return "\n".join(text for role, text in self.messages if role in SYSTEM)


def read(request: Any, reply: Any, *, latency_ms: float | None = None, id: str = "") -> Exchange | None:
    """The exchange that the bodies of a request and its reply hold; None where they hold none."""
    messages, said = asked(request), answered(reply)
    if not messages or said is None:
        return None
    model = request.get("model") if isinstance(request, dict) else None
    return Exchange(messages, said, text_of(model)[:120] or said.model, number(latency_ms), text_of(id)[:200])


# --- what was asked -----------------------------------------------------------------------------------------------


def asked(body: Any) -> tuple[tuple[str, str], ...]:
    """The messages of a request (chat completions, responses, completions, Anthropic's messages), or of a bare list of them."""
    if isinstance(body, str):
        return (("user", content(body)),) if body.strip() else ()
    if isinstance(body, list):
        return tuple(_turns(body))
    if not isinstance(body, dict):
        return ()
    told = (content(body.get(name)) for name in ("system", "instructions"))
    turns = [("system", text) for text in told if text]
    for name in ("messages", "input", "prompt"):
        value = body.get(name)
        if isinstance(value, str) and value.strip():
            turns.append(("user", content(value)))
        elif isinstance(value, list):
            turns += _turns(value)
        elif isinstance(value, dict):
            turns += asked(value)
        else:
            continue
        break
    return tuple(turns)


def _turns(messages: list) -> Iterator[tuple[str, str]]:
    for message in messages:
        if isinstance(message, dict) and isinstance(message.get("role"), str):
            text = content(message.get("content")) or _called(message)
            yield "system" if message["role"] in SYSTEM else text_of(message["role"])[:20], text


def content(value: Any) -> str:
    """A message's text, which may come in parts; what is no text in it (images, sounds) is left out."""
    if isinstance(value, str):
        return text_of(value[:LONGEST])
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return ""
    parts = [part if isinstance(part, str) else part.get("text") for part in value if isinstance(part, str | dict)]
    return text_of("\n".join(part for part in parts if isinstance(part, str))[:LONGEST])


def _called(message: dict) -> str:
    """The arguments of the first function that a message calls: the answer of a model that was made to answer so."""
    calls = message.get("tool_calls")
    call = calls[0] if isinstance(calls, list) and calls else {"function": message.get("function_call")}
    function = call.get("function") if isinstance(call, dict) else None
    return text_of(function.get("arguments"))[:LONGEST] if isinstance(function, dict) else ""


# --- what was answered --------------------------------------------------------------------------------------------


def answered(body: Any) -> Said | None:
    """What a reply says, in any of the forms; None where it is none, an error for instance."""
    if isinstance(body, str):
        return Said(_bare(body)) if body.strip() else None
    if isinstance(body, list):  # messages, of which the last answers
        turns = [(role, text) for role, text in _turns(body) if role == "assistant"]
        return Said(_bare(turns[-1][1])) if turns else None
    if not isinstance(body, dict) or (body.get("error") and not body.get("choices")):
        return None
    for known in (_completion, _response, _message, _turn):
        if (said := known(body)) is not None:
            return said
    return None


def _completion(body: dict) -> Said | None:
    """Of chat completions and completions."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return None
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": choice.get("text")}
    refused = bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter"
    text = content(message.get("content")) or _called(message)
    finish = "refusal" if refused else "length" if choice.get("finish_reason") == "length" else "stop"
    return _said(body, text, finish)


def _response(body: dict) -> Said | None:
    """Of OpenAI's responses."""
    output = body.get("output")
    if not isinstance(output, list):
        return None
    parts = [part for one in output if isinstance(one, dict) for part in _parts(one.get("content"))]
    calls = [text_of(one.get("arguments")) for one in output if isinstance(one, dict) and one.get("arguments")]
    text = "".join(text_of(part.get("text")) for part in parts) or "".join(calls[:1])
    refused = any(part.get("type") == "refusal" for part in parts)
    cut = body.get("status") == "incomplete"
    return _said(body, text, "refusal" if refused else "length" if cut else "stop")


def _message(body: dict) -> Said | None:
    """Of Anthropic's messages."""
    if not isinstance(body.get("content"), list) or "stop_reason" not in body:
        return None
    parts = _parts(body["content"])
    text = "".join(text_of(part.get("text")) for part in parts if part.get("type") == "text")
    calls = [part.get("input") for part in parts if part.get("type") == "tool_use"]
    if not text.strip() and calls and isinstance(calls[0], dict):
        text = json.dumps(calls[0], ensure_ascii=False)
    ends: dict[Any, Finish] = {"max_tokens": "length", "refusal": "refusal"}
    reason = body["stop_reason"]
    return _said(body, text, ends.get(reason, "stop") if isinstance(reason, str) else "stop")


def _turn(body: dict) -> Said | None:
    """Of a single message, {"role": "assistant", "content": …}, or the text under one of the names that logs give it."""
    if body.get("role") in ("assistant", "model"):
        return _said(body, content(body.get("content")) or _called(body), "stop")
    for name in ("completion", "output_text", "text", "answer", "content", "response", "output", "message"):
        value = body.get(name)
        if isinstance(value, str) and value.strip():
            return _said(body, value, "stop")
        if isinstance(value, dict | list) and name not in ("content", "output"):
            return answered(value)
    return None


def _parts(value: Any) -> list[dict]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _said(body: dict, text: str, finish: Finish) -> Said:
    created = body.get("created", body.get("created_at"))
    return Said(
        _bare(text), text_of(body.get("model"))[:120], **usage(body.get("usage")), finish=finish, created=when(created)
    )


def _bare(text: str) -> str:
    return unthought(text_of(text[:LONGEST])).strip()


def usage(told: Any) -> dict[str, int | None]:
    """tokens_in, tokens_out and tokens_cached as a reply's `usage` tells them, whoever's it is."""
    if not told or not isinstance(told, dict):
        return {"tokens_in": None, "tokens_out": None, "tokens_cached": None}

    def first(*names: str) -> int | None:
        for name in names:
            if name in told and (n := count(told[name])) is not None:
                return n
        return None

    tokens_in = first("prompt_tokens", "input_tokens", "input", "promptTokens", "inputTokens")
    tokens_out = first("completion_tokens", "output_tokens", "output", "completionTokens", "outputTokens")
    cached, written = first("cache_read_input_tokens"), first("cache_creation_input_tokens") or 0
    if cached is not None and tokens_in is not None:  # Anthropic counts them apart
        tokens_in += cached + written
    for name in ("prompt_tokens_details", "input_tokens_details"):
        details = told.get(name)
        if cached is None and isinstance(details, dict):
            cached = count(details.get("cached_tokens"))
    cached = first("input_cached_tokens", "input_cache_read") if cached is None else cached
    if cached is not None and tokens_in is not None:
        cached = min(cached, tokens_in)
    return {"tokens_in": tokens_in, "tokens_out": tokens_out, "tokens_cached": cached}


# --- values -------------------------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """A text that can be stored, without halves of characters and NULs; nothing where it is something else."""
    if not isinstance(value, str):
        return ""
    if "\0" in value:
        value = value.replace("\0", "")
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace").decode()
    return value


def count(value: Any) -> int | None:
    """A number of tokens; None where it is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 12:
        value = int(value)
    sound = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return value if sound else None


def number(value: Any) -> float | None:
    """A finite number that is not negative; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) and read >= 0 else None


def when(value: Any) -> str:
    """A moment as ISO 8601, UTC, to the second: out of seconds since 1970 or a text of that form; nothing where it is neither."""
    try:
        if isinstance(value, str) and value.strip():
            moment = datetime.fromisoformat(value.strip())
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            moment = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        else:
            return ""
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.isoformat(timespec="seconds")


# --- streamed -----------------------------------------------------------------------------------------------------


@dataclass
class _Gathered:
    """The parts of a streamed answer put together."""

    text: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    finish: Any = None
    known: dict[str, Any] = field(default_factory=dict)

    def take(self, chunk: dict) -> None:
        for name in ("model", "created", "usage"):
            if chunk.get(name):
                self.known[name] = chunk[name]
        choices = chunk.get("choices")
        choice = next((one for one in _parts(choices) if not one.get("index")), None)
        if choice is None:
            return
        self.finish = choice.get("finish_reason") or self.finish
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            self.text.append(text_of(choice.get("text")))
            return
        self.text.append(content(delta.get("content")))
        self.refusal.append(text_of(delta.get("refusal")))
        for call in _parts(delta.get("tool_calls")):
            function = call.get("function")
            if not call.get("index") and isinstance(function, dict):
                self.arguments.append(text_of(function.get("arguments")))


def streamed(body: bytes) -> dict | None:
    """The chat completion that a stream of server-sent events adds up to, as its body would be unstreamed; None where it breaks off
    before its end, or says that something went wrong."""
    gathered, over = _Gathered(), False
    for line in body.splitlines():
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            over = True
            break
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(chunk, dict) or chunk.get("error"):
            return None
        gathered.take(chunk)
    if not (over or gathered.finish):
        return None
    arguments = "".join(gathered.arguments)
    message = {
        "role": "assistant",
        "content": "".join(gathered.text),
        "refusal": "".join(gathered.refusal) or None,
        "tool_calls": [{"function": {"arguments": arguments}}] if arguments else None,
    }
    return gathered.known | {"choices": [{"message": message, "finish_reason": gathered.finish}]}
