"""The rows of a scored file that are for the teacher, sent to it: the file comes out completed, with who answered each row.

The shards of such a file are kept as Arrow until the teacher has been asked about their rows (core/label/errands.py): one text a
call, whatever facets of it wait, within a cap, nothing bought twice. Then each is written as a part of the output.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pyarrow as pa
from sqlite_utils import Database

from core import tasks, taxonomy
from core.deploy.shards import RESULTS, Counts, Scoring, for_teacher, names_after, read, write_part
from core.errors import InputError
from core.jobs import Progress
from core.label import forecast, forecast_joint
from core.label.errands import Errand, errand
from core.label.runs import find_run
from core.label.spending import Spread
from core.label.teachers import Answer, for_labels, worded
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint, together
from core.money import ledger
from core.tasks import Task
from core.wires import providers
from core.words import teacher_words

Replies = dict[int, Answer]  # to the facets of one text, by their places


def can_answer(teacher: str) -> bool:
    """Whether a teacher's spec names a model, which can be asked about any text."""
    return teacher.partition(":")[0] in ("connection", *providers.kinds())


def taught_by(db: Database, student: dict) -> str:
    """The teacher that a student (its row) learned from."""
    return db.execute("select teacher from label_runs where id = ?", [student["label_run_id"]]).fetchone()[0]


def hosted(db: Database, students: Sequence[dict], teacher: str | None) -> Hosted:
    """The model that answers for the students (their rows, of a task each) in their taxonomies, in one call where they are several:
    `teacher`, else the one they learned from. InputError where that is no model, or not the same one."""
    specs = list(dict.fromkeys([teacher] if teacher else [taught_by(db, student) for student in students]))
    if not all(map(can_answer, specs)):
        raise InputError(
            "No model is connected that could answer the rows for the teacher.",
            "Connect a model first, then choose it (--teacher connection:NAME).",
        )
    if len(specs) > 1:
        raise InputError(
            f"The students learned from several teachers: {', '.join(map(teacher_words, specs))}.",
            f"Say which of them answers for all, such as --teacher {specs[0]}.",
        )
    facets = [(tasks.get(db, student["task_id"]), student["taxonomy_id"]) for student in students]
    return together([(task, for_labels(db, task, specs[0], taxonomy.load(db, version))) for task, version in facets])


def owner(students: Sequence[dict], model: Hosted, input_identity: list) -> str:
    """Under whom the calls for a file stand in the ledger: the same for the same file, students and model."""
    whose = [one[name] for one in students for name in ("task_id", "id")]
    what = [*whose, model.name, model.connection.model, input_identity]
    return f"sent-{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]}"


def expected(
    db: Database, students: Sequence[dict], model: Hosted, waiting: Sequence[tuple[Sequence[int], int, int]]
) -> tuple[Spread | None, int]:
    """What answers to texts cost (each: the places of the facets that wait, how many such texts, their characters), and the labels
    that was measured on, as forecast.texts_cost()."""
    runs = _runs(db, students, model)
    if isinstance(model, Joint):
        return forecast_joint.texts_cost(db, model, runs, waiting)
    ((_, texts, characters),) = waiting
    return forecast.texts_cost(db, _task(db, students[0]), model, runs[0], texts, characters)


def opened(
    db: Database, students: Sequence[dict], model: Hosted, name: str, budget_usd: float | None
) -> AbstractContextManager[Errand]:
    """The errand of asking `model`; raises what errands.errand() does."""
    run_id = None if isinstance(model, Joint) else _runs(db, students, model)[0]
    return errand(db, _task(db, students[0]).client_id, model, run_id, name, budget_usd)


def _task(db: Database, student: dict) -> Task:
    return tasks.get(db, student["task_id"])


def _runs(db: Database, students: Sequence[dict], model: Hosted) -> list[int | None]:
    """Each student's task's label run that asks as `model` does."""
    each = [one for _, one in model.of] if isinstance(model, Joint) else [model]
    return [find_run(db, _task(db, one), one["taxonomy_id"], alone) for one, alone in zip(students, each)]


def send(
    db: Database,
    students: Sequence[dict],
    asked: Errand,
    scoring: Scoring,
    final: Scoring,
    counts: dict[int, Counts],
    progress: Progress,
) -> dict[str, Any]:
    """Have the teacher answer the rows of all finished shards of `scoring` that the students do not, in the facets that they do
    not, and write those of `final`.

    Returns how many rows it answered (in a facet at least), how many are left (in one) with the commonest reasons, whether the cap
    was reached, what all that was ever sent of this file has cost, and of several facets the rows it answered in each.
    """
    joint, runs = isinstance(asked.model, Joint), _runs(db, students, asked.model)
    total, done = sum(_answers_wanted(reply) for reply in counts.values()), 0
    by_teacher, left, reasons, of_facets = 0, 0, Counter(), Counter()

    def spent() -> float:
        return ledger.sent_usd(db, asked.account.client_id, asked.account.owner)

    def report(before: int, now: int) -> None:
        progress(before + now, total, "Asking the teacher", spent())

    for number in range(len(counts)):
        table = read(scoring.part(number))
        rows = for_teacher(scoring, table)
        wanted, same = list(filter(None, rows)), asked.model.same
        if joint:
            answers = asked.ask_facets(wanted, runs, partial(report, done))
        else:
            said = asked.ask([text for text, _ in wanted], partial(report, done))
            answers = {(name, 0): answer for name, answer in said.items()}
        done += len({(same(text), place) for text, places in wanted for place in places})
        replies = [_of_row(answers, row, same) for row in rows]
        for row, reply in zip(rows, replies):
            lacking = [
                place for place in (row[1] if row else ()) if not worded(reply.get(place), scoring.facets[place].labels)
            ]
            left += bool(lacking)
            by_teacher += bool(row) and len(lacking) < len(row[1])
            of_facets.update(set(row[1] if row else ()) - set(lacking))
            for one in map(reply.get, lacking):
                reasons[(one and one.error) or "The cap was reached."] += 1
        write_part(final, final.part(number), _completed(final, table, replies))
    return {
        "by_teacher": by_teacher,
        "left": left,
        "reasons": dict(reasons.most_common(5)),
        "capped": asked.capped,
        "spent_usd": spent(),
        "teacher": asked.model.name,
        **({"teacher_facets": [of_facets[place] for place in range(len(students))]} if len(students) > 1 else {}),
    }


def _answers_wanted(counts: Counts) -> int:
    """Answers that a shard wants of the teacher: one a text and facet that waits."""
    return sum(len(places) * texts for places, texts, _ in counts.waiting) or counts.texts


def _of_row(
    answers: dict[tuple[Hashable, int], Answer],
    row: tuple[str, tuple[int, ...]] | None,
    same: Callable[[str], Hashable],
) -> Replies:
    if row is None:
        return {}
    text, places = row
    return {place: answers[same(text), place] for place in places if (same(text), place) in answers}


def _completed(scoring: Scoring, table: pa.Table, replies: list[Replies]) -> pa.Table:
    """A shard with the teacher's categories and confidences in their place and who answered, of each facet."""
    first, columns = len(scoring.columns), []
    for place, facet in enumerate(scoring.facets):
        said, sure, handled = (table.column(first + len(RESULTS) * place + at) for at in range(len(RESULTS)))
        category, confidence = said.to_pylist(), sure.to_pylist()
        who = [None if name is None else "student" for name in category]
        for row, reply in enumerate(replies):
            answer = reply.get(place)
            if label := worded(answer, facet.labels):
                category[row], confidence[row], who[row] = label, answer.confidence, "teacher"
        columns += [
            pa.array(category, pa.string()),
            pa.array(confidence, pa.float64()),
            handled,
            pa.array(who, pa.string()),
        ]
    completed = table.select(range(first))
    for name, values in zip(names_after(scoring.columns, scoring.results), columns):
        completed = completed.append_column(name, values)
    return completed
