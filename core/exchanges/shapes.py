"""The shapes in which calls of large models are logged: a record of any of them to the exchanges it holds.

Known are OpenAI's batches and Anthropic's (requests in one file, results in another, joined by `custom_id`), a request and its
response a line under any of the usual names, messages whose last one answers, stored completions, and Langfuse's traces and
generations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from core.exchanges.exchange import Exchange, Said, answered, asked, number, text_of, usage, when
from core.exchanges.patterns import FAILED, NO_EXCHANGE, Why

REQUESTS = ("request", "body", "params", "input", "inputs", "prompt", "messages", "kwargs")
REPLIES = ("response", "result", "output", "outputs", "completion", "answer", "reply", "generation", "message")
SECONDS = ("latency_s", "latency_seconds", "duration_seconds", "duration_s", "elapsed_seconds", "responseTimeSeconds")
MILLISECONDS = (
    "latency_ms",
    "latencyMs",
    "response_ms",
    "_response_ms",
    "duration_ms",
    "response_time_ms",
    "elapsed_ms",
)
UNSAID = (
    "latency",
    "duration",
    "response_time",
    "elapsed",
    "latencyInSeconds",
    "Latency",
)  # seconds, where they are few
FEW = 300.0
BEGAN = ("startTime", "start_time", "start", "request_time", "Start Time")
ENDED = ("endTime", "end_time", "end", "response_time", "End Time")
DATES = ("created", "created_at", "createdAt", "timestamp", "time", "date", *BEGAN)
MODELS = ("model", "providedModelName", "provided_model_name", "modelId", "model_id", "model_name")
IDS = ("custom_id", "id", "request_id", "traceId", "trace_id")
NESTED = 20  # generations of one trace


def is_request(record: dict) -> bool:
    """Whether this is a line of a batch's requests."""
    return (
        "custom_id" in record and isinstance(record.get("body", record.get("params")), dict) and not is_result(record)
    )


def is_result(record: dict) -> bool:
    """Whether this is a line of a batch's results."""
    return "custom_id" in record and ("response" in record or "result" in record or "error" in record)


def kind(record: dict) -> str:
    """What sort of log a record comes from, in words."""
    if "custom_id" in record:
        return "a batch of Anthropic's" if "params" in record or "result" in record else "a batch of OpenAI's"
    if {"traceId", "observations", "projectId", "statusMessage"} & record.keys():
        return "a Langfuse export"
    return "a chat log"


def result(record: dict) -> Said | Why:
    """What a line of a batch's results says."""
    failed = FAILED
    told = _opened(record.get("response", record.get("result")))
    said = answered(told) if told is not None else None
    if said is None or isinstance(told, str):
        return failed
    return said


def exchanges(record: dict) -> Iterator[Exchange | Why]:
    """What a record holds: one exchange, several of a trace, or why there is none."""
    observations = record.get("observations")
    if isinstance(observations, str):
        observations = _json(observations)
    if isinstance(observations, list):
        calls = [one for one in observations if isinstance(one, dict) and one.get("input") and one.get("output")][
            :NESTED
        ]
        found = [one for call in calls if isinstance(one := _one(call), Exchange)]
        if found:
            yield from found
            return
    yield _one(record)


def _one(record: dict) -> Exchange | Why:
    request = next(((name, value) for name in REQUESTS if asked(value := _opened(record.get(name)))), None)
    if request is None:
        return FAILED if _has_failed(record) else NO_EXCHANGE
    name, body = request
    said = _reply(record, name)
    if said is None:
        messages = asked(body)
        last = next((at for at in reversed(range(len(messages))) if messages[at][0] != "system"), None)
        if last is not None and messages[last][0] == "assistant" and messages[last][1].strip():
            body, said = (
                [{"role": role, "content": text} for role, text in messages[:last]],
                answered(messages[last][1]),
            )
    if said is None:
        return FAILED if _has_failed(record) else NO_EXCHANGE
    messages = asked(body) if name != "messages" else asked({**record, "messages": body})
    if not messages:
        return NO_EXCHANGE
    said = _filled(said, record)
    model = _text(body, MODELS) or _text(record, MODELS) or said.model
    id = _first(record, IDS)
    return Exchange(
        messages, said, model[:120], latency_ms(record), text_of(id if isinstance(id, str) else str(id or ""))[:200]
    )


def _reply(record: dict, asked_under: str) -> Said | None:
    if isinstance(record.get("choices"), list):
        return answered(record)
    names = (name for name in REPLIES if name != asked_under)
    return next((said for name in names if (said := answered(_opened(record.get(name)))) is not None), None)


def _opened(value: Any, depth: int = 0) -> Any:
    """A request or a reply without what logs wrap around it: JSON as text, status and headers, the kind of a batch's result."""
    if isinstance(value, str):
        read = _json(value) if value[:1] in "{[" else None
        return value if read is None else _opened(read, depth + 1) if depth < 3 else read
    if not isinstance(value, dict) or depth > 3:
        return value
    status = value.get("status_code", value.get("status"))
    if isinstance(status, int) and status >= 400:
        return None
    if value.get("type") in ("errored", "expired", "canceled"):
        return None
    for name in ("body", "kwargs", "json") + (("message",) if value.get("type") == "succeeded" else ()):
        if isinstance(value.get(name), dict | str) and "messages" not in value and "choices" not in value:
            return _opened(value[name], depth + 1)
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _has_failed(record: dict) -> bool:
    status = record.get("status_code", record.get("status"))
    told = record.get("response")
    if isinstance(told, dict) and not isinstance(status, int):
        status = told.get("status_code", told.get("status"))
    return bool(record.get("error")) or record.get("level") == "ERROR" or (isinstance(status, int) and status >= 400)


def _filled(said: Said, record: dict) -> Said:
    """The answer with what the record says beside it: tokens, date."""
    told = {"tokens_in": said.tokens_in, "tokens_out": said.tokens_out, "tokens_cached": said.tokens_cached}
    if said.tokens_in is not None and said.created:
        return said
    for name in ("usage", "usageDetails", "usage_details", "tokens"):
        if not (value := record.get(name)):
            continue
        told = _more(told, usage(_json(value) if isinstance(value, str) else value))
    apart = {
        "input": _first(record, ("promptTokens", "prompt_tokens", "inputUsage", "input_tokens", "inputTokens")),
        "output": _first(
            record, ("completionTokens", "completion_tokens", "outputUsage", "output_tokens", "outputTokens")
        ),
    }
    told = _more(told, usage(apart))
    return Said(
        said.answer, said.model, **told, finish=said.finish, created=said.created or when(_first(record, DATES))
    )


def _more(told: dict, other: dict) -> dict:
    return {name: other[name] if value is None else value for name, value in told.items()}


def latency_ms(record: dict) -> float | None:
    """How long the call took, where the record says it: under a name with its unit, as a number of few seconds, or by its ends."""
    for names, factor in ((MILLISECONDS, 1.0), (SECONDS, 1000.0)):
        if (told := number(_first(record, names))) is not None:
            return told * factor
    if (told := number(_first(record, UNSAID))) is not None:
        return told * 1000 if told < FEW else told
    began, ended = (_moment(_first(record, names)) for names in (BEGAN, ENDED))
    if began is None or ended is None or (began.tzinfo is None) != (ended.tzinfo is None) or ended < began:
        return None
    return (ended - began).total_seconds() * 1000


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: Any, names: tuple[str, ...]) -> str:
    return text_of(_first(value, names)) if isinstance(value, dict) else ""


def _first(record: dict, names: tuple[str, ...]) -> Any:
    for name in names:
        if name in record and (value := record[name]) is not None and value != "":
            return value
    return None
