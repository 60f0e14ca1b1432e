"""A student's figures with money and verdict under the assumptions of the day: all that Compare, the report and `compare` tell.

Put together here once; figures are only read, so that changing a price or a volume never needs another measurement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from core import tasks
from core.errors import InputError
from core.evaluate import learning_curve, rivalry
from core.evaluate.beside import Beside, as_evidence, weigh
from core.evaluate.evaluation import figures_of
from core.evaluate.evidence import Evidence, Rules, Verdict
from core.evaluate.figures import ChooseOneFigures, Promise
from core.evaluate.kept import assumptions_of, other_prices, rules_of, teacher_price
from core.evaluate.latency import Times, median_interval
from core.evaluate.next_step import Plan, plan
from core.evaluate.verdict import decide
from core.label.model import connection_of, price_of
from core.money.economics import Assumptions, Economics, Line, Measured, economics, label_price, saving_on_batch
from core.money.outlook import Outlook
from core.money.prices import Price
from core.tasks import Task
from core.train import members
from core.wires import connections


@dataclass(frozen=True)
class Comparison(Outlook):
    """A student beside its teacher. `measured` is what the money rests on, `price` what the teacher is priced at (None: no list
    price), `others` the prices of models that stand beside it, `beside` the decision models that were asked about the same
    assets, the one that agrees most first."""

    figures: ChooseOneFigures
    economics: Economics
    verdict: Verdict
    assumptions: Assumptions
    rules: Rules
    measured: Measured
    price: Price | None
    others: list[Price]
    beside: tuple[Beside, ...] = ()

    @property
    def takes_over(self) -> bool:
        """Whether the verdict hands anything over to the student: else nothing is saved."""
        return self.verdict.decision in ("replace", "fallback")

    @property
    def teacher_time(self) -> tuple[Times, bool]:
        """How long the teacher takes for one asset, and whether that was measured; else it is the assumption."""
        timed = self.figures.teacher_latency
        if timed is not None and self.economics.line("student_speed_up").basis == "measured":
            return timed, True
        assumed = 1000 * self.assumptions.teacher_latency_s
        return Times(assumed, None, None, 0, (assumed,)), False

    @property
    def mode(self) -> str:
        """Whether the verdict speaks of the "student" alone or of the "cascade"."""
        return self.verdict.mode

    @property
    def handled_ends(self) -> tuple[float, float]:
        """The range of the handled share."""
        return self.figures.handled.low, self.figures.handled.high

    @property
    def ms_ends(self) -> tuple[float, float]:
        """The range of the student's time for one asset."""
        return median_interval(self.figures.latency.spread, self.figures.latency.n)


def comparison(db: Database, student_id: int) -> Comparison | None:
    """The stored figures of a student with money and verdict, by the client's assumptions and rules. None before evaluate();
    InputError where they are those of an earlier version."""
    figures = figures_of(db, student_id)
    if figures is None:
        return None
    row = next(
        db.query(
            """select s.*, t.version, (select max(version) from taxonomies where task_id = s.task_id) as newest
               from students s join taxonomies t on t.id = s.taxonomy_id where s.id = ?""",
            [student_id],
        )
    )
    task = tasks.get(db, row["task_id"])
    assumptions = assumptions_of(db, task)
    price, measured, rules = teacher_price(db, assumptions), _measured(figures), rules_of(db, task, figures.target)
    sheet = economics(measured, assumptions, price)
    evidence = _evidence(
        figures,
        rules,
        saving=sheet.saving,
        saving_on_batch=saving_on_batch(sheet, measured, assumptions),
        plan=_plan(db, task, row["label_run_id"], figures, label_price(measured, assumptions, price), assumptions),
        live=bool(row["live"]),
        overtaken=(row["version"], row["newest"]) if row["newest"] != row["version"] else None,
        nobody_behind=figures.taught.teacher_kind == "recorded" and not connections.all(db, task.client_id),
    )
    beside = tuple(
        weigh(one, _price(db, task, one), figures, sheet, assumptions, evidence)
        for one in rivalry.rivals(db, student_id, figures)
    )
    evidence = replace(evidence, decision_model=as_evidence(beside[0], figures) if beside else None)
    verdict = decide(replace(evidence, ready_at=_ready_at(figures, evidence)))
    others = other_prices(db, task)
    return Comparison(figures, sheet, verdict, assumptions, rules, measured, price, others, beside)


def _price(db: Database, task: Task, rival: rivalry.Rival) -> Price | None:
    """What a decision model costs, as far as its connection is still there to say so."""
    try:
        return price_of(db, connection_of(db, task.client_id, rival.teacher))
    except InputError:
        return None


def judgement(db: Database, student_id: int) -> Comparison:
    """comparison() where nothing can be said without it. InputError where the student has not been judged."""
    result = comparison(db, student_id)
    if result is None:
        raise InputError(f"Student {student_id} has not been judged.", "Train it again on the Student page.")
    return result


def _measured(figures: ChooseOneFigures) -> Measured:
    spoken = figures.teacher_latency
    return Measured(
        **vars(figures.taught),
        assets_per_second=figures.assets_per_second,
        student_ms=figures.latency.p50,
        teacher_ms=spoken.p50 if spoken and spoken.basis == "measured" else None,
        handled=figures.handled.value if figures.certificate.certified else None,
        train_seconds=figures.student.train_seconds or 0.0,
    )


def _plan(
    db: Database, task: Task, run_id: int, figures: ChooseOneFigures, price: Line, assumptions: Assumptions
) -> Plan:
    """What to do next, at what one more label of this teacher takes; `price` is that of 1,000."""
    curve, teacher = learning_curve.stored(db, run_id), figures.taught
    growth = learning_curve.growth(curve, figures.target - figures.agreement.value) if curve else None
    seconds = assumptions.teacher_latency_s
    if teacher.seconds and teacher.labels and teacher.teacher_kind != "recorded":
        seconds = teacher.seconds / teacher.labels
    usd = None if price.value is None else price.value / 1000
    return plan(figures, growth, usd, seconds, _left(db, task, figures.labelled_groups))


def _left(db: Database, task: Task, labelled: int) -> int:
    """How many of the client's assets, copies counted once, had no label when `labelled` had one."""
    query = "select count(*) from assets where client_id = ? and group_id = id"
    return max(db.execute(query, [task.client_id]).fetchone()[0] - labelled, 0)


def _ready_at(figures: ChooseOneFigures, evidence: Evidence) -> tuple[float, str] | None:
    """The highest lower target at which the same rules would not say "not ready" today, and what they would say; None where the
    student is ready at its own, or at none."""
    if decide(evidence).decision != "not_ready":
        return None
    for lower in figures.lower:
        eased = replace(evidence, rules=replace(evidence.rules, target=lower.target), **_promised(lower))
        if (decision := decide(eased).decision) != "not_ready":
            return lower.target, decision
    return None


def _promised(promise: Promise) -> dict:
    """What a promise is to a verdict."""
    return {
        "certificate": promise.certificate,
        "handled": promise.handled,
        "agreement_handled": promise.agreement_handled,
        "categories_handled": promise.per_category_handled,
    }


def _of(figures: ChooseOneFigures) -> str:
    """What the agreement that a verdict rests on is a share of."""
    if figures.promised == "tags":
        return "the tags it gives to test assets"
    return "the test assets, tag for tag" if figures.tags else "the test assets"


def _evidence(figures: ChooseOneFigures, rules: Rules, **more: Any) -> Evidence:
    """What the figures say to a verdict, and `more` that it rests on."""
    built_in = figures.taught.teacher_kind == "built-in"
    agreement, unseen = figures.rests_on
    return Evidence(
        agreement=agreement,
        unseen=unseen,
        **_promised(figures),
        rules=rules,
        trial=built_in,
        same_encoder=built_in and members.SMALL_BASE in members.bases(figures.student.kind),
        gold=figures.gold,
        categories=figures.categories,
        of=_of(figures),
        **more,
    )
