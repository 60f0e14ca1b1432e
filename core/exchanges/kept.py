"""What is kept of calls that a service passes on: answers that wait to become labels, the last ten prompts, and counts.

    write(db, client_id, outcomes)      in the service, twice a second
    take(db, client_id)                 elsewhere: waiting answers become assets and recorded labels

Nothing of a call whose prompt fits no pattern stays beyond the last ten, and these only where the client's setting lets them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import settings, tasks
from core.assets import imports
from core.assets.rows import text_id
from core.database import now
from core.exchanges import logs
from core.exchanges.exchange import Exchange, Said
from core.exchanges.patterns import Matched
from core.jobs.progress import Progress
from core.tables.files import Problems, Table
from core.tasks import Task

KEEP = "keep_last_calls"  # of core/settings.py
LAST = 10
SHOWN = 4_000  # characters kept of each message of the last ten
AT_ONCE = 5_000
KEPT, TOO_MANY = "kept", "too many"  # counted beside the reasons of core/exchanges/patterns.py


@dataclass(frozen=True)
class Outcome:
    """What became of one call: the exchange (None where it could not be read), what each task's pattern made of it, and `why`
    there is no label, or "kept"."""

    why: str
    exchange: Exchange | None = None
    matched: tuple[tuple[int, Matched], ...] = ()  # task's id


def write(db: Database, client_id: int, outcomes: Sequence[Outcome]) -> None:
    """Keep what is to be kept of these calls, in one transaction."""
    day, moment = now()[:10], now()
    answers = [
        (client_id, task_id, one.exchange.model, matched.text, matched.category, *_took(one.exchange), moment)
        for one in outcomes
        for task_id, matched in one.matched
    ]
    with db.atomic():
        db.conn.executemany(
            """insert into passed_answers (client_id, task_id, model, text, label, tokens_in, tokens_out, tokens_cached,
               latency_ms, answered) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            answers,
        )
        db.conn.executemany(
            """insert into passed_counts (client_id, day, outcome, calls) values (?, ?, ?, ?)
               on conflict (client_id, day, outcome) do update set calls = calls + excluded.calls""",
            [(client_id, day, why, n) for why, n in Counter(one.why for one in outcomes).items()],
        )
        if keeps(db, client_id):
            last = [one for one in outcomes if one.exchange][-LAST:]
            db.conn.executemany(
                "insert into passed_last (client_id, exchange, outcome, created) values (?, ?, ?, ?)",
                [(client_id, _as_json(one.exchange), one.why, moment) for one in last],
            )
            keep = "select id from passed_last where client_id = ? order by id desc limit ?"
            db.conn.execute(
                f"delete from passed_last where client_id = ? and id not in ({keep})", [client_id, client_id, LAST]
            )
        else:
            db.conn.execute("delete from passed_last where client_id = ?", [client_id])


def _took(exchange: Exchange) -> tuple:
    said = exchange.said
    return said.tokens_in, said.tokens_out, said.tokens_cached, exchange.latency_ms


def _as_json(exchange: Exchange) -> str:
    messages = [(role, text[:SHOWN]) for role, text in exchange.messages][-12:]
    said = exchange.said
    return json.dumps([messages, said.answer[:SHOWN], said.finish, exchange.model])


def last(db: Database, client_id: int) -> list[tuple[Exchange, str, str]]:
    """The last ten calls, the newest first: each with what became of it and when it was."""
    rows = db.execute(
        "select exchange, outcome, created from passed_last where client_id = ? order by id desc", [client_id]
    ).fetchall()
    return [(_from_json(exchange), outcome, created) for exchange, outcome, created in rows]


def _from_json(stored: str) -> Exchange:
    messages, answer, finish, model = json.loads(stored)
    return Exchange(tuple((role, text) for role, text in messages), Said(answer, finish=finish), model)


def keep_last(db: Database, client_id: int, keep: bool) -> None:
    """Whether the last ten calls are kept; those that are go at once where not."""
    with db.atomic():
        settings.put(db, KEEP, keep, client_id)
        if not keep:
            db.execute("delete from passed_last where client_id = ?", [client_id])


def keeps(db: Database, client_id: int) -> bool:
    """Whether the last ten calls of a client are kept."""
    return bool(settings.get(db, KEEP, client_id))


def forget(db: Database, client_id: int) -> None:
    """Forget the last ten calls and all counts; labels and assets stay, and so do answers that wait to become some."""
    with db.atomic():
        for table in ("passed_last", "passed_counts"):
            db.execute(f"delete from {table} where client_id = ?", [client_id])


def counts(db: Database, client_id: int, days: int = 30) -> dict[str, int]:
    """Calls of the last days by what became of them, "kept" first, then the commonest."""
    rows = db.execute(
        """select outcome, sum(calls) from passed_counts where client_id = ? and day >= date('now', ?)
           group by outcome order by outcome = 'kept' desc, 2 desc""",
        [client_id, f"-{days} days"],
    )
    return dict(rows.fetchall())


def waiting(db: Database, client_id: int) -> int:
    """Answers that are not labels yet."""
    return db.execute("select count(*) from passed_answers where client_id = ?", [client_id]).fetchone()[0]


# --- answers become labels ----------------------------------------------------------------------------------------


def take(db: Database, client_id: int, progress: Progress | None = None) -> dict[str, Any]:
    """Have the answers that wait become assets and labels of recorded teachers; {"answers", "assets", "teachers": labels by name}.

    Killed on the way it may take some again, which adds nothing.
    """
    taken: dict[str, Any] = {"answers": 0, "assets": 0, "teachers": {}}
    groups = "select distinct task_id, model from passed_answers where client_id = ?"
    for task_id, model in db.execute(groups, [client_id]).fetchall():
        task, source = tasks.get(db, task_id), logs.source_of(model)
        while rows := _waiting(db, client_id, task_id, model):
            fresh = [row for row in rows if not _is_known(db, task, source, row)]
            if fresh:
                taken["assets"] += _import(db, task, source, model, fresh, progress)
            ids = [(row["id"],) for row in rows]
            with db.atomic():
                db.conn.executemany("delete from passed_answers where id = ?", ids)
            taken["answers"] += len(rows)
        taken["teachers"][f"recorded:{source}"] = logs.taken_over(db, task, source, progress)
    return taken


def take_job(db: Database, params: dict, progress: Progress) -> dict[str, Any]:
    """The job body: {"client_id"}."""
    return take(db, params["client_id"], progress)


def _waiting(db: Database, client_id: int, task_id: int, model: str) -> list[dict]:
    query = "select * from passed_answers where client_id = ? and task_id = ? and model = ? order by id limit ?"
    return list(db.query(query, [client_id, task_id, model, AT_ONCE]))


def _is_known(db: Database, task: Task, source: str, row: dict) -> bool:
    """Whether this very answer to the text is recorded: asked again it says nothing new."""
    query = """select 1 from assets a join recordings r on r.asset_id = a.id and r.task_id = ? and r.source = ?
               where a.client_id = ? and a.external_id = ? and coalesce(r.category, r.label) = ?"""
    key = [task.id, source, task.client_id, f"{text_id(row['text'])}-1", row["label"]]
    return db.execute(query, key).fetchone() is not None


def _import(db: Database, task: Task, source: str, model: str, rows: list[dict], progress: Progress | None) -> int:
    """Bring in these answers, as part of the day's import of them; how many new assets they made."""
    name = f"Calls passed on, {rows[0]['answered'][:10]} ({source})"

    def each(table: Table, problems: Problems) -> Iterator[tuple[int, list[str]]]:
        for place, row in enumerate(rows, 1):
            said = Said(
                row["label"],
                tokens_in=row["tokens_in"],
                tokens_out=row["tokens_out"],
                tokens_cached=row["tokens_cached"],
                created=row["answered"][:19],
            )
            exchange = Exchange((), said, model, row["latency_ms"])
            yield place, logs.cells(Matched(row["text"], row["label"], row["label"]), exchange)

    table = logs.opened(Path(name), "calls passed on", source, each)
    query = "select max(id) from imports where client_id = ? and task_id = ? and filename = ?"
    (into,) = db.execute(query, [task.client_id, task.id, name]).fetchone()
    how = {"table": table, "filename": name, "into": into, "sha256": hashlib.sha256(name.encode()).hexdigest()}
    return imports.import_assets(db, task, Path(name), logs.mapping(source), progress, **how).imported
