"""A large model's server to pass calls on to, on a real port: answers by rule, streams slowly, fails, hangs, or says a lot.

The last user message says how: `stream`ed requests come in pieces; "FAIL 429", "HANG", "HUGE" and "BREAK" in it do what they say.
What arrived is in `calls`; `left` counts callers who hung up before they were answered.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from contextlib import suppress

from tests import small

PROMPT = "Sort this advertisement.\n\nAdvertisement: {}\n\nAnswer with the category alone."


def category(text: str) -> str:
    """The category whose words stand in it most often."""
    return max(small.WORDS, key=lambda name: sum(word in text for word in small.WORDS[name]))


class Upstream:
    """`with Upstream() as up:` answers at up.url; `pause` seconds lie between the pieces of a stream."""

    def __init__(self, pause: float = 0.0, zipped: bool = False):
        self.pause, self.zipped = pause, zipped
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.left = 0
        self.flying = self.most_flying = 0

    def __enter__(self) -> Upstream:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()

        async def begin() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**25)
            self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
            ready.set()

        self._loop.create_task(begin())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1)[:1] + line.split(": ", 1)[1:] for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.calls.append((headers | {"": head[0]}, body))
                self.flying += 1
                self.most_flying = max(self.flying, self.most_flying)
                gone = asyncio.ensure_future(reader.read(1))
                answering = asyncio.ensure_future(self._answer(writer, headers, json.loads(body)))
                await asyncio.wait({gone, answering}, return_when=asyncio.FIRST_COMPLETED)
                self.flying -= 1
                if not answering.done():
                    self.left += 1
                    answering.cancel()
                    return
                if not gone.done():
                    gone.cancel()
                    with suppress(asyncio.CancelledError):
                        await gone
                elif not gone.result():
                    return
                if answering.result():
                    writer.close()
                    return

    async def _answer(self, writer: asyncio.StreamWriter, headers: dict, asked: dict) -> bool:
        """Whether the connection is over with it."""
        said = asked["messages"][-1]["content"]
        if "HANG" in said:
            await asyncio.sleep(3600)
        if "FAIL" in said:
            status = int(said.partition("FAIL ")[2][:3])
            body = json.dumps({"error": {"message": f"status {status}", "type": "x", "param": None, "code": None}})
            await self._whole(writer, status, body.encode(), "retry-after: 7\r\n")
            return False
        answer = "x" * 3_000_000 if "HUGE" in said else category(said)
        about = {"id": "c-1", "created": 1_790_000_000, "model": f"{asked['model']}-2026-11-01"}
        usage = {"prompt_tokens": 100, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 64}}
        if asked.get("stream"):
            await self._stream(writer, about, answer, usage, "BREAK" in said)
            return "BREAK" in said
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps(about | {"object": "chat.completion", "choices": [choice], "usage": usage}, indent=1).encode()
        more = (
            "x-request-id: r-1\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
        )
        if self.zipped and "gzip" in headers.get("accept-encoding", ""):
            body, more = gzip.compress(body), more + "content-encoding: gzip\r\n"
        await self._whole(writer, 200, body, more)
        return False

    async def _whole(self, writer: asyncio.StreamWriter, status: int, body: bytes, more: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}content-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter, about: dict, answer: str, usage: dict, breaks: bool) -> None:
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        about = about | {"object": "chat.completion.chunk"}
        pieces = [
            {"role": "assistant", "content": ""},
            *({"content": answer[at : at + 3]} for at in range(0, len(answer), 3)),
        ]
        events = [{"choices": [{"index": 0, "delta": piece, "finish_reason": None}]} for piece in pieces]
        events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
        for place, event in enumerate(events):
            if breaks and place == 2:
                return
            await self._piece(writer, f"data: {json.dumps(about | event)}\n\n".encode())
            await asyncio.sleep(self.pause)
        await self._piece(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _piece(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
