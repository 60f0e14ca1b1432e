"""How a promise stands and what a shadow run says, in a sentence each, and the one next step with its price."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

from core import tasks
from core.evaluate.house import Notice
from core.tasks import Task
from core.watch import learning, rules, sequence, shadow, standing
from core.watch.shadow import Shadow
from core.watch.standing import Standing
from core.words import counted, money, percent, ranged, stated_percent

NOTICES = {
    standing.BROKEN: "The promise of the student at work is broken.",
    standing.IN_DOUBT: "The promise of the student at work is in doubt.",
}
SHARE = 0.02  # of handled answers, suggested where nothing is audited


@dataclass(frozen=True)
class Step:
    """The next step: in words, and what it costs a month in USD (None: nothing, or nobody knows), with the basis of that figure."""

    words: str
    usd: float | None = None
    basis: str | None = None


def price(db: Database, task: Task, student_id: int) -> tuple[float | None, str]:
    """USD for one audit, and its basis: measured on this task's audits, else on the labels the student learned from."""
    audits = """select total(cost_usd) / sum(assets) from calls where client_id = ? and purpose = 'audited' and state = 'settled'"""
    usd = db.execute(audits, [task.client_id]).fetchone()[0]
    if usd is None:
        labels = """select avg(cost_usd) from labels where cost_usd is not null
                    and run_id = (select label_run_id from students where id = ?)"""
        usd = db.execute(labels, [student_id]).fetchone()[0]
    return usd, "measured" if usd is not None else "unknown"


def sentence(now: Standing) -> str:
    """How the promise stands."""
    if now.state == standing.NO_STUDENT:
        return "No student of this task is at work, so there is no promise to watch."
    if now.state == standing.NO_PROMISE:
        return "Nothing is promised of the student at work: no threshold is certified."
    promise = stated_percent(now.promise)
    if now.state == standing.UNWATCHED:
        return f"The promise of {promise} is unchecked: no handled answer has been put to the teacher since {_day(now.since)}."
    checked = (
        f"Checked {now.audits_month:,} of {now.handled_month:,} handled answers this month; {now.agreed_month:,} agreed: "
        if now.audits_month
        else f"Checked {now.audits:,} handled answers since {_day(now.since)}; {now.agreed:,} agreed: "
    )
    ends = {
        standing.FEW: f"too few to say anything about the promise of {promise}; {counted(now.needed, 'more check')} will do.",
        standing.HOLDS: f"your promise of {promise} holds.",
        standing.IN_DOUBT: f"your promise of {promise} is in doubt.",
        standing.BROKEN: f"your promise of {promise} is broken since {_day(now.broken_at or now.since)}.",
    }
    return checked + ends[now.state]


def next_step(db: Database, task: Task, now: Standing) -> Step:
    """What to do next, one thing."""
    if now.state == standing.NO_STUDENT:
        return Step("Train a student and put it to work.")
    if now.state == standing.NO_PROMISE:
        return Step("Label more, or promise less on Compare, until a threshold is certified.")
    said = rules.watching(db, task)
    usd, basis = price(db, task, now.student_id)
    if now.state == standing.BROKEN:
        new = learning.found(db, task).new
        labels = counted(new, "new label") if new else "the newest labels"
        return Step(
            f"Let the teacher answer everything until somebody has looked, then train on {labels}, or promise less."
            if said.broken == rules.WARN
            else f"Everything goes to the teacher. Train on {labels}, or promise less; then say that it is seen to."
        )
    if not said.share:
        monthly = math.ceil(SHARE * now.handled_month)
        cost = None if usd is None else usd * monthly
        return Step(f"Have {stated_percent(SHARE)} of the handled answers checked by the teacher.", cost, basis)
    if now.state == standing.IN_DOUBT:
        more = sequence.noticing(now.promise)
        double = min(1.0, 2 * said.share)
        cost = None if usd is None else usd * double * now.handled_month
        return Step(f"Check {stated_percent(double)} of the answers, so that {more:,} checks come soon.", cost, basis)
    if now.state in (standing.FEW, standing.UNWATCHED):
        cost = None if usd is None else usd * now.needed
        return Step(f"Wait for {counted(now.needed, 'more check')}.", cost, basis)
    return Step("Nothing to do: go on as it is.", None if usd is None else usd * now.audits_month, basis)


def notices(db: Database) -> list[Notice]:
    """The tasks whose promise is broken or in doubt, for the overview."""
    query = """select t.id, c.name, case when (select count(*) from tasks where client_id = c.id) > 1 then t.name else '' end
               from students s join tasks t on t.id = s.task_id join clients c on c.id = t.client_id
               where s.live = 1 and s.ready = 1 order by c.name, t.id"""
    found = []
    for task_id, client, name in db.execute(query).fetchall():
        state = standing.state(db, tasks.get(db, task_id))
        if state in NOTICES:
            found.append(Notice(client, name, NOTICES[state], "watch"))
    return found


def of_shadow(one: Shadow) -> str:
    """What a shadow run says of a student."""
    if not one.answers:
        return "No answer was given yet."
    would = f"Of {one.answers:,} answers it would have handled {percent(one.share)}"
    if not one.compared:
        return f"{would}; none is compared with the teacher's yet."
    met = f", and agreed with the teacher on {percent(one.agreed / one.compared)} of {one.compared:,} compared"
    band = f" ({ranged(one.low, one.high)})" if one.low is not None else ""
    saved = f", which would have saved {money(one.saved_usd)}" if one.saved_usd is not None else ""
    verdicts = {
        shadow.READY: "It is at work." if one.at_work else "Ready to go to work.",
        shadow.NOT_YET: f"Not yet: {counted(one.needed, 'more comparison')}."
        if one.needed
        else "Not yet: what was compared lies below the promise.",
        shadow.NO: "No: it agrees too seldom for its promise."
        if one.promise is not None
        else "No: nothing is promised of this student.",
    }
    return f"{would}{met}{band}{saved}. {verdicts[one.verdict]}"


def _day(at: float) -> str:
    day = datetime.fromtimestamp(at, UTC)
    return f"{day.day} {day:%B}"
