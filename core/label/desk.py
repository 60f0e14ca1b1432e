"""Single answers bought outside any run: each call set aside for, made, written down and its reply kept, as a run does it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sqlite_utils import Database

from core.jobs import insist
from core.label.buying import keep_replies, kept_replies, must_have_room
from core.label.consulting import Consultation, Failed, Writing
from core.label.limits import Limits
from core.label.model import cost
from core.label.teachers import Answer, Asset
from core.label.teachers.hosted import Hosted
from core.label.teachers.wire import PASSING, CallError, Reply, Request, Wire
from core.money import ledger
from core.money.prices import Price

REFUSED_S = 30.0  # seconds after which a key that was refused may have been changed


class OverBudget(Exception):
    """The cap allows no further call."""


class Paused(Exception):
    """The provider asked to wait, in these words, and the wait is not over."""


def ask_once(db: Database, client_id: int, hosted: Hosted, text: str) -> Answer:
    """Ask a hosted teacher about one text now, outside any run: paid, in the ledger and kept like every other call. Not from within
    an event loop. InputError where the model has no price or the key is missing."""
    asset = Asset(0, text)
    hosted.priced()  # InputError where the price is not known
    names = hosted.connection.name, hosted.connection.model

    async def here(function: Callable, *arguments: Any) -> Any:
        return function(*arguments)

    async def ask(account: ledger.Account) -> Answer:
        desk = Desk(db, hosted, account, hosted.connect(), here)
        try:
            return await desk.answer(asset)
        except Paused as paused:
            return Answer(asset.id, None, error=str(paused))
        finally:
            await desk.wire.close()

    with ledger.owned(db, client_id) as owner:
        return asyncio.run(ask(ledger.Account(client_id, None, *names, None, ledger.TRYING, owner=owner)))


class Desk:
    """Asks one hosted teacher through one held wire. `on_disk(function, *arguments)` runs what uses `db` where that belongs.

    Without room kept aside on the disk no call is made. What one brings goes into that room on a full disk, or is tried again for
    `patience_s`.
    """

    def __init__(
        self,
        db: Database,
        hosted: Hosted,
        account: ledger.Account,
        wire: Wire,
        on_disk: Callable[..., Awaitable[Any]],
        patience_s: float = 0.0,
    ):
        self.db, self.hosted, self.account, self.wire, self.on_disk = db, hosted, account, wire, on_disk
        self.patience_s = patience_s
        self.dearest = 0.0  # USD that a call has cost beyond what was thought possible
        self.limits = Limits(
            hosted.connection.params.concurrency
        )  # of which the pauses alone are used: nobody waits here
        self.refused = False  # the key is no good as it stands
        self.flying = 0  # calls under way

    @property
    def paused(self) -> bool:
        """No call may be made just now."""
        return time.monotonic() < self.limits.not_before

    async def answer(self, asset: Asset) -> Answer:
        """What the teacher says of an asset, a label or the reason why there is none; see consult()."""
        ((_, request),) = self.hosted.asking.requests([asset])
        return await self.consult(Consultation(self.hosted, [asset], request))

    async def consult(self, talk: Consultation | Writing) -> Any:
        """What comes of it. OverBudget or Paused where no call may be made, InputError where the disk has no room for what it
        brings."""
        keys = [self.hosted.key(one) for one in talk.requests]
        found = await self.on_disk(kept_replies, self.db, self.account.client_id, keys)
        kept = {vote: found[key] for vote, key in enumerate(keys) if key in found}

        async def ask(request: Request, vote: int) -> tuple[Reply, float]:
            return await self._ask(talk, request, keys[vote])

        try:
            await talk.run(ask, lambda vote, reply: None, kept)  # kept with its cost, in one transaction
        except Failed as failed:
            talk.fail(str(failed))
        return talk.answers()[0]

    async def _ask(self, talk: Consultation | Writing, request: Request, key: bytes) -> tuple[Reply, float]:
        if self.paused:
            raise Paused("The provider asked to wait.")
        asked_at = time.monotonic()
        price, most, call = await self.on_disk(self._reserve, request)
        if call is None:
            raise OverBudget
        self.flying += 1
        try:
            reply = await self.wire.ask(request)
        except CallError as error:
            usd = cost(price, error.counted) if error.counted else None if error.billed else 0.0
            await self._must_write(ledger.settle, self.db, call, usd, None, None, None, error.words)
            if error.trouble == "rate":
                self.limits.refused(error.retry_after, asked_at)
                raise Paused(error.words) from None
            if error.trouble == "auth":
                self.refused = True
                self.limits.hold(REFUSED_S)
            elif error.retry_after:
                self.limits.hold(error.retry_after)
            raise Failed(error.words, error.trouble in PASSING) from None
        finally:
            self.flying -= 1
        self.limits.answered(0, None)
        usd = cost(price, reply)
        if usd is not None and usd > most:
            self.dearest = usd
        sound = talk.problem(request, reply) is None
        await self._must_write(self._book, call, usd, reply, [(key, reply)] if sound else [])
        return reply, usd or 0.0

    def _reserve(self, request: Request) -> tuple[Price, float, int | None]:
        """On disk: the price that holds, the most that the call can cost, and its number in the ledger."""
        must_have_room()
        price = self.hosted.reprice(self.db)
        most = max(self.hosted.most_usd(request, price), self.dearest)
        return price, most, ledger.reserve(self.db, self.account, most)

    async def _must_write(self, function: Callable, *arguments: Any) -> None:
        await self.on_disk(insist, partial(function, *arguments), self.patience_s)

    def _book(self, call: int, usd: float | None, reply: Reply, kept: list[tuple[bytes, Reply]]) -> None:
        with self.db.atomic():
            ledger.settle(self.db, call, usd, reply.tokens_in, reply.tokens_out, reply.tokens_cached)
            keep_replies(self.db, self.account.client_id, kept)
