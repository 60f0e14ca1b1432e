"""Why a served student answers as it does, on request: the labelled assets nearest to the text (core/evaluate/nearest.py)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import closing

from core import database
from core.deploy.live import Served
from core.evaluate.nearest import Near, Nearest
from core.train.registry import find

KEPT = 8  # students whose labelled assets are kept ready


class Reasons:
    """Looks for the nearest in a thread of its own, one request at a time: answers without reasons do not wait for it."""

    def __init__(self) -> None:
        self._ready: OrderedDict[int, Nearest] = OrderedDict()
        self._turn = asyncio.Lock()

    async def of(self, served: Sequence[Served], texts: list[str]) -> list[list[list[Near]]]:
        """The nearest labelled assets, for each text and student; none for an empty text."""
        async with self._turn:
            return await asyncio.to_thread(self._look, served, texts)

    def _look(self, served: Sequence[Served], texts: list[str]) -> list[list[list[Near]]]:
        nearest = [self._nearest(one) for one in served]
        return [[one.to(text) if text.strip() else [] for one in nearest] for text in texts]

    def _nearest(self, served: Served) -> Nearest:
        if served.id not in self._ready:
            with closing(database.connect()) as db:
                self._ready[served.id] = Nearest(db, find(db, served.task, served.id))
        self._ready.move_to_end(served.id)
        while len(self._ready) > KEPT:
            self._ready.popitem(last=False)
        return self._ready[served.id]
