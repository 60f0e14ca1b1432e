"""A writing student at work: drafts of a brief that somebody asks for, kept with what the gates said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from core import settings, tasks
from core.errors import InputError
from core.tasks import Task
from core.write import drafting, fields, scorer, training
from core.write.briefs import LONGEST
from core.write.rungs import rungs


def task_named(db: Database, client: str, name: str | None) -> Task:
    """The client's task that writes: the one named, else its only one. InputError where there is none."""
    if name is not None:
        return tasks.named(db, client, name)
    there = [task for task in tasks.of_client(db, tasks.client_named(db, client)) if task.kind == training.KIND]
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
    `kind` and `title`, the `runtime` that its model drafted with; of what sums up, the brief's `fields`.

    InputError for an empty or endless brief, where no student may write, or for one that is refused.
    """
    brief = brief.strip()
    if not brief or len(brief) > LONGEST:
        raise InputError(
            f"The brief has {len(brief):,} characters." if brief else "The brief is empty.",
            f"Write what the copy is for, in at most {LONGEST:,} characters.",
        )
    row = may_write(db, task, which)
    writer = writer_of(row, db)
    [drafts] = writer.drafts([brief], count, seed)
    records = [draft.as_dict() for draft in drafts]
    keep(db, row, brief, drafts, seed)
    rung = rungs()[row["kind"]]
    return {
        "drafts": records,
        "handled": any(draft["passed"] for draft in records),
        "student": str(row["id"]),
        "kind": row["kind"],
        "title": rung.title,
        "runtime": writer.runtime,
        "fields": fields.of(brief) if rung.summaries else {},
    }


def line(number: int, brief: str, draft: dict) -> dict[str, str]:
    """A draft as a row of a table."""
    why = " ".join(f"{gate['name']}: {gate['why']}" for gate in draft["gates"] if not gate["passed"])
    passed = "yes" if draft["passed"] else "no"
    return {"row": str(number), "brief": brief, "draft": draft["text"], "passed": passed, "why": why}


def may_write(db: Database, task: Task, which: str | int) -> dict:
    """The student's row. InputError where there is none, or it may not write."""
    row = training.find(db, task, which)
    if row["refused"]:
        raise InputError(row["refused"], "Name another student, or train one.")
    return row


def keep(db: Database, row: dict, brief: str, drafts: Sequence[drafting.Draft], seed: int = 0) -> None:
    """Keep a student's drafts of a brief for the desk, and what the scorer learns from; `row`: the student's, of which task_id and
    id are read. What it wrote of the brief before is not kept twice: nobody is to decide on one text again and again."""
    same = "select text from drafts where task_id = ? and brief = ? and writer_id = ?"
    there = {text for (text,) in db.execute(same, [row["task_id"], brief, row["id"]])}
    new = [draft.as_dict() for draft in drafts if draft.text not in there]
    drafting.keep(db, row["task_id"], brief, new, writer_id=row["id"], seed=seed)
    scorer.remember(db, row, brief, [(draft.text, draft.features) for draft in drafts])


def writer_of(row: dict, db: Database | None = None) -> drafting.Writer:
    """The student of a row, ready to write, with the scorer that people's decisions have taught where there is a `db` to ask."""
    writer = drafting.load(Path(settings.home() / row["path"]))
    return replace(writer, scorer=scorer.of(db, row)) if db is not None else writer
