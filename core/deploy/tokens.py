"""Tokens of a service: who may ask it for answers, or read its counters, each with a name, an end and limits of its own.

    secret, token = new(db, client_id, "Newsroom", per_minute=600, month_usd=20)      # the secret is shown now, and never again
    known = Known(client_id)                                                          # in a server: find(), admit()

A secret is 256 random bits, so its SHA-256 alone is kept: nobody finds such a secret by trying, as one finds a password (which is
what slow hashes are for). A server holds the tokens that are good in memory and looks once in LOOK_S whether anything changed in
the database: a token that is taken back opens nothing a second later, and no request waits for the disk.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import secrets
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from core import audit, database
from core.database import now, plain_name
from core.errors import InputError
from core.tasks import Task
from core.words import money

ANSWERS, METRICS = "answers", "metrics"  # kinds: for what is asked of a student or passed on; for GET /metrics
MARK = "ust_"  # what every secret begins with, so that whoever finds one knows what it opens
LOOK_S = 0.5  # between looks at the database
USED_S = 5.0  # between notes of when each token was last used
WINDOW_S = 60.0
GOOD = "revoked is null and (expires is null or expires > ?)"
log = logging.getLogger("understudy")


@dataclass(frozen=True)
class Token:
    """A token as it is listed, without its secret. `task_id` None: for all tasks of the client; times as core.database.now() writes
    them; `month_usd`: what teachers may cost in a calendar month (UTC), None where only the client's own budget bounds it."""

    id: int
    client_id: int
    task_id: int | None
    kind: str
    name: str
    created: str
    expires: str | None = None
    revoked: str | None = None
    used: str | None = None
    per_minute: int | None = None
    month_usd: float | None = None

    @property
    def state(self) -> str:
        """good, revoked or expired."""
        return "revoked" if self.revoked else "expired" if self.expires and self.expires <= now() else "good"


COLUMNS = ", ".join(Token.__dataclass_fields__)


def new(
    db: Database,
    client_id: int,
    name: str,
    *,
    kind: str = ANSWERS,
    task: Task | None = None,
    days: int | None = None,
    per_minute: int | None = None,
    month_usd: float | None = None,
) -> tuple[str, Token]:
    """Make a token; returns its secret, which nothing keeps, and the token. `days`: how long it is good. InputError where the
    client has a good one of that name, or what is asked for does not go together."""
    name = plain_name(name, "token")
    if kind == METRICS and (task or per_minute is not None or month_usd is not None):
        raise InputError("A token for the counters has no task and no limits.", "Leave these out.")
    secret, moment = MARK + secrets.token_urlsafe(32), now()
    expires = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="microseconds") if days else None
    with db.atomic():
        if find(db, client_id, name):
            raise InputError(f"There is a token called {name} already.", "Revoke it first, or take another name.")
        newest = "select max(ifnull((select max(id) from tokens), 0), ifnull((select max(token_id) from calls), 0))"
        id = db.execute(newest).fetchone()[0] + 1  # none that the ledger knows as somebody else's
        db.execute(
            """insert into tokens (id, client_id, task_id, kind, name, hash, created, expires, per_minute, month_usd)
               values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                id,
                client_id,
                task and task.id,
                kind,
                name,
                _hash(secret.encode()),
                moment,
                expires,
                per_minute,
                month_usd,
            ],
        )
    return secret, Token(
        id, client_id, task and task.id, kind, name, moment, expires, per_minute=per_minute, month_usd=month_usd
    )


def listed(db: Database, client_id: int) -> list[Token]:
    """The client's tokens, those that are good first, the newest before older ones."""
    rows = db.execute(f"select {COLUMNS} from tokens where client_id = ? order by id desc", [client_id]).fetchall()
    return sorted((Token(*row) for row in rows), key=lambda token: token.state != "good")


def find(db: Database, client_id: int, name: str) -> Token | None:
    """The client's good token of that name (case ignored)."""
    query = f"select {COLUMNS} from tokens where client_id = ? and name = ? and {GOOD}"
    row = db.execute(query, [client_id, " ".join(name.split()), now()]).fetchone()
    return row and Token(*row)


def revoke(db: Database, client_id: int, name: str) -> Token:
    """Take back the client's good token of that name: servers refuse it within a second. InputError where there is none."""
    with db.atomic():
        token = find(db, client_id, name)
        if token is None:
            raise InputError(f"This client has no token {name} that is good.", "The command `tokens` lists them.")
        db.execute("update tokens set revoked = ? where id = ?", [now(), token.id])
        audit.record(db, "token", client_id=client_id, what=token.name, detail={"revoked": True})
    return token


def spent_usd(db: Database, token_id: int) -> float:
    """USD that teachers have cost this month (UTC) for what the token asked, calls under way at the most they can cost."""
    query = "select spent_usd + held_usd from token_months where token_id = ? and month = ?"
    row = db.execute(query, [token_id, now()[:7]]).fetchone()
    return row[0] if row else 0.0


def as_row(db: Database, token: Token) -> dict:
    """A token as commands and pages list it: name, state, kind, task (its name, None for all), created, expires, revoked, used,
    per_minute, month_usd, and spent_usd of this month."""
    task = token.task_id and db.execute("select name from tasks where id = ?", [token.task_id]).fetchone()[0]
    same = {name: getattr(token, name) for name in ("created", "expires", "revoked", "used", "per_minute", "month_usd")}
    told = {"name": token.name, "state": token.state, "kind": token.kind, "task": task or None}
    return told | same | {"spent_usd": spent_usd(db, token.id)}


def facts(row: dict) -> list[str]:
    """What as_row() says of a token, in words."""
    money_of = f"{money(row['spent_usd'], exact=True)} of {money(row['month_usd'] or 0, exact=True)} this month"
    parts = [
        "reads the counters" if row["kind"] == METRICS else f"for {row['task'] or 'all tasks'}",
        f"made {row['created'][:10]}",
        f"good until {row['expires'][:10]}" if row["expires"] else "",
        f"{row['per_minute']:,} requests a minute" if row["per_minute"] is not None else "",
        money_of if row["month_usd"] is not None else "",
        f"last used {row['used'][:16].replace('T', ' ')}" if row["used"] else "never used",
    ]
    return [part for part in parts if part]


def any_good(db: Database, client_id: int) -> bool:
    """Whether somebody holds a token to ask this client's students."""
    query = f"select 1 from tokens where client_id = ? and kind = ? and {GOOD}"
    return db.execute(query, [client_id, ANSWERS, now()]).fetchone() is not None


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


class Known:
    """The good tokens of a client, in a server's memory. What it says stands on the event loop; a thread of its own looks for
    changes and notes when tokens were used. While the database cannot be read the tokens stay as they were seen last."""

    def __init__(self, client_id: int):
        self.client_id = client_id
        self._tokens: tuple[tuple[bytes, Token], ...] = ()
        self._asked: dict[int, deque[float]] = {}  # when each token with a limit was let in, in the last minute
        self._used: dict[int, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="tokens", daemon=True)

    def start(self) -> None:
        """Load the tokens, and follow them from now on."""
        with closing(database.connect()) as db:
            self._load(db)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; when tokens were last used is noted. Blocks until then."""
        self._over.set()
        if self._thread.ident:
            self._thread.join(USED_S)

    def find(self, secret: bytes) -> Token | None:
        """The good token with this secret. It takes as long whichever it is, or whether there is one."""
        shown, found = _hash(secret), None
        for hash, token in self._tokens:
            if hmac.compare_digest(hash, shown):
                found = token
        if found is None or (found.expires and found.expires <= now()):
            return None
        self._used[found.id] = now()
        return found

    def admit(self, token: Token) -> int:
        """Count a request of this token: 0 where its limit lets it in, else the seconds until it would."""
        if token.per_minute is None:
            return 0
        at, asked = time.monotonic(), self._asked.setdefault(token.id, deque())
        while asked and asked[0] <= at - WINDOW_S:
            asked.popleft()
        if len(asked) >= token.per_minute:
            return max(math.ceil(asked[0] + WINDOW_S - at), 1)
        asked.append(at)
        return 0

    def _load(self, db: Database) -> None:
        rows = db.execute(
            f"select hash, {COLUMNS} from tokens where client_id = ? and {GOOD}", [self.client_id, now()]
        ).fetchall()
        self._tokens = tuple((hash, Token(*row)) for hash, *row in rows)
        for gone in set(self._asked) - {token.id for _, token in self._tokens}:
            self._asked.pop(gone, None)

    def _follow(self) -> None:
        db, seen, noted, over = None, None, time.monotonic(), False
        while not over:
            over = self._over.wait(LOOK_S)
            try:
                if db is None:
                    db = database.connect()
                    db.conn.execute("PRAGMA busy_timeout = 500")
                version = db.execute("pragma data_version").fetchone()[0]
                if version != seen:
                    self._load(db)
                    seen = version
                if over or time.monotonic() - noted >= USED_S:
                    noted = time.monotonic()
                    self._note(db)
            except sqlite3.Error as error:
                log.warning("Tokens could not be looked up (%s); those known go on.", type(error).__name__)
        if db:
            db.close()

    def _note(self, db: Database) -> None:
        used, self._used = self._used, {}
        try:
            with db.atomic():
                db.conn.executemany(
                    "update tokens set used = max(ifnull(used, ''), ?) where id = ?",
                    [(at, id) for id, at in used.items()],
                )
        except sqlite3.Error:
            self._used = used | self._used
            raise
