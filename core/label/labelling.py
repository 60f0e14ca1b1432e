"""A teacher answers a client's assets in a label run; what it has answered is on disk before more is asked for."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from sqlite_utils import Database

from core import settings, tasks, taxonomy
from core.database import now
from core.errors import InputError
from core.jobs import Progress
from core.label import batches, engine, labels
from core.label.buying import ended
from core.label.runs import pending_count, run_for, summary, summed
from core.label.teachers import Teacher, for_labels, is_hosted, within
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint
from core.money import prices
from core.tasks import Task
from core.words import teacher_words


def label(
    db: Database,
    task: Task,
    teacher: str,
    *,
    budget_usd: float | None = None,
    batch: bool = False,
    limit: int | None = None,
    only: Collection[int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Have `teacher` answer what it has not answered yet; returns the run's id.

    The same teacher, taxonomy version and prompt is the same run: answers are kept, failures asked again. For a hosted teacher:
    the run never costs more than `budget_usd` in all and ends "capped" where that is reached; with `batch` the provider answers
    within hours at its batch price; with `limit` only that many assets are asked about, a dry run. With `only`, ids of the first
    assets of duplicate groups, no others are asked about.
    Raises InputError without a taxonomy, without assets, for an unknown teacher, and for a hosted one that cannot be used.
    """
    if task.several and is_hosted(teacher):
        how = {"budget_usd": budget_usd, "batch": batch, "limit": limit, "only": only}
        (run_id,) = label_together(db, [task], teacher, **how, progress=progress)
        return run_id
    asked_teacher, run_id = open_run(db, task, teacher, budget_usd)
    if isinstance(asked_teacher, Hosted):
        if only is None:
            _price_as(db, task, asked_teacher)
        todo = pending_count(db, asked_teacher, run_id, task, only)
        todo = min(todo, limit or todo)
        if batch:
            state = batches.label_in_batches(db, run_id, asked_teacher, budget_usd, progress, todo=todo)
        else:
            state = engine.label_hosted(
                db, run_id, asked_teacher, budget_usd, progress, todo=todo, limit=limit, only=only
            )
    else:
        state = _label_here(db, run_id, asked_teacher, task, progress, only)
    if state == "done" and (limit or only is not None) and pending_count(db, asked_teacher, run_id, task):
        state = "stopped"  # a part is not the whole
    db["label_runs"].update(run_id, {"finished": now(), "state": state})
    return run_id


def label_together(
    db: Database,
    facets: Sequence[Task],
    teacher: str,
    *,
    budget_usd: float | None = None,
    batch: bool = False,
    limit: int | None = None,
    only: Collection[int] | None = None,
    progress: Progress | None = None,
) -> list[int]:
    """As label(), of several of a client's tasks, by a hosted teacher that is asked about all those an asset lacks in one call; the
    ids of their runs, in their order. The cap is that of all their runs together.

    InputError as label(), and for a teacher that is not hosted.
    """
    if len(facets) == 1 and not facets[0].several:
        return [label(db, facets[0], teacher, budget_usd=budget_usd, batch=batch, limit=limit, progress=progress)]
    opened = [open_run(db, task, teacher, budget_usd) for task in facets]
    runs = [run_id for _, run_id in opened]
    for task, (asked_teacher, _) in zip(facets, opened):
        if not isinstance(asked_teacher, Hosted):
            raise InputError(
                f"{teacher_words(asked_teacher.name)} labels one task at a time.",
                "Choose one task, or a hosted teacher.",
            )
        if only is None:
            _price_as(db, task, asked_teacher)
    joint = Joint([(task, asked_teacher) for task, (asked_teacher, _) in zip(facets, opened)], runs)
    todo = joint.left(db, only)
    if batch:
        state = batches.label_in_batches(db, runs[0], joint, budget_usd, progress, todo=todo)
    else:
        most = min(todo, limit or todo)
        state = engine.label_hosted(db, runs[0], joint, budget_usd, progress, todo=most, limit=limit, only=only)
    if state == "done" and (limit or only is not None) and joint.left(db):
        state = "stopped"  # a part is not the whole
    for run_id in runs:
        db["label_runs"].update(run_id, {"finished": now(), "state": state})
    return runs


def _price_as(db: Database, task: Task, hosted: Hosted) -> None:
    """Until somebody has chosen another model, Compare prices the teacher as the one that labels, where the list has it."""
    stored = settings.get(db, "assumptions", task)
    if "price_as" not in stored and hosted.price and prices.price(db, hosted.price.model):
        settings.put(db, "assumptions", stored | {"price_as": hosted.price.model}, task)


def _label_here(
    db: Database,
    run_id: int,
    teacher: Teacher,
    task: Task,
    progress: Progress | None,
    only: Collection[int] | None = None,
) -> str:
    """A teacher that answers on this machine, a batch at a time."""
    todo = pending_count(db, teacher, run_id, task, only)
    done, started = 0, time.perf_counter()
    db["label_runs"].update(run_id, {"state": "running"})
    try:
        if progress:
            progress(0, todo, f"Labelling with {teacher_words(teacher.name)}")
        for assets in within(teacher.pending(db, run_id), only):
            answers = teacher.answer(assets)
            with db.atomic():
                labels.write(db, run_id, answers)
                db.execute(
                    "update label_runs set spent_usd = spent_usd + ?, seconds = seconds + ? where id = ?",
                    [sum(a.cost_usd or 0 for a in answers), time.perf_counter() - started, run_id],
                )
            started = time.perf_counter()
            done += len(assets)
            if progress:
                progress(done, todo, f"Labelling with {teacher_words(teacher.name)}")
    except BaseException:
        ended(db, run_id, "stopped", 0.0)
        raise
    return "done"


def open_run(db: Database, task: Task, teacher: str, budget_usd: float | None = None) -> tuple[Teacher, int]:
    """The teacher and the run of its answers, made if it has none yet; see label()."""
    taxonomy_id = taxonomy.latest(db, task)
    if taxonomy_id is None:
        raise InputError("This client has no taxonomy yet.", "Upload one on the Assets page first.")
    asked_teacher = for_labels(db, task, teacher, taxonomy.load(db, taxonomy_id))
    run_id = run_for(db, task, taxonomy_id, asked_teacher, budget_usd)
    if not db.execute("select exists (select 1 from assets where client_id = ?)", [task.client_id]).fetchone()[0]:
        raise InputError("This client has no assets yet.", "Upload some on the Assets page first.")
    return asked_teacher, run_id


def label_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id", "teacher", "budget_usd"?, "batch"?, "limit"?, "gold_only"?} -> summary() of the run; with
    "facets", ids of tasks that are asked about together, {"facets": a summary() each, "state", "spent_usd" of all}."""
    if "facets" in params:
        return _label_together_job(db, params, progress)
    run_id = label(
        db,
        tasks.get(db, params["task_id"]),
        params["teacher"],
        budget_usd=params.get("budget_usd"),
        batch=params.get("batch", False),
        limit=params.get("limit"),
        only=_decided(db, tasks.get(db, params["task_id"])) if params.get("gold_only") else None,
        progress=progress,
    )
    return summary(db, run_id)


def _label_together_job(db: Database, params: dict, progress: Progress) -> dict:
    facets = [tasks.get(db, id) for id in params["facets"]]
    how = {name: params.get(name) for name in ("budget_usd", "limit")}
    runs = label_together(db, facets, params["teacher"], batch=params.get("batch", False), progress=progress, **how)
    whole, found = summed(db, runs), {task.name: summary(db, run_id) for task, run_id in zip(facets, runs)}
    return {"facets": found, "state": whole["state"], "spent_usd": whole["spent_usd"]}


def _decided(db: Database, task: Task) -> set[int]:
    """The first asset of every duplicate group that people have decided on."""
    rows = db.execute("select distinct group_id from gold_labels where task_id = ?", [task.id])
    groups = {row[0] for row in rows}
    if not groups:
        raise InputError("People have decided on no asset yet.", "Settle some on the Review page first.")
    return groups
