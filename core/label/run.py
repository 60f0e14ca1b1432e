"""Label runs: a teacher answers a client's assets; each batch of answers is on disk before the next is asked for."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core.db import now
from core.errors import InputError
from core.ingest import taxonomy
from core.jobs import Progress
from core.label.teachers import Answer, Teacher, make


def label(
    db: Database, client_id: int, teacher: str, *, budget_usd: float | None = None, progress: Progress | None = None
) -> int:
    """Have `teacher` answer what it has not answered yet; returns the run's id.

    The same teacher, taxonomy version and prompt is the same run: answers are kept, failures asked again.
    Raises InputError without a taxonomy, without assets, or for an unknown teacher.
    """
    taxonomy_id = taxonomy.latest(db, client_id)
    if taxonomy_id is None:
        raise InputError("This client has no taxonomy yet.", "Upload one on the Assets page first.")
    made = make(db, client_id, teacher, taxonomy.load(db, taxonomy_id))
    run_id = run_for(db, client_id, taxonomy_id, made, budget_usd)
    total = db.execute("select count(*) from assets where client_id = ?", [client_id]).fetchone()[0]
    if not total:
        raise InputError("This client has no assets yet.", "Upload some on the Assets page first.")
    todo = pending_count(db, made, run_id, client_id)
    done, started = 0, time.perf_counter()
    if progress:
        progress(0, todo, f"Labelling with {made.name}")
    for assets in made.pending(db, run_id):
        _store(db, run_id, made.answer(assets), time.perf_counter() - started)
        started = time.perf_counter()
        done += len(assets)
        if progress:
            progress(done, todo, f"Labelling with {made.name}")
    db["label_runs"].update(run_id, {"finished": now()})
    return run_id


def label_job(db: Database, params: dict, progress: Progress) -> dict:
    """The job body: {"client_id", "teacher"} -> {"run_id", "count", "failed"}."""
    run_id = label(db, params["client_id"], params["teacher"], progress=progress)
    return summary(db, run_id)


def pending_count(db: Database, teacher: Teacher, run_id: int, client_id: int) -> int:
    """How many answers the run still lacks: groups for a teacher asked once a group, recorded rows for a recorded one."""
    if teacher.name.startswith("recorded:"):
        wanted = db.execute(
            "select count(*) from recordings r join assets a on a.id = r.asset_id where r.source = ? and a.client_id = ?",
            [teacher.name.partition(":")[2], client_id],
        )
    else:
        wanted = db.execute("select count(*) from assets where client_id = ? and group_id = id", [client_id])
    have = db.execute("select count(*) from labels where run_id = ? and error is null", [run_id])
    return wanted.fetchone()[0] - have.fetchone()[0]


def runs(db: Database, client_id: int) -> list[dict]:
    """The client's label runs, newest first: id, teacher, taxonomy_id, count, failed, spent_usd, seconds, started, finished."""
    ids = db.execute("select id from label_runs where client_id = ? order by id desc", [client_id])
    return [summary(db, row[0]) for row in ids.fetchall()]


def summary(db: Database, run_id: int) -> dict:
    """One run in figures; see runs()."""
    return next(
        db.query(
            """select r.id as run_id, r.id, r.teacher, r.taxonomy_id, r.spent_usd, r.seconds, r.started, r.finished,
                      count(l.category_id) as count, count(l.error) as failed
               from label_runs r left join labels l on l.run_id = r.id where r.id = ? group by r.id""",
            [run_id],
        )
    )


def labelled(db: Database, run_id: int, *, distributions: bool = False) -> pd.DataFrame:
    """Every asset with an answer in the run, its own or else its duplicate group's.

    Columns asset_id, external_id, text, group_id, split, category_id, confidence, own (whether the answer is the asset's own)
    and, when asked for, distribution (float16 bytes over the assignable categories in taxonomy order, or None).
    """
    columns = "a.id as asset_id, a.external_id, a.text, a.group_id, a.split, l.category_id, l.confidence"
    frame = pd.read_sql_query(
        f"""select {columns}{", l.distribution" if distributions else ""} from label_runs run
            join assets a on a.client_id = run.client_id
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


def run_for(db: Database, client_id: int, taxonomy_id: int, teacher: Teacher, budget_usd: float | None) -> int:
    """The id of the run that this teacher's answers under this taxonomy version belong to, made if new."""
    same = db.execute(
        "select id from label_runs where client_id = ? and taxonomy_id = ? and teacher = ? and prompt_hash = ?",
        [client_id, taxonomy_id, teacher.name, teacher.fingerprint],
    ).fetchone()
    if same:
        return same[0]
    row = {
        "client_id": client_id,
        "taxonomy_id": taxonomy_id,
        "teacher": teacher.name,
        "prompt_hash": teacher.fingerprint,
        "budget_usd": budget_usd,
        "started": now(),
    }
    return db["label_runs"].insert(row).last_pk


def _store(db: Database, run_id: int, answers: Iterable[Answer], seconds: float) -> None:
    with db.atomic():
        db.conn.executemany(
            """insert or replace into labels (run_id, asset_id, category_id, confidence, confidence_kind, distribution,
               tokens_in, tokens_out, cost_usd, latency_ms, error, created) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                (
                    run_id,
                    a.asset_id,
                    a.category_id,
                    a.confidence,
                    a.confidence_kind,
                    None if a.distribution is None else a.distribution.astype(np.float16).tobytes(),
                    a.tokens_in,
                    a.tokens_out,
                    a.cost_usd,
                    a.latency_ms,
                    a.error,
                    now(),
                )
                for a in answers
            ],
        )
        spent = sum(a.cost_usd or 0 for a in answers)
        db.execute(
            "update label_runs set spent_usd = spent_usd + ?, seconds = seconds + ? where id = ?",
            [spent, seconds, run_id],
        )
