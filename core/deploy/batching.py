"""Micro-batches: whatever waits is answered together, by one thread, and nobody waits for company.

    batcher = Batcher(work); batcher.start(); answers = await batcher.ask(key, texts)

An idle batcher starts at once with what it has; what arrives meanwhile is the next batch. Everything but `work` runs on
the event loop, so there are no locks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

MOST_TEXTS = 64  # a batch
MOST_CHARACTERS = 64_000  # a batch, unless one text is longer: long texts must not hold up everybody else's
ROOM = 2048  # texts that may wait

Work = Callable[[Any, list[str]], list[Any]]


class Overloaded(Exception):
    """Too many texts wait already."""


@dataclass(frozen=True)
class _Piece:
    key: Hashable
    texts: list[str]
    characters: int
    answers: asyncio.Future


class Batcher:
    """Calls work(key, texts) with texts of one key at a time; `work` returns an answer a text and runs in one thread."""

    def __init__(
        self,
        work: Work,
        name: str,
        *,
        room: int = ROOM,
        most: int = MOST_TEXTS,
        seen: Callable[[int], None] = lambda size: None,
        begin: Callable[[], None] | None = None,
    ):
        """`room`: texts that may wait, `most` of them in a batch; `seen` is told each batch's size; `begin` is run first in the
        thread of `work`."""
        self._work, self._room, self._most, self._seen = work, room, most, seen
        self._pieces: deque[_Piece] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, name, begin)
        self._task: asyncio.Task | None = None
        self.waiting = 0  # texts

    def start(self) -> None:
        """Begin to answer; call it on the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def ask(self, key: Hashable, texts: Sequence[str]) -> list[Any]:
        """The answers to `texts`, in order. Overloaded when the waiting room is full; raises what `work` raised.

        A long list is asked piece by piece, each when the one before is answered, so that others get their turn between.
        """
        if self.waiting and self.waiting + min(len(texts), self._most) > self._room:
            raise Overloaded
        answers: list[Any] = []
        for piece in _pieces(texts, self._most):
            waiter = asyncio.get_running_loop().create_future()
            self._pieces.append(_Piece(key, piece, sum(map(len, piece)), waiter))
            self.waiting += len(piece)
            self._arrived.set()
            answers += await waiter
        return answers

    async def call(self, function: Callable, *arguments: Any) -> Any:
        """Run `function` in the thread that `work` runs in."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def close(self) -> None:
        """Stop; whoever still waits is cancelled."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for piece in self._pieces:
            piece.answers.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._pieces:
                self._arrived.clear()
                await self._arrived.wait()
            batch = self._take()
            texts = [text for piece in batch for text in piece.texts]
            self._seen(len(texts))
            try:
                answers = await loop.run_in_executor(self._thread, self._work, batch[0].key, texts)
            except Exception as error:  # whoever asked raises it
                for piece in batch:
                    if not piece.answers.done():
                        piece.answers.set_exception(error)
                continue
            start = 0
            for piece in batch:
                if not piece.answers.done():  # else its request is gone
                    piece.answers.set_result(answers[start : start + len(piece.texts)])
                start += len(piece.texts)

    def _take(self) -> list[_Piece]:
        """The next batch: the first piece, and those behind it that have the same key and still fit."""
        batch: list[_Piece] = []
        texts = characters = 0
        while self._pieces:
            piece = self._pieces[0]
            texts, characters = texts + len(piece.texts), characters + piece.characters
            if batch and (piece.key != batch[0].key or texts > self._most or characters > MOST_CHARACTERS):
                break
            batch.append(self._pieces.popleft())
            self.waiting -= len(piece.texts)
        return batch


def _pieces(texts: Sequence[str], most: int) -> list[list[str]]:
    """`texts` cut into lists of at most a batch each."""
    pieces: list[list[str]] = []
    characters = 0
    for text in texts:
        characters += len(text)
        if not pieces or len(pieces[-1]) == most or characters > MOST_CHARACTERS:
            pieces.append([])
            characters = len(text)
        pieces[-1].append(text)
    return pieces
