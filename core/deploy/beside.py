"""A second student that answers silently beside the live one: what it says is written down, and compared where the teacher is
asked.

The teacher is asked about a share of what the live student handles (audits) and about all that it does not (fallbacks). Of the
latter the same share is taken by chance, so that what is compared stands for all texts alike.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from core.deploy.batching import Overloaded
from core.deploy.fallback import TeacherReply
from core.deploy.live import Follower, Served
from core.deploy.schema import Result
from core.deploy.watching import Watch
from core.watch.served import SHADOW, Audit, Row, hash_of

Ask = Callable[[Served, Sequence[str]], Awaitable[list[Result]]]


class Beside:
    """The silent student of a task, followed like the live one; `ask` has it answer texts."""

    def __init__(self, follower: Follower, watch: Watch, ask: Ask):
        self.follower, self._watch, self._ask = follower, watch, ask
        self._under_way: set[asyncio.Task] = set()
        watch.told = self._told

    def answer(self, texts: Sequence[str]) -> None:
        """Have it answer these texts when there is time; where too many wait already, it does not."""
        self._begin(self._answers([text for text in texts if text.strip()]))

    async def close(self) -> None:
        """What is under way is given up."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begin(self, work: Coroutine) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _said(self, texts: Sequence[str]) -> list[tuple[str, Row]]:
        """Each text with what it says of it; none where too many texts wait, or it is not loaded."""
        one = self.follower.current
        if one is None:
            return []
        try:
            results = await self._ask(one, texts)
        except Overloaded:
            return []
        at, said = time.time(), []
        for text, mine in zip(texts, results):
            told = mine.category, mine.confidence, mine.handled, mine.strange
            kept = self._watch.kept(text, False)
            said.append((text, Row(at, one.task.id, one.id, hash_of(text), *told, None, 0.0, 0.0, SHADOW, kept)))
        return said

    async def _answers(self, texts: Sequence[str]) -> None:
        self._watch.add([row for _, row in await self._said(texts)])

    def _told(self, row: Row, text: str, reply: TeacherReply) -> None:
        """The teacher has said something of a text."""
        said = self._watch.rules.get(row.task_id)
        if row.task_id != self.follower.task.id or said is None:
            return
        if row.chance < 1 or random.random() < said.share:
            self._begin(self._compare(text, reply, min(row.chance, said.share)))

    async def _compare(self, text: str, reply: TeacherReply, chance: float) -> None:
        for _, mine in await self._said([text]):
            about = mine.task_id, mine.student_id, mine.hash, chance, SHADOW, mine.handled, mine.category or ""
            kept = self._watch.kept(text, True)
            self._watch.add([], [Audit(time.time(), *about, reply.category, mine.confidence, 0.0, kept)])
