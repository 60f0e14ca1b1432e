"""From a trained student to its figures: predict the held-out assets, measure, store; then judge what is stored.

evaluate() measures and writes; comparison() adds money and verdict under the assumptions of the day, so that changing
a price or a volume never needs another measurement.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.database import now
from core.errors import InputError
from core.evaluate import doubt, learning_curve, measure
from core.evaluate.agreement import Paired, Share
from core.evaluate.cascade import Certificate
from core.evaluate.kept import assumptions_of, keep_rules, rules_of, teacher_price
from core.evaluate.next_step import Plan, plan
from core.evaluate.verdict import Evidence, Gold, Rules, Unseen, decide
from core.evaluate.weak import Category
from core.jobs import Progress
from core.label import connections, gold
from core.label.runs import labelled
from core.money import prices
from core.money.economics import Assumptions, Measured, economics, label_price, saving_on_batch
from core.tasks import Task
from core.train import members, students
from core.train.registry import folder_of

BATCH = 256
TOP = 3  # categories kept of each prediction
LOWER = (0.95, 0.9, 0.85, 0.8)  # targets tried where the client's own is not reached


def evaluate(
    db: Database, student_id: int, *, target: float | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Measure a student on its label run's calibration and test assets; stores and returns the figures. A cross-fitted student is
    calibrated on training assets, by answers of members that had not learnt from them.

    `target` is the agreement aimed at (default: the client's setting). Writes predictions and the evaluation in one
    transaction; run again it replaces them. Raises InputError without labelled test assets.
    """
    row = next(db.query("select * from students where id = ?", [student_id]))
    task, run_id = tasks.get(db, row["task_id"]), row["label_run_id"]
    target = settings.get(db, "target_agreement", task) if target is None else target
    frame = labelled(db, run_id)
    counts = frame["split"].value_counts().to_dict()
    held = frame[frame["split"].isin(["calibration", "test"])].reset_index(drop=True)
    if not (held["split"] == "test").any():
        raise InputError(
            "No labelled asset is kept for the test, so nothing can be said of this student.",
            "Label more assets, or mark some as test in the file's split column.",
        )
    folder = folder_of(db, student_id)
    student, cold = _cold_start(folder, held["text"].iloc[0])
    held = pd.concat([held, _predict(student, held["text"], progress)], axis=1)
    held = pd.concat([held, *_unseen(student, folder, frame[frame["split"] == "train"])], ignore_index=True)
    held["correct"] = held["category_id"] == held["predicted"]
    categories = taxonomy.load(db, row["taxonomy_id"])
    found = _worked_out(db, task, run_id, held, categories, target)
    if progress:
        progress(0, 1, "Timing the student")
    found |= measure.speed(student, held) | measure.teacher(db, run_id, row["taxonomy_id"], held)
    found |= {
        "cold_start_ms": cold,
        "student": {key: row[key] for key in ("id", "kind", "train_seconds", "size_mb")},
        "counts": {split: int(counts.get(split, 0)) for split in ("train", "calibration", "test")},
        "labelled_groups": int(frame["group_id"].nunique()),
        "new": json.loads(row["summary"] or "{}").get("new"),
        "created": (at := now()),
        "certified_at": at,
    }
    _store(db, student_id, held, found)
    return found


def _cold_start(folder: Path, text: str) -> tuple[students.Student, float]:
    """The student, and the milliseconds from its files on disk to its first answer."""
    started = time.perf_counter()
    student = students.load(folder)
    student.answer([text])
    return student, 1000 * (time.perf_counter() - started)


def _worked_out(
    db: Database,
    task: Task,
    run_id: int,
    held: pd.DataFrame,
    categories: list[taxonomy.StoredCategory],
    target: float,
) -> dict[str, Any]:
    """All figures that come of held-out predictions and labels alone."""
    confidence = settings.get(db, "confidence", task)
    found = measure.quality(held, categories) | measure.promise(held, target, confidence)
    return found | {
        "lower": [measure.promised(held, lower, confidence) for lower in LOWER if lower < target - 1e-9],
        "mergeable": doubt.mergeable(db, task, run_id, categories),
        "slices": measure.slices(db, held),
        "gold": measure.gold(db, task, held, categories, found["certificate"]["threshold"]),
    }


def figures(db: Database, student_id: int) -> dict[str, Any] | None:
    """The figures of a student as they hold now; None before evaluate(). Whoever serves, scores, exports or shows reads them here.
    `certified_at` says since when its threshold holds."""
    judged = "select figures, certified_at from evaluations where student_id = ? and split = 'test'"
    row = next(db.query(judged, [student_id]), None)
    return row and json.loads(row["figures"]) | {"certified_at": row["certified_at"]}


def change_rules(db: Database, task: Task, rules: Rules) -> None:
    """Keep the client's rules, and judge its students by the new target: from stored predictions, nothing is measured again."""
    keep_rules(db, task, rules)
    judged = """select e.student_id, s.task_id, s.taxonomy_id, s.label_run_id from evaluations e
                join students s on s.id = e.student_id where s.task_id = ? and e.split = 'test'"""
    for row in list(db.query(judged, [task.id])):
        student_id = row["student_id"]
        found = figures(db, student_id)
        if found["target"] == rules.target:
            continue
        found |= _again(db, row, student_id, rules.target) | {"certified_at": now()}
        db.execute(
            "update evaluations set figures = ?, certified_at = ? where student_id = ? and split = 'test'",
            [json.dumps(found, allow_nan=False), found["certified_at"], student_id],
        )


def _again(db: Database, row: dict[str, Any], student_id: int, target: float) -> dict[str, Any]:
    """What comes of the stored predictions of a student for `target`; `row`: its task_id, label_run_id and taxonomy_id."""
    categories = taxonomy.load(db, row["taxonomy_id"])
    return _worked_out(
        db, tasks.get(db, row["task_id"]), row["label_run_id"], _stored(db, student_id), categories, target
    )


def comparison(
    db: Database, student_id: int, assumptions: Assumptions | None = None, *, target: float | None = None
) -> dict[str, Any] | None:
    """The stored figures with money and verdict: "figures" (dict), "economics", "verdict", "assumptions", "rules", "measured"
    (what the money rests on; all dataclasses).

    `assumptions` default to the client's. Another `target` than the stored one is certified afresh from the stored
    predictions. None before evaluate().
    """
    found = figures(db, student_id)
    if found is None:
        return None
    row = next(
        db.query(
            """select s.task_id, s.taxonomy_id, s.label_run_id, s.live, t.version,
                      (select max(version) from taxonomies where task_id = s.task_id) as newest
               from students s join taxonomies t on t.id = s.taxonomy_id where s.id = ?""",
            [student_id],
        )
    )
    task = tasks.get(db, row["task_id"])
    if target is not None and target != found["target"]:
        found |= _again(db, row, student_id, target)
    assumptions = assumptions or assumptions_of(db, task)
    price = teacher_price(db, assumptions)
    measured = _measured(found)
    sheet, rules = economics(measured, assumptions, price), rules_of(db, task, found["target"])
    on_batch = saving_on_batch(sheet, measured, assumptions)
    curve = learning_curve.stored(db, row["label_run_id"])
    found |= {"guard": {"rows": rules.guarded_rows, "floor": rules.category_floor}}
    left = _left(db, task, found["labelled_groups"])
    next_step = _plan(found, curve, measured, assumptions, price, left)
    evidence = _evidence(found, sheet.saving, on_batch, rules, next_step, row)
    if found["teacher"]["kind"] == "recorded" and not connections.all(db, task.client_id):
        evidence = replace(evidence, nobody_behind=True)
    return {
        "figures": found,
        "economics": sheet,
        "verdict": decide(replace(evidence, ready_at=_ready_at(found, evidence))),
        "assumptions": assumptions,
        "rules": rules,
        "measured": measured,
    }


def disagreements(
    db: Database, student_id: int, *, limit: int = 50, offset: int = 0, filters: dict[str, Any] | None = None
) -> pd.DataFrame:
    """Test assets on which student and teacher differ, those the student was surest of first.

    Columns asset_id, external_id, text, teacher, student (labels), confidence, gold (label or None).
    `filters`: teacher, student (category ids), text (part of it), low, high (bounds of confidence).
    """
    where, values = _filtered(student_id, filters)
    table = pd.read_sql_query(
        f"""select a.id as asset_id, a.external_id, a.text, t.label as teacher, s.label as student, p.confidence
            {where} order by p.confidence desc, a.id limit ? offset ?""",
        db.conn,
        params=[*values, limit, offset],
    )
    task_id = db.execute("select task_id from students where id = ?", [student_id]).fetchone()[0]
    return table.assign(gold=table["asset_id"].map(gold.labels(db, tasks.get(db, task_id))).astype(object))


def results(db: Database, student_id: int) -> pd.DataFrame:
    """Every test asset in a row: asset, text, teacher (its category), student, confidence, agrees and answered by."""
    table = pd.read_sql_query(
        """select a.external_id as asset, a.text, t.label as teacher, s.label as student, p.confidence, p.strange,
                  p.category_id = p.teacher_category_id as agrees
           from predictions p join assets a on a.id = p.asset_id
           join categories s on s.id = p.category_id join categories t on t.id = p.teacher_category_id
           where p.student_id = ? and a.split = 'test' order by a.id""",
        db.conn,
        params=[student_id],
    )
    threshold = figures(db, student_id)["certificate"]["threshold"]
    handled = (table["confidence"] >= (2 if threshold is None else threshold)) & (table["strange"] == 0)
    answered = handled.map({True: "student", False: "teacher"}) if threshold is not None else "not proven"
    return table.drop(columns="strange").assign(
        agrees=table["agrees"].map({1: "yes", 0: "no"}), **{"answered by": answered}
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


def _predict(student, texts: pd.Series, progress: Progress | None) -> pd.DataFrame:
    """predicted (category id), confidence, top (JSON of the first TOP) and strange of each text; equal texts are asked once."""
    codes, unique = pd.factorize(texts)
    parts = []
    for start in range(0, len(unique), BATCH):
        if progress:
            progress(start, len(unique), "Comparing with the teacher")
        parts.append(_said(student, student.answer(list(unique[start : start + BATCH]))))
    return pd.concat(parts, ignore_index=True).iloc[codes].reset_index(drop=True)


def _unseen(student: students.Student, folder: Path, train: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The training assets that calibrated the student, if any, with what members said of them that had not learnt from them."""
    rows, answers = students.unseen(folder, train["text"])
    if len(rows):
        yield pd.concat([train.iloc[rows].reset_index(drop=True), _said(student, answers)], axis=1)


def _said(student: students.Student, answers: students.Answers) -> pd.DataFrame:
    ids, rows = np.array(student.categories), answers.probabilities
    order = np.argsort(-rows, axis=1, kind="stable")[:, :TOP]
    best, sure = ids[order], np.take_along_axis(rows, order, axis=1).astype(float)
    return pd.DataFrame(
        {
            "predicted": best[:, 0],
            "confidence_student": sure[:, 0],
            "top": [json.dumps(list(zip(map(int, b), s.round(5).tolist()))) for b, s in zip(best, sure)],
            "strange": answers.strange,
        }
    )


def _store(db: Database, student_id: int, held: pd.DataFrame, found: dict[str, Any]) -> None:
    columns = held[["asset_id", "predicted", "confidence_student", "top", "category_id", "strange"]]
    rows = [(student_id, *row) for row in columns.astype(object).itertuples(index=False, name=None)]
    with db.atomic():
        db.execute("delete from predictions where student_id = ?", [student_id])
        db.conn.executemany(
            "insert into predictions (student_id, asset_id, category_id, confidence, top, teacher_category_id, strange)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        db.execute(
            """insert or replace into evaluations (student_id, split, figures, created, certified_at)
               values (?, 'test', ?, ?, ?)""",
            [student_id, json.dumps(found, allow_nan=False), found["created"], found["certified_at"]],
        )


def _stored(db: Database, student_id: int) -> pd.DataFrame:
    """The predictions of evaluate() as measure.promise() and measure.gold() want them."""
    held = pd.read_sql_query(
        """select a.id as asset_id, a.external_id, a.split, a.group_id, coalesce(a.family_id, a.group_id) as family_id,
                  p.confidence as confidence_student, p.strange,
                  p.category_id as predicted, p.teacher_category_id as category_id,
                  p.category_id = p.teacher_category_id as correct
           from predictions p join assets a on a.id = p.asset_id where p.student_id = ? order by a.id""",
        db.conn,
        params=[student_id],
    )
    return held.astype({"correct": bool, "strange": bool})


def _measured(found: dict[str, Any]) -> Measured:
    teacher, spoken = found["teacher"], found["teacher_latency"]
    timed = spoken is not None and spoken["basis"] == "measured"
    return Measured.of(
        teacher,
        found["tokens"],
        assets_per_second=found["assets_per_second"],
        student_ms=found["latency"]["p50"],
        teacher_ms=spoken["p50"] if timed else None,
        handled=found["handled"]["value"] if found["certificate"]["certified"] else None,
        train_seconds=found["student"]["train_seconds"] or 0.0,
        reviews=teacher["reviews"],
    )


def _plan(
    found: dict[str, Any],
    curve: learning_curve.Curve | None,
    measured: Measured,
    assumptions: Assumptions,
    price: prices.Price | None,
    left: int,
) -> Plan:
    """What to do next, at what one more label of this teacher costs and takes; `left`: assets without a label."""
    growth = learning_curve.growth(curve, found["target"] - found["agreement"]["value"]) if curve else None
    of_1000, teacher = label_price(measured, assumptions, price).value, found["teacher"]
    timed = teacher.get("seconds") and teacher["kind"] != "recorded" and teacher["labels"]
    seconds = teacher["seconds"] / teacher["labels"] if timed else assumptions.teacher_latency_s
    return plan(found, growth, None if of_1000 is None else of_1000 / 1000, seconds, left)


def _ready_at(found: dict[str, Any], evidence: Evidence) -> tuple[float, str] | None:
    """The highest lower target at which the same rules would not say "not ready" today, and what they would say; None where the
    student is ready at its own, or at none."""
    if decide(evidence).decision != "not_ready":
        return None
    names = {row["category"]: row["label"] for row in found["per_category"]}
    for lower in found["lower"]:
        agreed = lower["agreement_handled"]
        eased = replace(
            evidence,
            rules=replace(evidence.rules, target=lower["target"]),
            certificate=Certificate(**lower["certificate"]),
            handled=Share(**lower["handled"]),
            agreement_handled=Share(**agreed) if agreed else None,
            categories_handled=categories_of(lower["per_category_handled"], names),
        )
        if (decision := decide(eased).decision) != "not_ready":
            return lower["target"], decision
    return None


def _left(db: Database, task: Task, labelled: int) -> int:
    """How many of the client's assets, copies counted once, had no label when `labelled` had one."""
    query = "select count(*) from assets where client_id = ? and group_id = id"
    return max(db.execute(query, [task.client_id]).fetchone()[0] - labelled, 0)


def _evidence(
    found: dict[str, Any],
    saving: dict[str, float | None],
    saving_on_batch: dict[str, float | None],
    rules: Rules,
    next_step: Plan,
    row: dict[str, Any],
) -> Evidence:
    """`row`: whether the student is `live`, the taxonomy `version` it was judged under and the client's `newest`."""
    gold, agreed = found["gold"], found["agreement_handled"]
    names = {row["category"]: row["label"] for row in found["per_category"]}
    agreement, unseen = rested_on(found)
    return Evidence(
        agreement=agreement,
        unseen=unseen,
        certificate=Certificate(**found["certificate"]),
        handled=Share(**found["handled"]),
        agreement_handled=Share(**agreed) if agreed else None,
        saving=saving,
        saving_on_batch=saving_on_batch,
        rules=rules,
        trial=found["teacher"]["kind"] == "built-in",
        same_encoder=found["teacher"]["kind"] == "built-in"
        and members.SMALL_BASE in members.bases(found["student"]["kind"]),
        gold=_gold(gold) if gold else None,
        categories=categories_of(found["per_category"], names),
        categories_handled=categories_of(found["per_category_handled"], names),
        plan=next_step,
        live=bool(row["live"]),
        overtaken=(row["version"], row["newest"]) if row["newest"] != row["version"] else None,
    )


def rested_on(found: dict[str, Any]) -> tuple[Share, Unseen | None]:
    """The agreement a verdict rests on: that of test assets, or of calibrating assets left out with their whole campaign, month or
    the like where that is lower (then with what they are)."""
    tested, newer = Share(**found["agreement"]), Share(**found["agreement_calibration"])
    on = measure.new_of(found)
    on = on and on.rests_on
    if on is None or newer.n == 0 or newer.value >= tested.value:
        return tested, None
    return newer, Unseen(on.many, tested)


def _gold(found: dict[str, Any]) -> Gold:
    pairs = (found["paired"], found["fallback"], found["cascade_paired"])
    return Gold(*(Paired(**pair) if pair else None for pair in pairs))


def categories_of(rows: list[dict], names: dict[int, str]) -> tuple[Category, ...]:
    """The categories of an evaluation that have test assets, with their names."""
    return tuple(Category(names[row["category"]], row["n"], row["agreed"], row["groups"]) for row in rows if row["n"])
