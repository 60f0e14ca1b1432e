"""What every request passes before it is read: the token and its limit, the size of the body, and a count of how it ended."""

from __future__ import annotations

import hmac
import json
import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from core.deploy import tokens
from core.deploy.tokens import Known, Token
from core.errors import InputError

TOKEN = "UNDERSTUDY_TOKEN"
MOST_BYTES = 4 * 1024 * 1024  # of a body
ELSEWHERE = 16 * 1024  # of a body at the other addresses, some of which want no token
MOST_FORM = 16 * 1024 * 1024  # of a form with images
MOST_PASSED = 16 * 1024 * 1024  # of a body that is passed on: prompts may hold images
ASKED = ("/classify", "/write")
PASSED = "/v1/chat/completions"
GUARDED = (*ASKED, PASSED, "/metrics")
TOKEN_HEADER = b"x-understudy-token"  # the server's token, where Authorization holds the provider's key
TOLD_PASSED = "Send the server's token as 'X-Understudy-Token: TOKEN', beside the provider's key."
OTHER_KIND = {
    tokens.ANSWERS: "This token reads the counters at /metrics only: ask with one that is for answers.",
    tokens.METRICS: "This token is for answers: /metrics takes one of its own, `tokens --new NAME --metrics`.",
}  # of what the address wants
CALLER = "understudy.caller"  # of a request's scope: its Caller
BUG = "Something unexpected went wrong; the server's log says where."
CLASSIFY = ASKED[0]
HERE = ("127.0.0.1", "localhost", "[::1]")
log = logging.getLogger("understudy")


def token() -> bytes | None:
    """The token that callers must show, from the environment; None where there is none. InputError where it is blank."""
    value = os.environ.get(TOKEN)
    if value is None:
        return None
    if not value.strip():
        raise InputError(f"{TOKEN} is empty.", "Give it a value nobody can guess, or unset it.")
    return value.strip().encode()


def is_form(scope: dict) -> bool:
    """Whether a request is a form with images, where one is taken."""
    kind = dict(scope["headers"]).get(b"content-type", b"")
    return scope["path"] == CLASSIFY and kind.lower().startswith(b"multipart/form-data")


@dataclass(frozen=True)
class Caller:
    """Who asks: the secret that was shown, and whose it is (None: the server's own, which opens everything)."""

    secret: bytes
    token: Token | None


def caller(scope: dict) -> Caller | None:
    """Who makes the request; None at an open server."""
    return scope.get(CALLER)


class Gate:
    """ASGI middleware. `done(path, status)` is called once a request, with what went out (499 where nobody waited for it)."""

    def __init__(
        self,
        app: Callable,
        token: bytes | None,
        done: Callable[[str, int], None],
        *,
        passing: bool = False,
        known: Known | None = None,
    ):
        """`token`: the server's own; `known`: those of its client. An open server has neither. `passing`: whether the server passes
        calls on, whose bodies may be larger."""
        self.app, self.token, self.done, self.known = app, token, done, known
        self.open = token is None and known is None
        self._most = dict.fromkeys(ASKED, MOST_BYTES) | ({PASSED: MOST_PASSED} if passing else {})

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 499

        async def sending(message: dict) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._pass(scope, receive, sending)
        except Exception as error:  # a bug: its message could hold a text, so the log gets its type and place only
            log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
            if status == 499:
                await refuse(sending, 500, BUG)
        finally:
            self.done(scope["path"], status)

    async def _pass(self, scope: dict, receive: Callable, send: Callable) -> None:
        headers = dict(scope["headers"])
        most = MOST_FORM if is_form(scope) else self._most.get(scope["path"], ELSEWHERE)
        if self.open and _host(headers) not in HERE:
            # Else a page in somebody's browser could reach the open server under a name of its own (DNS rebinding).
            what = f"Without a token this server answers only as {' or '.join(HERE[:2])}."
            await refuse(send, 403, what, path=scope["path"])
            return
        if not self.open and scope["path"] in GUARDED and (no := self._refusal(scope, headers)):
            status, what, *told = no
            await refuse(send, status, what, *told, path=scope["path"])
        elif (body := await _body(headers, receive, most)) is None:
            size = f"{most // 1024**2} MB" if most != ELSEWHERE else f"{ELSEWHERE // 1024} kB"
            fewer = "fewer or smaller images" if is_form(scope) else "fewer or shorter texts"
            more = ", and images as a form" if scope["path"] == CLASSIFY and most == MOST_BYTES else ""
            what = f"The body is larger than {size}; send {fewer}{more}."
            await refuse(send, 413, what, path=scope["path"])
        else:
            await self.app(scope, _replayed(body, receive), send)

    def _refusal(self, scope: dict, headers: dict[bytes, bytes]) -> tuple | None:
        """Status, sentence and headers for who may not pass; None for who may, who is noted in the scope."""
        path, who = scope["path"], self._who(headers)
        if who is None:
            how = TOLD_PASSED if path == PASSED else "Send the server's token as 'Authorization: Bearer TOKEN'."
            return 401, how, (b"www-authenticate", b"Bearer")
        kind = tokens.METRICS if path == "/metrics" else tokens.ANSWERS
        if who.token and who.token.kind != kind:
            return 403, OTHER_KIND[kind]
        if who.token and (seconds := self.known.admit(who.token)):
            what = f"This token may ask {who.token.per_minute:,} times a minute; try again in {seconds} s."
            return 429, what, (b"retry-after", str(seconds).encode())
        scope[CALLER] = who
        return None

    def _who(self, headers: dict[bytes, bytes]) -> Caller | None:
        """Whose token stands in its own header, or as a bearer's in Authorization."""
        shown = [headers.get(TOKEN_HEADER, b"").strip()]
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        shown += [bearer.strip()] if scheme.lower() == b"bearer" else []
        for secret in filter(None, shown):
            if self.token is not None and hmac.compare_digest(secret, self.token):
                return Caller(secret, None)
            if self.known and (token := self.known.find(secret)):
                return Caller(secret, token)
        return None


def _host(headers: dict[bytes, bytes]) -> str:
    """The name a request calls this server by, without the port."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    return host if host.endswith("]") else host.rpartition(":")[0] or host


async def _body(headers: dict[bytes, bytes], receive: Callable, most: int) -> bytes | None:
    """The whole body; None as soon as it is known to be larger than `most` bytes."""
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or int(length) > most:
        return None
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # the caller is gone
            break
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > most:
            return None
    return b"".join(parts)


def _replayed(body: bytes, receive: Callable) -> Callable:
    """A `receive` that hands out the body first."""
    replayed = False

    async def replay() -> dict:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def problem(detail: str, path: str = "") -> dict:
    """An error's body; where a large model is asked, also in OpenAI's form, since its tools read that."""
    as_openai = {"message": detail, "type": "understudy_error", "param": None, "code": None}
    return {"detail": detail} | ({"error": as_openai} if path == PASSED else {})


async def refuse(send: Callable, status: int, detail: str, *headers: tuple[bytes, bytes], path: str = "") -> None:
    """Answer with an error and close the connection, whatever of the body is still on its way."""
    body = json.dumps(problem(detail, path)).encode()
    plain = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *headers]})
    await send({"type": "http.response.body", "body": body})
