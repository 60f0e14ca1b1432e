"""Two years of money: what each way of working has cost month by month, when the student has paid for itself, and which
assumption moves the result most.

Pure, on top of the sheet of economics.py, whose rule holds here too: each line is computed from the numbers it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from core.money.economics import (
    Assumptions,
    Economics,
    Line,
    Measured,
    economics,
    monthly_cost,
    said,
    show,
    teacher_cost,
)
from core.money.modes import MODES
from core.money.prices import TOKENS_OUT, Price
from core.words import money, percent, stated_percent

MONTHS = 24
PUBLISHED_SAVING = (
    0.80,
    0.90,
)  # the published agency example: 94 % agreement, under 200 ms an asset, 80 to 90 % cheaper
NAMES = {"teacher": "Teacher alone"} | {key: mode.line for key, mode in MODES.items()}


@dataclass(frozen=True)
class Course:
    """One way of working: USD at the start and a month, and the line of the sheet that says so; `even`: months until the
    student has paid for itself (None: never, or not asked)."""

    key: str
    label: str
    start: float
    month: float
    basis: str
    even: float | None = None

    def after(self, months: float) -> float:
        """USD spent after so many months, to the cent."""
        return round(self.start + months * self.month, 2)


def courses(
    measured: Measured, assumptions: Assumptions, price: Price | None, others: list[Price], sheet: Economics
) -> tuple[list[Course], list[Line]]:
    """The ways of working side by side, and the lines of the formula sheet behind them that economics() has not.

    Teacher, student and cascade as the sheet has them; then the teacher at its batch price where the list has one, and every
    other model at its list price for the same tokens. What has no price is left out.
    """
    listed, lines = [], []
    for key, label in NAMES.items():
        month = sheet.monthly[key]
        if month is not None:
            start = 0.0 if key == "teacher" else sheet.upfront_usd
            even = None if key == "teacher" else sheet.line(f"{key}_months").value
            listed.append(Course(key, label, start, month, sheet.line(f"{key}_month").basis, even))
    for key, label, assumed, priced in _elsewhere(assumptions, sheet.price, others):
        each = replace(teacher_cost(measured, assumed, priced), key=key, label=f"{label}, 1,000 assets")
        month = monthly_cost(key, each, assumptions.volume_per_month)
        lines += [each, month]
        if month.value is not None:
            listed.append(Course(key, label, 0.0, month.value, month.basis))
    return listed, [said(line, sheet.work) for line in [*lines, *(_total(course) for course in listed)]]


def _elsewhere(assumptions: Assumptions, price: Price | None, others: list[Price]):
    """(key, label, assumptions, price) of the teacher's batch price, unless it is used already, and of the other models."""
    if price and price.batch_input_usd_mtok is not None and not assumptions.batch and not assumptions.billed:
        yield "batch", "Teacher at batch price", replace(assumptions, batch=True), price
    for place, other in enumerate(others):
        if price is None or assumptions.billed or other.model != price.model:
            yield (
                f"other{place}",
                other.model.partition(":")[2] or other.model,
                replace(assumptions.listed, batch=False),
                other,
            )


def _total(course: Course) -> Line:
    value = course.after(MONTHS)
    formula = f"{show(course.start)} + {MONTHS} × {show(course.month)}"
    return Line(f"{course.key}_total", f"{course.label}, {MONTHS} months", formula, value, "USD", course.basis)


@dataclass(frozen=True)
class Swing:
    """One assumption taken to both ends of a stated range, all others as they are: the net saving of MONTHS months in USD."""

    name: str
    label: str
    low_words: str
    high_words: str
    low: float
    high: float

    @property
    def span(self) -> float:
        """How far the result moves."""
        return abs(self.high - self.low)


def net_saving(sheet: Economics, mode: str) -> float | None:
    """USD saved within MONTHS months by `mode` ("student" or "cascade"), what it took upfront taken off; None without a price, and
    where the teacher costs nothing."""
    teacher, mine = sheet.monthly["teacher"], sheet.monthly[mode]
    if not sheet.per_1000["teacher"] or mine is None:
        return None
    return round(MONTHS * (teacher - mine) - sheet.upfront_usd, 2)


TIMES = (0.5, 2.0)
PAID = ("paid_usd_1000", "invoice_usd_month")
HALF_TO_TWICE = ("volume_per_month", *PAID, "machine_usd_hour", "reviewer_usd_hour", "review_minutes")
LABELS = {
    "volume_per_month": "Assets a month",
    "paid_usd_1000": "What you pay, 1,000 assets",
    "invoice_usd_month": "What you pay, a month",
    "machine_usd_hour": "Machine's price",
    "reviewer_usd_hour": "Reviewer's price",
    "review_minutes": "Minutes to review a label",
}


def tornado(
    measured: Measured,
    assumptions: Assumptions,
    price: Price | None,
    mode: str,
    handled: tuple[float, float] | None = None,
) -> list[Swing]:
    """Each assumption over its range, the one that moves the net saving most first; what moves nothing, or has an end of
    which nothing is known, is left out.

    Ranges: half to twice for prices, volume, tokens and review; 10 to 90 % utilisation; none to 90 % of the prompt from the
    cache; rented while it classifies or all month; list or batch price; half to twice the assets a second; the handled share
    over its 95 % interval `handled`. Empty where the teacher has no price.
    """
    if net_saving(economics(measured, assumptions, price), mode) is None:
        return []
    swings = []
    for name, label, ends in _ranges(measured, assumptions, price, handled if mode == "cascade" else None):
        results = [
            net_saving(economics(replace(measured, **seen), replace(assumptions, **assumed), priced), mode)
            for _, seen, assumed, priced in ends
        ]
        if None not in results:  # half of one token is none, and a teacher without tokens has no cost
            words = (measured.work.say(text) for text in (label, ends[0][0], ends[1][0]))
            swings.append(Swing(name, *words, *results))
    return sorted((one for one in swings if one.span >= 0.01), key=lambda one: -one.span)


def _ranges(measured: Measured, assumptions: Assumptions, price: Price | None, handled: tuple[float, float] | None):
    """(name, label, two ends); an end is (words, changes to measured, changes to assumptions, price)."""
    for name in HALF_TO_TWICE:
        value = getattr(assumptions, name)
        if value is None:
            continue
        whole = name == "volume_per_month"
        ends = [max(round(times * value), 1) if whole else times * value for times in TIMES]
        words = [f"{end:,}" if whole else money(end) if name in PAID else f"{end:,.4g}" for end in ends]
        yield name, LABELS[name], [(text, {}, {name: end}, price) for text, end in zip(words, ends)]
    rates = [times * measured.assets_per_second for times in TIMES]
    yield "speed", "Student's assets a second", [(f"{r:,.0f}", {"assets_per_second": r}, {}, price) for r in rates]
    uses = sorted({min(0.1, assumptions.utilisation), max(0.9, assumptions.utilisation)})
    yield (
        "utilisation",
        "Machine's time in use",
        [(stated_percent(use), {}, {"utilisation": use}, price) for use in uses],
    )
    kinds = {False: "while it classifies", True: "all month"}
    yield "always_on", "Machine rented", [(words, {}, {"always_on": on}, price) for on, words in kinds.items()]
    if handled:
        yield "handled", "Share handled (its range)", [(percent(h), {"handled": h}, {}, price) for h in handled]
    if price is None or assumptions.billed:
        return
    for name, label in (("tokens_in", "Tokens in, one label"), ("tokens_out", "Tokens out, one label")):
        value = getattr(assumptions, name)
        value = value if value is not None else getattr(measured, name)
        ends = [round(times * (TOKENS_OUT if value is None else value)) for times in TIMES]
        yield name, label, [(f"{end:,}", {}, {name: end}, price) for end in ends]
    yield "price", "Teacher's list price", [(f"× {times:g}", {}, {}, _scaled(price, times)) for times in TIMES]
    if price.cached_usd_mtok is not None:
        shares = (0.0, max(0.9, assumptions.cached_share))
        yield "cache", "Prompt read from cache", [(stated_percent(s), {}, {"cached_share": s}, price) for s in shares]
    if price.batch_input_usd_mtok is not None:
        yield "batch", "Price paid", [(w, {}, {"batch": b}, price) for b, w in ((True, "batch"), (False, "list"))]


def _scaled(price: Price, times: float) -> Price:
    names = ("input_usd_mtok", "output_usd_mtok", "cached_usd_mtok", "batch_input_usd_mtok", "batch_output_usd_mtok")
    values = {name: getattr(price, name) for name in names}
    return replace(price, **{name: None if value is None else value * times for name, value in values.items()})


def ranges(
    measured: Measured,
    assumptions: Assumptions,
    price: Price | None,
    mode: str,
    handled: tuple[float, float],
    student_ms: tuple[float, float],
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """The ranges of saving and speed-up, each None where nothing can be compared.

    For "cascade" over the interval of the handled share; for "student" with a machine at twice and half its price, and over the
    interval of its median time.
    """
    if mode == "cascade":
        ends = [(replace(measured, handled=share), assumptions) for share in handled]
    else:
        hours = [times * assumptions.machine_usd_hour for times in TIMES]
        ends = [
            (replace(measured, student_ms=ms), replace(assumptions, machine_usd_hour=hour))
            for ms, hour in zip(student_ms, hours)
        ]
    sheets = [economics(seen, assumed, price) for seen, assumed in ends]
    return _span([sheet.saving[mode] for sheet in sheets]), _span([sheet.speed_up[mode] for sheet in sheets])


def _span(ends: list[float | None]) -> tuple[float, float] | None:
    return None if None in ends else (min(ends), max(ends))


class Outlook:
    """What follows from a comparison's sheet; it has `economics`, and what that was made of. `mode`: the way of working that its
    verdict speaks of, `handled_ends`: the range of the handled share, `ms_ends`: that of the student's time."""

    economics: Economics
    measured: Measured
    assumptions: Assumptions
    price: Price | None
    others: list[Price]

    @property
    def mode(self) -> str:
        raise NotImplementedError

    @property
    def handled_ends(self) -> tuple[float, float]:
        raise NotImplementedError

    @property
    def ms_ends(self) -> tuple[float, float]:
        raise NotImplementedError

    @cached_property
    def _courses(self) -> tuple[list[Course], list[Line]]:
        return courses(self.measured, self.assumptions, self.price, self.others, self.economics)

    @property
    def courses(self) -> list[Course]:
        """Every way of working side by side, over two years."""
        return self._courses[0]

    @property
    def formulas(self) -> list[Line]:
        """Every step of the money figures, those of the sheet first."""
        return [*self.economics.formulas, *self._courses[1]]

    @cached_property
    def swings(self) -> list[Swing]:
        """What each assumption moves within two years."""
        return tornado(self.measured, self.assumptions, self.price, self.mode, self.handled_ends)

    @cached_property
    def ranges(self) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
        """The ranges of saving and speed-up: ranges()."""
        return ranges(self.measured, self.assumptions, self.price, self.mode, self.handled_ends, self.ms_ends)
