"""Label runs: a teacher answers a client's assets; what it has answered is on disk before more is asked for.

A run's state is running, done, capped (the budget is spent; a higher one carries on) or stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection

import pandas as pd
from sqlite_utils import Database

from core import settings, tasks
from core.database import now
from core.errors import InputError
from core.ingest import taxonomy
from core.jobs import Progress
from core.label import batches, engine, labels, prices
from core.label.buying import ended
from core.label.teachers import Teacher, make, within
from core.label.teachers.hosted import Hosted
from core.tasks import Task
from core.words import teacher_words

# A run left half way, as SQL of label_runs r; one labelled in rounds is whole after each of them.
PAUSED = "(r.state <> 'done' and not exists (select 1 from rounds where run_id = r.id and figures is not null))"


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
    made, run_id = open_run(db, task, teacher, budget_usd)
    if isinstance(made, Hosted):
        if only is None:
            _price_as(db, task, made)
        todo = pending_count(db, made, run_id, task, only)
        todo = min(todo, limit or todo)
        if batch:
            state = batches.label_in_batches(db, run_id, made, budget_usd, progress, todo=todo)
        else:
            state = engine.label_hosted(db, run_id, made, budget_usd, progress, todo=todo, limit=limit, only=only)
    else:
        state = _label_here(db, run_id, made, task, progress, only)
    if state == "done" and (limit or only is not None) and pending_count(db, made, run_id, task):
        state = "stopped"  # a part is not the whole
    db["label_runs"].update(run_id, {"finished": now(), "state": state})
    return run_id


def _price_as(db: Database, task: Task, hosted: Hosted) -> None:
    """Until somebody has chosen another model, Compare prices the teacher as the one that labels, where the list has it."""
    kept = settings.get(db, "assumptions", task)
    if "price_as" not in kept and hosted.price and prices.price(db, hosted.price.model):
        settings.put(db, "assumptions", kept | {"price_as": hosted.price.model}, task)


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
    made = make(db, task, teacher, taxonomy.load(db, taxonomy_id))
    run_id = run_for(db, task, taxonomy_id, made, budget_usd)
    if not db.execute("select exists (select 1 from assets where client_id = ?)", [task.client_id]).fetchone()[0]:
        raise InputError("This client has no assets yet.", "Upload some on the Assets page first.")
    return made, run_id


def label_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"task_id", "teacher", "budget_usd"?, "batch"?, "limit"?, "gold_only"?} -> summary() of the run."""
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


def _decided(db: Database, task: Task) -> set[int]:
    """The first asset of every duplicate group that people have decided on."""
    found = db.execute("select distinct group_id from gold_labels where task_id = ?", [task.id])
    groups = {row[0] for row in found}
    if not groups:
        raise InputError("People have decided on no asset yet.", "Settle some on the Review page first.")
    return groups


def pending_count(db: Database, teacher: Teacher, run_id: int, task: Task, only: Collection[int] | None = None) -> int:
    """How many answers the run still lacks: groups for a teacher asked once a group, recorded rows for a recorded one; with
    `only`, of these assets."""
    if only is not None:
        there = """select count(*) from labels where run_id = ? and error is null
                   and asset_id in (select value from json_each(?))"""
        return len(only) - db.execute(there, [run_id, json.dumps(sorted(only))]).fetchone()[0]
    if teacher.name.startswith("recorded:"):
        wanted = "join recordings r on r.asset_id = a.id and r.source = ? and r.task_id = ? where a.client_id = ?"
        parameters = [teacher.name.partition(":")[2], task.id, task.client_id]
    else:
        wanted, parameters = "where a.client_id = ? and a.group_id = a.id", [task.client_id]
    return db.execute(
        f"""select count(*) from label_runs run join tasks k on k.id = run.task_id join assets a on a.client_id = k.client_id
            left join labels l on l.run_id = run.id and l.asset_id = a.id and l.error is null
            {wanted} and run.id = ? and l.asset_id is null""",
        [*parameters, run_id],
    ).fetchone()[0]


def askable(db: Database, run_id: int) -> pd.DataFrame:
    """What the run's teacher can be asked about, one asset a duplicate group: asset_id, external_id, group_id, text,
    split, and whether the group has been chosen or asked about already (`taken`)."""
    teacher = db.execute("select teacher from label_runs where id = ?", [run_id]).fetchone()[0]
    recorded = teacher.startswith("recorded:")
    only = "join recordings r on r.asset_id = a.id and r.source = ?" if recorded else ""
    frame = pd.read_sql_query(
        f"""select a.id as asset_id, a.external_id, a.group_id, a.text, a.split,
                   l.asset_id is not null or s.asset_id is not null as taken
            from label_runs run join tasks k on k.id = run.task_id join assets a on a.client_id = k.client_id {only}
            left join labels l on l.run_id = run.id and l.asset_id = a.id
            left join selections s on s.run_id = run.id and s.asset_id = a.id
            where run.id = ? {"" if recorded else "and a.group_id = a.id"} order by a.id""",
        db.conn,
        params=[teacher.partition(":")[2], run_id] if recorded else [run_id],
    )
    frame["taken"] = frame.groupby("group_id").taken.transform("max").astype(bool)
    return frame.drop_duplicates("group_id", ignore_index=True)


def select(db: Database, run_id: int, number: int, asset_ids: list[int]) -> None:
    """Note these assets as chosen for round `number`; in the caller's transaction."""
    db.conn.executemany(
        "insert or ignore into selections (run_id, asset_id, number) values (?, ?, ?)",
        [(run_id, asset_id, number) for asset_id in asset_ids],
    )


def runs(db: Database, task: Task) -> list[dict]:
    """The client's label runs, newest first: id, teacher, taxonomy_id, state, budget_usd, spent_usd (of which the ledger knows
    more), held_usd (set aside for calls under way), seconds, started, finished, paused (left half way),
    count, failed, mapped (near misses)."""
    ids = db.execute("select id from label_runs where task_id = ? order by id desc", [task.id])
    return [summary(db, row[0]) for row in ids.fetchall()]


def newest_in_use(db: Database, task: Task, teacher: str | None = None) -> int | None:
    """The run in use of those that hold labels under the taxonomy version in use, of this teacher where one is named: the live
    student's, else the newest that is not paused, else the newest; None without."""
    found = db.execute(
        f"""select id from label_runs r where task_id = ? and teacher = ifnull(?, teacher) and taxonomy_id = ?
            and exists (select 1 from labels where run_id = r.id and category_id is not null)
            order by exists (select 1 from students where label_run_id = r.id and live = 1) desc, {PAUSED}, id desc limit 1""",
        [task.id, teacher, taxonomy.latest(db, task)],
    ).fetchone()
    return found[0] if found else None


def summary(db: Database, run_id: int) -> dict:
    """One run in figures; see runs()."""
    return next(
        db.query(
            f"""select r.id as run_id, r.id, r.teacher, r.taxonomy_id, r.state, r.budget_usd, r.spent_usd, r.held_usd,
                      r.seconds, r.started, r.finished, {PAUSED} as paused, count(l.category_id) as count, count(l.error) as failed,
                      coalesce(sum(l.mapped), 0) as mapped
               from label_runs r left join labels l on l.run_id = r.id where r.id = ? group by r.id""",
            [run_id],
        )
    )


def reasons(db: Database, run_id: int, most: int = 20) -> list[dict]:
    """Why assets of the run have no label, the commonest first: reason, count."""
    return list(
        db.query(
            """select error as reason, count(*) as count from labels where run_id = ? and error is not null
               group by error order by count desc, reason limit ?""",
            [run_id, most],
        )
    )


def labelled(db: Database, run_id: int, *, distributions: bool = False) -> pd.DataFrame:
    """Every asset with an answer in the run, its own or else its duplicate group's.

    Columns asset_id, external_id, text, group_id, family_id, split, category_id, confidence, own (whether the answer is the asset's
    own) and, when asked for, distribution (float16 bytes over the assignable categories in taxonomy order, or None).
    """
    columns = (
        "a.id as asset_id, a.external_id, a.text, a.group_id, coalesce(a.family_id, a.group_id) as family_id, a.split"
    )
    columns += ", l.category_id, l.confidence"
    frame = pd.read_sql_query(
        f"""select {columns}{", l.distribution" if distributions else ""} from label_runs run
            join tasks k on k.id = run.task_id join assets a on a.client_id = k.client_id
            left join labels l on l.run_id = run.id and l.asset_id = a.id and l.category_id is not null
            where run.id = ? order by a.id""",
        db.conn,
        params=[run_id],
    )
    frame["own"] = frame.category_id.notna()
    filled = ["category_id", "confidence"] + (["distribution"] if distributions else [])
    firsts = frame[frame.own].drop_duplicates("group_id").set_index("group_id")[filled]
    lacking = ~frame.own & frame.group_id.isin(firsts.index)
    if lacking.any():
        frame.loc[lacking, filled] = firsts.loc[frame.group_id[lacking]].to_numpy()
    frame = frame[frame.category_id.notna()].reset_index(drop=True)
    return frame.astype({"category_id": "int64"})


def find_run(db: Database, task: Task, taxonomy_id: int, teacher: Teacher) -> int | None:
    """The run of this teacher, asked this way about this taxonomy, if there has been one."""
    same = db.execute(
        "select id from label_runs where task_id = ? and taxonomy_id = ? and teacher = ? and prompt_hash = ?",
        [task.id, taxonomy_id, teacher.name, teacher.fingerprint],
    ).fetchone()
    return same[0] if same else None


def run_for(db: Database, task: Task, taxonomy_id: int, teacher: Teacher, budget_usd: float | None) -> int:
    """The id of the run that this teacher's answers under this taxonomy version belong to, made if new."""
    same = find_run(db, task, taxonomy_id, teacher)
    if same:
        if budget_usd is not None:
            db["label_runs"].update(same, {"budget_usd": budget_usd})
        return same
    row = {
        "task_id": task.id,
        "taxonomy_id": taxonomy_id,
        "teacher": teacher.name,
        "prompt_hash": teacher.fingerprint,
        "budget_usd": budget_usd,
        "started": now(),
    }
    return db["label_runs"].insert(row).last_pk
