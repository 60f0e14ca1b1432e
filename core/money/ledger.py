"""The ledger: a row for every paid call, written before the call is made, so that a budget holds whatever happens.

    call = reserve(db, account, usd)     # set aside the most the call can cost; None where the cap does not allow it
    ...                                  # the call
    settle(db, call, cost, ...)          # what it did cost takes the reservation's place

A call whose cost nobody knows (the process died, the line broke after the question was sent, the provider gave no count) is
*unknown* and counts at its reservation. label_runs.spent_usd is what a run's ended calls cost, held_usd what is set aside for
those under way; both are changed together with the calls, in one transaction. A call about several facets pays for a label of each
of their runs: it is one row, and each run bears an equal share of it.
"""

from __future__ import annotations

import io
import json
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from sqlite_utils import Database

from core import settings
from core.database import now
from core.escape import Cells
from core.words import counted, money

LABELLING, DRY_RUN, TRYING, SERVED, SENT, WRITTEN, AUDITED, COMPARED = (
    "labels",
    "dry run",
    "one asset",
    "served",
    "sent",
    "written",
    "audited",
    "compared",
)  # what for
PURPOSES = {
    SERVED: "answers of a served teacher",
    SENT: "rows of a classified file",
    WRITTEN: "drafts",
    AUDITED: "audits of served answers",
    COMPARED: "a decision model beside a student",
}  # in words, where a purpose is none
MONTHS = {
    SERVED: "served_months",
    AUDITED: "audit_months",
}  # where a calendar month's sum is kept, for what is capped by that


@dataclass(frozen=True)
class Account:
    """Whose money a run's calls cost, and the most they may cost together (USD; None: they cost nothing). Without a run no sum is
    kept and nothing is capped: that is for a call that a person makes. For what is SERVED or AUDITED the cap is the client's,
    for a calendar month (UTC), over all servers; for what is SENT, WRITTEN or COMPARED it is that of all that `owner` ever asks
    for. `owner` names who makes calls outside a run, as in owner_lock(). `runs`: the runs of several facets that are asked
    about together; the cap is theirs together."""

    client_id: int
    run_id: int | None
    connection: str
    model: str
    cap_usd: float | None
    purpose: str = LABELLING
    batch: bool = False
    owner: str | None = None
    runs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Payer:
    """Who asked for a call, besides the account that pays for it: a token of the service (core/deploy/tokens.py), and what its
    calls may cost in a calendar month (UTC; None: only the account's cap holds)."""

    token_id: int
    cap_usd: float | None


_payer: ContextVar[Payer | None] = ContextVar("payer", default=None)


@contextmanager
def asked_by(payer: Payer | None) -> Iterator[None]:
    """Calls that are begun within this block are the payer's as well, also those of the tasks it starts."""
    before = _payer.set(payer)
    try:
        yield
    finally:
        _payer.reset(before)


def payer() -> Payer | None:
    """Whose the calls begun here are, besides the account's."""
    return _payer.get()


# of a call
_PAYER = "run_id, reserved_usd, client_id, purpose, substr(started, 1, 7), owner, joint_id, facets, token_id"
# a joint call's share of each run that it pays for, as columns of calls c; `run` is an SQL expression
_SHARES = """select total(case when c.state != 'open' then coalesce(c.cost_usd, c.reserved_usd) / c.facets end),
                    total(case when c.state = 'open' then c.reserved_usd / c.facets end) from calls c
             where c.run_id = {run} or c.joint_id in (select id from joints where run_id = {run})"""


def reserve(
    db: Database,
    account: Account,
    usd: float,
    assets: int = 1,
    runs: Sequence[int] = (),
    tasks: Sequence[int] = (),
    payer: Payer | None = None,
) -> int | None:
    """Set `usd` aside for one call (or one batch) about `assets`; the call's id, or None where that would pass the cap. `runs`:
    which of the account's runs it brings labels for (all); `tasks`: those that a call outside runs answers, where they are several;
    `payer`: who asked for it, whose cap holds as well.

    The check and the reservation are one transaction that nobody else writes in: however many ask at once, from however many
    processes, what the runs have spent and set aside never passes the cap.
    """
    started, a = now(), account
    of = a.runs or ((a.run_id,) if a.run_id is not None else ())
    paid = tuple(runs) or of
    with db.atomic():
        if payer and not _payer_may(db, payer, started[:7], usd):
            return None
        purse = _purse(account.purpose, started[:7], account.owner)
        if purse and not _reserve_from(db, *purse, account, usd):
            return None
        if of and not _fits(db, of, usd, account.cap_usd):
            return None
        if payer:
            db.conn.execute(
                """insert into token_months (token_id, month, held_usd) values (?, ?, ?)
                   on conflict (token_id, month) do update set held_usd = held_usd + excluded.held_usd""",
                [payer.token_id, started[:7], usd],
            )
        db.conn.executemany(
            "update label_runs set held_usd = held_usd + ? where id = ?", [(usd / len(paid), run) for run in paid]
        )
        joint = joint_of(db, paid) if len(paid) > 1 else None
        run_id = paid[0] if len(paid) == 1 else None
        return db.conn.execute(
            """insert into calls (client_id, run_id, purpose, connection, model, assets, batch, reserved_usd, started, owner,
                   joint_id, facets, tasks, token_id) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [a.client_id, run_id, a.purpose, a.connection, a.model, assets, int(a.batch), usd, started, a.owner]
            + [joint, max(len(paid or tasks), 1), json.dumps(list(tasks)) if tasks and not paid else None]
            + [payer and payer.token_id],
        ).lastrowid


def _payer_may(db: Database, payer: Payer, month: str, usd: float) -> bool:
    """Whether the payer is there, and its month has room for `usd` more."""
    used = db.conn.execute(
        """select ifnull((select spent_usd + held_usd from token_months where token_id = t.id and month = ?), 0)
           from tokens t where t.id = ?""",
        [month, payer.token_id],
    ).fetchone()
    return used is not None and (payer.cap_usd is None or not usd or used[0] + usd <= payer.cap_usd)


def _fits(db: Database, runs: Sequence[int], usd: float, cap_usd: float | None) -> bool:
    """Whether `usd` more can be set aside for the runs (which are there)."""
    places = ",".join("?" * len(runs))
    there, used = db.conn.execute(
        f"select count(*), total(spent_usd + held_usd) from label_runs where id in ({places})", runs
    ).fetchone()
    return there == len(runs) and (cap_usd is None or used + usd <= cap_usd)


def joint_of(db: Database, runs: Sequence[int]) -> int:
    """The number of this set of runs, whose facets are asked about together; in the caller's transaction, made if new."""
    there = joint_there(db, runs)
    if there is not None:
        return there
    newest = "select max(ifnull((select max(id) from joints), 0), ifnull((select max(joint_id) from calls), 0))"
    number = db.conn.execute(newest).fetchone()[0] + 1
    db.conn.executemany("insert into joints (id, run_id) values (?, ?)", [(number, run) for run in runs])
    return number


def joint_there(db: Database, runs: Sequence[int]) -> int | None:
    """The number of this set of runs; None where they were never asked about together."""
    places = ",".join("?" * len(runs))
    row = db.conn.execute(
        f"""select id from joints where id in (select id from joints where run_id = ?)
            group by id having count(*) = ? and sum(run_id in ({places})) = ?""",
        [runs[0], len(runs), *runs, len(runs)],
    ).fetchone()
    return row[0] if row else None


def shares(total: float, parts: int) -> list[float]:
    """`total` (0 or more) in `parts` parts as good as equal, which come to `total` to the last bit in whatever order they are
    added up: all but the first have so few digits that no sum of them is rounded."""
    fraction, exponent = math.frexp(total / parts)
    each = math.ldexp(math.floor(fraction * 2**32), exponent - 32)
    return [total - (parts - 1) * each, *[each] * (parts - 1)]


def _purse(purpose: str, month: str, owner: str | None) -> tuple[str, str, str | None] | None:
    """Where the sum of calls outside any run is kept, for those that have a cap: table, column of the key, key."""
    by_owner = ("sendings", "owner", owner)
    by_month = {what: (table, "month", month) for what, table in MONTHS.items()}
    return (by_month | {SENT: by_owner, WRITTEN: by_owner, COMPARED: by_owner}).get(purpose)


def _reserve_from(db: Database, table: str, column: str, key: str, account: Account, usd: float) -> bool:
    return bool(
        db.conn.execute(
            f"""insert into {table} (client_id, {column}, held_usd) select :client, :key, :usd where :usd <= :cap
               on conflict (client_id, {column}) do update set held_usd = held_usd + :usd
               where :usd = 0 or spent_usd + held_usd + :usd <= :cap""",
            {"client": account.client_id, "key": key, "usd": usd, "cap": account.cap_usd or 0.0},
        ).rowcount
    )


def served_usd(db: Database, client_id: int, purpose: str = SERVED) -> float:
    """USD that served answers (or what is AUDITED of them) have cost a client this month, calls under way at the most they can
    cost."""
    row = db.execute(
        f"select spent_usd + held_usd from {MONTHS[purpose]} where client_id = ? and month = ?", [client_id, now()[:7]]
    ).fetchone()
    return row[0] if row else 0.0


def sent_usd(db: Database, client_id: int, owner: str) -> float:
    """USD that all that `owner` ever sent has cost a client, calls under way at the most they can cost."""
    row = db.execute(
        "select spent_usd + held_usd from sendings where client_id = ? and owner = ?", [client_id, owner]
    ).fetchone()
    return row[0] if row else 0.0


def settle(
    db: Database,
    call_id: int,
    cost_usd: float | None,
    tokens_in: int | None = None,
    tokens_out: int | None = None,
    tokens_cached: int | None = None,
    error: str | None = None,
) -> None:
    """End a call: what it cost, or None where nobody knows, which counts at the reservation. Nothing where it has ended already."""
    state = "unknown" if cost_usd is None else "settled"
    with db.atomic():
        row = db.conn.execute(
            f"""update calls set state = ?, cost_usd = ?, tokens_in = ?, tokens_out = ?, tokens_cached = ?, error = ?, ended = ?
               where id = ? and state = 'open'
               returning {_PAYER}""",
            [state, cost_usd, tokens_in, tokens_out, tokens_cached, error, now(), call_id],
        ).fetchone()
        if row:
            _give_back(db, *row, spent=row[1] if cost_usd is None else cost_usd)


def release(db: Database, call_ids: Iterable[int]) -> None:
    """Give back what was set aside for calls that were never made."""
    with db.atomic():
        for call_id in call_ids:
            row = db.conn.execute(
                f"delete from calls where id = ? and state = 'open' returning {_PAYER}", [call_id]
            ).fetchone()
            if row:
                _give_back(db, *row, spent=0.0)


def _give_back(
    db: Database,
    run_id: int | None,
    held: float,
    client_id: int,
    purpose: str,
    month: str,
    owner: str | None,
    joint_id: int | None,
    facets: int,
    token_id: int | None,
    spent: float,
) -> None:
    """Take what was set aside for a call out of the sums again, and put in what it cost."""
    moved = "set held_usd = max(0, held_usd - ?), spent_usd = spent_usd + ?"
    db.conn.execute(
        f"update label_runs {moved} where id in (select ? union all select run_id from joints where id = ?)",
        [held / facets, spent / facets, run_id, joint_id],
    )
    if purse := _purse(purpose, month, owner):
        table, column, key = purse
        db.conn.execute(f"update {table} {moved} where client_id = ? and {column} = ?", [held, spent, client_id, key])
    if token_id is not None:
        db.conn.execute(f"update token_months {moved} where token_id = ? and month = ?", [held, spent, token_id, month])


def close_abandoned(db: Database, run_id: int) -> int:
    """What a process that died had under way becomes unknown; returns how many calls. Batches live on at their provider.

    Only for whoever holds the run (core/label/engine.py); whoever makes a call about several holds them all. The sums of the run,
    and of those asked about together with it, are added up afresh from the calls.
    """
    mine = "select id from joints where run_id = :run"
    with db.atomic():
        closed = db.conn.execute(
            f"""update calls set state = 'unknown', ended = :now, error = 'The run was killed while this call was under way.'
                where (run_id = :run or joint_id in ({mine})) and state = 'open' and batch = 0""",
            {"run": run_id, "now": now()},
        ).rowcount
        db.conn.execute(
            f"""update label_runs set (spent_usd, held_usd) = ({_SHARES.format(run="label_runs.id")})
                where id = :run or id in (select run_id from joints where id in ({mine}))""",
            {"run": run_id},
        )
    return closed


def owner_lock(owner: str) -> FileLock:
    """The lock that whoever makes calls outside a run holds while it lives; the system drops it however it ends."""
    return FileLock(settings.subfolder("owners") / f"{owner}.lock", thread_local=False)


def drop(lock: FileLock) -> None:
    """Give up an owner_lock() and its file."""
    if lock.is_locked:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release(force=True)


@contextmanager
def owned(db: Database, client_id: int, owner: str | None = None) -> Iterator[str]:
    """An owner of calls outside any run, a new one unless named, for as long as this lasts. What owners that are gone had under
    way is closed first, also what this one had in an earlier life."""
    owner = owner or uuid.uuid4().hex
    lock = owner_lock(owner)
    lock.acquire()
    try:
        close_left(db, client_id, owner)
        yield owner
    finally:
        close_left(db, client_id, owner)
        drop(lock)


def close_left(db: Database, client_id: int, owner: str | None = None) -> int:
    """What processes that are gone had under way for a client outside any run becomes unknown, and what `owner` has, which is about
    to end; returns how many calls."""
    open_calls = db.execute(
        """select id, owner from calls
           where client_id = ? and run_id is null and joint_id is null and state = 'open'""",
        [client_id],
    ).fetchall()
    gone = {name for name in {name for _, name in open_calls} if name in (None, owner) or not _lives(name)}
    left = [id for id, name in open_calls if name in gone]
    for id in left:
        settle(db, id, None, error="The process ended while this call was under way.")
    return len(left)


def _lives(owner: str) -> bool:
    lock = owner_lock(owner)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    drop(lock)
    return False


def spent(db: Database, *run_ids: int) -> float:
    """USD that the calls of runs have cost, those of unknown cost at the most they can have cost."""
    places = ",".join("?" * len(run_ids))
    return db.execute(f"select total(spent_usd) from label_runs where id in ({places})", list(run_ids)).fetchone()[0]


# --- reading it ---------------------------------------------------------------------------------------------------

_SUMS = """count(*) as calls, sum(c.state = 'open') as open, total(c.tokens_in) as tokens_in,
    total(c.tokens_out) as tokens_out, total(c.tokens_cached) as tokens_cached,
    total(case when c.state != 'open' then coalesce(c.cost_usd, c.reserved_usd) end) as spent_usd,
    sum(c.state = 'unknown') as unknown, total(case when c.state = 'unknown' then c.reserved_usd end) as unknown_usd,
    total(case when c.state = 'open' then c.reserved_usd end) as held_usd"""
_COUNTS = ("open", "unknown", "tokens_in", "tokens_out", "tokens_cached")


def runs_table(db: Database, client_id: int | None = None) -> list[dict]:
    """What was bought, by run, purpose and batch or not, the newest first; of one client, or of all.

    Each: client, run_id (None outside a run), facets (the names of the tasks that calls about several of them answered, each
    bearing an equal share, with no run_id then; else ""), purpose, teacher, connection, model, batch, state and cap_usd of the run,
    calls, open, tokens_in, tokens_out, tokens_cached, spent_usd (of which unknown_usd is the most that the `unknown` calls can have
    cost), held_usd, labels, failed (of the run, or of the runs by such calls), started, ended.
    """
    rows = db.query(
        f"""select k.name as client, c.run_id, c.joint_id, c.purpose, r.teacher, c.connection, c.model, c.batch, r.state,
                   r.budget_usd as cap_usd, {_SUMS}, min(c.started) as started, max(c.ended) as ended,
                   (select coalesce(group_concat(name, ', '), '') from (select t.name from joints j
                    join label_runs o on o.id = j.run_id join tasks t on t.id = o.task_id where j.id = c.joint_id
                    union all select t.name from json_each(c.tasks) e join tasks t on t.id = e.value)) as facets
            from calls c join client_names k on k.id = c.client_id left join label_runs r
            on r.id = coalesce(c.run_id, (select min(run_id) from joints where id = c.joint_id))
            where ? is null or c.client_id = ?
            group by c.client_id, c.run_id, c.joint_id, c.purpose, c.connection, c.model, c.batch, c.tasks
            order by started desc""",
        [client_id, client_id],
    )
    labels = {
        (row["run_id"], row["joint_id"]): row
        for row in db.query(
            """with paid as (select distinct run_id, joint_id from calls where :client is null or client_id = :client)
               select case when l.joint_id is null then l.run_id end as run_id, l.joint_id,
                      count(l.category_id) as labels, count(l.error) as failed from labels l
               where l.run_id in (select run_id from paid union
                                  select j.run_id from joints j join paid on paid.joint_id = j.id)
               group by 1, 2""",
            {"client": client_id},
        )
    }
    none = {"labels": 0, "failed": 0}
    found = [(row, labels.get((row["run_id"], row.pop("joint_id")), none)) for row in rows]
    return [_whole(row) | {key: of[key] for key in none} for row, of in found]


def purpose(row: dict) -> str:
    """What a row of runs_table() was for, in words: labels; labels of Topic, Offer together; drafts."""
    words = PURPOSES.get(row["purpose"], row["purpose"])
    if not row["facets"]:
        return words
    return f"{words}{':' if row['purpose'] in PURPOSES else ' of'} {row['facets']} together"


def by_client_and_month(db: Database, client_id: int | None = None) -> list[dict]:
    """What was spent, by client and calendar month (UTC), the newest month first: client, month and the sums of runs_table()."""
    rows = db.query(
        f"""select k.name as client, substr(c.started, 1, 7) as month, {_SUMS}
            from calls c join client_names k on k.id = c.client_id where ? is null or c.client_id = ?
            group by c.client_id, month order by month desc, client""",
        [client_id, client_id],
    )
    return [_whole(row) for row in rows]


def unknown_in_words(rows: Iterable[dict]) -> str:
    """What stands in the sums for calls whose cost nobody knows; "" where there are none."""
    rows = list(rows)
    calls, usd = sum(row["unknown"] for row in rows), sum(row["unknown_usd"] for row in rows)
    if not calls:
        return ""
    which = counted(calls, "call that was cut off and", "calls that were cut off and")
    return f"Of this, {money(usd, exact=True)} stands for {which} may have been billed: nobody knows, so the most is counted."


def _whole(row: dict) -> dict:
    return row | {name: int(row[name] or 0) for name in _COUNTS}


def to_csv(rows: list[dict]) -> str:
    """Rows as CSV with a header."""
    if not rows:
        return ""
    out = io.StringIO(newline="")
    table = Cells(out)
    table.row(*rows[0])
    table.rows(row.values() for row in rows)
    return out.getvalue()
