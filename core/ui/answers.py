"""Asking student and teacher about one text, for the page that tries one asset."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st
from sqlite_utils import Database

from core import settings, taxonomy
from core.assets.duplicates import form_hash, normal_form
from core.images.kept import OF_GROUP
from core.images.seen import sight_of
from core.label import looking
from core.label.desk import ask_once
from core.label.runs import summary
from core.label.teachers import Asset, make, worded
from core.tasks import Task
from core.train import students
from core.ui.frame import View, plain
from core.words import money

TOP = 3
COMPUTED = "Computed now by the built-in teacher."
RECORDED = "As recorded when the label was bought."
MADE_UP = "Made up with the sample, its time as well."
NEVER_ASKED = "Nobody asked it about this text, and old labels cannot answer anew."
NOT_YET_ASKED = "It has not been asked about this text yet."
ASKED = "Asked now, for {}. The Ledger has it."
ASKED_BEFORE = "Asked before in these words: its kept answer costs nothing."


@dataclass(frozen=True)
class StudentAnswer:
    """What the student `says` (a category, or its tags) and how `sure` it is of that; the `top` categories with their
    probabilities, the surest first, whether the text is `strange` to it, and the milliseconds it took."""

    says: str
    sure: float
    top: list[tuple[str, float]]
    strange: bool
    milliseconds: float


@dataclass(frozen=True)
class TeacherAnswer:
    """What the teacher says: `label` (None: it has no answer, `note` says why), confidence and milliseconds where known."""

    label: str | None
    confidence: float | None
    milliseconds: float | None
    basis: str
    note: str


@st.cache_resource(max_entries=2, show_spinner="Loading the student …")
def _student(folder: str) -> students.Student:
    loaded = students.load(settings.home() / folder)
    loaded.warm_up()
    return loaded


def ask_student(path: str, text: str) -> StudentAnswer:
    """The answer of the student in folder `path` (relative to the workspace), timed without loading."""
    student = _student(str(settings.home() / path))
    started = time.perf_counter()
    answers = student.answer([text])
    elapsed = 1000 * (time.perf_counter() - started)
    shares = answers.probabilities[0]
    shown = max(TOP, int(answers.given[0].sum())) if student.several else TOP  # every tag it gives
    best = shares.argsort()[::-1][:shown]
    says, sure = students.said(answers, student.labels)[0], float(answers.confidence[0])
    top = [(student.labels[i], float(shares[i])) for i in best]
    return StudentAnswer(says, sure, top, bool(answers.strange[0]), elapsed)


def ask_teacher(db: Database, task: Task, run_id: int, text: str, looks: bool = False) -> TeacherAnswer:
    """The answer of the teacher of a label run: the built-in one computes it, the others know only what they were asked; one that
    `looks`, about this image alone."""
    run = summary(db, run_id)
    if run["teacher"] == "built-in":
        return _built_in(db, task, run, text)
    return _recorded(db, task, run, text, looks)


def ask(view: View, run_id: int, text: str) -> TeacherAnswer:
    """What the teacher of a label run has said of the text, or says now; a hosted one that was not asked about it is asked, for
    money, where a person presses the button drawn here. InputError where it cannot be asked."""
    run = summary(view.db, run_id)
    looks = looking.chosen(view.db, view.task.client_id, run["teacher"])
    known = ask_teacher(view.db, view.task, run_id, text, looks)
    if known.label or run["teacher"].partition(":")[0] in ("built-in", "recorded"):
        return known
    categories = taxonomy.load(view.db, run["taxonomy_id"])
    hosted = make(view.db, view.task, run["teacher"], categories)
    most = f"Costs at most {money(hosted.most_usd_answer(Asset(0, text)))}."
    if not st.button(plain(f"Ask {hosted.connection.name} now"), icon=":material/send:", help=plain(most)):
        return known
    with st.spinner("Asking the teacher …"):
        answer = ask_once(view.db, view.task.client_id, hosted, text)
    names = {category.id: category.label for category in categories}
    bought_before = answer.cost_usd == 0 < hosted.most_usd_answer(Asset(0, text))
    note = answer.error or (ASKED_BEFORE if bought_before else ASKED.format(money(answer.cost_usd)))
    return TeacherAnswer(worded(answer, names), answer.confidence, answer.latency_ms, "measured", note)


def _built_in(db: Database, task: Task, run: dict, text: str) -> TeacherAnswer:
    categories = taxonomy.load(db, run["taxonomy_id"])
    started = time.perf_counter()
    answer = make(db, task, "built-in", categories).answer([Asset(0, text)])[0]
    elapsed = answer.latency_ms or 1000 * (time.perf_counter() - started)
    names = {category.id: category.label for category in categories}
    return TeacherAnswer(names.get(answer.category_id), answer.confidence, elapsed, "measured", COMPUTED)


def _recorded(db: Database, task: Task, run: dict, text: str, looks: bool) -> TeacherAnswer:
    sight = sight_of(text)
    row = next(
        db.query(
            f"""select c.label, l.confidence, l.latency_ms, cl.synthetic from assets a join clients cl on cl.id = a.client_id
               join labels l on l.run_id = ? and l.asset_id = a.id
               join categories c on c.id = l.category_id where a.client_id = ? and a.text_hash = ?
               {f"and {OF_GROUP} is ?" if looks else ""} limit 1""",
            [run["id"], task.client_id, form_hash(normal_form(text)), *([sight and sight.sha256] if looks else [])],
        ),
        None,
    )
    if row is None:
        return TeacherAnswer(
            None,
            None,
            None,
            "measured",
            NEVER_ASKED if run["teacher"].startswith("recorded:") else NOT_YET_ASKED,
        )
    basis, note = ("assumed", MADE_UP) if row["synthetic"] else ("measured", RECORDED)
    return TeacherAnswer(row["label"], row["confidence"], row["latency_ms"], basis, note)


def examples(db: Database, student_id: int, count: int) -> list[dict]:
    """A few test assets, from the student's least sure to its surest: id, text."""
    total = db.execute(
        """select count(*) from predictions p join assets a on a.id = p.asset_id
           where p.student_id = ? and a.split = 'test'""",
        [student_id],
    ).fetchone()[0]
    rows = []
    for place in range(min(count, total)):
        row = next(
            db.query(
                """select a.id, a.text from predictions p join assets a on a.id = p.asset_id
                   where p.student_id = ? and a.split = 'test' order by p.confidence limit 1 offset ?""",
                [student_id, int(total * place / count)],
            ),
            None,
        )
        if row and row["id"] not in {other["id"] for other in rows}:
            rows.append(row)
    return rows
