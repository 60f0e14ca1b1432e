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
    so it is for a thread or a job, not for an event loop; each thread with a `db` of its own. Nobody behind: all in `why`."""
    rules, wanted = rules_of(db, task), list(briefs)
    if not rules.teacher:
        return Behind({}, dict.fromkeys(wanted, "No teacher stands behind this task's student."), 0.0)
    until = time.monotonic() + wait_s

    def report(done: int, total: int, usd: float) -> None:
        if time.monotonic() > until and done < total:
            raise Interrupted

    how = (rules.teacher, wanted, rules.budget_usd, f"behind-{uuid.uuid4().hex}", report, rules.drafts, ledger.SERVED)
    late, drafts, failed = "", {}, {}
    try:
        told = teacher.drafts(db, task, *how)
        drafts, failed = told.drafts, told.failed
    except (InputError, Interrupted) as error:
        late = f"The teacher did not answer within {wait_s:.0f} s." if isinstance(error, Interrupted) else str(error)
        with suppress(InputError):  # what arrived before
            drafts = teacher.there(db, task, rules.teacher, wanted, rules.drafts)
    failed |= {brief: "The month's budget is spent." for brief, why in failed.items() if why == teacher.CAPPED}
    why = {brief: failed.get(brief) or late or "The teacher wrote nothing." for brief in wanted if brief not in drafts}
    return Behind(drafts, why, ledger.served_usd(db, task.client_id))
