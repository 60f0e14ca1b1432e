"""The test assets one by one: those on which student and teacher differ, and every one with who would have answered it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlite_utils import Database

from core import tasks
from core.assets.image_rows import FILE, FILE_OF
from core.evaluate.evaluation import certified
from core.label import gold


def disagreements(
    db: Database, student_id: int, *, limit: int = 50, offset: int = 0, filters: dict[str, Any] | None = None
) -> pd.DataFrame:
    """Test assets on which student and teacher differ, those the student was surest of first.

    Columns asset_id, external_id, text, teacher, student (labels), confidence, image file (or None), gold (label or None).
    `filters`: teacher, student (category ids), text (part of it), low, high (bounds of confidence).
    """
    where, values = _filtered(student_id, filters)
    table = pd.read_sql_query(
        f"""select a.id as asset_id, a.external_id, a.text, t.label as teacher, s.label as student, p.confidence, {FILE_OF}
            {where} order by p.confidence desc, a.id limit ? offset ?""",
        db.conn,
        params=[*values, limit, offset],
    )
    task_id = db.execute("select task_id from students where id = ?", [student_id]).fetchone()[0]
    return table.assign(gold=table["asset_id"].map(gold.labels(db, tasks.get(db, task_id))).astype(object))


def results(db: Database, student_id: int) -> pd.DataFrame:
    """Every test asset in a row: asset, text, teacher (its category), student, confidence, agrees and answered by; of a client with
    images also image file."""
    table = pd.read_sql_query(
        f"""select a.external_id as asset, a.text, t.label as teacher, s.label as student, p.confidence, p.strange,
                  p.category_id = p.teacher_category_id as agrees, {FILE_OF}
           from predictions p join assets a on a.id = p.asset_id
           join categories s on s.id = p.category_id join categories t on t.id = p.teacher_category_id
           where p.student_id = ? and a.split = 'test' order by a.id""",
        db.conn,
        params=[student_id],
    )
    threshold, _ = certified(db, student_id)
    handled = (table["confidence"] >= (2 if threshold is None else threshold)) & (table["strange"] == 0)
    answered = handled.map({True: "student", False: "teacher"}) if threshold is not None else "not proven"
    files = {} if table[FILE].isna().all() else {FILE: table[FILE]}
    return table.drop(columns=["strange", FILE]).assign(
        agrees=table["agrees"].map({1: "yes", 0: "no"}), **{"answered by": answered}, **files
    )


def count_disagreements(db: Database, student_id: int, filters: dict[str, Any] | None = None) -> int:
    """How many rows disagreements() has under the same filters."""
    where, values = _filtered(student_id, filters)
    return db.execute(f"select count(*) {where}", values).fetchone()[0]


def _filtered(student_id: int, filters: dict[str, Any] | None) -> tuple[str, list]:
    where = """from predictions p join assets a on a.id = p.asset_id
               join categories s on s.id = p.category_id join categories t on t.id = p.teacher_category_id
               where p.student_id = ? and a.split = 'test' and p.category_id <> p.teacher_category_id"""
    clauses = {
        "teacher": " and p.teacher_category_id = ?",
        "student": " and p.category_id = ?",
        "text": " and instr(lower(a.text), lower(?))",
        "low": " and p.confidence >= ?",
        "high": " and p.confidence <= ?",
    }
    values = [student_id]
    for name, value in (filters or {}).items():
        if value is not None and value != "":
            where += clauses[name]
            values.append(value)
    return where, values
