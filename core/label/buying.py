"""What both ways of buying labels share, call by call (engine.py) and by the batch (batches.py): one process a run, the account
they write under, what the model has said before, what votes come to, and how long to wait before another try."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import db as database
from core import settings
from core.errors import InputError
from core.label import ledger
from core.label.prompts import Said
from core.label.teachers import Asset
from core.label.teachers.hosted import Hosted
from core.label.teachers.wire import Reply

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between tries, growing
KEPT_TODO = "What is labelled so far is kept: start the run again and it carries on from there."


@contextmanager
def held(run_id: int) -> Iterator[None]:
    """Keep a run to this process: two that label it at once would buy each label twice. The system frees it if we die."""
    lock = FileLock(settings.subfolder("locks") / f"label-run-{run_id}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError("These labels are being bought already.", "Wait for that run, or cancel it first.") from None
    try:
        yield
    finally:
        lock.release()


def account(
    db: Database, run_id: int, hosted: Hosted, budget_usd: float | None, limit: int | None = None, batch: bool = False
) -> ledger.Account:
    """What the run's calls are written under. InputError where the model has no price, or costs money and there is no cap."""
    if hosted.price is None:
        raise InputError(
            f"The price of {hosted.connection.model} is not known.",
            "Give it with the connection, in USD per million tokens (0 for a model of your own).",
        )
    if budget_usd is None and max(hosted.price.input_usd_mtok, hosted.price.output_usd_mtok) > 0:
        raise InputError(
            f"{hosted.connection.name} costs money and there is no cap.", "Say how many US dollars the run may cost."
        )
    client_id = db.execute("select client_id from label_runs where id = ?", [run_id]).fetchone()[0]
    purpose = ledger.LABELLING if limit is None else ledger.DRY_RUN
    name, model = hosted.connection.name, hosted.connection.model
    return ledger.Account(client_id, run_id, name, model, budget_usd, purpose, batch)


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


def decided(hosted: Hosted, votes: Sequence[Said]) -> Said:
    """What the votes on one asset come to; unsound ones do not count where there is a sound one."""
    sound = [said for said in votes if not said.problem]
    return hosted.asking.combine(sound) if len(sound) > 1 else (sound or votes)[0]


def pause(tries: int) -> float:
    """Seconds before the next try: growing, and not the same for all."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries, 10)) * random.uniform(0.75, 1.25)


def nothing(asset: Asset, problem: str) -> Said:
    """What is said of an asset that has no answer, and why."""
    return Said(asset.id, None, problem, None, None, "none", False)
