"""What the wires share: the JSON schema of an answer, time limits, and a provider's failures put in words.

Both SDKs come from one generator and name their exceptions alike, so that one function reads both.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any

import aiohttp
import httpx2

from core.label import keys
from core.label.teachers.wire import CallError, Reply, Request, Trouble

# OpenAI's limits of a schema's enum; beyond them the ids stand in the prompt alone.
MOST_VALUES, MANY_VALUES, MOST_CHARACTERS = 1000, 250, 15_000
CONNECT_S = 10.0
BATCH_S = 600.0  # handing in or fetching a batch moves files
SHOWN = 200  # characters of a provider's own words
# aiohttp's own exceptions tell whether the question had gone out; what the SDKs make of them does not (a line that breaks while
# the answer is awaited arrives as a timeout of connecting).
_BEFORE_SENDING = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
_GATEWAY = {502, 504, 524}  # the model behind the gateway may have answered all the same
_EMPTY = ("insufficient_quota", "billing", "credit balance", "quota exceeded", "insufficient balance")
NO_JSON = "The server sent an answer that is not what its kind sends."


def schema(request: Request) -> dict | None:
    """The JSON schema of the answer; None where the ids are too many for one."""
    ids = request.allowed
    if len(ids) > MOST_VALUES or (len(ids) > MANY_VALUES and sum(map(len, ids)) > MOST_CHARACTERS):
        return None
    category = {"type": "string", "enum": list(ids)}
    if request.assets == 1:
        return _object(category=category)
    return _object(answers={"type": "array", "items": _object(text={"type": "integer"}, category=category)})


def _object(**properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class Failures:
    """Turns whatever an SDK raises into a CallError. `secret` is the key, which no message may hold."""

    def __init__(self, sdk: ModuleType, address: str, model: str, secret: str | None):
        self.sdk, self.address, self.model, self.secret = sdk, address, model, secret

    @contextmanager
    def caught(self, request: Request | None = None, *, seconds: float) -> Iterator[None]:
        """Around one call: nothing but CallError (and a cancellation) leaves it."""
        try:
            yield
        except (
            TimeoutError
        ):  # of the whole call: an answer that drips in byte by byte never meets a time limit of the socket's
            raise CallError("timeout", f"No whole answer within {seconds:g} s.", billed=True) from None
        except self.sdk.APIStatusError as error:
            raise self.status(error.status_code, error.body, error.response.headers, request) from None
        except self.sdk.APIConnectionError as error:
            raise self._connection(error, seconds) from None
        except (self.sdk.APIError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            # What came is no JSON, or not the JSON that this kind of server sends.
            raise CallError("server", NO_JSON, billed=True) from None

    def _connection(self, error: Exception, seconds: float) -> CallError:
        causes = list(_causes(error))
        sent = not any(isinstance(cause, _BEFORE_SENDING) for cause in causes)
        if any(isinstance(cause, TimeoutError) for cause in causes):
            words = f"No answer within {seconds:g} s." if sent else f"No connection to {self.address} in time."
            return CallError("timeout", words, billed=sent)
        if sent:
            return CallError("connection", "The connection broke off before the answer was there.", billed=True)
        return CallError("connection", f"No server answers at {self.address}.")

    def status(self, status: int, body: Any, headers: Any = None, request: Request | None = None) -> CallError:
        """What an HTTP status and the JSON beside it mean."""
        message, code = said(body)
        shown = self._own_words(message, request)
        trouble = _trouble(status, f"{code} {message}".lower())
        words = {
            "rate": "Too many requests: the provider asks to slow down",
            "quota": "The account has no credit left",
            "server": f"The provider's server failed (status {status})",
            "auth": "The key was refused" if self.secret else "A key is needed",
            "model": f"The server knows no model '{self.model}'",
            "request": f"The request was refused (status {status})",
        }[trouble]
        if status == 404 and "model" not in f"{code} {message}".lower():
            words = f"There is no service of this kind at {self.address}"
        return CallError(
            trouble,
            f"{words}: {shown}" if shown else f"{words}.",
            retry_after=_retry_after(headers or {}),
            billed=status in _GATEWAY,
        )

    def _own_words(self, message: str, request: Request | None) -> str:
        """The provider's message on one line, without the key; nothing where it repeats what was asked."""
        message = " ".join(keys.redact(message, self.secret).split())
        for _, turn in request.turns if request else ():
            for line in turn.splitlines():
                private = line.partition(": ")[2].strip('"')[:24]
                if line.startswith("Text ") and len(private) >= 4 and private in message:
                    return ""
        return message if len(message) <= SHOWN else message[: SHOWN - 1] + "…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__


def said(body: Any) -> tuple[str, str]:
    """(message, code) out of an error's JSON, however it is nested; empty where there is none."""
    if isinstance(body, str):
        return ("", "") if body.lstrip().startswith("<") else (body, "")  # a web page says nothing here
    error = body.get("error", body) if isinstance(body, dict) else {}
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, dict):
        return "", ""
    if isinstance(error.get("error"), dict):  # Anthropic's own wrapping inside a batch's result
        error = error["error"]
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    code = error.get("code") or error.get("type") or ""
    return message if isinstance(message, str) else json.dumps(message)[:1000], str(code)


def _trouble(status: int, text: str) -> Trouble:
    if status == 402 or (status in (400, 403, 429) and any(sign in text for sign in _EMPTY)):
        return "quota"
    if status in (401, 403):
        return "auth"
    if status == 404 or (status == 400 and "model" in text and ("not found" in text or "not exist" in text)):
        return "model"
    if status == 429:
        return "rate"
    return "server" if status >= 500 or status in (408, 409) else "request"


def _retry_after(headers: Any) -> float | None:
    """Seconds until the provider wants to be asked again: its Retry-After, in seconds or as a date (RFC 9110, 10.2.3)."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        given = headers.get("retry-after")
        if not given:
            return None
        try:
            seconds = float(given)
        except ValueError:
            seconds = (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()
        return max(0.0, seconds) if seconds < 1e9 else None
    except (ValueError, TypeError):
        return None


def connections(concurrency: int) -> httpx2.Limits:
    """As many connections as calls at once and a few for batches. For the SDKs' aiohttp client: a quarter less work a call."""
    return httpx2.Limits(max_connections=max(concurrency, 1) + 4, max_keepalive_connections=None)


async def post(client: Any, path: str, body: dict, seconds: float) -> Any:
    """One POST through the SDK (its addresses, headers and errors), the answer as plain JSON: building the SDK's typed objects
    takes longer than everything else on the way."""
    async with asyncio.timeout(seconds):
        response = await client.post(path, cast_to=httpx2.Response, body=body)
    return response.json()


def mentioned(error: CallError, names: dict[str, tuple[str, ...]]) -> str | None:
    """Which of the parameters sent (name -> signs of it in a message) a refusal is about: the one mentioned first."""
    text = error.words.lower()
    places = {
        name: min((text.find(sign) for sign in signs if sign in text), default=-1) for name, signs in names.items()
    }
    found = {name: place for name, place in places.items() if place >= 0}
    return min(found, key=found.get) if found else None


def lines(content: bytes) -> Iterator[dict]:
    """The objects of a JSON-lines file; what is none is left out and so counts as not answered."""
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def parsed(parse: Callable[[dict], Reply], body: Any) -> Reply | CallError:
    """A batch's reply, or that it cannot be read."""
    try:
        return parse(body)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        return CallError("server", NO_JSON, billed=True)
