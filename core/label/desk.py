"""Single answers bought outside any run as they are wanted, one call each: nobody waits for money, or for a provider that asks to
wait."""

from __future__ import annotations

import asyncio
import time

from sqlite_utils import Database

from core.label.buyer import Buyer, Stopped
from core.label.buying import kept_replies, must_have_room, outside
from core.label.consulting import Consultation, Failed
from core.label.disk import Disk
from core.label.teachers import Answer, Asset
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.wires.limits import Limits
from core.wires.wire import PASSING, CallError, Reply, Request

REFUSED_S = 30.0  # seconds after which a key that was refused may have been changed


class Paused(Exception):
    """The provider asked to wait, in these words, and the wait is not over."""


def ask_once(db: Database, client_id: int, hosted: Hosted, text: str) -> Answer:
    """Ask a hosted teacher about one text now, outside any run: paid, in the ledger and kept like every other call. Not from within
    an event loop. InputError where the model has no price or the key is missing."""
    hosted.priced()
    disk = Disk.of(db)

    async def ask(owner: str) -> Answer:
        buyer = Buyer(hosted, outside(hosted, client_id, owner, None, ledger.TRYING), disk, Limits(1))
        try:
            return await Desk(buyer).answer(Asset(0, text))
        except Paused as paused:
            return Answer(0, None, error=str(paused))
        finally:
            await buyer.close()

    with ledger.owned(db, client_id) as owner:
        try:
            return asyncio.run(ask(owner))
        finally:
            disk.close()


class Desk:
    """Asks one hosted teacher through a Buyer. Without room kept aside on the disk no call is made."""

    def __init__(self, buyer: Buyer):
        self.buyer = buyer
        self.refused = False  # the key is no good as it stands

    @property
    def paused(self) -> bool:
        """No call may be made just now."""
        return time.monotonic() < self.buyer.limits.not_before

    async def answer(self, asset: Asset) -> Answer:
        """What the teacher says of an asset: answers() of one facet."""
        (answer,) = await self.answers(self.buyer.model, asset)
        return answer

    async def answers(self, hosted: Hosted, asset: Asset) -> list[Answer]:
        """What a teacher on the Buyer's connection says in each facet, a label or the reason why there is none, once it is on disk.
        Capped or Paused where no call may be made, InputError where the disk has no room for what it brings."""
        writer = self.buyer.writer
        ((_, request),) = hosted.asking.requests([asset])
        talk = Consultation(hosted, [asset], request)
        keys = [hosted.key(one) for one in talk.requests]
        replies = await self.buyer.disk(self._look, keys)
        bought = {vote: replies[key] for vote, key in enumerate(keys) if key in replies}
        try:
            await talk.run(self._ask, lambda vote, reply: writer.keep(keys[vote], reply), bought, keep_part=writer.keep)
        except Failed as failed:
            talk.fail(str(failed))
        except Stopped:
            raise writer.no_room() from None
        if len(bought) < len(keys):
            await writer.written()
        return talk.answers()

    def _look(self, db: Database, keys: list[bytes]) -> dict[bytes, Reply]:
        """On disk: what was said before. From here on the price holds that there is now, and that the disk was full is over."""
        must_have_room()
        self.buyer.writer.full_since = None
        self.buyer.model.reprice(db)
        return kept_replies(db, self.buyer.account.client_id, keys)

    async def _ask(self, request: Request, vote: int) -> tuple[Reply, float]:
        if self.paused:
            raise Paused("The provider asked to wait.")
        call = await self.buyer.reserve(request, 1)
        try:
            reply = await self.buyer.ask(request, call)
        except CallError as error:
            if not (error.billed or error.counted):
                self.buyer.writer.settle(call, 0.0, error=error.words)
            await self.buyer.writer.written()
            if error.trouble == "rate":
                raise Paused(error.words) from None
            self.refused |= error.trouble == "auth"
            self.buyer.limits.hold(REFUSED_S if error.trouble == "auth" else error.retry_after or 0.0)
            raise Failed(error.words, error.trouble in PASSING) from None
        return reply, self.buyer.usd(call, reply)
