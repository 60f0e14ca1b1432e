"""The rows of a scored file that are for the teacher, sent to it: the file comes out completed, with who answered each row.

The shards of such a file are kept as Arrow until the teacher has been asked about their rows (core/label/errands.py): one text a
call, within a cap, nothing bought twice. Then each is written as a part of the output.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pyarrow as pa
from sqlite_utils import Database

from core import tasks, taxonomy
from core.deploy.shards import Counts, Scoring, for_teacher, names_after, read, write_part
from core.errors import InputError
from core.jobs import Progress
from core.label import forecast
from core.label.errands import Errand, errand
from core.label.runs import find_run
from core.label.spending import Spread
from core.label.teachers import Answer, make, worded
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.wires import providers


def can_answer(teacher: str) -> bool:
    """Whether a teacher's spec names a model, which can be asked about any text."""
    return teacher.partition(":")[0] in ("connection", *providers.kinds())


def taught_by(db: Database, student: dict) -> str:
    """The teacher that a student (its row) learned from."""
    return db.execute("select teacher from label_runs where id = ?", [student["label_run_id"]]).fetchone()[0]


def hosted(db: Database, student: dict, teacher: str | None) -> Hosted:
    """The model that answers for a student (its row) in its taxonomy: `teacher`, else the one it learned from. InputError where
    that is no model."""
    spec = teacher or taught_by(db, student)
    if not can_answer(spec):
        raise InputError(
            "No model is connected that could answer the rows for the teacher.",
            "Connect a model first, then choose it (--teacher connection:NAME).",
        )
    model = make(db, tasks.get(db, student["task_id"]), spec, taxonomy.load(db, student["taxonomy_id"]))
    assert isinstance(model, Hosted)
    return model


def owner(student: dict, model: Hosted, input_identity: list) -> str:
    """Under whom the calls for a file stand in the ledger: the same for the same file, student and model."""
    what = [student["task_id"], student["id"], model.name, model.connection.model, input_identity]
    return f"sent-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]}"


def expected(db: Database, student: dict, model: Hosted, texts: int, characters: int) -> tuple[Spread | None, int]:
    """What answers to so many texts cost, as forecast.texts_cost()."""
    return forecast.texts_cost(
        db, tasks.get(db, student["task_id"]), model, _run(db, student, model), texts, characters
    )


def opened(
    db: Database, student: dict, model: Hosted, name: str, budget_usd: float | None
) -> AbstractContextManager[Errand]:
    """The errand of asking `model`; raises what errands.errand() does."""
    return errand(db, tasks.get(db, student["task_id"]).client_id, model, _run(db, student, model), name, budget_usd)


def _run(db: Database, student: dict, model: Hosted) -> int | None:
    return find_run(db, tasks.get(db, student["task_id"]), student["taxonomy_id"], model)


def send(
    db: Database, asked: Errand, scoring: Scoring, final: Scoring, counts: dict[int, Counts], progress: Progress
) -> dict[str, Any]:
    """Have the teacher answer the rows of all finished shards of `scoring` that the student does not, and write those of `final`.

    Returns how many rows it answered, how many are left with the commonest reasons, whether the cap was reached, and what all that
    was ever sent of this file has cost.
    """
    total, done = sum(reply.texts for reply in counts.values()), 0
    by_teacher, left, reasons = 0, 0, Counter()

    def spent() -> float:
        return ledger.sent_usd(db, asked.account.client_id, asked.account.owner)

    def report(before: int, now: int) -> None:
        progress(before + now, total, "Asking the teacher", spent())

    for number in range(len(counts)):
        table = read(scoring.part(number))
        rows = for_teacher(scoring, table)
        texts = list(dict.fromkeys(text for text in rows if text))
        answers = asked.ask(texts, partial(report, done))
        done += len(texts)
        replies = [answers.get(text) for text in rows]
        for text, reply in zip(rows, replies):
            if text and worded(reply, scoring.facets[0].labels) is None:
                left += 1
                reasons[(reply and reply.error) or "The cap was reached."] += 1
        completed, answered = _completed(final, table, replies)
        by_teacher += answered
        write_part(final, final.part(number), completed)
    return {
        "by_teacher": by_teacher,
        "left": left,
        "reasons": dict(reasons.most_common(5)),
        "capped": asked.capped,
        "spent_usd": spent(),
        "teacher": asked.model.name,
    }


def _completed(scoring: Scoring, table: pa.Table, replies: list[Answer | None]) -> tuple[pa.Table, int]:
    """A shard with the teacher's categories and confidences in their place and who answered, and how many rows the teacher did."""
    first, labels = table.num_columns - 3, scoring.facets[0].labels
    category, confidence = table.column(first).to_pylist(), table.column(first + 1).to_pylist()
    who = [None if name is None else "student" for name in category]
    for row, answer in enumerate(replies):
        if said := worded(answer, labels):
            category[row], confidence[row], who[row] = said, answer.confidence, "teacher"
    names = names_after(scoring.columns, scoring.results)
    completed = table.select(range(first))
    for name, values in zip(
        names,
        (
            pa.array(category, pa.string()),
            pa.array(confidence, pa.float64()),
            table.column(first + 2),
            pa.array(who, pa.string()),
        ),
    ):
        completed = completed.append_column(name, values)
    return completed, who.count("teacher")
