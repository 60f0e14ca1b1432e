"""How long a job still takes as a whole, from the seconds that each phase of an earlier one like it took.

One bar and one time for a job of many phases: what the earlier job spent in its phases is scaled by the ratio of their sizes and by
how fast this one has been so far. Where none like it has ended on this machine, the phases' shares measured on the sample data
(stages.json; python -m tests.bench.stages) stand in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from core.jobs.progress import Job

Spans = dict[str, list[float]]  # by phase, the one entered last at the end: seconds spent in it, its units
TRUST = 0.1  # of an earlier job's time weighs as much as so much of this one's own
OWN = 0.05  # share of a phase after which its own rate says more than an earlier job's


@dataclass(frozen=True)
class Forecast:
    """`share` of the whole job's time that is over, 0 to 1, and seconds to its end."""

    share: float
    seconds_left: float


def forecast(db: Database, job: Job) -> Forecast | None:
    """The running job's; None where no job like it has ended, here or on the sample data."""
    spans = before(db, job)
    return of(job.spans, spans, job.fraction, job.seconds_left) if spans and job.spans else None


def before(db: Database, job: Job) -> Spans:
    """The phases of a job like this one, timed here or on the sample data; {} where none has been."""
    return earlier(db, job) or _shipped().get(sort(job.kind, job.params), {})


def earlier(db: Database, job: Job) -> Spans | None:
    """The phases of the newest job like this one that ran to its end: of the same client if there is one."""
    rows = db.execute(
        """select params, spans from jobs where kind = ? and state = 'done' and spans <> '{}' and id <> ?
           order by task_id is ? desc, id desc limit 20""",
        [job.kind, job.id, job.task_id],
    )
    mine = sort(job.kind, job.params)
    return next((json.loads(spans) for params, spans in rows if sort(job.kind, json.loads(params)) == mine), None)


def of(spans: Spans, before: Spans, fraction: float | None, phase_left: float | None) -> Forecast | None:
    """The forecast of a job that spent `spans` so far and is at `fraction` of its last phase, which ends in `phase_left` seconds at
    its own rate, where an earlier one spent `before`. None where the two have nothing in common."""
    place = next(reversed(spans))
    known = [name for name in before if name in spans]
    if not known:
        return None
    order = list(before)
    at = order.index(place) if place in before else max(map(order.index, known))
    over = 1.0 if place not in before else fraction or 0.0
    past = sum(before[name][0] for name in order[:at]) + over * before[order[at]][0]
    ahead = sum(before[name][0] for name in order[at + 1 :] if name not in spans)
    rest = (1 - over) * before[order[at]][0]
    whole = past + rest + ahead
    spent = sum(seconds for seconds, _ in spans.values())
    pace = (spent + TRUST * whole * _ratio(spans, before, known)) / max(past + TRUST * whole, 1e-9)
    own = phase_left if phase_left is not None and over > OWN and place in before else pace * rest
    left = own + pace * ahead
    return Forecast(spent / max(spent + left, 1e-9), left)


def _ratio(spans: Spans, before: Spans, known: list[str]) -> float:
    """How much larger the phases are than the earlier ones, weighted by the time those took."""
    sized = [name for name in known if spans[name][1] > 0 and before[name][1] > 0]
    weights = sum(before[name][0] for name in sized)
    return sum(before[name][0] * spans[name][1] / before[name][1] for name in sized) / weights if weights else 1.0


def sort(kind: str, params: dict) -> str:
    """What jobs have in common whose phases are alike: kind, and what student they train or what teacher they ask."""
    teacher = str(params.get("teacher", "")).partition(":")[0]
    return " ".join(filter(None, [kind, str(params.get("kind") or params.get("student") or ""), teacher]))


@cache
def _shipped() -> dict[str, Spans]:
    return json.loads(Path(__file__).with_name("stages.json").read_text("utf-8"))
