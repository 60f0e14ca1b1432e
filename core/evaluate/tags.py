"""What is measured of a student that gives an asset several tags: right is who gives exactly the teacher's set, none too many, none
too few; beside that stand the figures of each tag by itself, and of all tags pooled.

A promise is of sets ("set": exactly the teacher's tags on the assets handled) or of tags ("tags": so many of the tags given to
assets handled are the teacher's), as the task's rules say. Either way an asset is as sure as its least sure tag.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core.evaluate import cascade
from core.evaluate.agreement import Share, per_tag, share
from core.evaluate.cascade import Certificate
from core.evaluate.figures import TagFigures
from core.evaluate.phrases import share_words
from core.tasks import Task
from core.taxonomy import load, tagsets
from core.words import percent, stated_percent

SET, TAGS = "set", "tags"  # what a promise may be of


@dataclass(frozen=True)
class Sets:
    """Reads ids of sets as tables: the members of each set, and the categories in column order."""

    members: dict[int, tagsets.Tags]
    columns: list[int]

    def said(self, ids: pd.Series) -> np.ndarray:
        """Which tags each of these sets has, bool (sets, columns)."""
        return tagsets.table(ids, self.members, self.columns)


def sets_of(db: Database, task: Task, taxonomy_id: int) -> Sets | None:
    """What reads the answers of a task that chooses several; None for one that chooses one."""
    if not task.several:
        return None
    return Sets(tagsets.load(db, taxonomy_id), [c.id for c in load(db, taxonomy_id) if c.assignable])


def table(sets: Sets, rows: pd.DataFrame) -> pd.DataFrame:
    """agreement.per_tag() of rows of core/evaluate/measure.py."""
    together = (rows[name].to_numpy() for name in ("family_id", "group_id"))
    return per_tag(sets.said(rows["category_id"]), sets.said(rows["predicted"]), np.array(sets.columns), *together)


def figures(sets: Sets, test: pd.DataFrame) -> TagFigures:
    """The figures of all tags together, on test rows."""
    teacher, student = sets.said(test["category_id"]), sets.said(test["predicted"])
    both, either = (teacher & student).sum(1), (teacher | student).sum(1)
    return TagFigures(
        right=_share_of(student, teacher, test),
        found=_share_of(teacher, student, test),
        micro_f1=float(2 * both.sum() / max(teacher.sum() + student.sum(), 1)),
        jaccard=float(np.where(either > 0, both / np.maximum(either, 1), 1.0).mean()),
        of_teacher=float(teacher.sum(1).mean()),
        of_student=float(student.sum(1).mean()),
        none_of_teacher=int((~teacher.any(1)).sum()),
        none_of_student=int((~student.any(1)).sum()),
    )


def _share_of(tags: np.ndarray, others: np.ndarray, rows: pd.DataFrame) -> Share:
    """The share of `tags` that `others` have, too; tags of one asset, and of assets that belong together, are not independent."""
    at, tag = np.nonzero(tags)
    return share(others[at, tag], rows["family_id"].to_numpy()[at])


def in_words(of: TagFigures) -> str:
    """How the two differ in all tags together: 91 % of the tags it gives are the teacher's …"""
    right, found = (share_words(one.value, one.n) for one in (of.right, of.found))
    return (
        f"Of the tags that the student gives, {right} are the teacher's; of the teacher's, it gives {found}. It gives "
        f"{of.of_student:.1f} tags an asset, the teacher {of.of_teacher:.1f}; no tag to {of.none_of_student:,} test assets, the "
        f"teacher to {of.none_of_teacher:,}. Measured."
    )


def certified(
    sets: Sets, calibration: pd.DataFrame, test: pd.DataFrame, target: float, confidence: float
) -> tuple[Certificate, Share, Share | None]:
    """The certificate that of the tags given to assets handled the target share is the teacher's, from calibration rows, and how
    test rows bear it out; rows have a column sure. As cascade.certify(), a tag for a row: those of an asset, and of what belongs
    to it, count as many as would carry the same variance."""
    given = _given(sets, calibration)
    found = cascade.certify(
        *(given[name].to_numpy() for name in ("sure", "correct")), target, 1 - confidence, families=given["family_id"]
    )
    an_asset = max(len(given) / max(len(calibration), 1), 1e-9)
    certificate = replace(
        found,
        n=len(calibration),
        families=int(calibration["family_id"].nunique()),
        more_needed=None if found.more_needed is None else cascade.about(ceil(found.more_needed / an_asset)),
    )
    if not found.certified:
        reason = found.reason.replace("trial assets", "tags given to trial assets")
        certificate = replace(certificate, reason=reason)
        return certificate, share(np.zeros(len(test), bool)), None
    taken = calibration["sure"] >= found.threshold
    handled = float(taken.mean())
    reason = (
        f"of the tags that the student gives to the {percent(handled)} of assets it handles, at least {stated_percent(target)} are "
        f"the teacher's, {stated_percent(confidence)} sure ({percent(found.agreement, target)} seen on "
        f"{len(calibration):,} trial assets)"
    )
    together = (test[name].to_numpy() for name in ("family_id", "group_id"))
    on_test = share((test["sure"] >= found.threshold).to_numpy(), *together)
    tried = _given(sets, test[test["sure"] >= found.threshold])
    agreed = share(tried["correct"].to_numpy(), tried["family_id"].to_numpy()) if len(tried) else None
    return replace(certificate, handled=handled, reason=reason), on_test, agreed


def _given(sets: Sets, rows: pd.DataFrame) -> pd.DataFrame:
    """One row a tag that the student gives: sure, family_id (of its asset), and whether it is the teacher's (correct)."""
    at, tag = np.nonzero(sets.said(rows["predicted"]))
    teacher = sets.said(rows["category_id"])
    given = rows[["sure", "family_id"]].iloc[at].reset_index(drop=True)
    return given.assign(correct=teacher[at, tag])
