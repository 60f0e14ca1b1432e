"""A shadow run over a file: recent assets with the teacher's answers, which a student answers silently.

    silent = run(db, task, "live", Path("november.csv"))     # counts; shadow.shadows(db, task) compares

What it finds is written down as a server's shadow run would be. A file given twice counts once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from core import taxonomy
from core.assets.imports import label_forms
from core.assets.label_columns import LabelColumns
from core.assets.rows import check, join_text
from core.assets.tag_columns import TagColumns
from core.errors import InputError
from core.evaluate.evaluation import certified
from core.jobs.progress import NoProgress, Progress
from core.tables.columns import KNOWN_ASSET_NAMES, Mapping, guess_assets
from core.tables.files import AS_FOUND, Problems, ReadAs, Table, open_table
from core.tasks import Task
from core.taxonomy.matching import Matcher
from core.train import students
from core.train.registry import find, folder_of
from core.watch import rules, served
from core.watch.served import SHADOW, Audit, Row

CHUNK = 256  # texts answered at a time


@dataclass(frozen=True)
class Counted:
    """Rows of the file: in all, compared, written down before, without a label or without text, and left out with the problems that
    say why."""

    student_id: int
    rows: int
    compared: int
    before: int
    empty: int
    left_out: int
    problems: Problems


def run(
    db: Database,
    task: Task,
    which: str | int,
    path: Path,
    *,
    text_columns: list[str] | None = None,
    label_column: str | None = None,
    read_as: ReadAs = AS_FOUND,
    progress: Progress | None = None,
) -> Counted:
    """Have a student answer the rows of a file silently. InputError where the file or its columns cannot be used, or its labels
    are no categories of the student's taxonomy."""
    row = find(db, task, which)
    table, problems = open_table(path, KNOWN_ASSET_NAMES, read_as=read_as), Problems()
    mapping = _mapping(db, task, table, text_columns, label_column)
    version = row["taxonomy_id"]
    matcher = Matcher(taxonomy.load(db, version))
    of_tags = (db, version, table, mapping, matcher)
    labels = TagColumns(*of_tags) if task.several else LabelColumns(table, mapping, matcher)
    student, (threshold, _) = students.load(folder_of(db, row["id"])), certified(db, row["id"])
    keep = rules.keeping(db, task.client_id).texts != rules.NONE
    counts = dict.fromkeys(("rows", "compared", "before", "empty"), 0)
    report = progress or NoProgress()
    with closing(served.answers(task.client_id)) as file:
        query = "select hash from audits where task_id = ? and student_id = ? and mode = 'shadow'"
        known = {key for (key,) in file.execute(query, [task.id, row["id"]])}
        for texts, teacher in _chunks(table, mapping, labels, problems, counts):
            answers = student.answer(texts)
            said, sure = students.said(answers, student.labels), answers.confidence.astype(float).round(6).tolist()
            handled, at = answers.handled(threshold).tolist(), time.time()
            rows, audits = [], []
            for text, told, mine, how, alone, odd in zip(texts, teacher, said, sure, handled, answers.strange.tolist()):
                key = served.hash_of(text)
                if key in known:
                    counts["before"] += 1
                    continue
                known.add(key)
                counts["compared"] += 1
                kept = text if keep else None
                rows.append(Row(at, task.id, row["id"], key, mine, how, alone, odd, "teacher", 0.0, 1.0, SHADOW, kept))
                audits.append(Audit(at, task.id, row["id"], key, 1.0, SHADOW, alone, mine, told, how, 0.0, kept))
            served.write(file, rows, audits)
            report(counts["rows"], counts["rows"], "Comparing with the teacher")
    for one in labels.unknown():
        problems.remark(None, one.column, one.sentence, "Correct it in the file; these rows were not compared.")
    return Counted(row["id"], left_out=table.left_out, problems=problems, **counts)


def _mapping(db: Database, task: Task, table: Table, texts: list[str] | None, label: str | None) -> Mapping:
    guess = guess_assets(table.columns, table.head, label_forms(db, task))
    mapping = replace(guess, text=tuple(texts) if texts else guess.text, label=label or guess.label)
    check(mapping, table)
    if mapping.label is None:
        raise InputError(
            "No column holds the teacher's answers.",
            f"Name it, one of: {', '.join(table.columns)[:500]}.",
            where=table.path.name,
        )
    return mapping


def _chunks(
    table: Table,
    mapping: Mapping,
    labels: LabelColumns,
    problems: Problems,
    counts: dict[str, int],
) -> Iterator[tuple[list[str], list[str]]]:
    """Texts and what the teacher says of each, in words."""
    at = {column: place for place, column in enumerate(table.columns)}
    records = table.records(problems)
    while chunk := list(islice(records, CHUNK)):
        texts, teacher = [], []
        for _, cells in chunk:
            text = join_text(cells[at[column]] for column in mapping.text)
            category, _ = labels.read("label", cells[at[mapping.label]])
            if text and category is not None:
                texts.append(text)
                teacher.append(labels.label(category))
        counts["rows"] += len(chunk)
        counts["empty"] += len(chunk) - len(texts)
        if texts:
            yield texts, teacher
