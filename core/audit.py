"""The audit trail: who did what, when, of which client and task; rows are only ever added (core/schema_audit_trail.sql).

    with db.atomic():
        ...the deed...
        audit.record(db, "promote", task=task, what="student 12", detail={"before": 11})

Written in the deed's own transaction, so that neither stands without the other. Nothing secret goes in: of a key its name,
never the key; of a text at most a name. (The audits of core/watch are another thing: served answers that the teacher checks.)

Who acts is asked of whoever knows: the dashboard names who is logged in (core/ui), a command who runs it, a job who started it.
Where nobody says, it is the operating system's user at this computer.
"""

from __future__ import annotations

import getpass
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from core import database, settings
from core.escape import Cells

# Each deed that is recorded, as people read it.
ACTIONS = {
    "import": "Imported",
    "label": "Bought labels",
    "budget": "Changed a budget",
    "review": "Reviewed",
    "train": "Trained",
    "promote": "Made live",
    "use": "Used the student",
    "settings": "Changed settings",
    "connection": "Changed a connection",
    "key": "Changed a key",
    "token": "Changed a token",
    "download": "Downloaded",
    "export": "Exported",
    "delete": "Deleted",
    "backup": "Backed up",
    "restore": "Restored",
    "role": "Changed a role",
    "person": "Changed a person",
    "login": "Logged in",
}
_acting: ContextVar[str | None] = ContextVar("acting", default=None)
_asked: list[Callable[[], str | None]] = []


def ask(who: Callable[[], str | None]) -> None:
    """Have `who` asked for the person who acts, as often as something is recorded; it returns None where it does not know."""
    if who not in _asked:
        _asked.append(who)


@contextmanager
def acting(who: str) -> Iterator[None]:
    """What is recorded within was done by `who`: an address, or a user of this computer."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def person() -> str:
    """Who acts here and now."""
    named = _acting.get() or next(filter(None, (who() for who in _asked)), None)
    return named or f"{_user()} at this computer"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return "somebody"


def record(
    db: Database,
    action: str,
    *,
    client_id: int | None = None,
    task: settings.Owner | None = None,
    what: str = "",
    detail: dict[str, Any] | None = None,
    who: str | None = None,
) -> None:
    """Add a row; within the caller's transaction where there is one.

    `action` is one of ACTIONS (else KeyError); `what` names the thing, `detail` holds figures and names that JSON can hold.
    Without a client or task it is the house's. `who` only where another acted than person() says.
    """
    ACTIONS[action]
    of = task.client_id if task else client_id
    client = db.execute("select name from clients where id = ?", [of]).fetchone()
    called = db.execute("select name from tasks where id = ?", [task and task.id]).fetchone()
    db["audit_trail"].insert(
        {
            "at": database.now(),
            "who": who or person(),
            "client_id": of,
            "client": client[0] if client else "",
            "task_id": task and task.id,
            "task": called[0] if called else "",
            "action": action,
            "what": what,
            "detail": json.dumps(detail or {}, ensure_ascii=False, sort_keys=True, default=str),
        }
    )


def _setting(db: Database, key: str, value: Any, whose: settings.Owner | int) -> None:
    """A setting that was changed: its value, of one with fields those that are not as they come. Numbers and single words are said,
    for a text may be the client's: it is not to outlive the client here."""
    if isinstance(value, dict):
        detail = {name: one if _is_short(one) else "changed" for name, one in value.items()}
    else:
        detail = (
            {"now": value if isinstance(value, str | int | float) else "changed"} if value != "" and value != [] else {}
        )
    task, client_id = (None, whose or None) if isinstance(whose, int) else (whose, None)
    action = "budget" if key in CAPS else "settings"
    record(db, action, task=task, client_id=client_id, what=key.replace("_", " "), detail=detail or {"now": "default"})


CAPS = ("watching", "teacher_behind", "served_keeping")  # settings that say what may be spent


def _is_short(value: Any) -> bool:
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and value.isidentifier())


settings.changes.append(_setting)


def _client_made(db: Database, client_id: int) -> None:
    record(db, "settings", client_id=client_id, what="a client of its own")


database.client_made.append(_client_made)


@dataclass(frozen=True)
class Asked:
    """What is looked for in the trail; "" and None for everything. `clients`: of these alone; None: of all, and the house's."""

    clients: frozenset[int] | None = None
    who: str = ""
    action: str = ""
    words: str = ""


def rows(db: Database, asked: Asked, limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The trail, the newest first, as dicts of its columns."""
    where, parameters = _where(asked)
    parameters |= {"limit": -1 if limit is None else limit, "offset": offset}
    return list(
        db.query(f"select * from audit_trail where {where} order by id desc limit :limit offset :offset", parameters)
    )


def count(db: Database, asked: Asked) -> int:
    """How many rows that is."""
    where, parameters = _where(asked)
    return db.execute(f"select count(*) from audit_trail where {where}", parameters).fetchone()[0]


def persons(db: Database, clients: frozenset[int] | None = None) -> list[str]:
    """Who is in the trail of these clients (None: of all)."""
    where, parameters = _where(Asked(clients))
    return [
        who
        for (who,) in db.execute(
            f"select distinct who from audit_trail where {where} order by who", parameters
        ).fetchall()
    ]


def _where(asked: Asked) -> tuple[str, dict[str, Any]]:
    within = (
        "1" if asked.clients is None else f"client_id in ({', '.join(str(int(id)) for id in asked.clients) or 'null'})"
    )
    where = f"""{within} and (:who = '' or who = :who) and (:action = '' or action = :action)
                and (:words = '' or instr(lower(what || ' ' || client || ' ' || detail), lower(:words)) > 0)"""
    return where, {"who": asked.who, "action": asked.action, "words": asked.words}


def said(detail: str) -> str:
    """A row's `detail` in words: "budget 5, teacher recorded"."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in json.loads(detail).items())


def csv(db: Database, asked: Asked) -> str:
    """The rows as CSV; no cell runs in a spreadsheet (core.escape.Cells)."""
    out = io.StringIO(newline="")
    table = Cells(out)
    table.row("time", "who", "client", "task", "action", "what", "detail")
    for row in rows(db, asked):
        table.row(row["at"], row["who"], row["client"], row["task"], row["action"], row["what"], said(row["detail"]))
    return out.getvalue()
