"""The part of `students` that is about a task that writes: its versions, one put to work, rolled back."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from core.errors import InputError
from core.words import percent

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.tasks import Task


def of_task(db: Database, task: Task, args: argparse.Namespace) -> tuple[dict, str]:
    """The task's students, after making one live or rolling back where asked."""
    from core.write import going_live
    from core.write.training import LIVE

    if args.delete is not None or args.compare:
        raise InputError(
            "Students that write are not deleted one by one, nor compared so.",
            "`--would-change ID` compares one with the student at work; `tasks --delete` removes them all.",
        )
    if args.would_change is not None:
        change = going_live.change(db, task, args.would_change)
        return {"client": args.client, "task": task.name, "change": asdict(change)}, "\n".join(_said(change))
    lines, change = [], None
    if args.go_live is not None:
        change = going_live.go_live(db, task, args.go_live)
        lines = _said(change)
    if args.roll_back:
        LIVE.roll_back(db, task)
    rows = going_live.listed(db, task)
    lines += [_line(row) for row in rows]
    result = {"client": args.client, "task": task.name, "students": rows, "history": LIVE.history(db, task)}
    return result | ({"change": asdict(change)} if change else {}), "\n".join(lines) or "There are no students yet."


def _said(change) -> list[str]:
    return [*change.lines, *change.warnings]


def _line(row: dict) -> str:
    verdict = row["verdict"]["decision"].replace("_", " ")
    return (
        f"{row['name']:<16} {'live' if row['live'] else '':<5} passes the gates for {percent(row['handled']['value'])} of"
        f" {row['briefs']:,} briefs; {verdict}; {row['made_from']['pairs']:,} pairs, {row['created'][:16]}"
        + ("" if row["whole"] else "; its files are missing")
    )
