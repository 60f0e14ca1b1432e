"""What every way of buying shares, call by call (crew.py), by the batch (batches.py) and one answer at a time (desk.py): one
process a run, the account they write under, what the model has said before, answers used up by thinking, and how long to wait
before another try."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import database, room, settings
from core.errors import InputError
from core.jobs import insist
from core.label.model import Model
from core.money import ledger
from core.wires.connections import LONGER
from core.wires.wire import Reply

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between tries, growing
ALL_CUT = 4  # answers, the first of a run: where all of them are cut off, all would be
RECENT = 20  # answers looked back at: where half of them are cut off, too many are
KEPT_TODO = "What has arrived so far is kept: start it again and it carries on from there."


@contextmanager
def held(name: str, what: str) -> Iterator[None]:
    """Keep a purchase to this process: two that make it at once would buy everything twice. The system frees it if we die.

    Room for what is paid for is kept aside before the first call. InputError where there is none, or `what` is bought already.
    """
    lock = FileLock(settings.subfolder("locks") / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{what} are being bought already.", "Wait for that, or cancel it first.") from None
    try:
        must_have_room()
        yield
    finally:
        lock.release()


@dataclass
class Ending:
    """How a run ends: stopped, unless somebody says otherwise."""

    state: str = "stopped"


@contextmanager
def under_way(db: Database, *run_ids: int) -> Iterator[Ending]:
    """A run (or those of facets asked about together) held by this process, which is running from here on; in the end its state and
    the seconds it took are noted."""
    with ExitStack() as locks:
        for run_id in sorted(run_ids):
            locks.enter_context(held(f"label-run-{run_id}", "These labels"))
        _must_be_fetched(db, run_ids)
        for run_id in run_ids:
            ledger.close_abandoned(db, run_id)
            db["label_runs"].update(run_id, {"state": "running", "finished": None})
        started, ending = time.monotonic(), Ending()
        try:
            yield ending
        finally:
            for run_id in run_ids:
                ended(db, run_id, ending.state, time.monotonic() - started)


def _must_be_fetched(db: Database, runs: Sequence[int]) -> None:
    """InputError where a provider still has a batch about one of the runs and others together: it would be asked for twice."""
    places = ",".join("?" * len(runs))
    row = db.execute(
        f"""select group_concat(distinct t.name) from batches b join joints mine on mine.id = b.joint_id
            join joints j on j.id = b.joint_id join label_runs r on r.id = j.run_id join tasks t on t.id = r.task_id
            where b.state = 'running' and mine.run_id in ({places})
            group by b.id having sum(j.run_id not in ({places})) > 0 limit 1""",
        [*runs, *runs],
    ).fetchone()
    if row:
        raise InputError(
            f"The provider still has a batch about {row[0].replace(',', ', ')} together.",
            f"Fetch it first: label these facets together (--facets {row[0]}) in batches.",
        )


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
    db: Database,
    runs: Sequence[int],
    model: Model,
    budget_usd: float | None,
    limit: int | None = None,
    batch: bool = False,
) -> ledger.Account:
    """What the calls of a run, or of those of facets asked about together, are written under. InputError as must_be_capped()."""
    must_be_capped(model, budget_usd, "the run")
    query = "select t.client_id from label_runs r join tasks t on t.id = r.task_id where r.id = ?"
    client_id = db.execute(query, [runs[0]]).fetchone()[0]
    purpose = ledger.LABELLING if limit is None else ledger.DRY_RUN
    alone, together = (runs[0], ()) if len(runs) == 1 else (None, tuple(runs))
    connection = model.connection
    return ledger.Account(
        client_id, alone, connection.name, connection.model, budget_usd, purpose, batch, runs=together
    )


def outside(model: Model, client_id: int, owner: str, cap_usd: float | None, purpose: str) -> ledger.Account:
    """What calls outside any run are written under."""
    connection = model.connection
    return ledger.Account(client_id, None, connection.name, connection.model, cap_usd, purpose, owner=owner)


def must_be_capped(model: Model, budget_usd: float | None, what: str) -> None:
    """InputError where the model has no price, or costs money and there is no cap on `what` is bought."""
    model.priced()
    if model.paid and budget_usd is None:
        raise InputError(
            f"{model.connection.name} costs money and there is no cap.", f"Say how many US dollars {what} may cost."
        )


def kept_replies(db: Database, client_id: int, keys: Sequence[bytes]) -> dict[bytes, Reply]:
    """What the model has said before to exactly these requests."""
    replies: dict[bytes, Reply] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        rows = db.execute(
            f"select key, reply from kept_replies where client_id = ? and key in ({','.join('?' * len(part))})",
            [client_id, *part],
        )
        replies |= {key: Reply(**json.loads(reply)) for key, reply in rows}
    return replies


def keep_replies(db: Database, client_id: int, replies: Sequence[tuple[bytes, Reply]]) -> None:
    """Remember replies, in the caller's transaction."""
    db.conn.executemany(
        "insert or replace into kept_replies (client_id, key, reply, created) values (?, ?, ?, ?)",
        [(client_id, key, json.dumps(asdict(reply)), database.now()) for key, reply in replies],
    )


class Lengths:
    """Watches for a model that uses up its answers, as those do that think first: each is paid for and brings nothing."""

    def __init__(self, model: Model):
        self.model = model
        self.recent: deque[bool] = deque(maxlen=RECENT)

    def check(self, replies: Sequence[Reply], most: int) -> None:
        """InputError where the first few answers, `most` tokens long at most, were all cut off, or half of the latest ones."""
        self.recent += [reply.finish == "length" for reply in replies]
        cut = sum(self.recent)
        if cut == len(self.recent) >= ALL_CUT or cut >= RECENT // 2:
            raise InputError(
                f"{cut} answers were cut off at {most:,} tokens: the model thinks first, and each is paid for.",
                f"Allow a longer answer: {LONGER} What has arrived so far is kept.",
                where=self.model.connection.name,
            )


def pause(tries: int) -> float:
    """Seconds before the next try: growing, and not the same for all."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries, 10)) * random.uniform(0.75, 1.25)
