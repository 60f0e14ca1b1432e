"""The teacher behind a student that writes: its draft for a brief of which no draft of the student passes the gates.

    rules = rules_of(db, task)            # who stands behind, and what it may cost a month; nobody unless somebody set it
    told = behind(db, task, [brief])      # never raises for what the teacher or its provider does
    told.drafts.get(brief, [])            # [{"text", "passed", "gates"}], those that pass first
    told.why.get(brief, "")               # else why there is none, in words

Meant for whoever serves drafts: POST /write, files, the Write page. Call it with the briefs whose student drafts all fail
(`handled` is false). It is bought as all the teacher's drafts are (core/write/teacher.py): kept, so that a brief is paid for once,
at the drafts' desk afterwards, and in the ledger under what was served. The budget is the client's for a calendar month (UTC),
the same sum that answers of a served teacher count against.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field
from sqlite_utils import Database

from core import settings
from core.errors import InputError
from core.jobs.progress import Interrupted
from core.label import model
from core.money import ledger
from core.tasks import Task
from core.write import teacher

SETTING = "teacher_behind"
WAIT_S = 30.0  # for the teacher's drafts, unless whoever asks says otherwise
CALL_S = 300.0  # that a call under way may still take once nobody waits any longer
POLL_S = 0.05  # between looks for what somebody else is buying


class Rules(BaseModel, frozen=True, extra="forbid"):
    """`teacher`: connection:NAME or KIND:MODEL, "" for nobody; `budget_usd`: what it may cost the client a month, None only for a
    model that costs nothing; `drafts`: how many of a brief."""

    teacher: str = ""
    budget_usd: float | None = Field(None, ge=0)
    drafts: int = Field(1, ge=1, le=5)


@dataclass(frozen=True)
class Behind:
    """`drafts` of each brief that the teacher has written, as {"text", "passed", "gates"}, those that pass first; `why` there are
    none of the others; `spent_usd`: what the client's served teachers have cost this month."""

    drafts: dict[str, list[dict]]
    why: dict[str, str]
    spent_usd: float


def rules_of(db: Database, task: Task) -> Rules:
    """Who stands behind the task's student."""
    return Rules(**settings.get(db, SETTING, task))


def put(db: Database, task: Task, rules: Rules) -> None:
    """Keep who stands behind. InputError where there is no such teacher, its price is not known, or it costs money and there is no
    budget."""
    if rules.teacher:
        hosted = model.find(db, task.client_id, rules.teacher)
        if hosted.paid and rules.budget_usd is None:
            raise InputError(
                f"The teacher {rules.teacher} costs money.", "Say how many US dollars a month it may cost."
            )
    settings.put(db, SETTING, rules.model_dump(exclude_defaults=True), task)


def behind(db: Database, task: Task, briefs: Sequence[str], wait_s: float = WAIT_S) -> Behind:
    """The teacher's drafts of briefs that the student hands on; see the module. Blocks for `wait_s` and the calls under way then,
    so it is for a thread or a job, not for an event loop; each thread with a `db` of its own. A brief that somebody else has bought
    just now is waited for, and not bought again. Nobody behind: all in `why`."""
    rules, wanted = rules_of(db, task), list(briefs)
    if not rules.teacher:
        return Behind({}, dict.fromkeys(wanted, "No teacher stands behind this task's student."), 0.0)
    until = time.monotonic() + wait_s
    drafts: dict[str, list[dict]] = {}
    why: dict[str, str] = {}
    while left := [brief for brief in wanted if brief not in drafts and brief not in why]:
        late = time.monotonic() > until
        if not late and (mine := _claim(db, task, left, wait_s)):
            found, reasons = _bought(db, task, rules, mine, until, wait_s)
            why |= reasons
        else:
            found = _kept(db, task, rules, left)
            why |= {brief: _late(wait_s) for brief in left if brief not in found} if late else {}
            time.sleep(0 if late or found else POLL_S)
        drafts |= found
    return Behind(drafts, why, ledger.served_usd(db, task.client_id))


def answered(db: Database, task: Task, brief: str, records: list[dict], wait_s: float = WAIT_S) -> dict[str, Any]:
    """What one brief is answered with, given the student's drafts of it as records: `drafts`, before them the teacher's where none
    passes and one stands behind; `answered_by`: student, teacher or None; `teacher`: why it wrote nothing, "" where it did or was
    not asked."""
    if any(draft["passed"] for draft in records):
        return {"drafts": records, "answered_by": "student", "teacher": ""}
    if not rules_of(db, task).teacher:
        return {"drafts": records, "answered_by": None, "teacher": ""}
    told = behind(db, task, [brief], wait_s)
    more = told.drafts.get(brief, [])
    by = "teacher" if any(draft["passed"] for draft in more) else None
    return {"drafts": [*more, *records], "answered_by": by, "teacher": told.why.get(brief, "")}


def _bought(
    db: Database, task: Task, rules: Rules, mine: Sequence[str], until: float, wait_s: float
) -> tuple[dict[str, list[dict]], dict[str, str]]:
    """The drafts of briefs that are claimed, and why there are none of the others."""

    def report(done: int, total: int, usd: float) -> None:
        if time.monotonic() > until and done < total:
            raise Interrupted

    how = (rules.teacher, mine, rules.budget_usd, f"behind-{uuid.uuid4().hex}", report, rules.drafts, ledger.SERVED)
    late, drafts, failed = "", {}, {}
    try:
        told = teacher.drafts(db, task, *how)
        drafts, failed = told.drafts, told.failed
    except (InputError, Interrupted) as error:
        late = _late(wait_s) if isinstance(error, Interrupted) else str(error)
        drafts = _kept(db, task, rules, mine)  # what arrived before
    finally:
        _release(db, task, mine)
    failed |= {brief: "The month's budget is spent." for brief, why in failed.items() if why == teacher.CAPPED}
    why = {brief: failed.get(brief) or late or "The teacher wrote nothing." for brief in mine if brief not in drafts}
    return drafts, why


def _kept(db: Database, task: Task, rules: Rules, briefs: Sequence[str]) -> dict[str, list[dict]]:
    with suppress(InputError):
        return teacher.there(db, task, rules.teacher, briefs, rules.drafts)
    return {}


def _late(wait_s: float) -> str:
    return f"The teacher did not answer within {wait_s:.0f} s."


def _claim(db: Database, task: Task, briefs: Sequence[str], wait_s: float) -> list[str]:
    """The briefs that nobody buys just now, from here on this caller's until _release(); in the time of a call after `wait_s` a
    claim lapses, for then its holder was killed."""
    now = time.time()
    with db.atomic():
        db.execute("delete from teacher_claims where until < ?", [now])
        taken = "insert or ignore into teacher_claims (task_id, brief, until) values (?, ?, ?)"
        return [one for one in briefs if db.execute(taken, [task.id, one.strip(), now + wait_s + CALL_S]).rowcount]


def _release(db: Database, task: Task, briefs: Sequence[str]) -> None:
    with db.atomic():
        db.conn.executemany(
            "delete from teacher_claims where task_id = ? and brief = ?", [(task.id, one.strip()) for one in briefs]
        )
