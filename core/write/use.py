"""A writing student at work: drafts of a brief that somebody asks for, kept with what the gates said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import settings, tasks
from core.database import now
from core.errors import InputError
from core.tasks import Task
from core.write import drafting, run
from core.write.rungs import rungs

LONGEST = 20_000  # characters of a brief


def task_named(db: Database, client: str, name: str | None) -> Task:
    """The client's task that writes: the one named, else its only one. InputError where there is none."""
    if name is not None:
        return tasks.named(db, client, name)
    there = [task for task in tasks.of_client(db, tasks.client_named(db, client)) if task.kind == run.KIND]
    if len(there) != 1:
        known = ", ".join(task.name for task in there)
        raise InputError(
            f"The client has {len(there)} tasks that write.",
            f"Name one with --task: {known}." if there else "Bring pairs with `distil --pairs` first.",
        )
    return there[0]


def write(
    db: Database, task: Task, brief: str, count: int = 3, seed: int = 0, which: str | int = "live"
) -> dict[str, Any]:
    """Up to `count` drafts of a brief, those that pass first, and kept: `drafts`, `handled` (whether any passes), `student`, its
    `kind` and `title`.

    InputError for an empty or endless brief, where no student may write, or for one that is refused.
    """
    brief = brief.strip()
    if not brief or len(brief) > LONGEST:
        raise InputError(
            f"The brief has {len(brief):,} characters." if brief else "The brief is empty.",
            f"Write what the copy is for, in at most {LONGEST:,} characters.",
        )
    row = run.find(db, task, which)
    if row["refused"]:
        raise InputError(row["refused"], "Name another student, or train one.")
    [made] = writer_of(row).drafts([brief], count, seed)
    told = [draft.as_dict() for draft in made]
    db["drafts"].insert_all(
        {
            "task_id": task.id,
            "writer_id": row["id"],
            "brief": brief,
            "place": place,
            "seed": seed,
            "text": draft["text"],
            "passed": int(draft["passed"]),
            "gates": json.dumps(draft["gates"]),
            "created": now(),
        }
        for place, draft in enumerate(told)
    )
    handled = any(draft["passed"] for draft in told)
    title = rungs()[row["kind"]].title
    return {"drafts": told, "handled": handled, "student": str(row["id"]), "kind": row["kind"], "title": title}


def writer_of(row: dict) -> drafting.Writer:
    """The student of a row, ready to write."""
    return drafting.load(Path(settings.home() / row["path"]))
