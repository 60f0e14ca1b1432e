"""What bounds a caller before a token is looked at: the head of a request, the time it takes to come, connections kept open.

uvicorn bounds none of them. The body's size is gate.py's, once the head is there; what is bounded here is what comes before it.
"""

from __future__ import annotations

from asyncio.events import TimerHandle
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from core.deploy.gate import MOST_FORM


@dataclass(frozen=True)
class Limits:
    """`seconds`: from the first byte (or the connection) to the last of a request, and for an answer to be taken.

    At most `connections` are open: the one that has kept the server waiting longest makes room for a new one. Half of the
    files that a process may commonly open, so that accepting never fails.
    """

    seconds: float = 30.0
    connections: int = 500
    head_bytes: int = 32 * 1024
    headers: int = 100
    pipelined: int = 16  # requests sent ahead of their answers
    request_bytes: int = 2 * MOST_FORM  # with what frames chunks


class Doors(HttpToolsProtocol):
    """uvicorn's protocol within limits; a class of its own for each server, made by within()."""

    limits: Limits
    waiting: dict[Doors, None]  # those of the server that owe it a request, or the taking of an answer; longest first

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._due: TimerHandle | None = None
        self._owed = 0  # requests that came whole and are not answered yet
        self._begun = self._head = False  # whether a request, and its head, are under way
        self._received = self._header_bytes = 0  # of the request that is coming
        self._refusal = 400, ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            (next(iter(self.waiting), None) or self)._hang_up()
        if not transport.is_closing():
            self._wait()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head and self._received > self.limits.head_bytes:
            self._refuse(431)
        elif self._received > self.limits.request_bytes:
            self._refuse(413)
        elif self._owed:
            self._stop_waiting()
        else:
            self._wait()

    # --- what the parser finds: an exception of its callbacks ends in send_400_response --------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = self._head = True
        self._header_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also those that follow a body in chunks."""
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self.limits.head_bytes or len(self.headers) >= self.limits.headers:
            self._refusal = 431, "The headers are too large or too many."
            raise ValueError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head = False
        if len(self.url) > self.limits.head_bytes:
            self._refusal = 431, "The address is too long."
            raise ValueError
        if len(self.pipeline) >= self.limits.pipelined:
            self._refusal = 429, "Wait for answers before you send more requests."
            raise ValueError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._begun, self._received = False, 0
        self._owed += not self.cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        status, detail = self._refusal
        self._refuse(status, detail or msg)

    # --- answers ------------------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._owed = max(self._owed - 1, 0)
        if self.transport.is_closing() or self._begun:
            self._wait()
        elif not self._owed:
            self.waiting[self] = None  # and uvicorn's own timer runs

    def pause_writing(self) -> None:
        """The caller does not take its answer."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._owed:
            self._stop_waiting()

    # --- hanging up ---------------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(self.limits.seconds, self._hang_up)
            self.waiting[self] = None

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self.waiting.pop(self, None)

    def _hang_up(self) -> None:
        self._stop_waiting()
        self.transport.abort()

    timeout_keep_alive_handler = _hang_up

    def _refuse(self, status: int, detail: str = "The request is too large.") -> None:
        body = b'{"detail": "%s"}' % detail.encode("ascii")
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
        self._wait()


def within(limits: Limits) -> type[Doors]:
    """The protocol for one server, to be given to uvicorn as `http`."""
    return type("Doors", (Doors,), {"limits": limits, "waiting": {}})
