"""Much that is bought outside any run, side by side and within a cap: what a teacher says of texts, or what a model writes.

    with errand(db, client_id, hosted, run_id, owner, cap_usd) as asked:
        answers = asked.ask(texts, report)
    with errand(db, client_id, model.find(db, client_id, spec), None, owner, cap_usd, ledger.WRITTEN) as asked:
        drafts = asked.write({name: Request(system, (("user", text),), schema, max_tokens_out=600)}, report)

Each call stands in the ledger under `owner`, whose calls together never cost more than the cap, however often the errand is run
again; replies are kept as they arrive (core/label/desk.py). So what is asked again, after a kill too, is answered from disk, as is
what the run `run_id` (the same teacher asked the same way) holds a label of. Failures are not kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import database, settings
from core.errors import InputError
from core.jobs.progress import stopping
from core.label import labels
from core.label.buying import Lengths, must_be_capped, must_have_room, pause
from core.label.consulting import Consultation, Failed, Writing, Written
from core.label.desk import Desk, OverBudget, Paused
from core.label.engine import ENDING_S, FIRST, GIVE_UP_S, LONGEST_WAIT_S, TRIES
from core.label.limits import Limits
from core.label.model import Model
from core.label.teachers import Answer, Asset
from core.label.teachers.wire import Reply, Request
from core.money import ledger
from core.money.prices import TOKENS_OUT
from core.room import no_room

TELL_S = 0.5  # seconds between reports
KEPT_TODO = "What is answered so far is kept: start it again and it carries on from there."
FAILING = 10  # texts in a row without an answer: the others would have none either

Report = Callable[[int], None]  # how many texts are done; raises to stop
Check = Callable[[str], str | None]
Name = TypeVar("Name", bound=Hashable)


@contextmanager
def errand(
    db: Database,
    client_id: int,
    model: Model,
    run_id: int | None,
    owner: str,
    cap_usd: float | None,
    purpose: str = ledger.SENT,
) -> Iterator[Errand]:
    """An Errand of `owner`, for this process alone.

    InputError where it is under way already, the model has no price, or costs money and there is no cap, the key is not where it
    should be, or the disk is all but full.
    """
    must_be_capped(model, cap_usd, "the teacher")
    lock = FileLock(settings.subfolder("locks") / f"{owner}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            "The teacher is being asked about this file already.", "Wait for that, or cancel it."
        ) from None
    try:
        must_have_room()
        wire = model.connect()
        path = Path(next(row["file"] for row in db.query("pragma database_list") if row["name"] == "main"))
        connection = model.connection
        with ledger.owned(db, client_id, owner):
            account = ledger.Account(client_id, None, connection.name, connection.model, cap_usd, purpose, owner=owner)
            asked = Errand(path, model, run_id, account, wire)
            try:
                yield asked
            finally:
                asked.close()
    finally:
        lock.release()


class Errand:
    """See the module. `capped` once the cap allows no further call; what is kept is answered all the same."""

    def __init__(self, path: Path, model: Model, run_id: int | None, account: ledger.Account, wire: Any):
        self.model, self.run_id, self.account = model, run_id, account
        self._disk = ThreadPoolExecutor(1, "errand")  # neither a commit nor a lock holds up a call
        self._runner = asyncio.Runner()
        self._db = self._disk.submit(database.connect, path).result()
        self._desk = _PatientDesk(self._db, model, account, wire, self._on_disk, ENDING_S)
        self._stop: BaseException | None = None

    @property
    def capped(self) -> bool:
        return self._desk.capped

    def ask(self, texts: Sequence[str], report: Report) -> dict[str, Answer]:
        """What is said of each text; one that the cap leaves no money for is missing. Raises as write()."""

        async def one(text: str) -> Answer:
            held = await self._on_disk(labels.of_text, self._db, self.account.client_id, self.run_id, text)
            return held or await self._desk.answer(Asset(0, text))

        return self._runner.run(self._ask(list(texts), one, report))

    def write(self, asked: Mapping[Name, Request], report: Report, check: Check | None = None) -> dict[Name, Written]:
        """What the model writes in reply to each request, under its name; one that the cap leaves no money for is missing.

        `check(text)` says what makes a text useless, None where nothing does; only what is sound is kept. Raises InputError where
        going on makes no sense, and whatever `report` raises, once the calls under way are over: what they bring is kept.
        """

        async def one(name: Name) -> Written:
            return await self._desk.consult(Writing(asked[name], check))

        return self._runner.run(self._ask(list(asked), one, report))

    def close(self) -> None:
        """Let go of connections and disk."""
        self._runner.run(self._desk.wire.close())
        self._runner.close()
        self._disk.submit(self._db.close)
        self._disk.shutdown()

    async def _ask(self, names: list, one: Callable[[Any], Awaitable[Any]], report: Report) -> dict:
        answers: dict = {}
        done, waiting = [0], iter(names)
        workers = min(self._desk.limits.concurrency, len(names))
        left = {asyncio.create_task(self._work(waiting, one, answers, done)) for _ in range(workers)}
        ending = None
        while left:
            try:
                _, left = await asyncio.wait(left, timeout=TELL_S)
                if self._stop is None:
                    report(done[0])
            except BaseException as stop:  # the calls under way are paid: they are waited for
                self._stop = self._stop or stop
            if self._stop is not None:
                ending = ending or time.monotonic() + ENDING_S
                over = stopping.is_set() and time.monotonic() > ending
                for task in left if over else left - self._desk.calling:
                    task.cancel()
        if self._stop is not None:
            raise self._stop
        report(done[0])
        return answers

    async def _work(self, waiting: Iterator, one: Callable, answers: dict, done: list[int]) -> None:
        for name in waiting:
            try:
                answers[name] = await one(name)
            except OverBudget:
                pass
            except asyncio.CancelledError:
                return
            except BaseException as error:
                self._stop = self._stop or _in_words(error)
            if self._stop is not None:
                return
            done[0] += 1

    def _on_disk(self, function: Callable, *arguments: Any) -> asyncio.Future:
        return asyncio.get_running_loop().run_in_executor(self._disk, function, *arguments)


class _PatientDesk(Desk):
    """A desk that keeps to the connection's pace, waits where the provider asks to, and asks again what failed for a passing
    reason. `calling`: tasks whose call is under way."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        params = self.hosted.connection.params
        self.limits = Limits(params.concurrency, params.requests_per_minute, params.tokens_per_minute, first=FIRST)
        self.lengths = Lengths(self.hosted)
        self.calling: set[asyncio.Task] = set()
        self.capped = False
        self.failing = 0
        self.paused_since: float | None = None  # without an answer since

    async def _ask(self, talk: Consultation | Writing, request: Request, key: bytes) -> tuple[Reply, float]:
        tries = 0
        while True:
            if self.capped:
                raise OverBudget
            try:
                reply, usd = await self._in_turn(talk, request, key)
            except OverBudget:
                # What is set aside for calls under way may be more than they cost.
                self.capped = self.capped or not self.calling
                await asyncio.sleep(0 if self.capped else 0.05)
            except Paused as paused:
                self._consider(str(paused))
            except Failed as failed:
                tries += 1
                self._must_go_on(failed)
                if not failed.passing or tries >= TRIES:
                    self._count(failed)
                    raise
                await asyncio.sleep(pause(tries))
            else:
                self.failing, self.paused_since = 0, None
                self.lengths.check([reply], request.max_tokens_out)
                return reply, usd

    async def _in_turn(self, talk: Consultation | Writing, request: Request, key: bytes) -> tuple[Reply, float]:
        """One try, when it is its turn."""
        await self.limits.turn(self.hosted.most_tokens(request)[0] + TOKENS_OUT if self.limits.tokens else 0)
        task = asyncio.current_task()
        self.calling.add(task)
        try:
            return await super()._ask(talk, request, key)
        finally:
            self.calling.discard(task)
            self.limits.done()

    def _consider(self, words: str) -> None:
        """InputError where the provider asks to wait for longer than makes sense."""
        now = time.monotonic()
        self.paused_since = self.paused_since or now
        wait = max(self.limits.not_before - now, 0.0)
        if wait > LONGEST_WAIT_S or now - self.paused_since > GIVE_UP_S + wait:
            raise InputError(words, KEPT_TODO, where=self.hosted.connection.name)

    def _must_go_on(self, failed: Failed) -> None:
        if self.refused:
            raise InputError(f"The key was refused: {failed}", KEPT_TODO, where=self.hosted.connection.name)

    def _count(self, failed: Failed) -> None:
        self.failing += 1
        if self.failing >= FAILING:
            raise InputError(
                f"{FAILING} texts in a row brought no answer: {failed}", KEPT_TODO, where=self.hosted.connection.name
            )


def _in_words(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.OperationalError) and no_room(error):
        return InputError(
            "The disk is full, so asking stopped.", "Make room, then start it again: it carries on from there."
        )
    return error
