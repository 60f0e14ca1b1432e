"""From a trained student to its figures: predict the held-out assets, measure, store; and judge them by another target.

Everything but speed is worked out again from stored predictions, so that a changed target needs no other measurement.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError
from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.database import now
from core.errors import InputError
from core.evaluate import doubt, measure, tags
from core.evaluate.evidence import Rules
from core.evaluate.figures import ChooseOneFigures, Trained
from core.evaluate.kept import keep_rules, rules_of
from core.images.seen import told_apart
from core.jobs import Progress
from core.label.runs import labelled
from core.taxonomy import tagsets
from core.train import students
from core.train.registry import folder_of
from core.train.students.stages import TagAnswers

BATCH = 256
TOP = 3  # categories kept of each prediction
LOWER = (0.95, 0.9, 0.85, 0.8)  # targets tried where the client's own is not reached
TEST = "student_id = ? and split = 'test'"


def evaluate(
    db: Database, student_id: int, *, target: float | None = None, progress: Progress | None = None
) -> ChooseOneFigures:
    """Measure a student on its label run's calibration and test assets; stores and returns the figures. A cross-fitted student is
    calibrated on training assets, by answers of members that had not learnt from them.

    `target` is the agreement aimed at (default: the client's setting). Writes predictions and the evaluation in one
    transaction; run again it replaces them. Raises InputError without labelled test assets.
    """
    row = next(db.query("select * from students where id = ?", [student_id]))
    run_id = row["label_run_id"]
    target = settings.get(db, "target_agreement", tasks.get(db, row["task_id"])) if target is None else target
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
    say = _Says(db, row["taxonomy_id"], student)
    held = pd.concat([held, _predict(student, say, held["text"], progress)], axis=1)
    held = pd.concat([held, *_unseen(say, folder, frame[frame["split"] == "train"])], ignore_index=True)
    held["correct"] = held["category_id"] == held["predicted"]
    worked_out = _worked_out(db, row, held, target)
    if progress:
        progress(0, 1, "Timing the student")
    figures = ChooseOneFigures(
        **worked_out,
        **dict(measure.speed(student, held, cold)),
        **dict(measure.teacher(db, run_id, row["taxonomy_id"], held)),
        student=Trained(row["id"], row["kind"], row["train_seconds"], row["size_mb"]),
        counts={split: int(counts.get(split, 0)) for split in ("train", "calibration", "test")},
        labelled_groups=int(frame["group_id"].nunique()),
        new=json.loads(row["summary"] or "{}").get("new"),
        created=worked_out["certified_at"],
    )
    _store(db, student_id, held, figures)
    return figures


def _cold_start(folder: Path, text: str) -> tuple[students.Student, float]:
    """The student, and the milliseconds from its files on disk to its first answer."""
    started = time.perf_counter()
    student = students.load(folder)
    student.answer([text])
    return student, 1000 * (time.perf_counter() - started)


def _worked_out(db: Database, student: dict[str, Any], held: pd.DataFrame, target: float) -> dict[str, Any]:
    """All figures that come of held-out predictions and labels alone, by the names of ChooseOneFigures; `student`: its row."""
    task, categories = tasks.get(db, student["task_id"]), taxonomy.load(db, student["taxonomy_id"])
    confidence = settings.get(db, "confidence", task)
    sets = tags.sets_of(db, task, student["taxonomy_id"])
    of = sets, rules_of(db, task).promise
    promise = measure.promise(held, categories, target, confidence, *of)
    answers = tagsets.stored(db, student["taxonomy_id"]) if sets else categories
    lower = [one for one in LOWER if one < target - 1e-9]
    return {
        **dict(measure.quality(held, categories, sets)),
        **dict(promise),
        "lower": [measure.promise(held, categories, one, confidence, *of) for one in lower],
        "strange": float(held.loc[held["split"] == "test", "strange"].mean()),
        "curve": measure.curve(held),
        "mergeable": [] if sets else doubt.mergeable(db, task, student["label_run_id"], categories),
        "slices": measure.slices(db, held),
        "gold": measure.gold(db, task, held, answers, promise.certificate.threshold),
        "certified_at": now(),
    }


def figures_of(db: Database, student_id: int) -> ChooseOneFigures | None:
    """The figures of a student as they hold now; None before evaluate(). InputError where they are those of an earlier version."""
    row = db.execute(f"select figures from evaluations where {TEST}", [student_id]).fetchone()
    try:
        return ChooseOneFigures.model_validate_json(row[0]) if row else None
    except ValidationError as error:
        raise InputError(
            f"The figures of student {student_id} are of an earlier version of Understudy.",
            "Train it again on the Student page, which measures it anew.",
        ) from error


def certified(db: Database, student_id: int) -> tuple[float | None, str | None]:
    """The threshold from which a student may answer by itself (None: none is certified), and since when that holds: for whoever
    serves, scores or classifies. InputError as figures_of()."""
    figures = figures_of(db, student_id)
    return (figures.certificate.threshold, figures.certified_at) if figures else (None, None)


def judged(db: Database, student_id: int) -> ChooseOneFigures | None:
    """As figures_of() for lists of students, in which one of an earlier version stands as not judged."""
    with suppress(InputError):
        return figures_of(db, student_id)
    return None


def change_rules(db: Database, task: tasks.Task, rules: Rules) -> None:
    """Keep the client's rules, and judge its students by the new target: from stored predictions, nothing is measured again."""
    keep_rules(db, task, rules)
    query = "select s.* from students s where s.task_id = ? and id in (select student_id from evaluations where split = 'test')"
    for row in list(db.query(query, [task.id])):
        now_of = (rules.target, rules.promise if task.several else tags.SET)
        if (figures := judged(db, row["id"])) and (figures.target, figures.promised) != now_of:
            again = _worked_out(db, row, predictions(db, row["id"]), rules.target)
            _put(db, row["id"], ChooseOneFigures(**dict(figures) | again))


class _Says:
    """What a student's answers are as ids: of categories, or of sets of tags, which are made where they are new."""

    def __init__(self, db: Database, taxonomy_id: int, student: students.Student):
        self.db, self.taxonomy_id, self.student = db, taxonomy_id, student

    def __call__(self, answers: students.Answers) -> np.ndarray:
        """The id of each answer."""
        ids = np.array(self.student.categories)
        if not isinstance(answers, TagAnswers):
            return ids[answers.best]
        return np.array(tagsets.ids(self.db, self.taxonomy_id, [ids[given] for given in answers.given]), int)


def _predict(student: students.Student, say: _Says, texts: pd.Series, progress: Progress | None) -> pd.DataFrame:
    """predicted (category id), confidence, top (JSON of the first TOP) and strange of each text; equal texts are asked once."""
    codes, _ = pd.factorize(np.array(told_apart(texts), object))
    unique = texts[~pd.Series(codes, index=texts.index).duplicated()].tolist()  # in the order of their codes
    parts = []
    for start in range(0, len(unique), BATCH):
        if progress:
            progress(start, len(unique), "Comparing with the teacher")
        parts.append(_answer_columns(say, student.answer(unique[start : start + BATCH])))
    return pd.concat(parts, ignore_index=True).iloc[codes].reset_index(drop=True)


def _unseen(say: _Says, folder: Path, train: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The training assets that calibrated the student, if any, with what members said of them that had not learnt from them."""
    rows, answers = students.unseen(folder, train["text"])
    if len(rows):
        yield pd.concat([train.iloc[rows].reset_index(drop=True), _answer_columns(say, answers)], axis=1)


def _answer_columns(say: _Says, answers: students.Answers) -> pd.DataFrame:
    ids, rows = np.array(say.student.categories), answers.probabilities
    order = np.argsort(-rows, axis=1, kind="stable")[:, :TOP]
    best, sure = ids[order], np.take_along_axis(rows, order, axis=1).astype(float)
    return pd.DataFrame(
        {
            "predicted": say(answers),
            "confidence_student": answers.confidence.astype(float),
            "top": [json.dumps(list(zip(map(int, b), s.round(5).tolist()))) for b, s in zip(best, sure)],
            "strange": answers.strange,
        }
    )


def _store(db: Database, student_id: int, held: pd.DataFrame, figures: ChooseOneFigures) -> None:
    columns = held[["asset_id", "predicted", "confidence_student", "top", "category_id", "strange"]]
    rows = [(student_id, *row) for row in columns.astype(object).itertuples(index=False, name=None)]
    with db.atomic():
        db.execute("delete from predictions where student_id = ?", [student_id])
        db.conn.executemany(
            "insert into predictions (student_id, asset_id, category_id, confidence, top, teacher_category_id, strange)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        _put(db, student_id, figures)


def _put(db: Database, student_id: int, figures: ChooseOneFigures) -> None:
    db.execute(
        """insert or replace into evaluations (student_id, split, figures, created, certified_at)
           values (?, 'test', ?, ?, ?)""",
        [student_id, figures.model_dump_json(), figures.created, figures.certified_at],
    )


def predictions(db: Database, student_id: int) -> pd.DataFrame:
    """The predictions of evaluate(), as core/evaluate/measure.py wants them."""
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
