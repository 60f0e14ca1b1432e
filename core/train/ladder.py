"""Training jobs: a label run becomes one student, or climbs the ladder until one is good enough."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from sqlite_utils import Database

from core import settings, taxonomy
from core.database import fresh_id, now
from core.encoders.encoder import encoder
from core.jobs import Progress
from core.label.runs import summary
from core.tasks import Task
from core.train import data, folds, members, new, students
from core.train.disk import megabytes
from core.train.registry import folder_of
from core.words import percent


def train(
    db: Database,
    task: Task,
    run_id: int,
    kind: str,
    *,
    target: float | None = None,
    progress: Progress | None = None,
    ready: Callable[[int], None] = lambda student_id: None,
) -> list[int]:
    """Train `kind` on a label run; returns the ids of the students trained, the chosen one last. Each is `ready` before the next.

    `auto` climbs the ladder from the cheapest kind and stops at the first whose agreement on calibration rows (where none are set
    aside, on training rows it had not seen) reaches `target`
    (default: the client's setting); if none does, the choice is the cheapest that is no worse than the best by one standard error
    of the best's agreement (the one-standard-error rule, Breiman et al. 1984). An interrupted training is carried on; one made
    from exactly these labels before is taken as it is.
    Raises InputError for an unknown kind or too few labels.
    """
    ladder = members.choice(kind).ladder
    if task.several:
        ladder = members.of_tags(ladder)
    target = settings.get(db, "target_agreement", task) if target is None else target
    step = _step(progress, "")
    step(0, 0, "Preparing the training")  # what came before is over: its bar must not stand there meanwhile
    split, measured = _dealt(db, task, run_id, members.bases(*ladder), data.load(db, task, run_id), step)
    trained: list[tuple[int, float]] = []
    for number, rung in enumerate(ladder):
        earlier = folder_of(db, trained[-1][0]) if trained else None
        step = _step(progress, f"Student {number + 1} of up to {len(ladder)}: " if len(ladder) > 1 else "")
        student_id, agreement = _fitted(db, task, run_id, rung, split, step, earlier, measured)
        trained.append((student_id, agreement))
        ready(student_id)
        if agreement >= target:
            break
    return _choice_last(trained, target, len(split.judging.texts))


def why(db: Database, trained: list[int], target: float) -> str:
    """Why the ladder chose the last of the students that it `trained`, in a sentence or two."""
    query = f"""select id, kind, json_extract(summary, '$.calibration_agreement') from students
                where id in ({", ".join("?" * len(trained))}) order by id"""
    rows = {row[0]: row[1:] for row in db.execute(query, trained)}
    agreements = ", ".join(f"{kind} {percent(agreement)}" for kind, agreement in rows.values())
    kind, agreement = rows[trained[-1]]
    if agreement >= target:
        return f"Chosen: {kind}, the cheapest that agrees on {percent(target)} of assets kept aside ({agreements})."
    return (
        f"Chosen: {kind}. None agrees on {percent(target)} of assets kept aside ({agreements}); of those that are as good as "
        "the best, but for chance, it is the cheapest."
    )


def _dealt(
    db: Database, task: Task, run_id: int, bases: tuple[str, ...], split: data.Split, step: data.Step
) -> tuple[data.Split, new.New | None]:
    """The split, its folds dealt by what the client's rule says will be new; and what was measured of that; None where there is
    nothing to say."""
    rows = split.train.judging  # what came of work is not like what the promise is about
    if rows.several:
        return split, None  # families stay whole in folds; what is new is measured of single categories only
    some = new.groupings(rows, data.further_columns(db, task, rows.assets))
    if not some and rows.family_count == len(rows.texts):
        return split, None
    rule = settings.get(db, "verdict_rules", task).get("new", new.LOWEST)
    of = split.fingerprint(), rule, not bases
    measured = _measured_before(db, run_id, of) or _measured(rows, some, bool(bases), rule, step)
    if measured is None:
        return split, None
    if not split.crossfit:
        measured = replace(measured, column=None)  # rows of their own calibrate
    else:
        dealt = new.dealt_by(rows, some, measured)
        dealt = None if dealt is None else split.train.spread(dealt, folds.NONE)
        split = replace(split, train=replace(split.train, dealt=dealt))
    return split, replace(measured, of=of)


def _measured(rows: data.Rows, some: list[new.Grouping], reads: bool, rule: str, step: data.Step) -> new.New | None:
    encode = encoder(rows.encoder) if reads else None
    return new.measure(rows, some, encode, rule, step)


def _measured_before(db: Database, run_id: int, of: tuple[str, str, bool]) -> new.New | None:
    """What an earlier student of the same labels was told of what is new."""
    for (row_summary,) in db.execute(
        "select summary from students where label_run_id = ? and ready = 1", [run_id]
    ).fetchall():
        stored = json.loads(row_summary).get("new")
        if stored and (measured := new.from_json(stored)).of == of:
            return measured
    return None


def _fitted(
    db: Database,
    task: Task,
    run_id: int,
    kind: str,
    split: data.Split,
    step: data.Step,
    earlier: Path | None,
    measured: new.New | None,
):
    """Train one student, or carry on with the unfinished one of the same making: (its id, agreement on calibration rows).
    `measured`: what was measured of what is new (_dealt())."""
    params = {
        "train": len(split.train.texts),
        "calibration": len(split.judging.texts),
        "encoder": split.train.encoder,
        "data": split.fingerprint(),
        "recipe": students.RECIPE,
        "members": members.blend(kind, split.train),
    }
    params |= {base: getattr(split.train, base) for base in members.bases_of(params["members"])}
    if split.crossfit:
        params["folds"] = folds.FOLDS
    row = _row(db, task, run_id, kind, params)
    student_id = row["id"]
    if row["ready"]:
        return student_id, json.loads(row["summary"])["calibration_agreement"]
    folder = folder_of(db, student_id)
    names = {c.id: c.label for c in taxonomy.load(db, summary(db, run_id)["taxonomy_id"])}
    started = time.perf_counter()
    _, answers = students.fit(kind, split, [names[c] for c in split.categories], folder, step, earlier)
    seconds = time.perf_counter() - started + _seconds_before(db, earlier)
    agreement = float(answers.agree(split.judging).mean())
    figures = {"calibration_agreement": agreement, "new": measured and asdict(measured), **params}
    db["students"].update(
        student_id,
        {"ready": 1, "train_seconds": seconds, "size_mb": megabytes(folder), "summary": json.dumps(figures)},
    )
    return student_id, agreement


def _row(db: Database, task: Task, run_id: int, kind: str, params: dict) -> dict:
    """The row of the student made from just this: finished or interrupted before, or new."""
    key = {"task_id": task.id, "label_run_id": run_id, "kind": kind, "params": json.dumps(params, sort_keys=True)}
    same = """select * from students where task_id = :task_id and label_run_id = :label_run_id
              and kind = :kind and params = :params"""
    row = next(db.query(same, key), None)
    if row:
        return row
    latest = db.execute("select max(id) from students where task_id = ? and ready = 1", [task.id]).fetchone()[0]
    row = key | {"taxonomy_id": summary(db, run_id)["taxonomy_id"], "parent_id": latest, "created": now()}
    with db.atomic():
        student_id = fresh_id(db, "students")
        db["students"].insert(row | {"id": student_id, "path": f"students/{student_id}"})
    # A folder of that number can only be the left-over of a database that is gone.
    shutil.rmtree(settings.home() / "students" / str(student_id), ignore_errors=True)
    return next(db.query(same, key))


def _seconds_before(db: Database, earlier: Path | None) -> float:
    """Training time of the members taken over: it belongs to this student's bill as well."""
    if earlier is None:
        return 0.0
    return (
        db.execute("select train_seconds from students where path = ?", [f"students/{earlier.name}"]).fetchone()[0]
        or 0.0
    )


def _choice_last(trained: list[tuple[int, float]], target: float, calibration: int) -> list[int]:
    last_id, last = trained[-1]
    if last < target:
        best = max(agreement for _, agreement in trained)
        slack = (best * (1 - best) / max(calibration, 1)) ** 0.5
        last_id = next(student for student, agreement in trained if agreement >= best - slack)
    return [student for student, _ in trained if student != last_id] + [last_id]


def _step(progress: Progress | None, prefix: str) -> data.Step:
    def step(done: int, total: int, message: str) -> None:
        if progress:
            progress(done, total, prefix + message)

    return step
