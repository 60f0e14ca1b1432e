"""The report of a task that writes: the figures of Compare, in order, with where they come from and what they do not say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pandas as pd
from sqlite_utils import Database

from core import settings, tasks
from core.money.economics import described
from core.report import money
from core.report import writing as answers
from core.report.answers import Answer
from core.report.brand import Brand, brand
from core.report.headline import TITLES
from core.report.pairs import Pair
from core.tasks import Task
from core.words import counted, percent, ranged, task_title, teacher_words
from core.write import base, comparison, desk, training, vendors
from core.write.comparison import WritingComparison
from core.write.figures import Example, Range
from core.write.rungs import rungs

METHOD = (
    "The pairs of brief and approved copy were divided before anything was learned; pairs with one brief, or nearly the same copy, "
    "stayed together. The student learned from the first part; all figures are from briefs it had never seen.",
    "Each figure stands beside the same of the copy that people wrote for these briefs, and of that copy dealt to other briefs. "
    "A text is nearly approved copy where seven tenths of its pieces of four characters are those of one. It is about its brief "
    "where this is among the ten nearest of a hundred briefs, the brand's words left out.",
    "In the blind test people compared two texts for one brief without knowing whose they were; sides and order were drawn by "
    "chance. Its range holds at whatever moment somebody looks and stops.",
    "Costs follow from tokens, dated list prices and the assumptions below, or from what the teacher's drafts did cost; every step "
    "is in the formula sheet. A figure says whether it was measured here, estimated from measured figures and prices, or assumed.",
)
LIMITS = (
    "No figure can say that a text is good, only that it is not. People can, in the blind test.",
    "The figures hold for briefs like those tested. New products, markets or channels change them.",
    "The gates find invented numbers, names and dates; a wrong claim in plain words they do not.",
    "Figures marked as assumed were not measured. Prices are list prices of the day named and may change.",
)


@dataclass(frozen=True)
class WritingReport:
    """All that the report of a task that writes holds; `chapters` are (heading, answers)."""

    template: ClassVar[str] = "writing.html.j2"
    question: ClassVar[str] = "Can the student write these briefs' copy?"

    client: str
    task: str
    synthetic: bool
    student: str
    date: str
    brand: Brand
    decision: str
    title: str
    reason: str
    next: str
    step: str
    lead: str
    pairs: list[Pair]
    handled: Range
    passes_on: str
    chapters: list[tuple[str, list[Answer]]]
    examples: tuple[Example, ...]
    assumptions: list[dict]
    sheet: pd.DataFrame
    provenance: list[tuple[str, str]]
    licence: str
    results: pd.DataFrame
    method: tuple[str, ...] = METHOD
    limits: tuple[str, ...] = LIMITS

    @property
    def key(self) -> str:
        """The figure that says most, in words."""
        share = self.handled
        return f"Briefs with a draft that passes every gate: {percent(share.value)} ({ranged(share.low, share.high)})"

    @property
    def summary(self) -> pd.DataFrame:
        """The head of the workbook: what, value, basis, note."""
        rows = [("Client", self.client, "", ""), ("Date", self.date, "", ""), ("Student", self.student, "", "")]
        rows += [("Verdict", self.title, "", self.reason), ("Next", self.next, "", self.step)]
        rows += [("Money", self.lead, "", ""), ("What goes on", self.passes_on, "", "")]
        rows += [
            (f"{one.title}: {name}", words, one.basis, one.note) for one in self.pairs for name, _, words, _ in one.bars
        ]
        return pd.DataFrame(rows, columns=["what", "value", "basis", "note"])

    @property
    def more(self) -> dict[str, pd.DataFrame]:
        """Further sheets of the workbook."""
        return {}


def gather(db: Database, task: Task, student: str = "live") -> WritingReport:
    """The report of a student that writes ("live", or where none is the newest, or its number). InputError where there is none."""
    row = comparison.looked_at(db, task, student)
    result = comparison.comparison(db, task, row)
    client = next(db.query("select name, synthetic from clients where id = ?", [task.client_id]))
    names = len(tasks.of_client(db, task.client_id))
    step = (
        ("What do people say?", [answers.people(result), answers.months(desk.rates(db, task))]),
        ("What is not good?", [_listed(answers.quality(result)), _listed(answers.stops(result)), _ladder(db, task)]),
        ("What does it save?", answers.savings(result)),
        ("How fast is it?", [answers.speed(result)]),
    )
    chapters = [(heading, [answer for answer in some if answer]) for heading, some in step]
    return WritingReport(
        client=task_title(client["name"], task.name, names),
        task=task.name,
        synthetic=bool(client["synthetic"]),
        student=f"{rungs()[row['kind']].title} ({result.student})",
        date=datetime.now(UTC).date().isoformat(),
        brand=brand(db),
        decision=result.verdict.decision,
        title=TITLES[result.verdict.decision],
        reason=result.verdict.reason,
        next=result.verdict.next,
        step=result.step.words,
        lead=answers.lead(result),
        pairs=answers.pairs(result),
        handled=result.figures.handled,
        passes_on=answers.passes_on(result),
        chapters=[(heading, some) for heading, some in chapters if some],
        examples=result.figures.examples,
        assumptions=described(result.assumptions, result.economics.work),
        sheet=money.steps(result.formulas),
        provenance=_provenance(db, task, result),
        licence=settings.get(db, "teacher_terms", task) or "",
        results=_results(db, result),
    )


def _listed(answer: Answer | None) -> Answer | None:
    """The numbers alone: a chart of several sides wants a legend, which a printed page has no room for."""
    return answer and replace(answer, figure=None)


def _ladder(db: Database, task: Task) -> Answer:
    rows = training.all_writers(db, task)
    table = answers.ladder(rows)
    title = f"{counted(len(rows), 'student')} made; each of the newest training beside people's copy"
    shares = tuple(one for one in table.columns if one in {m.words for m in answers.measures.MEASURES if m.share})
    return Answer("students", title, None, table, "Measured, as above.", shares=shares)


def _provenance(db: Database, task: Task, result: WritingComparison) -> list[tuple[str, str]]:
    row, learned = result.row, result.row["params"]
    made_of = learned.get("base") if rungs()[row["kind"]].reads else None
    name = made_of and base.named(made_of)
    facts = [
        ("Student", f"{result.student}, {row['size_mb']:.1f} MB, trained {row['created'][:10]}"),
        ("Learned from", counted(learned["train"], "approved pair")),
        ("Judged on", counted(result.figures.briefs, "brief")),
        ("Teacher's drafts bought", f"{result.measured.labels:,}"),
    ]
    if result.measured.labels:
        facts.append(("Teacher", teacher_words(result.measured.teacher)))
    if name:
        facts += [("Base model", name), ("Licence of the base model", result.figures.licence or "not known")]
    facts += [(f"Texts of {one.name}", f"{one.counts.answered:,}, taken in {one.created[:10]}") for one in result.tests]
    return facts


def _results(db: Database, result: WritingComparison) -> pd.DataFrame:
    """Texts for test briefs, one a row: the student's that chance chose, all of the teacher and of vendors."""
    rows: list[tuple[Any, ...]] = [
        (one.brief, result.student, one.text, one.passed, one.why) for one in result.figures.examples
    ]
    for test in result.tests:
        for one in vendors.answers(db, test):
            why = " ".join(gate["why"] for gate in one["gates"] if not gate["passed"])
            rows.append((one["brief"], test.name, one["text"], one["passed"], why))
    return pd.DataFrame(rows, columns=["brief", "who", "text", "passed", "why not"])
