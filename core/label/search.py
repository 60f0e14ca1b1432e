"""Finding assets by their words, id, label or split, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from core.tasks import Task

LONGEST = 300  # characters of a text that are returned


@dataclass(frozen=True)
class Wanted:
    """`words` stand in the text or the id (capitals of ASCII letters do not count); `label`: the category's label in the run, or
    NONE; None: whatever."""

    words: str = ""
    label: str | None = None
    split: str | None = None


NONE = ""  # as a label: without one


def search(
    db: Database, task: Task, run_id: int | None, wanted: Wanted, start: int = 0, most: int = 50
) -> tuple[list[dict[str, Any]], int]:
    """Assets number `start` on, oldest first, at most `most`, and how many there are: id, external_id, text, label (of the run's
    duplicate group, None without), split. One pass over the client's assets at worst."""
    where, marks = _where(wanted)
    marks |= {"client": task.client_id, "run": run_id, "start": start, "most": most, "longest": LONGEST}
    tables = """assets a left join (select b.group_id, min(o.asset_id) as asset_id from labels o join assets b on b.id = o.asset_id
                  where o.run_id = :run and o.category_id is not null group by 1) g on g.group_id = a.group_id
                left join labels l on l.run_id = :run and l.asset_id = g.asset_id
                left join categories c on c.id = l.category_id where a.client_id = :client"""
    rows = db.query(
        f"""select a.id, a.external_id, substr(a.text, 1, :longest) as text, c.label, a.split from {tables} {where}
            order by a.id limit :most offset :start""",
        marks,
    )
    listed = list(rows)
    joined = tables if wanted.label is not None else "assets a where a.client_id = :client"
    return listed, db.execute(f"select count(*) from {joined} {where}", marks).fetchone()[0]


def _where(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    parts, marks = [], {}
    if words := wanted.words.strip():
        escaped = words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        parts.append(r"and (a.text like :words escape '\' or a.external_id like :words escape '\')")
        marks["words"] = f"%{escaped}%"
    if wanted.split is not None:
        parts.append("and a.split = :split")
        marks["split"] = wanted.split
    if wanted.label == NONE:
        parts.append("and c.label is null")
    elif wanted.label is not None:
        parts.append("and c.label = :label")
        marks["label"] = wanted.label
    return " ".join(parts), marks
