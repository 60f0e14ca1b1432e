"""A writing student beside its teacher, people's copy and vendors, with money and verdict under the assumptions of the day: all
that Compare, Overview, the report and `compare` tell of a task that writes. Nothing is measured here; figures are only read."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from core.evaluate.kept import assumptions_of, other_prices, teacher_price
from core.money.economics import Assumptions, Economics, Measured, economics
from core.money.modes import WRITING, Work
from core.money.outlook import Outlook
from core.money.prices import CHARACTERS_A_TOKEN, INSTRUCTIONS, Price
from core.tasks import Task
from core.words import counted, duration, money
from core.write import blind, guide, measures, training, vendors, verdict
from core.write.figures import Seconds, WriteFigures
from core.write.measures import Side
from core.write.verdict import Verdict

FRAME = 12  # tokens of the JSON around a draft
SHOWN = 4  # approved copies that a teacher is shown with a brief
MORE = 500  # pairs that a student with too few asks for next


@dataclass(frozen=True, kw_only=True)
class MeasuredWriting(Measured):
    """What the sheet rests on where briefs are written for: a brief stands for an asset, a teacher's draft for a label."""

    @property
    def work(self) -> Work:
        return WRITING


@dataclass(frozen=True)
class Step:
    """What the verdict's next step takes, in words; its price in US dollars (None: no price is known), and what that rests on."""

    words: str
    usd: float | None
    basis: str


@dataclass(frozen=True)
class WritingComparison(Outlook):
    """A student (`row` of the table writers) beside the others. `sides`: the student first, people last; `tests`: texts of the
    teacher and of vendors that were measured."""

    task: Task
    row: dict
    figures: WriteFigures
    economics: Economics
    verdict: Verdict
    step: Step
    assumptions: Assumptions
    measured: Measured
    price: Price | None
    others: list[Price]
    sides: list[Side]
    blind: list[blind.Result]
    tests: list[vendors.Test]

    @property
    def takes_over(self) -> bool:
        """Whether the verdict hands anything over to the student."""
        return self.verdict.decision != verdict.NOT_YET

    @property
    def mode(self) -> str:
        """Briefs of which no draft passes the gates go on to the teacher."""
        return "cascade"

    @property
    def handled_ends(self) -> tuple[float, float]:
        """The range of the share of briefs with a draft that passes every gate."""
        return self.figures.handled.low, self.figures.handled.high

    @property
    def ms_ends(self) -> tuple[float, float]:
        """The student's time for one brief: half take less, and 95 of 100."""
        seconds = self.figures.seconds_per_brief
        return 1000 * seconds.p50, 1000 * seconds.p95

    @property
    def student(self) -> str:
        """What it is called."""
        return f"{self.row['kind']} {self.row['id']}"

    @property
    def saved_a_month(self) -> float | None:
        """US dollars a month at the stated volume; None where the verdict hands nothing over, or no price is known."""
        today, then = self.economics.monthly["teacher"], self.economics.monthly[self.mode]
        return None if not self.takes_over or today is None or then is None else today - then


def looked_at(db: Database, task: Task, which: str | int = "live") -> dict:
    """The student to look at: the one at work, where none is the newest; or the one named. InputError where there is none."""
    rows = sorted(training.all_writers(db, task), key=lambda row: not row["live"])
    if which == "live" and rows:
        return rows[0]
    return training.find(db, task, which)


def comparison(db: Database, task: Task, row: dict) -> WritingComparison:
    """The comparison of a student, a row of training.all_writers(). A few aggregate queries; nothing is drafted or encoded."""
    figures: WriteFigures = row["figures"]
    assumptions = assumptions_of(db, task)
    price, tests = teacher_price(db, assumptions), vendors.tests(db, task)
    measured = _measured(db, task, row)
    sheet, judged = economics(measured, assumptions, price), training.verdict_of(row)
    others = [_side(one, measured) for one in tests]
    return WritingComparison(
        task=task,
        row=row,
        figures=figures,
        economics=sheet,
        verdict=judged,
        step=_step(db, task, row, judged, sheet, assumptions),
        assumptions=assumptions,
        measured=measured,
        price=price,
        others=other_prices(db, task),
        sides=[measures.student(figures, "Student"), *others, *measures.controls(figures)],
        blind=blind.compared(db, task, row["id"]),
        tests=tests,
    )


def _side(test: vendors.Test, measured: Measured) -> Side:
    if test.source == vendors.TEACHER:
        ms = measured.teacher_ms
        seconds = Seconds(ms / 1000, ms / 1000) if ms else None
        return measures.other(test.figures, "teacher", "Teacher", seconds)
    seconds = Seconds(test.seconds, test.seconds) if test.seconds else None
    return measures.other(test.figures, blind.vendor(test.name), test.name, seconds)


def _measured(db: Database, task: Task, row: dict) -> MeasuredWriting:
    figures: WriteFigures = row["figures"]
    bought = _bought(db, task)
    usual_in, usual_out = _tokens(db, task)
    briefs = bought["briefs"]
    measured = bool(briefs and bought["tokens_in"])
    return MeasuredWriting(
        teacher=f"connection:{bought['model'] or 'large model'}",
        labels=briefs,
        spent_usd=bought["usd"],
        seconds=None,
        reviews=_decided(db, task),
        tokens_in=bought["tokens_in"] / briefs if measured else usual_in,
        tokens_out=bought["tokens_out"] / briefs if measured else usual_out,
        tokens_basis="measured" if measured else "estimated",
        assets_per_second=1 / max(figures.seconds_per_brief.p50, 1e-4),
        student_ms=1000 * figures.seconds_per_brief.p50,
        teacher_ms=bought["ms"],
        handled=figures.handled.value,
        train_seconds=row["train_seconds"] or 0.0,
    )


def drafted_by_month(db: Database, task: Task) -> list[tuple[str, int, int]]:
    """(month, briefs, of these with a draft that passes) that students have drafted for somebody, the oldest month first; a brief
    counts once a month."""
    query = """select month, count(*), sum(passed) from (
                 select substr(created, 1, 7) as month, max(passed) as passed from drafts
                 where task_id = ? and author = 'student' group by month, brief) group by month order by month"""
    return db.execute(query, [task.id]).fetchall()


def _bought(db: Database, task: Task) -> dict:
    """The teacher's drafts that were paid for, together: briefs, usd, tokens_in, tokens_out, the mean ms of one, its model."""
    query = """select count(distinct d.brief) as briefs, total(b.cost_usd) as usd, total(b.tokens_in) as tokens_in,
                      total(b.tokens_out) as tokens_out, avg(b.latency_ms) as ms, max(b.model) as model
               from teacher_drafts b join drafts d on d.id = b.draft_id where d.task_id = ? and b.cost_usd is not null"""
    return next(db.query(query, [task.id]))


def _tokens(db: Database, task: Task) -> tuple[float, float]:
    """Tokens in and out of one draft of a large model, estimated: instructions, voice guide, some approved pairs, the brief; the
    draft is as long as approved copy."""
    brief, copy = db.execute(
        "select ifnull(avg(length(brief)), 0), ifnull(avg(length(copy)), 0) from pairs where task_id = ? and status != 'rejected'",
        [task.id],
    ).fetchone()
    voice = len(guide.of(db, task, []).model_dump_json(exclude_defaults=True))
    shown = SHOWN * (brief + copy)
    return INSTRUCTIONS + (voice + shown + brief) / CHARACTERS_A_TOKEN, FRAME + copy / CHARACTERS_A_TOKEN


def _decided(db: Database, task: Task) -> int:
    """How often people decided for the student's sake: answers of blind tests, and drafts that it learned from."""
    query = """select (select count(*) from blind_pairs p join blind_answers a on a.pair_id = p.id where p.task_id = :task)
                    + (select count(*) from draft_decisions d join drafts f on f.id = d.draft_id
                       where f.task_id = :task and d.pair_id is not null)"""
    return db.execute(query, {"task": task.id}).fetchone()[0]


def _step(db: Database, task: Task, row: dict, judged: Verdict, sheet: Economics, assumed: Assumptions) -> Step:
    """What the verdict's next step takes."""
    hourly, minutes = assumed.reviewer_usd_hour, assumed.review_minutes
    result: blind.Result = row["blind"]
    if judged.decision == verdict.NOT_YET:
        teacher, people = sheet.per_1000["teacher"], MORE * minutes / 60 * hourly
        usd = None if teacher is None else MORE / 1000 * teacher + people
        words = (
            f"{MORE:,} more drafts of the teacher, each decided on by a person, take {duration(60 * MORE * minutes)}"
        )
        words += f" and {money(usd)} (assumed)" if usd is not None else " (assumed)"
        return Step(f"{words}; training took {duration(row['train_seconds'])} here.", usd, "assumed")
    if judged.decision == verdict.ALONE:
        return Step("Nothing more has to be paid first.", 0.0, "measured")
    if result.outcome == blind.WORSE or result.more is None:
        usd = 1000 * minutes / 60 * hourly
        return Step(
            f"Reading 1,000 drafts takes a person {duration(60_000 * minutes)}, {money(usd)} (assumed).", usd, "assumed"
        )
    seconds = _seconds_a_pair(db, task)
    each, basis = (seconds, "measured") if seconds else (60 * minutes, "assumed")
    usd = result.more * each / 3600 * hourly
    pairs = counted(result.more, "more comparison" if result.n else "comparison")
    words = f"About {pairs} at {duration(each)} each ({basis}): {duration(result.more * each)} of a person, {money(usd)} (assumed)."
    return Step(words, usd, "assumed")


def _seconds_a_pair(db: Database, task: Task) -> float | None:
    """What half of the answers of blind tests took at most; None before ten."""
    query = """select a.seconds from blind_answers a join blind_pairs p on p.id = a.pair_id
               where p.task_id = ? and a.seconds is not null order by a.seconds"""
    taken = [seconds for (seconds,) in db.execute(query, [task.id]).fetchall()]
    return taken[len(taken) // 2] if len(taken) >= 10 else None
