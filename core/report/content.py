"""What a client report says: the figures of Compare, in order, with where they come from and what they do not say.

Nothing is computed here that Compare does not compute: both take their sentences, charts and tables from the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pandas as pd
from sqlite_utils import Database

from core import settings
from core.evaluate import cascade
from core.evaluate.agreement import Share
from core.evaluate.comparison import Comparison, judgement
from core.evaluate.disagreements import disagreements, results
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.phrases import share_words, span_words
from core.evaluate.versions import provenance
from core.evaluate.weak import ranked
from core.images import kept
from core.money.economics import described
from core.report import answers, money, speed, writing_report
from core.report.answers import Answer
from core.report.brand import Brand, brand
from core.report.headline import TITLES, Headline, about, for_100, headlines
from core.report.pairs import Pair, lead, pairs
from core.report.writing_report import WritingReport
from core.tasks import Task
from core.train.registry import looked_at
from core.words import percent, split_words, task_title, teacher_words
from core.write import training

WORST, EXAMPLES = 4, 2  # as many as the second page holds
TEXT = 220  # characters of an example that are shown

SET_ASIDE = (
    "The assets were divided into three parts before anything was learned; copies and near copies of one creative "
    "stayed together. The student learned from the teacher's answers on the first part. On the second, the "
    "trial assets, it was decided how sure the student must be to answer by itself. All figures of agreement "
    "are from the third part, the test assets, which it had never seen."
)
CROSS_FITTED = (
    "The assets were divided into two parts before anything was learned; copies and near copies of one creative stayed "
    "together. The student learned from the teacher's answers on the first part. How sure it must be to answer by itself was "
    "decided on the same part, its trial assets, but by answers of trial students, none of which had learned from the "
    "assets it answered; the student itself learned from more than any of them. All figures of agreement are from the "
    "second part, the test assets, which none of them had ever seen."
)
METHOD = (
    "Agreement is the share of test assets on which the student gives the category the teacher gave. Its range is "
    "exact (Clopper-Pearson, 95 %): were the measurement repeated on other assets of the same kind, 95 of 100 such "
    "ranges would hold the true value. Copies of one creative count once, and one concept in several sizes or languages "
    "as far as they differ.",
    cascade.METHOD,
    "Costs follow from tokens, dated list prices and the assumptions below; every step is in the formula sheet. A "
    "figure says whether it was measured here, estimated from measured figures and prices, or assumed.",
)
LIMITS = (
    "Agreement says how well the student stands in for the teacher. It does not say how often the teacher is right; "
    "only labels that people decided can tell that.",
    "The figures hold for assets like those tested. New campaigns, products, languages or categories change them.",
    "Where a category has few test assets, its range is wide and a difference from others may be chance.",
    "Figures marked as assumed were not measured. Prices are list prices of the day named and may change.",
)


@dataclass(frozen=True)
class Example:
    """An asset on which the two differ: the beginning of its text, what each says, its id, and its thumbnail where it has one."""

    text: str
    teacher: str
    student: str
    asset: str
    picture: Path | None = None


@dataclass(frozen=True)
class Worst:
    """A category in which the student does badly: its agreement in words, and examples."""

    category: str
    agreement: str
    span: str
    examples: list[Example]


@dataclass(frozen=True)
class Report:
    """All a report holds; `chapters` are (heading, answers)."""

    template: ClassVar[str] = "chapter.html.j2"
    question: ClassVar[str] = "Can the student stand in for the teacher?"

    client: str
    task: str
    synthetic: bool
    student: str
    date: str
    brand: Brand
    decision: str
    title: str
    for_100: str
    lead: str
    pairs: list[Pair]
    goes_back: str
    reason: str
    next: str
    headlines: list[Headline]
    about: str
    chapters: list[tuple[str, list[Answer]]]
    worst: list[Worst]
    gold: pd.DataFrame | None
    assumptions: list[dict]
    sheet: pd.DataFrame
    provenance: list[tuple[str, str]]
    licence: str
    results: pd.DataFrame
    method: tuple[str, ...]
    limits: tuple[str, ...] = LIMITS

    @property
    def key(self) -> str:
        """The figure that says most, in words."""
        first = self.headlines[0]
        return f"{first.label}: {first.value}" + (f" ({first.span})" if first.span else "")

    @property
    def summary(self) -> pd.DataFrame:
        """The head of the workbook: what, value, basis, note."""
        rows = [("Client", self.client, "", ""), ("Date", self.date, "", ""), ("Student", self.student, "", "")]
        rows += [("Verdict", self.title, "", self.for_100), ("Reason", self.reason, "", "")]
        rows += [("Money", self.lead, "", ""), ("What goes back", self.goes_back, "", ""), ("Next", self.next, "", "")]
        rows += [(one.label, one.value, one.basis, one.span) for one in self.headlines]
        return pd.DataFrame(rows, columns=["what", "value", "basis", "note"])

    @property
    def more(self) -> dict[str, pd.DataFrame]:
        """Further sheets of the workbook."""
        return {} if self.gold is None else {"gold": self.gold}


def of(db: Database, task: Task, student: str = "live") -> Report | WritingReport:
    """The report of a task of any kind; see gather()."""
    return (writing_report.gather if task.kind == training.KIND else gather)(db, task, student)


def gather(db: Database, task: Task, student: str = "live") -> Report:
    """The report of a judged student ("live", or where none is the newest, or its number). InputError where there is none, or it
    is not judged yet."""
    row = looked_at(db, task, student)
    result = judgement(db, row["id"])
    figures, sheet, mode, verdict = result.figures, result.economics, result.verdict.mode, result.verdict
    chapters = [
        (
            "How well does it agree?",
            [
                answers.per_category(figures, result.rules),
                answers.cascade(figures),
                answers.reliability(figures),
                answers.measures(figures),
                answers.new(figures),
                answers.across(figures),
            ],
        ),
        (
            "What does it save?",
            [
                money.cumulative(result.courses, sheet, mode),
                money.monthly(result.courses, sheet, result.takes_over),
                money.tornado(result.swings, sheet, mode),
                money.upfront(sheet),
            ],
        ),
        ("How fast is it?", [speed.latency(result), speed.throughput(figures)]),
    ]
    if figures.confusions:
        chapters.append(("Where does it differ?", [answers.confusions(figures), answers.slices(figures)]))
    facts = provenance(db, row["id"])
    return Report(
        client=task_title(facts["client"], facts["task"], facts["tasks"]),
        task=facts["task"],
        synthetic=bool(facts["synthetic"]),
        student=f"{row['kind']} {row['id']}",
        date=datetime.now(UTC).date().isoformat(),
        brand=brand(db),
        decision=verdict.decision,
        title=TITLES[verdict.decision],
        for_100=for_100(result),
        lead=lead(result),
        pairs=pairs(result),
        goes_back=_goes_back(result),
        reason=verdict.reason,
        next=verdict.next,
        headlines=headlines(result),
        about=about(result),
        chapters=[(heading, [answer for answer in some if answer]) for heading, some in chapters],
        worst=_worst(db, task.client_id, row["id"], figures),
        gold=answers.gold_table(figures),
        assumptions=described(result.assumptions),
        sheet=money.steps(result.formulas),
        provenance=_provenance(facts, row, figures),
        licence=settings.get(db, "teacher_terms", task) or "",
        results=results(db, row["id"]),
        method=(SET_ASIDE if figures.counts["calibration"] else CROSS_FITTED, *METHOD),
    )


def _goes_back(result: Comparison) -> str:
    """Which assets the student leaves to the teacher, and how many of a month's."""
    figures, sheet, decision = result.figures, result.economics, result.verdict.decision
    if decision == "decision_model":
        return "The student takes over nothing: a decision model does the work, or the teacher as before."
    if not result.takes_over:
        return "All assets go to the teacher as before: the student has not shown yet that it can take over."
    strange = figures.strange
    unlike = f"those unlike anything it learned from ({percent(strange)} of the test assets)"
    if decision == "replace":
        return f"Nothing goes back but {unlike}." if strange else "Nothing has to go back to the teacher."
    back, sure = 1 - figures.handled.value, percent(figures.certificate.threshold or 0.0)
    month = f"{round(back * sheet.volume_per_month):,} of {sheet.volume_per_month:,} a month"
    return (
        f"About {round(100 * back)} of 100 assets, {month}, go back to the teacher: those of which the student is less than {sure} "
        f"sure, and {unlike}. For them the teacher's answer counts."
    )


def _provenance(facts: dict, row: dict, figures: ChooseOneFigures) -> list[tuple[str, str]]:
    day = lambda moment: moment[:10] if moment else "an unknown day"  # noqa: E731
    return [
        ("Teacher", teacher_words(facts["teacher"])),
        ("Asked with", _asked_with(facts)),
        ("Labels", f"{figures.taught.labels:,}, from {day(facts['started'])} to {day(facts['finished'])}"),
        ("Taxonomy", f"version {facts['version']}" + (f", {facts['source']}" if facts["source"] else "")),
        ("Assets", split_words(figures.counts)),
        ("Student", f"{row['kind']} {row['id']}, {row['size_mb']:.1f} MB, trained {day(row['created'])}"),
        ("Judged", day(figures.created)),
        ("Measured on", figures.latency.machine),
    ]


def _asked_with(facts: dict) -> str:
    """The instructions the teacher had, by their version; a file's labels and the built-in teacher had none."""
    if facts["teacher"].partition(":")[0] in ("recorded", "built-in"):
        return "no instructions: " + (
            "the labels came in a file" if facts["teacher"] != "built-in" else "it works on this machine"
        )
    return f"instructions {facts['prompt_hash'][:12]}" if facts["prompt_hash"] else "instructions that were not kept"


def _worst(db: Database, client_id: int, student_id: int, figures: ChooseOneFigures) -> list[Worst]:
    """The weakest categories, however few test assets they have, with what went wrong there."""
    worst = []
    for category in [category for category in ranked(figures.categories) if category.agreed < category.n][:WORST]:
        differ = disagreements(db, student_id, limit=10 * EXAMPLES, filters={"teacher": category.category})
        differ = differ[~differ["text"].map(_beginning).duplicated()].head(EXAMPLES)  # not two sizes of one creative
        pictures = kept.of_assets(db, client_id, map(int, differ["asset_id"]))
        examples = [
            Example(" ".join(text.split())[:TEXT], teacher, student, asset, pictures.get(id))
            for id, asset, text, teacher, student in differ[
                ["asset_id", "external_id", "text", "teacher", "student"]
            ].itertuples(index=False)
        ]
        seen = Share(category.share, category.low, category.high, category.n, category.n)
        worst.append(Worst(category.label, share_words(seen.value, seen.n), span_words(seen), examples))
    return worst


def _beginning(text: str) -> str:
    """The first words of a text without case and signs, by which copies of one creative are alike."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())[:32]
