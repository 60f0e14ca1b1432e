"""What every request passes before anything reads it: the token, the size of the body, and a count of how it ended."""

from __future__ import annotations

import hmac
import json
import logging
import os
import traceback
from collections.abc import Callable

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


class Gate:
    """ASGI middleware. `done(path, status)` is called once a request, with what went out (499 where nobody waited for it)."""

    def __init__(self, app: Callable, token: bytes | None, done: Callable[[str, int], None], *, passing: bool = False):
        """`passing`: whether the server passes calls on, whose bodies may be larger."""
        self.app, self.token, self.done = app, token, done
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
        if self.token is None and _host(headers) not in HERE:
            # Else a page in somebody's browser could reach the open server under a name of its own (DNS rebinding).
            what = f"Without a token this server answers only as {' or '.join(HERE[:2])}."
            await refuse(send, 403, what, path=scope["path"])
        elif self.token is not None and scope["path"] in GUARDED and not self._shown(headers):
            bearer = (b"www-authenticate", b"Bearer")
            how = (
                TOLD_PASSED if scope["path"] == PASSED else "Send the server's token as 'Authorization: Bearer TOKEN'."
            )
            await refuse(send, 401, how, bearer, path=scope["path"])
        elif (body := await _body(headers, receive, most)) is None:
            size = f"{most // 1024**2} MB" if most != ELSEWHERE else f"{ELSEWHERE // 1024} kB"
            fewer = "fewer or smaller images" if is_form(scope) else "fewer or shorter texts"
            more = ", and images as a form" if scope["path"] == CLASSIFY and most == MOST_BYTES else ""
            what = f"The body is larger than {size}; send {fewer}{more}."
            await refuse(send, 413, what, path=scope["path"])
        else:
            await self.app(scope, _replayed(body, receive), send)

    def _shown(self, headers: dict[bytes, bytes]) -> bool:
        """Whether the token stands in its own header, or as a bearer's in Authorization."""
        if hmac.compare_digest(headers.get(TOKEN_HEADER, b"").strip(), self.token):
            return True
        scheme, _, shown = headers.get(b"authorization", b"").partition(b" ")
        return hmac.compare_digest(shown.strip(), self.token) and scheme.lower() == b"bearer"


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
