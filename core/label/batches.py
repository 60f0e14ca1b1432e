"""Labels at the provider's batch price: many requests handed in at once, answered within hours.

The provider's number of a batch is on disk before it is asked how far it is, so that a run that is stopped or killed fetches
later what it has paid for. Answers are matched by the numbers we gave the requests. What a batch did not answer, or not
soundly, goes into the next one, ROUNDS times in all. The money for a whole batch is set aside before it is handed in. Where its
images would weigh more than a provider takes, there are more batches. Where the
provider takes no more at once (OpenAI: an enqueued token limit), the rest waits until the batches in progress are done.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlite_utils import Database

from core.database import now
from core.errors import InputError
from core.jobs import NoProgress, insist
from core.label import buying
from core.label.asking import Question
from core.label.consulting import Consultation
from core.label.model import cost
from core.label.teachers import Asset
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.wires.deciding import NO_BATCHES
from core.wires.failures import LONG_S
from core.wires.wire import PASSING, BatchState, CallError, Reply

CHUNK = 1000  # requests a batch: providers take 50,000, but money set aside is best got back in parts
BATCH_BYTES = 100_000_000  # of a batch's images: OpenAI takes files of 200 MB and Anthropic bodies of 256 MB, built in memory here
MANY = 1000  # batches in progress, where nothing says that fewer fit
ROUNDS = 3
FIRST_POLL, LONGEST_POLL = 5.0, 60.0  # seconds between questions how far it is
TRIES = 6  # of handing in, or of asking how far it is, in a row
SMALLEST = 25  # requests of a batch: where one alone does not fit, others' batches are in the way as well
LONGEST_WAIT_S = 3600.0  # for those, or for what a provider asks to wait
HOLD_S = 60.0  # that a batch's number, which is all that leads to its answers, is held for while the disk is full
LOST = "The run was killed while this batch was handed in."


@dataclass
class _Unit:
    talk: Consultation
    asked: dict[str, Question]  # the votes that were not cast before, by the number we give each
    replies: list[Reply]


def label_in_batches(
    db: Database,
    run_id: int,
    hosted: Hosted,
    budget_usd: float | None,
    progress: NoProgress | None = None,
    *,
    todo: int,
) -> str:
    """Label what the run lacks (`todo` assets) in batches; returns its state, "done" or "capped". Facets asked about together are
    labelled into the runs of their Joint teacher, of which `run_id` is the first.

    Raises InputError where the provider does not take the batch; Cancelled or Interrupted as `progress` does: what is handed in
    is answered all the same, and fetched when the run is started again.
    """
    if not hosted.provider.takes_batches:
        raise InputError(NO_BATCHES, "Leave the batch out.", where=hosted.connection.name)
    runs = hosted.runs or (run_id,)
    with buying.under_way(db, *runs) as ending:
        account = buying.account(db, runs, hosted, budget_usd, batch=True)
        _close_lost(db, runs)
        ending.state = asyncio.run(_Batches(db, account, hosted, progress or NoProgress(), todo).run())
    return ending.state


def _close_lost(db: Database, runs: Sequence[int]) -> None:
    """Batches of which nobody knows whether they reached the provider count as if they had."""
    for row in _in_state(db, runs, "sending"):
        with db.atomic():
            ledger.settle(db, row["call_id"], None, error=LOST)
            db.execute("update batches set state = 'lost', ended = ? where id = ?", [now(), row["id"]])


def _in_state(db: Database, runs: Sequence[int], state: str) -> list[dict]:
    """The batches about these runs, or some of them together, that are in a state, the oldest first."""
    places = ",".join("?" * len(runs))
    return list(
        db.query(
            f"""select * from batches where run_id in ({places}) and state = ? and (joint_id is null or not exists (
                    select 1 from joints j where j.id = joint_id and j.run_id not in ({places}))) order by id""",
            [*runs, state, *runs],
        )
    )


class _Batches:
    """One run in batches. Everything happens in one thread: between batches there is time."""

    def __init__(self, db: Database, account: ledger.Account, hosted: Hosted, progress: NoProgress, todo: int):
        self.db, self.account, self.hosted, self.progress, self.todo = db, account, hosted, progress, todo
        self.asking, self.runs = hosted.asking, account.runs or (account.run_id,)
        self.votes = max(hosted.connection.params.votes, 1)
        self.units: dict[int, list[_Unit]] = {}  # of the batches handed in by this process
        self.repairs: dict[int, Question] = {}  # by asset
        self.tried: Counter = Counter()  # by asset
        self.lengths = buying.Lengths(hosted)
        self.chunk, self.at_once = (
            CHUNK,
            MANY,
        )  # requests a batch, batches in progress: fewer where the provider says so
        self.note = ""  # what is waited for
        self.full = self.crowded = False  # the last one handed in did not fit; nor would a small one
        self.full_since: float | None = None
        self.done = 0

    async def run(self) -> str:
        self.wire = self.hosted.connect()
        try:
            while True:
                await self._collect()
                if self.crowded:
                    await self._wait(LONGEST_POLL, 0, 0)
                self.full = self.crowded = False
                handed, refused = await self._hand_in()
                if not (handed or self.full):
                    return "capped" if refused else "done"
        finally:
            await self.wire.close()

    def _tell(self, answered: int = 0, running: int = 0) -> None:
        waiting = f", {running} at the provider" if running else ""
        note = f" ({self.note})" if self.note else ""
        message = f"Labelling with {self.hosted.connection.name} in batches{waiting}{note}"
        self.progress(self.done + answered, self.todo, message, ledger.spent(self.db, *self.runs))

    def _over(self, words: str, todo: str = buying.KEPT_TODO) -> InputError:
        return InputError(words, todo, where=self.hosted.connection.name)

    # --- handing in ----------------------------------------------------------------------------------------------

    async def _hand_in(self) -> tuple[int, bool]:
        """Hand in what is still to be asked, as far as the cap allows: (batches handed in, whether the cap refused any)."""
        self.hosted.reprice(self.db)  # and not before these are taken in
        buying.must_be_capped(self.hosted, self.account.cap_usd, "the run")
        handed, units = 0, _Units(self._open_units())
        while handed < self.at_once and (chunk := _alike(units, max(self.chunk // self.votes, 1))):
            self._tell()
            call = None
            while chunk and (call := self._reserve(chunk)) is None:
                chunk = chunk[: len(chunk) // 2]
                units = _Units(iter(()))  # the cap is near: the rest comes after this batch's money is known
            if call is None:
                return handed, True
            if not await self._send(chunk, call):
                return handed, False
            handed += 1
        return handed, False

    def _open_units(self) -> Iterator[_Unit]:
        """What is to be asked, in pages; what the model has said before is labelled on the way."""
        for page in self.hosted.pending(self.db, self.runs[0]):
            assets = [asset for asset in page if self.tried[asset.id] < ROUNDS]
            asked = [([asset], self.repairs[asset.id]) for asset in assets if asset.id in self.repairs]
            asked += self.asking.requests([asset for asset in assets if asset.id not in self.repairs])
            for unit in self._units([Consultation(self.hosted, *one) for one in asked]):
                if unit.asked:
                    yield unit
                else:
                    with self.db.atomic():
                        self._label(unit, {})

    def _units(self, talks: list[Consultation]) -> list[_Unit]:
        votes = [_numbered(talk) for talk in talks]
        keys = {number: self.hosted.key(request) for cast in votes for number, request in cast.items()}
        known = buying.kept_replies(self.db, self.account.client_id, list(keys.values()))
        return [
            _Unit(
                talk,
                {number: request for number, request in cast.items() if keys[number] not in known},
                [known[keys[number]] for number in cast if keys[number] in known],
            )
            for talk, cast in zip(talks, votes)
        ]

    def _most(self, chunk: list[_Unit]) -> float:
        requests = [request for unit in chunk for request in unit.asked.values()]
        return sum(map(self._most_usd, requests))

    def _most_usd(self, request: Question) -> float:
        return self.hosted.most_usd(request, self.hosted.price, batch=True)

    def _reserve(self, chunk: list[_Unit]) -> int | None:
        """Money and a row for a batch, in one transaction; the batch's number, or None where the cap does not allow it."""
        runs = self.hosted.pays_for(chunk[0].talk.request) or self.runs
        with self.db.atomic():
            size = sum(unit.talk.size for unit in chunk)
            call = ledger.reserve(self.db, self.account, self._most(chunk), size, runs)
            if call is None:
                return None
            requests = [{"assets": [a.id for a in unit.talk.assets], "votes": list(unit.asked)} for unit in chunk]
            row = {
                "run_id": runs[0],
                "joint_id": ledger.joint_of(self.db, runs) if len(runs) > 1 else None,
                "call_id": call,
                "state": "sending",
                "requests": json.dumps(requests),
                "created": now(),
            }
            return self.db["batches"].insert(row).last_pk

    async def _send(self, chunk: list[_Unit], batch: int) -> bool:
        """Hand a batch in; False where the provider takes no more at once."""
        requests = {number: request for unit in chunk for number, request in unit.asked.items()}
        try:
            provider_id = await self._patiently(lambda: self.wire.send_batch(requests))
        except CallError as error:
            self._drop(batch, None if error.billed else 0.0, error.words)
            if error.trouble == "full":
                self._full(batch, error.words)
                return False
            raise self._over(f"The batch was not taken: {error.words}") from None
        handed = "update batches set provider_id = ?, state = 'running' where id = ?"
        insist(lambda: self.db.execute(handed, [provider_id, batch]), HOLD_S)
        self.units[batch] = chunk
        return True

    def _full(self, batch: int, words: str) -> None:
        """The provider takes no more at once: fewer batches from now on or, where this was the only one, smaller ones. InputError
        where even a small one alone has found no room for long."""
        (requests,) = self.db.execute("select requests from batches where id = ?", [batch]).fetchone()
        size = sum(len(one["votes"]) for one in json.loads(requests))
        running = len(_in_state(self.db, self.runs, "running"))
        self.full, self.note = True, "the provider takes no more at once: the rest waits for what is in progress"
        self._tell(0, running)
        if running:
            self.at_once = min(self.at_once, running)
            return
        self.chunk = max(size // 2, 1)
        self.crowded = size <= SMALLEST
        self.full_since = self.full_since or time.monotonic()
        if time.monotonic() - self.full_since > LONGEST_WAIT_S:
            raise self._over(words)

    async def _patiently(self, what):
        """Do it, again where the reason it failed may pass and it cannot have happened all the same."""
        for tries in range(TRIES):
            try:
                return await what()
            except CallError as error:
                wait = error.retry_after or 0.0
                if error.trouble not in PASSING or error.billed or tries + 1 == TRIES or wait > LONGEST_WAIT_S:
                    raise
                before, self.note = self.note, error.words if wait >= LONG_S else self.note
                await self._wait(max(buying.pause(tries), wait), 0, 0)
                self.note = before

    def _drop(self, batch: int, cost_usd: float | None, words: str) -> None:
        with self.db.atomic():
            (call,) = self.db.execute("select call_id from batches where id = ?", [batch]).fetchone()
            ledger.settle(self.db, call, cost_usd, error=words)
            self.db.execute("update batches set state = 'failed', ended = ? where id = ?", [now(), batch])

    # --- fetching ------------------------------------------------------------------------------------------------

    async def _collect(self) -> None:
        """Wait for every batch at the provider, and take in what it answered."""
        pause = FIRST_POLL
        while open_ones := _in_state(self.db, self.runs, "running"):
            answered = 0
            for row in open_ones:
                state = await self._state(row)
                answered += state.done
                if state.state == "ended":
                    await self._take_in(row)
                elif state.state == "full":
                    self._drop(row["id"], 0.0, state.words)
                    self._full(row["id"], state.words)
                elif state.state == "failed":
                    self._drop(row["id"], 0.0, state.words)
                    raise self._over(f"The batch failed: {state.words}")
                else:
                    continue
                answered, pause = 0, FIRST_POLL
                break
            else:
                await self._wait(pause, answered, len(open_ones))
                pause = min(LONGEST_POLL, pause * 1.5)

    async def _state(self, row: dict) -> BatchState:
        try:
            return await self._patiently(lambda: self.wire.batch_state(row["provider_id"]))
        except CallError as error:
            raise self._over(
                f"The batch cannot be followed: {error.words}",
                "It is answered all the same: start the run again to fetch it.",
            ) from None

    async def _wait(self, seconds: float, answered: int, running: int) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tell(answered, running)
            await asyncio.sleep(min(0.25, seconds))

    async def _take_in(self, row: dict) -> None:
        """A batch's answers, its labels and what it cost, in one transaction: done wholly, or again."""
        try:
            replies = {number: reply async for number, reply in self.wire.batch_replies(row["provider_id"])}
        except CallError as error:
            raise self._over(
                f"The batch's answers cannot be fetched: {error.words}",
                "They are kept by the provider: start the run again to fetch them.",
            ) from None
        self.note, self.full_since = "", None
        units = self.units.pop(row["id"], None) or self._rebuilt(row)
        asked = {number: request for unit in units for number, request in unit.asked.items()}
        bills = [self._bill(asked[number], replies[number]) for number in asked.keys() & replies.keys()]
        with self.db.atomic():
            for unit in units:
                self._label(unit, replies)
            ledger.settle(self.db, row["call_id"], *(map(sum, zip(*bills)) if bills else [0.0]))
            self.db.execute("update batches set state = 'done', ended = ? where id = ?", [now(), row["id"]])
        self._tell()
        most = self.hosted.connection.params.max_tokens_out
        self.lengths.check([reply for reply in replies.values() if isinstance(reply, Reply)], most)

    def _bill(self, request: Question, result: Reply | CallError) -> tuple[float, int, int, int]:
        """USD of one answer of a batch, the most it can have cost where nobody knows, and its tokens in, out and cached."""
        counted = result.counted if isinstance(result, CallError) else result
        if counted is None:
            return self._most_usd(request) if result.billed else 0.0, 0, 0, 0
        usd = cost(self.hosted.price, counted, batch=True)
        tokens = counted.tokens_in or 0, counted.tokens_out or 0, counted.tokens_cached
        return (self._most_usd(request) if usd is None else usd), *tokens

    def _rebuilt(self, row: dict) -> list[_Unit]:
        """The units of a batch that an earlier process handed in, asked the same way."""
        units = []
        for handed_in in json.loads(row["requests"]):
            places = ",".join("?" * len(handed_in["assets"]))
            texts = dict(self.db.execute(f"select id, text from assets where id in ({places})", handed_in["assets"]))
            if len(texts) < len(handed_in["assets"]):
                continue  # deleted since
            asked_about = self.hosted.seen(self.db, [Asset(id, texts[id]) for id in handed_in["assets"]])
            ((assets, request),) = self.asking.requests(self.hosted.asked_about(self.db, row, asked_about))
            (unit,) = self._units([Consultation(self.hosted, assets, request)])
            unit.asked = {
                number: request for number, request in _numbered(unit.talk).items() if number in handed_in["votes"]
            }
            unit.replies = unit.replies[: len(unit.talk.requests) - len(unit.asked)]
            units.append(unit)
        return units

    def _label(self, unit: _Unit, replies: dict[str, Reply | CallError]) -> None:
        """What a unit's replies come to, in the caller's transaction: labels, reasons, and what goes into the next batch."""
        talk, repair = unit.talk, None
        for reply in unit.replies:
            talk.vote(talk.read(talk.request, reply, 0.0))
        for number, request in unit.asked.items():
            reply = replies.get(number, CallError("server", "The batch brought no answer."))
            if isinstance(reply, CallError):
                talk.fail(reply.words)
                continue
            answered = talk.read(request, reply, cost(self.hosted.price, reply, batch=True) or 0.0)
            talk.vote(answered)
            if not any(answer.problem for answer in answered):
                buying.keep_replies(self.db, self.account.client_id, [(self.hosted.key(request), reply)])
            elif talk.size == 1 and talk.assets[0].id not in self.repairs:
                repair = talk.repair(request, reply, answered)
        answers = talk.answers()
        self.hosted.write(self.db, self.runs[0], [(talk.request.facets, answer) for answer in answers])
        failed = {answer.asset_id for answer in answers if answer.error}
        self.done += talk.size - len(failed)
        for asset in talk.assets:
            self.tried[asset.id] += 1
            if asset.id in failed and repair is not None:
                self.repairs[asset.id] = replace(repair, sample=0)
            elif asset.id not in failed:
                self.repairs.pop(asset.id, None)


class _Units:
    """Units one after the other, of which the next can be looked at."""

    def __init__(self, units: Iterator[_Unit]):
        self._units, self._next = units, []

    def peek(self) -> _Unit | None:
        """The next one, which stays; None at the end."""
        self._next = self._next or list(islice(self._units, 1))
        return self._next[0] if self._next else None

    def take(self) -> _Unit:
        """The next one (there is one)."""
        return self._next.pop()


def _alike(units: _Units, most: int) -> list[_Unit]:
    """The next units, `most` at most, as long as they ask about the same facets, for a batch is one row of the ledger, and their
    images weigh no more than BATCH_BYTES."""
    chunk: list[_Unit] = []
    room = BATCH_BYTES
    while len(chunk) < most and (unit := units.peek()):
        room -= sum(one.most_bytes for one in unit.talk.request.pictures) * len(unit.asked)
        if chunk and (room < 0 or unit.talk.request.facets != chunk[0].talk.request.facets):
            break
        chunk.append(units.take())
    return chunk


def _numbered(talk: Consultation) -> dict[str, Question]:
    """The votes of a consultation by the numbers we give them."""
    return {f"{talk.assets[0].id}-{vote}": request for vote, request in enumerate(talk.requests)}
