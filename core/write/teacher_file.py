"""A file of briefs that the teacher writes for, as a job: stopped or killed, the same one carries on and buys nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import jobs, tasks
from core.tables.problems import AS_FOUND, ReadAs
from core.tasks import Task
from core.words import counted, money
from core.write import briefs, teacher

USUAL = 1  # drafts of a brief


def params(
    task: Task,
    path: Path,
    columns: Sequence[str],
    spec: str,
    budget_usd: float | None,
    drafts: int,
    read_as: ReadAs = AS_FOUND,
) -> dict:
    """What write_job() is started with."""
    return {
        "task_id": task.id,
        "file": str(path.resolve()),
        "columns": list(columns),
        "teacher": spec,
        "budget_usd": budget_usd,
        "drafts": drafts,
        "read_as": asdict(read_as),
    }


def write_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body, with params(). The budget holds over all times the same briefs are handed in."""
    task, spec, count = tasks.get(db, params["task_id"]), params["teacher"], params["drafts"]
    read, problems = briefs.read(Path(params["file"]), params["columns"], ReadAs(**params.get("read_as") or {}))
    asked = list(dict.fromkeys(brief for _, brief in read))
    progress(0, len(asked), "Preparing what the teacher is asked")
    expected = teacher.forecast(db, task, spec, asked, count)

    def report(done: int, total: int, usd: float) -> None:
        progress(done, total, "The teacher writes", usd)

    owner = teacher.owner_of(db, task, spec, asked, count)
    told = teacher.drafts(db, task, spec, asked, params["budget_usd"], owner, report, count)
    return {
        "task": task.name,
        "teacher": spec,
        "briefs": len(asked),
        "forecast_usd": expected.cost and expected.cost.likely,
        "problems": len(problems.listed),
        "problem_list": [one.as_dict() for one in problems.listed[:100]],
        **summary(told),
    }


def summary(told: teacher.Bought) -> dict[str, Any]:
    """What came of the briefs, as commands and jobs say it."""
    return {
        "drafts": told.bought + told.kept,
        "handled": told.handled,
        "bought": told.bought,
        "kept": told.kept,
        "without": len(told.failed),
        "reasons": dict(Counter(told.failed.values()).most_common(5)),
        "capped": told.capped,
        "spent_usd": told.spent_usd,
    }


def in_words(result: dict[str, Any]) -> str:
    """A summary in a sentence or two."""
    spent, handled = money(result["spent_usd"], exact=True), counted(result["handled"], "brief")
    said = f"{counted(result['drafts'], 'draft')} by the teacher, {result['bought']:,} bought now, for {spent} in all; "
    said += f"{handled} with one that passes every gate."
    if result["capped"]:
        said += " The cap was reached: raise it, and what is there is not bought again."
    return said
