"""Label runs as they stand: which there are, how far each is, its labels and why some are missing.

A run's state is running, done, capped (the budget is spent; a higher one carries on) or stopped.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import pandas as pd
from sqlite_utils import Database

from core import taxonomy
from core.assets.ids import WORKED
from core.database import now
from core.images import kept
from core.label.teachers import Teacher
from core.tasks import Task

ASIDE = "aside"  # the split of held-out assets that came of work: students meet on them (core/watch/meeting.py)

# A run left half way, as SQL of label_runs r; one labelled in rounds is whole after each of them.
PAUSED = "(r.state <> 'done' and not exists (select 1 from rounds where run_id = r.id and figures is not null))"


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
    row = db.execute(
        f"""select id from label_runs r where task_id = ? and teacher = ifnull(?, teacher) and taxonomy_id = ?
            and exists (select 1 from labels where run_id = r.id and category_id is not null)
            order by exists (select 1 from students where label_run_id = r.id and live = 1) desc, {PAUSED}, id desc limit 1""",
        [task.id, teacher, taxonomy.latest(db, task)],
    ).fetchone()
    return row[0] if row else None


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


def summed(db: Database, run_ids: Sequence[int]) -> dict | None:
    """Runs of facets asked about together as one, in the figures of summary() that add up, with their state and the largest of
    their caps; None where there is none."""
    found = [summary(db, run_id) for run_id in run_ids]
    if not found:
        return None
    states = {one["state"] for one in found}
    state = next(one for one in ("running", "capped", "stopped", "done") if one in states)
    caps = [one["budget_usd"] for one in found if one["budget_usd"] is not None]
    sums = {name: sum(one[name] for one in found) for name in ("spent_usd", "count", "failed", "mapped")}
    return sums | {"state": state, "budget_usd": max(caps, default=0.0)}


def reasons(db: Database, run_id: int, most: int = 20) -> list[dict]:
    """Why assets of the run have no label, the commonest first: reason, count."""
    return list(
        db.query(
            """select error as reason, count(*) as count from labels where run_id = ? and error is not null
               group by error order by count desc, reason limit ?""",
            [run_id, most],
        )
    )


def remarks(db: Database, run_id: int, most: int = 20) -> list[dict]:
    """What was put right in answers of the run, the commonest first: remark, count."""
    return list(
        db.query(
            """select remark, count(*) as count from labels where run_id = ? and remark is not null
               group by remark order by count desc, remark limit ?""",
            [run_id, most],
        )
    )


def labelled(db: Database, run_id: int, *, distributions: bool = False) -> pd.DataFrame:
    """Every asset with an answer in the run, its own or else its duplicate group's.

    Columns asset_id, external_id, text, group_id, family_id, split, category_id, confidence, own (whether the answer is the
    asset's own), worked (whether it came of work: the answer, or the asset, which another task may have labelled since) and, when
    asked for, distribution (float16 bytes over the assignable categories in taxonomy order, or None).

    Where the client has images, texts carry them (core/images/seen.py).
    What came of work is mostly what a student found hard, so it calibrates and tests nothing: outside train its split is ASIDE.
    """
    columns = (
        "a.id as asset_id, a.external_id, a.text, a.group_id, coalesce(a.family_id, a.group_id) as family_id, a.split"
    )
    columns += ", l.category_id, l.confidence, l.chance"
    frame = pd.read_sql_query(
        f"""select {columns}{", l.distribution" if distributions else ""} from label_runs run
            join tasks k on k.id = run.task_id join assets a on a.client_id = k.client_id
            left join labels l on l.run_id = run.id and l.asset_id = a.id and l.category_id is not null
            where run.id = ? order by a.id""",
        db.conn,
        params=[run_id],
    )
    frame["own"] = frame.category_id.notna()
    filled = ["category_id", "confidence", "chance"] + (["distribution"] if distributions else [])
    firsts = frame[frame.own].drop_duplicates("group_id").set_index("group_id")[filled]
    lacking = ~frame.own & frame.group_id.isin(firsts.index)
    if lacking.any():
        frame.loc[lacking, filled] = firsts.loc[frame.group_id[lacking]].to_numpy()
    frame = frame[frame.category_id.notna()].reset_index(drop=True)
    frame["worked"] = frame.chance.notna() | frame.external_id.str.fullmatch(WORKED)
    frame = frame.drop(columns="chance")
    frame.loc[frame.worked & frame.split.isin(["calibration", "test"]), "split"] = ASIDE
    return _with_images(db, run_id, frame.astype({"category_id": "int64"}))


def _with_images(db: Database, run_id: int, frame: pd.DataFrame) -> pd.DataFrame:
    query = "select k.client_id from label_runs run join tasks k on k.id = run.task_id where run.id = ?"
    (client_id,) = db.execute(query, [run_id]).fetchone()
    if not kept.any_of(db, client_id):
        return frame
    texts = kept.seen(db, client_id, frame.asset_id.tolist(), frame.text.tolist())
    return frame.assign(
        text=pd.Series(texts, index=frame.index, dtype=object)
    )  # a column of strings would be texts alone


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
