"""POST /v1/chat/completions: a tool's call of its large model goes on to that model and comes back byte for byte.

The tool changes one address. Its own key goes with each call and nowhere else: it is never kept, logged or counted, and the
connection's own key is not used, because what it paid for would pass the ledger and its caps by. Where this server needs its
token, a tool shows it as X-Understudy-Token, beside the provider's key in Authorization; or as its API key, where the model needs
none. What was asked and answered is handed to a Recorder once it is over, and never waited for.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from fastapi import FastAPI, HTTPException, Request, Response

from core.deploy.gate import PASSED, TOKEN_HEADER, caller, refuse
from core.deploy.recording import Call, Recorder
from core.deploy.tokens import MARK
from core.errors import InputError
from core.wires import client, providers
from core.wires.connections import Connection

AS_JSON = "Send JSON, as application/json: what is asked of the model is passed on as it stands."
WHOLE_CLIENT = (
    "This token is for one task, and a call that is passed on is the client's: ask with a token for all its tasks."
)
CONNECT_S = 10.0
LAST_EVENT = b"data: [DONE]"  # of a stream
SILENT_S = 600.0  # without a byte from the model: as long as the openai SDK waits
MOST_KEPT = 4 * 1024 * 1024  # bytes of a reply that are read for a label
ENCODINGS = ("gzip", "deflate", "identity")  # that a Recorder can undo
# Between two neighbours only (RFC 9110, 7.6.1), or said anew by whoever sends.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
NOT_ON = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"accept-encoding", b"cookie", TOKEN_HEADER}
NOT_BACK = HOP_BY_HOP | {b"date", b"server"}
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class Upstream:
    """Where calls go on to: the connection's name and address."""

    name: str
    address: str


def upstream(connection: Connection) -> Upstream:
    """Where a connection's calls go. InputError where its provider does not speak like OpenAI."""
    provider = providers.of(connection.kind)
    if not provider.chats:
        raise InputError(
            f"The connection {connection.name} is of the kind {connection.kind}, and {PASSED} speaks like OpenAI.",
            "Name a connection of the kind openai: for Anthropic's models one with the address https://api.anthropic.com/v1.",
        )
    return Upstream(connection.name, (connection.base_url or provider.address).rstrip("/"))


class Passing:
    """Passes calls on. `recorder` None: they are not written down; `token`: the server's own, which never goes on."""

    def __init__(self, to: Upstream, recorder: Recorder | None, token: bytes | None = None):
        self.to, self.recorder, self._token = to, recorder, token
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Begin; call it on the event loop."""
        here = client.is_here(self.to.address)
        if not here:
            client.check_proxy(self.to.address)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # doors.py bounds the callers, and each has one call under way
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=CONNECT_S, sock_read=SILENT_S),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not here,
            skip_auto_headers=("User-Agent", "Accept", "Content-Type", "Accept-Encoding"),
        )
        if self.recorder:
            self.recorder.start()

    async def close(self) -> None:
        """Let go of the connections; what is still to be written is written."""
        if self._session:
            await self._session.close()
        if self.recorder:
            await asyncio.to_thread(self.recorder.stop)

    def _over(self, call: Call) -> None:
        if self.recorder:
            self.recorder.put(call)

    async def __call__(self, scope: dict, receive: Any, send: Any, body: bytes) -> None:
        """Answer one request as the model does. The caller's hanging up ends the call."""
        going = asyncio.ensure_future(self._go(scope, send, body))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({going, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (going, gone):
                if not task.done():
                    task.cancel()
            await asyncio.gather(going, gone, return_exceptions=True)
        if not going.cancelled() and (error := going.exception()):
            raise error

    async def _go(self, scope: dict, send: Any, body: bytes) -> None:
        began = time.perf_counter()
        query = scope.get("query_string", b"").decode("latin-1")
        url = self.to.address + PASSED.removeprefix("/v1") + (f"?{query}" if query else "")
        begun = False
        try:
            headers = onward(scope["headers"], self._token, (who := caller(scope)) and who.secret)
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as reply:
                back = [(name.lower(), value) for name, value in reply.raw_headers]
                dropped = NOT_BACK | _named_by_connection(back)
                kept = [(name, value) for name, value in back if name not in dropped]
                await send({"type": "http.response.start", "status": reply.status, "headers": kept})
                begun = True
                await self._back(reply, send, body, began)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._over(Call(body, b"", 0, "", "", 0.0))
            late = isinstance(error, TimeoutError)
            log.warning("A call passed on to %s %s (%s).", self.to.name, _ended(late, begun), type(error).__name__)
            if not begun:
                said = f"{self.to.name} {'did not answer in time' if late else 'could not be reached'}."
                await refuse(send, 504 if late else 502, said, path=PASSED)
            # a reply that broke off ends as it came: cut off

    async def _back(self, reply: aiohttp.ClientResponse, send: Any, asked: bytes, began: float) -> None:
        """Send the reply's bytes as they come, and have the call written down once all are there: before the last is sent, for a
        caller who has what it wants hangs up."""
        heard = _Heard(reply.content_length)
        try:
            async for part in reply.content.iter_any():
                heard.add(part)
                await send({"type": "http.response.body", "body": part, "more_body": True})
            heard.over = True
        finally:
            if heard.whole:
                ms = 1000 * (time.perf_counter() - began)
                encoding = reply.headers.get("Content-Encoding", "")
                self._over(Call(asked, heard.body, reply.status, reply.content_type, encoding, ms))
        await send({"type": "http.response.body", "body": b""})


class _Heard:
    """What has come of a reply; `expected` bytes, where it says so."""

    def __init__(self, expected: int | None):
        self.expected, self.over = expected, False
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= MOST_KEPT:
            self._parts.append(part)
        else:
            self._parts = [part]

    @property
    def whole(self) -> bool:
        """Whether nothing of the reply is to come: by its length, by a stream's last event, or because it has ended."""
        return (
            self.over or self._size == self.expected or LAST_EVENT in b"".join(self._parts[-2:])[-len(LAST_EVENT) - 8 :]
        )

    @property
    def body(self) -> bytes:
        """All of it; nothing where it is more than is read for a label."""
        return b"".join(self._parts) if self._size <= MOST_KEPT else b""


def onward(headers: list[tuple[bytes, bytes]], *secrets: bytes | None) -> list[tuple[str, str]]:
    """The headers that go on: the caller's, but those between neighbours, and this server's tokens wherever they stand: the
    `secrets`, and whatever looks like one. The reply may be compressed only in ways that can be undone here."""
    dropped = NOT_ON | _named_by_connection(headers)
    ours = [*filter(None, secrets), MARK.encode()]
    on = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name not in dropped and not any(one in value for one in ours)
    ]
    accepted = b",".join(value for name, value in headers if name == b"accept-encoding").decode("latin-1").lower()
    offered = [one.strip() for one in accepted.split(",") if one.partition(";")[0].strip() in ENCODINGS]
    return [*on, ("accept-encoding", ", ".join(offered) or "identity")]


def _named_by_connection(headers: list[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """Headers that the Connection header says are between neighbours."""
    named = (one.strip().lower() for name, value in headers if name == b"connection" for one in value.split(b","))
    return frozenset(named)


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _ended(late: bool, begun: bool) -> str:
    if begun:
        return "broke off"
    return "was not answered in time" if late else "could not be made"


class _PassedOn(Response):
    """What the model answers to one request."""

    def __init__(self, passing: Passing, body: bytes):
        super().__init__()
        self._passing, self._asked = passing, body

    async def __call__(self, scope, receive, send) -> None:
        await self._passing(scope, receive, send, self._asked)


def offer(app: FastAPI, passing: Passing, token: list) -> None:
    """Add the endpoint to an application; `token`: what it depends on."""

    @app.post(PASSED, dependencies=token, response_class=_PassedOn)
    async def passed_on(request: Request) -> Response:
        """Ask the large model: request and reply are passed on as they stand, streamed as they come. A request may have 16 MB."""
        if (who := caller(request.scope)) and who.token and who.token.task_id is not None:
            raise HTTPException(403, WHOLE_CLIENT)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # what a page of another site may send without asking is none
            raise HTTPException(415, AS_JSON)
        return _PassedOn(passing, await request.body())
