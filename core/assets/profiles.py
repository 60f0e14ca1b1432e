"""What a client's assets are like, and the problems of an import as a file."""

from __future__ import annotations

import io
import json
from typing import Any

from sqlite_utils import Database

from core.errors import Problem
from core.escape import Cells
from core.tasks import Task

SHOWN = 100  # labels listed a source


def problems_of(db: Database, import_id: int) -> list[Problem]:
    """The problems and remarks kept of an import (at most 10,000), in the order they were found."""
    query = 'select row, "column", what, todo, remark from import_problems where import_id = ? order by rowid'
    return [Problem(*row, bool(remark)) for *row, remark in db.execute(query, [import_id])]


def problems_csv(db: Database, import_id: int) -> str:
    """The problems and remarks of an import as CSV (row, column, what, todo, kind), safe to open in a spreadsheet.

    At most 10,000 rows are kept; how many more there were stands in a last line.
    """
    out = io.StringIO()
    table = Cells(out)
    table.row("row", "column", "what", "todo", "kind")
    problems = problems_of(db, import_id)
    for problem in problems:
        table.row(problem.row, problem.column, problem.what, problem.todo, problem.kind)
    counted = db.execute("select problem_count + remark_count from imports where id = ?", [import_id]).fetchone()
    if counted and counted[0] > len(problems):
        more = f"{counted[0] - len(problems):,} more are not listed."
        table.row("", "", more, "Correct these first and import the file again.", "")
    return out.getvalue()


def profile(db: Database, task: Task) -> dict[str, Any]:
    """Figures of a client's assets and their labels in a task, read in a handful of queries.

    assets, groups, families (of groups that belong together), duplicates (assets less groups);
    words: quantiles of words per asset by name (p5, p50, p95, max);
    splits: assets by split ("" where none yet);
    labels: by source (as what they were read as), {"count", "distinct", "top": [(label, count)]};
    gold: assets with a gold label; columns: those of the last import by role; extra: names of the other columns.
    """
    assets, groups, families = db.execute(
        "select count(*), count(distinct group_id), count(distinct coalesce(family_id, group_id)) from assets where client_id = ?",
        [task.client_id],
    ).fetchone()
    mapping = db.execute(
        "select mapping from imports where client_id = ? order by id desc limit 1", [task.client_id]
    ).fetchone()
    extra = db.execute(
        "select distinct key from (select extra from assets where client_id = ? and extra is not null limit 1000),"
        " json_each(extra)",
        [task.client_id],
    )
    return {
        "assets": assets,
        "groups": groups,
        "families": families,
        "duplicates": assets - groups,
        "words": _words(db, task, assets),
        "splits": splits(db, task.client_id),
        "labels": _labels(db, task),
        "gold": gold_count(db, task),
        "columns": json.loads(mapping[0]) if mapping else {},
        "extra": [row[0] for row in extra],
    }


def splits(db: Database, client_id: int) -> dict[str, int]:
    """Assets by split, the most first ("" where none yet); read off an index, so that it may be asked for at any time."""
    rows = db.execute(
        "select split, count(*) from assets where client_id = ? group by split order by 2 desc", [client_id]
    )
    return {split or "": count for split, count in rows}


def gold_count(db: Database, task: Task) -> int:
    """How many assets have a gold label."""
    return db.execute("select count(*) from gold_labels where task_id = ?", [task.id]).fetchone()[0]


def _words(db: Database, task: Task, assets: int) -> dict[str, int]:
    """Quantiles of words per asset; a word is what stands between blanks or line breaks."""
    if not assets:
        return {}
    counts = [
        row[0]
        for row in db.execute(
            "select length(t) - length(replace(t, ' ', '')) + 1 from"
            " (select trim(replace(text, char(10), ' ')) as t from assets where client_id = ?) order by 1",
            [task.client_id],
        )
    ]
    at = {"p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: counts[min(round(share * (len(counts) - 1)), len(counts) - 1)] for name, share in at.items()}


def _labels(db: Database, task: Task) -> dict[str, dict[str, Any]]:
    query = (
        "select r.source, coalesce(r.category, r.label) as label, count(*) as n from recordings r"
        " where r.task_id = ? group by 1, 2 order by 1, 3 desc, 2"
    )
    by_source: dict[str, dict[str, Any]] = {}
    for source, label, count in db.execute(query, [task.id]):
        recorded = by_source.setdefault(source, {"count": 0, "distinct": 0, "top": []})
        recorded["count"] += count
        recorded["distinct"] += 1
        if len(recorded["top"]) < SHOWN:
            recorded["top"].append((label, count))
    return by_source
