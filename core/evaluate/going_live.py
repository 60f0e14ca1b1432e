"""Putting a student to work: only ever because somebody asks for it, ready or not, and what changes and what speaks against it is
said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from sqlite_utils import Database

from core.errors import InputError
from core.evaluate import versions
from core.evaluate.comparison import comparison
from core.evaluate.evaluation import figures_of
from core.evaluate.phrases import interval_words, range_words
from core.evaluate.versions import name_of
from core.tasks import Task
from core.train import must_pass
from core.train.registry import find, set_live
from core.words import ranged, teacher_words


@dataclass(frozen=True)
class Change:
    """Going live of the student `new` in place of `old` (None: none is at work): `lines` say it, one thing each, `warnings` speak
    against it; `changes`: columns first (what the old one says), second, assets."""

    new: str
    old: str | None
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    changes: pd.DataFrame


def change(db: Database, task: Task, student_id: int) -> Change:
    """What changes over all test assets when the student goes live. InputError where the client has no such student."""
    row = find(db, task, student_id)
    live = next(db.query("select * from students where task_id = ? and live = 1", [task.id]), None)
    new, old = name_of(row), name_of(live) if live else None
    none = pd.DataFrame(columns=["first", "second", "assets"])
    if live is None:
        lines = [f"No student is at work yet; {new} would be the first.", *_alone(db, row)]
    elif live["id"] == row["id"]:
        return Change(new, old, (f"{new} is live already: nothing changes.",), (), none)
    else:
        try:
            comparison = versions.compare(db, live["id"], row["id"])
            lines, none = [comparison.changing, *_gains(comparison)], comparison.changes
        except InputError as error:
            lines = [f"What would change cannot be said: {error.what}", *_alone(db, row)]
    return Change(new, old, tuple(lines), tuple(_warnings(db, row)), none)


def go_live(db: Database, task: Task, student_id: int) -> Change:
    """Put the student to work; returns what that changes. InputError where there is none, or its files are gone."""
    planned = change(db, task, student_id)
    set_live(db, student_id)
    return planned


def _alone(db: Database, row: dict) -> list[str]:
    """How the student stands to the labels it learned from, where it was judged."""
    figures = figures_of(db, row["id"])
    if figures is None:
        return []
    share = interval_words(figures.agreement, figures.target)
    teacher = teacher_words(figures.taught.teacher)
    return [f"It agrees with its teacher ({teacher}) on {share} of its test assets."]


def _gains(comparison: versions.VersionComparison) -> list[str]:
    """For each teacher, how often old and new agree with its labels, and whose the difference is."""
    return [
        f"Against {by.teacher}: {comparison.first.name} {range_words(by.first)}, "
        f"{comparison.second.name} {range_words(by.second)}; "
        f"change {_points(by.paired.difference)} points ({ranged(by.paired.low, by.paired.high, _points)}, 95 %)"
        + ("." if by.paired.better else ": no difference is shown.")
        for by in comparison.by
    ]


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _warnings(db: Database, row: dict) -> list[str]:
    """What speaks against it: it was never judged, or its verdict, or that it answers in an earlier taxonomy."""
    result = comparison(db, row["id"])
    said = versions.behind_words(db, row), must_pass.in_words(must_pass.missed(db, row))
    warnings = [words for words in said if words]
    if result is None:
        return ["It has not been judged, so nothing is known of how good it is.", *warnings]
    verdict = result.verdict
    if verdict.decision == "not_ready":
        warnings.insert(0, f"Its verdict is: not ready. {verdict.reason}")
    if verdict.decision == "decision_model":
        warnings.insert(0, f"Its verdict is: a decision model will do. {verdict.reason}")
    if verdict.decision == "trial":
        warnings.insert(0, f"Its verdict is: trial only. {verdict.reason}")
    return warnings


def as_json(planned: Change) -> dict[str, Any]:
    """The change as one JSON-able object, for the command line."""
    return asdict(planned) | {"changes": planned.changes.to_dict("records")}
