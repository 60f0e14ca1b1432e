"""What every way of buying labels shares, call by call (engine.py), by the batch (batches.py) and one answer at a time (desk.py):
one process a run, the account they write under, what the model has said before, votes and repair turns and what they come to,
answers used up by thinking, and how long to wait before another try."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import database, room, settings
from core.errors import InputError
from core.jobs import insist
from core.label.connections import LONGER
from core.label.prompts import Said, merged
from core.label.replies import used_up
from core.label.teachers import Answer, Asset
from core.label.teachers.hosted import Bill, Hosted, answer
from core.label.teachers.wire import Reply, Request
from core.money import ledger

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between tries, growing
ALL_CUT = 4  # answers, the first of a run: where all of them are cut off, all would be
RECENT = 20  # answers looked back at: where half of them are cut off, too many are
KEPT_TODO = "What is labelled so far is kept: start the run again and it carries on from there."


@contextmanager
def held(run_id: int) -> Iterator[None]:
    """Keep a run to this process: two that label it at once would buy each label twice. The system frees it if we die.

    Room for what is paid for is kept aside before the first call; InputError where there is none.
    """
    lock = FileLock(settings.subfolder("locks") / f"label-run-{run_id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError("These labels are being bought already.", "Wait for that run, or cancel it first.") from None
    try:
        must_have_room()
        yield
    finally:
        lock.release()


def must_have_room() -> None:
    """Keep room aside for what is paid for; InputError where there is none."""
    if not room.keep():
        raise InputError(
            f"The disk is all but full ({room.left() / 1e6:.0f} MB are free), so nothing is bought: what is paid for might find"
            " no place.",
            f"Make room for {2 * room.RESERVE / 1e6:.0f} MB at least, then start it again.",
        )


def ended(db: Database, run_id: int, state: str, seconds: float) -> None:
    """Note how a run has ended and how long it took; nothing where the disk has no room even for that."""
    noted = "update label_runs set state = ?, seconds = seconds + ? where id = ?"
    try:
        insist(lambda: db.execute(noted, [state, seconds, run_id]), 0)
    except sqlite3.OperationalError as error:
        if not room.no_room(error):
            raise


def account(
    db: Database, run_id: int, hosted: Hosted, budget_usd: float | None, limit: int | None = None, batch: bool = False
) -> ledger.Account:
    """What the run's calls are written under. InputError as must_be_capped()."""
    must_be_capped(hosted, budget_usd, "the run")
    query = "select t.client_id from label_runs r join tasks t on t.id = r.task_id where r.id = ?"
    client_id = db.execute(query, [run_id]).fetchone()[0]
    purpose = ledger.LABELLING if limit is None else ledger.DRY_RUN
    name, model = hosted.connection.name, hosted.connection.model
    return ledger.Account(client_id, run_id, name, model, budget_usd, purpose, batch)


def must_be_capped(hosted: Hosted, budget_usd: float | None, what: str) -> None:
    """InputError where the model has no price, or costs money and there is no cap on `what` is bought."""
    if hosted.price is None:
        raise InputError(
            f"The price of {hosted.connection.model} is not known.",
            "Give it with the connection or in Settings, in USD per million tokens (0 for a model of your own).",
        )
    if budget_usd is None and max(hosted.price.input_usd_mtok, hosted.price.output_usd_mtok) > 0:
        raise InputError(
            f"{hosted.connection.name} costs money and there is no cap.", f"Say how many US dollars {what} may cost."
        )


def kept_replies(db: Database, client_id: int, keys: Sequence[bytes]) -> dict[bytes, Reply]:
    """What the model has said before to exactly these requests."""
    found: dict[bytes, Reply] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        rows = db.execute(
            f"select key, reply from kept_replies where client_id = ? and key in ({','.join('?' * len(part))})",
            [client_id, *part],
        )
        found |= {key: Reply(**json.loads(reply)) for key, reply in rows}
    return found


def keep_replies(db: Database, client_id: int, replies: Sequence[tuple[bytes, Reply]]) -> None:
    """Remember replies, in the caller's transaction."""
    db.conn.executemany(
        "insert or replace into kept_replies (client_id, key, reply, created) values (?, ?, ?, ?)",
        [(client_id, key, json.dumps(asdict(reply)), database.now()) for key, reply in replies],
    )


class Failed(Exception):
    """This call brings nothing, however often it is made now; `passing`: it may bring something later."""

    def __init__(self, words: str, passing: bool):
        super().__init__(words)
        self.passing = passing


class Consultation:
    """What is said of the assets of one request, vote by vote, and what that took. `votes` has all that is said, by asset."""

    def __init__(self, hosted: Hosted, assets: Sequence[Asset], request: Request):
        self.hosted, self.assets, self.request = hosted, list(assets), request
        self.bills = {asset.id: Bill() for asset in assets}
        self.votes: dict[int, list[Said]] = {asset.id: [] for asset in assets}

    @property
    def requests(self) -> list[Request]:
        """The request of each vote."""
        votes = max(self.hosted.connection.params.votes, 1)
        return [replace(self.request, sample=vote) if vote else self.request for vote in range(votes)]

    async def run(
        self,
        ask: Callable[[Request, int], Awaitable[tuple[Reply, float | None]]],
        keep: Callable[[int, Reply], None],
        kept: dict[int, Reply],
        early: Callable[[list[Answer]], None] | None = None,
    ) -> None:
        """Ask for all votes, as far as they are not `kept`; `ask(request, vote)` gives a reply and what it cost, or raises Failed.

        `keep` gets each reply that can be used whole; `early` the answers of assets that need not wait for others' repair turn.
        """
        for vote, request in enumerate(self.requests):
            reply, usd = (kept[vote], 0.0) if vote in kept else await ask(request, vote)
            said = self.heard(request, reply, usd)
            again = self.repair(request, reply, said)
            if again is None and not any(one.problem for one in said):
                if vote not in kept:
                    keep(vote, reply)
            elif again is not None:
                if early and len(self.requests) == 1:
                    said = self._let_go(said, early)
                said = await self._repaired(again, said, vote, ask, keep)
            if self.vote(said):
                break

    def _let_go(self, said: list[Said], early: Callable[[list[Answer]], None]) -> list[Said]:
        """Sound ones do not wait for the others' repair; those that do."""
        sound = [one for one in said if not one.problem]
        if sound:
            early([answer(one, self.bills[one.asset_id]) for one in sound])
            for one in sound:
                del self.votes[one.asset_id]
        return [one for one in said if one.problem]

    async def _repaired(self, again: Request, said: list[Said], vote: int, ask: Callable, keep: Callable) -> list[Said]:
        try:
            reply, usd = await ask(again, vote)
        except Failed:
            return said
        second = self.heard(again, reply, usd, [one.asset_id for one in said if one.problem])
        if not any(one.problem for one in second):
            keep(vote, reply)
        return merged(said, second)

    def heard(self, request: Request, reply: Reply, usd: float | None, of: Sequence[int] | None = None) -> list[Said]:
        """What a reply says, its cost (None: not known) shared out over all assets, or those whose ids are in `of`."""
        bills = [self.bills[id] for id in (self.bills if of is None else of)]
        for bill in bills:
            bill.add(reply, usd, len(bills))
        return self.hosted.asking.read(self.assets, request, reply)

    def repair(self, request: Request, reply: Reply, said: Sequence[Said]) -> Request | None:
        """What to ask once more; None where nothing is wrong, or the same would come again."""
        if used_up(reply) or not any(one.problem for one in said):
            return None
        return self.hosted.asking.repair(request, reply, said)

    def vote(self, said: Sequence[Said]) -> bool:
        """Count a vote; whether no other is needed, since the model gave probabilities."""
        for one in said:
            self.votes[one.asset_id].append(one)
        sound = [one for one in said if not one.problem]
        return bool(sound) and all(one.confidence_kind == "logprobs" for one in sound)

    def fail(self, words: str) -> None:
        """Count for each asset a vote that brought nothing."""
        for id, votes in self.votes.items():
            votes.append(Said(id, None, words))

    def answers(self) -> list[Answer]:
        """What the votes on each asset come to; unsound ones do not count where there is a sound one."""
        return [answer(self._decided(votes), self.bills[id]) for id, votes in self.votes.items() if votes]

    def _decided(self, votes: list[Said]) -> Said:
        sound = [said for said in votes if not said.problem]
        return self.hosted.asking.combine(sound) if len(sound) > 1 else (sound or votes)[0]


class Lengths:
    """Watches for a model that uses up its answers, as those do that think first: each is paid for and brings nothing."""

    def __init__(self, hosted: Hosted):
        self.hosted = hosted
        self.recent: deque[bool] = deque(maxlen=RECENT)

    def check(self, replies: Sequence[Reply]) -> None:
        """InputError where the first few answers of the run were all cut off, or half of the latest ones."""
        self.recent += [reply.finish == "length" for reply in replies]
        cut = sum(self.recent)
        if cut == len(self.recent) >= ALL_CUT or cut >= RECENT // 2:
            raise too_short(self.hosted, cut)


def too_short(hosted: Hosted, cut: int) -> InputError:
    """The run's end where so many answers were cut off."""
    most = hosted.connection.params.max_tokens_out
    return InputError(
        f"{cut} answers were cut off at {most:,} tokens: the model thinks first, and each is paid for.",
        f"Allow a longer answer: {LONGER} What is labelled so far is kept.",
        where=hosted.connection.name,
    )


def pause(tries: int) -> float:
    """Seconds before the next try: growing, and not the same for all."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries, 10)) * random.uniform(0.75, 1.25)
