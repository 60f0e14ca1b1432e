"""A provider's failures put in words. Both SDKs come from one generator and name their exceptions alike, so that one function reads
both."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any

import aiohttp

from core.wires import keys
from core.wires.wire import CallError, Reply, Request, Trouble

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
_EMPTY = (
    "insufficient_quota",
    "billing",
    "credit balance",
    "quota exceeded",
    "insufficient balance",
    "insufficient credits",
    "insufficient_credits",
)
_FLAGGED = ("moderation", "flagged", "content policy", "content_policy")
_UNKNOWN = ("not found", "not exist", "unknown model")
_FULL = ("token_limit_exceeded", "enqueued token limit")
# Names that providers and gateways give their errors where no status says what they are, the likelier first.
_SAID_AS = (
    (402, (*_EMPTY, "insufficient", "payment", "quota")),
    (429, ("rate_limit", "rate limit", "ratelimit", "too many requests", "resource_exhausted", "throttl")),
    (401, ("authentication", "unauthorized", "unauthenticated", "invalid_api_key", "api key", "credentials")),
    (403, ("permission",)),
    (404, ("not_found", "not found")),
    (500, ("overloaded", "server_error", "api_error", "unavailable", "timeout")),
    (400, ("invalid_request", "bad_request", "unsupported", "invalid")),
)
_NO_CONNECTION = (
    (aiohttp.ClientProxyConnectionError, "The proxy that this computer's environment names does not answer."),
    (aiohttp.ClientHttpProxyError, "The proxy that this computer's environment names refuses {address}."),
    (
        aiohttp.ClientConnectorCertificateError,
        "The certificate shown at {address} is not one that this computer trusts.",
    ),
    (aiohttp.ClientConnectorSSLError, "The server at {address} does not speak https: write http:// if it is your own."),
)
LONG_S = 60.0  # seconds of waiting from which on people are told until when
NO_JSON = "The server sent an answer that is not what its kind sends."


class Failures:
    """Turns whatever an SDK raises, or sends in an answer's place, into a CallError. `secret` is the key, which no message may
    hold; `answered`: whether the model has answered before, so that the address is right."""

    def __init__(self, sdk: ModuleType, address: str, model: str, secret: str | None):
        self.sdk, self.address, self.model, self.secret = sdk, address, model, secret
        self.answered = False

    @asynccontextmanager
    async def caught(self, request: Request | None = None, *, seconds: float) -> AsyncIterator[None]:
        """Around one call, which may take so long: nothing but CallError (and a cancellation) leaves it."""
        try:
            async with asyncio.timeout(seconds):
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
        for kinds, words in _NO_CONNECTION:
            if any(isinstance(cause, kinds) for cause in causes):
                return CallError("connection", words.format(address=self.address))
        return CallError("connection", f"No server answers at {self.address}.")

    def status(self, status: int, body: Any, headers: Any = None, request: Request | None = None) -> CallError:
        """What an HTTP status and the JSON beside it mean."""
        message, code = provider_message(body)
        text = f"{code} {message}".lower()
        if 300 <= status < 400:
            to = str((headers or {}).get("location", "")).split("?")[0]
            return CallError(
                "model", f"{self.address} sends callers on{f' to {to}' if to else ''}: write that address."
            )
        shown = self._own_words(message, request)
        trouble = _trouble(status, text)
        wait = _retry_after(headers or {})
        wait = _reset(body) if wait is None else wait
        words = {
            "rate": "Too many requests: the provider asks to slow down",
            "quota": "The account has no credit left",
            "server": f"The provider's server failed (status {status})",
            "auth": "The key was refused" if self.secret else "A key is needed",
            "model": f"The server knows no model '{self.model}'",
            "full": "The provider takes no more batches until those in progress are done",
            "request": f"The request was refused (status {status})",
        }[trouble]
        if status in (404, 405) and "model" not in text:
            words = f"There is no service of this kind at {self.address}"
        if trouble in ("rate", "server") and (wait or 0) >= LONG_S:
            words = (
                f"The provider asks to wait until {clock(wait)} ({'rate limit' if trouble == 'rate' else 'overloaded'})"
            )
        return CallError(
            trouble,
            f"{words}: {shown}" if shown else f"{words}.",
            retry_after=wait,
            billed=status in _GATEWAY,
        )

    def instead(
        self, body: Any, ended: Any, headers: Any = None, request: Request | None = None, counted: Reply | None = None
    ) -> CallError:
        """What an answer with status 200 means that is none. `body` says why, `ended` is what the provider calls the reason it
        ended for, `counted` what it counted: without a count nothing was charged."""
        message, code = provider_message(body)
        if not (message or code):
            why = "the provider broke it off" if ended == "error" else "it holds no text"
            return CallError("server", f"The server sent an answer that is none: {why}.", counted=counted)
        error = self.status(_status_of(code, message), body, headers, request)
        error.billed, error.counted = False, counted
        return error

    def web_page(self) -> CallError:
        """A page for people in an answer's place: a wrong address, or a hiccup of whatever stands before the model."""
        words = f"A web page answers at {self.address}, not a model."
        return CallError("server" if self.answered else "model", words)

    def _own_words(self, message: str, request: Request | None) -> str:
        """The provider's message on one line, without the key; nothing where it repeats what was asked."""
        message = " ".join(keys.redact(message, self.secret).split())
        for _, turn in request.turns if request else ():
            for line in turn.splitlines():
                # of an asset: even a short one is nobody's business
                text = line.startswith("Text ") or bool(request.questions)
                private = (line.partition(": ")[2].strip('"') if line.startswith("Text ") else line.strip())[:24]
                if len(private) >= (4 if text else 24) and private in message:
                    return ""
        return message if len(message) <= SHOWN else message[: SHOWN - 1] + "…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__


def clock(seconds: float) -> str:
    """The time of day, on this computer's clock, in so many seconds: 14:20, with the date where that is another day's."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=seconds)
    return (
        f"{then:%H:%M}" if then.date() == now.date() else f"{then:%H:%M on %-d %B}" if os.name != "nt" else f"{then:%c}"
    )


def provider_message(body: Any) -> tuple[str, str]:
    """(message, code) out of an error's JSON, however it is nested; empty where there is none."""
    if isinstance(body, list):  # Google's way
        body = next((one for one in body if isinstance(one, dict)), {})
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
    if isinstance(message, dict) and isinstance(message.get("message"), str):  # TypeSafe's way
        message = message["message"]
    code = error.get("code") or error.get("type") or ""
    return message if isinstance(message, str) else json.dumps(message)[:1000], str(code)


def _trouble(status: int, text: str) -> Trouble:
    if any(sign in text for sign in _FULL):
        return "full"
    if status == 402 or (status in (400, 403, 429) and any(sign in text for sign in _EMPTY)):
        return "quota"
    if status == 403 and any(sign in text for sign in _FLAGGED):
        return "request"  # this text is refused, not the key
    if status in (401, 403):
        return "auth"
    if status in (404, 405) or (status == 400 and "model" in text and any(sign in text for sign in _UNKNOWN)):
        return "model"
    if status == 429:
        return "rate"
    return "server" if status >= 500 or status in (408, 409) else "request"


def _status_of(code: str, message: str) -> int:
    """The HTTP status that an error inside an answer stands for: its code where that is one, else what its name or, where it has
    none, its words say; 500 where nothing does."""
    if code.isdigit() and 400 <= int(code) <= 599:
        return int(code)
    text = code.lower() if code and not code.isdigit() else message.lower()
    return next((status for status, signs in _SAID_AS if any(sign in text for sign in signs)), 500)


def _reset(body: Any) -> float | None:
    """Seconds until the limit that OpenRouter names inside an error is lifted: milliseconds since 1970."""
    try:
        error = body.get("error", body)
        return max(0.0, float(error["metadata"]["headers"]["X-RateLimit-Reset"]) / 1000 - time.time())
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _retry_after(headers: Any) -> float | None:
    """Seconds until the provider wants to be asked again: its Retry-After, in seconds or as a date (RFC 9110, 10.2.3)."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        if not value:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        return max(0.0, seconds) if seconds < 1e9 else None
    except (ValueError, TypeError):
        return None
