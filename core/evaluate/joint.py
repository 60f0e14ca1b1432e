"""Several facets of one asset at once: how often all of them are as their teachers said, and what can be promised of that.

An asset counts where every facet has a teacher's answer of it and a student's; it is as sure as its least sure facet, and one that
is strange to any student falls back. The certificate is drawn anew: promises of single facets do not add up to one of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlite_utils import Database

from core import tasks
from core.errors import InputError
from core.evaluate import evaluation, measure
from core.evaluate.agreement import Share, share
from core.evaluate.cascade import Certificate
from core.evaluate.evaluation import predictions
from core.tasks import Task
from core.train import registry
from core.words import percent, ranged, stated_percent

SAME = ["asset_id", "split", "group_id", "family_id"]


@dataclass(frozen=True)
class AllFacets:
    """On test assets: agreement in every facet; the share handled in every facet under one threshold, and agreement there (None:
    none is); the certificate from calibration assets."""

    agreement: Share
    handled: Share
    agreement_handled: Share | None
    certificate: Certificate


def looked_at(db: Database, client_id: int) -> dict[Task, int]:
    """The student to look at of each task that sorts: the one at work, else the newest judged; tasks without a judged one are left
    out."""
    judged = {id for (id,) in db.execute("select student_id from evaluations where split = 'test'")}
    tasks_there = [task for task in tasks.of_client(db, client_id) if task.sorts]
    rows = {task: registry.looked_at(db, task)["id"] for task in tasks_there if registry.all_students(db, task)}
    return {task: id for task, id in rows.items() if id in judged}


def of_client(db: Database, client_id: int) -> AllFacets | None:
    """The joint figures of the client's facets as looked at, by the strictest of their targets; None where there are not two of
    them. InputError as all_facets()."""
    students = looked_at(db, client_id)
    if len(students) < 2:
        return None
    promised = [evaluation.figures_of(db, id).certificate for id in students.values()]
    target, confidence = (max(getattr(one, name) for one in promised) for name in ("target", "confidence"))
    return all_facets(db, list(students.values()), target, confidence)


def sentence(joint: AllFacets) -> str:
    """What holds of all facets, in words: All facets right: 91.2 % (…). 95 % in all facets is proven, for 80 % of assets."""
    seen, certificate = joint.agreement, joint.certificate
    right = f"All facets right: {percent(seen.value)} ({ranged(seen.low, seen.high)}, n = {seen.n:,})."
    if not certificate.certified:
        return f"{right} {certificate.reason[:1].upper()}{certificate.reason[1:]}."
    return f"{right} {stated_percent(certificate.target)} in all facets is proven, for {percent(joint.handled.value)} of assets."


def all_facets(db: Database, students: Sequence[int], target: float, confidence: float) -> AllFacets:
    """The joint figures of a student a facet. InputError where no test asset has an answer in all facets."""
    held = together([predictions(db, one) for one in students])
    test = held[held["split"] == "test"]
    if test.empty:
        raise InputError(
            "No test asset has a label in every facet, so nothing can be said of all facets together.",
            "Label the same assets in each facet.",
        )
    certificate, handled, agreed = measure.certified(held, target, confidence)
    right = share(test["correct"].to_numpy(), test["family_id"].to_numpy(), test["group_id"].to_numpy())
    return AllFacets(right, handled, agreed, certificate)


def as_json(joint: AllFacets) -> dict[str, Any]:
    """The joint figures as commands print them."""
    seen = joint.agreement
    return {
        "agreement": {"value": seen.value, "low": seen.low, "high": seen.high, "n": seen.n},
        "handled": joint.handled.value,
        "agreement_handled": joint.agreement_handled and joint.agreement_handled.value,
        "certified": joint.certificate.certified,
        "target": joint.certificate.target,
        "threshold": joint.certificate.threshold,
        "reason": joint.certificate.reason,
        "sentence": sentence(joint),
    }


def together(held: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of evaluation.predictions() as one, of the assets that all of them have: `correct` where all are, `confidence_student`
    of the least sure, `strange` where any is."""
    both = pd.concat(dict(enumerate(one.set_index(SAME) for one in held)), axis=1, join="inner").swaplevel(axis=1)
    joint = {"correct": both["correct"].all(axis=1), "confidence_student": both["confidence_student"].min(axis=1)}
    return pd.DataFrame(joint | {"strange": both["strange"].any(axis=1)}).reset_index()
