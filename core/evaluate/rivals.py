"""A decision model asked about held-out assets of a student, so that it can stand beside it: which assets, what that costs, asking.

    ask(db, task, student_id, "connection:Jev", cap_usd=0.05, rows=200)

The assets are the student's own: of its test assets so many, and as many of those that calibrated it, on which the model's
confidences are calibrated in turn. They are drawn by their numbers, always the same and in the same order, so that more is asked
about than before and nothing twice. What it says is bought through core/label/errands.py and stands in rival_answers.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import jobs, tasks, taxonomy
from core.chance import scattered
from core.database import now
from core.errors import InputError
from core.images import kept
from core.label.errands import errand
from core.label.forecast import texts_cost
from core.label.runs import find_run
from core.label.spending import Spread
from core.label.teachers import Answer, Asset, for_labels
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.tasks import Task
from core.wires import connections, providers
from core.wires.connections import Connection
from core.words import counted, money

ROWS = 200  # test assets asked about, and as many that calibrate
# of an answer: the call brought nothing, which is not the model's word
UNHEARD = "select error is not null and latency_ms is null"


def connected(db: Database, client_id: int) -> list[Connection]:
    """The decision models that a client can ask."""
    return [one for one in connections.all(db, client_id) if providers.of(one.kind).choices]


def decider(db: Database, task: Task, student_id: int, spec: str) -> Hosted:
    """The decision model of that name, as it is asked about the categories of a student. InputError where there is none."""
    (version,) = db.execute("select taxonomy_id from students where id = ?", [student_id]).fetchone()
    hosted = for_labels(db, task, spec, taxonomy.load(db, version))
    if not (isinstance(hosted, Hosted) and hosted.provider.choices):
        raise InputError(
            f"{spec.partition(':')[2] or spec} is no decision model.",
            "Connect one on Connections, or with `connections --add NAME --kind systemone`.",
        )
    return hosted


def drawn(db: Database, student_id: int, rows: int = ROWS) -> pd.DataFrame:
    """The assets to ask about, one a duplicate group: asset_id, text, split; `rows` of the test, then as many that calibrate."""
    part = f"""select min(a.id) as asset_id, a.text, a.split from predictions p join assets a on a.id = p.asset_id
               where p.student_id = :student and (a.split = 'test') = :test group by a.group_id
               order by {scattered("min(a.id)")} limit :rows"""
    parts = [
        pd.read_sql_query(part, db.conn, params={"student": student_id, "test": test, "rows": rows}) for test in (1, 0)
    ]
    return pd.concat(parts, ignore_index=True)


def waiting(db: Database, hosted: Hosted, student_id: int, rows: int = ROWS) -> pd.DataFrame:
    """Those of drawn() that the model has not answered yet."""
    chosen = drawn(db, student_id, rows)
    there = db.execute(
        f"""select asset_id from rival_answers where not ({UNHEARD}) and rival_id in
            (select id from rivals where teacher = ? and fingerprint = ?)""",
        [hosted.name, hosted.fingerprint],
    )
    return chosen[~chosen["asset_id"].isin([row[0] for row in there])].reset_index(drop=True)


def forecast(db: Database, task: Task, student_id: int, spec: str, rows: int = ROWS) -> tuple[int, Spread | None]:
    """How many assets ask() would ask about, and what that costs; None without a price."""
    hosted = decider(db, task, student_id, spec)
    left = waiting(db, hosted, student_id, rows)
    run_id = _run(db, task, student_id, hosted)
    sizes = kept.group_sizes(db, left["asset_id"]) if hosted.looks else {}
    seen = sum(hosted.image_characters(*size) for size in sizes.values())
    cost, _ = texts_cost(db, task, hosted, run_id, len(left), left["text"].str.len().sum() + seen)
    return len(left), cost


def owner_of(task: Task, hosted: Hosted) -> str:
    """Under whose name the calls stand in the ledger."""
    return f"rival-{task.id}-{hosted.fingerprint[:16]}"


def params(task: Task, student_id: int, spec: str, budget_usd: float | None, rows: int = ROWS) -> dict[str, Any]:
    """What ask_job() is started with."""
    return {"task_id": task.id, "student_id": student_id, "rival": spec, "budget_usd": budget_usd, "rows": rows}


def ask_job(db: Database, params: dict, progress: jobs.Progress) -> dict[str, Any]:
    """The job body, with params(). A killed one carries on and asks nothing twice."""

    def report(done: int, total: int, usd: float, waiting: str) -> None:
        progress(done, total, waiting or f"Asking {params['rival'].partition(':')[2]}", usd)

    task = tasks.get(db, params["task_id"])
    return ask(db, task, params["student_id"], params["rival"], params["budget_usd"], params["rows"], report)


def ask(
    db: Database,
    task: Task,
    student_id: int,
    spec: str,
    cap_usd: float | None,
    rows: int = ROWS,
    report: Any = None,
) -> dict[str, Any]:
    """Ask a decision model about up to `rows` test assets of a student and as many that calibrate. All that it is asked so about
    this task's categories costs no more than the cap. InputError as core.label.errands.errand() does."""
    hosted = decider(db, task, student_id, spec)
    rival_id = _rival(db, task, student_id, hosted)
    _take_labels(db, rival_id, _run(db, task, student_id, hosted), drawn(db, student_id, rows)["asset_id"])
    left, owner = waiting(db, hosted, student_id, rows), owner_of(task, hosted)
    assets = hosted.seen(db, [Asset(int(id), text) for id, text in zip(left["asset_id"], left["text"])])
    ids: dict[Hashable, list[int]] = {}
    for asset in assets:
        ids.setdefault(hosted.same(asset.text), []).append(asset.id)

    def spent() -> float:
        return ledger.sent_usd(db, task.client_id, owner)

    def arrived(disk: Database, them: Sequence[tuple[Hashable, Answer]]) -> None:
        _keep(disk, rival_id, [(asset, answer) for same, answer in them for asset in ids[same]])

    capped = False
    if ids:
        with errand(db, task.client_id, hosted, None, owner, cap_usd, ledger.COMPARED) as desk:
            tell = (lambda done: report(done, len(ids), spent(), desk.waiting)) if report else (lambda done: None)
            desk.ask([asset.text for asset in assets], tell, arrived)
            capped = desk.capped
    counts = f"select total(not ({UNHEARD})), total(({UNHEARD})) from rival_answers where rival_id = ?"
    answered, failed = map(int, db.execute(counts, [rival_id]).fetchone())
    return {"rival": spec, "answered": answered, "failed": failed, "capped": capped, "spent_usd": spent()}


def in_words(result: dict[str, Any]) -> str:
    """What came of ask(), in a sentence."""
    said = f"{result['rival'].partition(':')[2]} has answered {counted(result['answered'], 'asset')}"
    said += f", for {money(result['spent_usd'], exact=True)} in all."
    if result["failed"]:
        said += f" {counted(result['failed'], 'call')} brought nothing: ask again and only these are made."
    return f"{said} It stopped at the cap." if result["capped"] else said


def _rival(db: Database, task: Task, student_id: int, hosted: Hosted) -> int:
    """The number of a decision model as it is asked about a student's categories, made if new."""
    (version,) = db.execute("select taxonomy_id from students where id = ?", [student_id]).fetchone()
    key = [task.id, version, hosted.name, hosted.fingerprint]
    with db.atomic():
        db.execute(
            """insert or ignore into rivals (task_id, taxonomy_id, teacher, fingerprint, model, created)
               values (?, ?, ?, ?, ?, ?)""",
            [*key, hosted.connection.model, now()],
        )
        query = "select id from rivals where task_id = ? and taxonomy_id = ? and teacher = ? and fingerprint = ?"
        return db.execute(query, key).fetchone()[0]


def _run(db: Database, task: Task, student_id: int, hosted: Hosted) -> int | None:
    """The label run that asks as the model is asked here, if there has been one."""
    (version,) = db.execute("select taxonomy_id from students where id = ?", [student_id]).fetchone()
    return find_run(db, task, version, hosted)


def _take_labels(db: Database, rival_id: int, run_id: int | None, assets: Sequence[int]) -> None:
    """What a label run holds of the assets, or of copies of theirs, is not bought again."""
    if run_id is None:
        return
    with db.atomic():
        db.conn.executemany(
            """insert or ignore into rival_answers (rival_id, asset_id, category_id, confidence, distribution, tokens_in,
                 tokens_out, cost_usd, latency_ms, error, created)
               select ?, a.id, l.category_id, l.confidence, l.distribution, l.tokens_in, l.tokens_out, l.cost_usd, l.latency_ms,
                 l.error, l.created
               from assets a join labels l on l.run_id = ? and l.asset_id in (a.id, a.group_id)
               where a.id = ? and l.category_id is not null order by l.asset_id = a.id desc limit 1""",
            [(rival_id, run_id, int(asset)) for asset in assets],
        )


def _keep(disk: Database, rival_id: int, answers: Sequence[tuple[int, Answer]]) -> None:
    """On the errand's disk, in the transaction that settles the calls."""
    rows = [
        (
            rival_id,
            asset,
            answer.category_id,
            answer.confidence,
            None if answer.distribution is None else answer.distribution.astype(np.float16).tobytes(),
            answer.tokens_in,
            answer.tokens_out,
            answer.cost_usd,
            answer.latency_ms,
            answer.error,
            now(),
        )
        for asset, answer in answers
    ]
    disk.conn.executemany(
        """insert into rival_answers (rival_id, asset_id, category_id, confidence, distribution, tokens_in, tokens_out,
              cost_usd, latency_ms, error, created) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            on conflict (rival_id, asset_id) do update set category_id = excluded.category_id,
              confidence = excluded.confidence, distribution = excluded.distribution,
              tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out, cost_usd = excluded.cost_usd,
              latency_ms = excluded.latency_ms, error = excluded.error, created = excluded.created""",
        rows,
    )
