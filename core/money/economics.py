"""What teacher, student and cascade cost, and when the student has paid for itself: every step with its numbers.

Each line is computed from the numbers it shows, as they are shown (a spreadsheet's "precision as displayed"), so
that anybody can redo the sheet with a calculator and arrive at the same cent. All money is US dollars.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from math import ceil, isfinite
from typing import Any

from core.errors import InputError
from core.money.modes import MODES, SORTING, Work
from core.money.prices import SECONDS, TOKENS_OUT, Price, default_price_as
from core.words import stated_percent

HOURS_A_MONTH = 730  # 8,760 hours a year / 12


def stated(default, label: str, unit: str, note: str):
    """A dataclass field that a person can change: its default with what to call it, its unit and where the default is from."""
    meta = {"label": label, "unit": unit, "note": note}
    if callable(default):
        return field(default_factory=default, metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class Assumptions:
    """What the money figures rest on and nobody has measured; every one can be changed. Dated November 2026."""

    price_as: str | None = stated(
        default_price_as, "Teacher priced as", "", "list price of this model; none: what the labels did cost"
    )
    paid_usd_1000: float | None = stated(
        None,
        "What you truly pay, 1,000 assets",
        "USD",
        "from your invoices; none: worked out from tokens and the list price",
    )
    invoice_usd_month: float | None = stated(
        None, "What you truly pay, a month", "USD", "the invoice for a month of so many assets; none: worked out"
    )
    batch: bool = stated(False, "Batch price", "", "the teacher's price where answers may take up to a day")
    volume_per_month: int = stated(10_000, "Assets a month", "assets", "a mid-sized agency's load; put in your own")
    tokens_in: int | None = stated(
        None, "Tokens in, one label", "tokens", "none: measured from the labels, else estimated from the texts"
    )
    tokens_out: int | None = stated(
        None,
        "Tokens out, one label",
        "tokens",
        f"none: measured, else {TOKENS_OUT}: a category id in JSON, no hidden reasoning",
    )
    cached_share: float = stated(
        0.0, "Prompt read from cache", "share", "share of the tokens in that the provider bills at its cached price"
    )
    machine_usd_hour: float = stated(
        0.10, "Machine", "USD/h", "about the on-demand list price of 2 virtual CPUs and 8 GB at a large cloud"
    )
    utilisation: float = stated(0.5, "Utilisation", "share", "share of its rented time that the machine classifies")
    always_on: bool = stated(
        False, "Machine always on", "", "rented all month as a service; otherwise only while it classifies"
    )
    sharing: int = stated(
        1,
        "Clients on the student's machine",
        "",
        "clients or taxonomies of this volume that share a machine always on",
    )
    teacher_latency_s: float = stated(
        SECONDS, "Teacher's time, one asset", "s", "used where no real teacher was timed; large models take 2 to 3 s"
    )
    reviewer_usd_hour: float = stated(40.0, "Reviewer", "USD/h", "loaded cost of the person who settles labels")
    review_minutes: float = stated(0.5, "Review, one label", "min", "time to settle one label")
    upkeep_hours: float = stated(
        1.0,
        "Upkeep of a student, a month",
        "h",
        "a person's time to look at its answers and train it again; counts where a decision model could do the work instead",
    )

    @property
    def upkeep_usd(self) -> float:
        """What looking after a student costs a month."""
        return self.upkeep_hours * self.reviewer_usd_hour

    @property
    def billed(self) -> bool:
        """Whether what the teacher costs is known from bills, so that no list price counts."""
        return self.paid_usd_1000 is not None or self.invoice_usd_month is not None

    @property
    def listed(self) -> Assumptions:
        """The same without the bills: at list prices."""
        return replace(self, paid_usd_1000=None, invoice_usd_month=None)

    def __post_init__(self) -> None:
        for name in ("volume_per_month", "utilisation", "teacher_latency_s", "sharing"):
            _check(name, getattr(self, name), above=0)
        names = ("tokens_in", "tokens_out", "cached_share", "machine_usd_hour", "reviewer_usd_hour", "paid_usd_1000")
        for name in (*names, "invoice_usd_month"):
            _check(name, getattr(self, name) or 0)
        if self.paid_usd_1000 is not None and self.invoice_usd_month is not None:
            raise InputError(
                "What you pay is given twice: for 1,000 assets and for a month.",
                "Give one of them and set the other to none.",
            )
        _check("review_minutes", self.review_minutes)
        _check("upkeep_hours", self.upkeep_hours)
        for name in ("utilisation", "cached_share"):
            if getattr(self, name) > 1:
                raise InputError(f"{_labels()[name]} is above 100 %.", "Give a share between 0 and 1.")


def _labels() -> dict[str, str]:
    return {f.name: f.metadata["label"] for f in fields(Assumptions)}


def _check(name: str, value: float, above: float | None = None) -> None:
    if not isfinite(value) or value < 0 or (above is not None and value <= above):
        wanted = "a number above zero" if above is not None else "zero or more"
        raise InputError(f"{_labels()[name]} is {value}.", f"Give {wanted}.")


def described(values: Any, work: Work = SORTING) -> list[dict]:
    """What a dataclass of stated() fields holds, as rows: name, label, value, unit, note, changed (from the default), basis; in the
    words of the `work`."""
    plain = type(values)()
    return [
        {
            "name": f.name,
            "label": work.say(f.metadata["label"]),
            "value": getattr(values, f.name),
            "unit": work.say(f.metadata["unit"]),
            "note": work.notes.get(f.name) or work.say(f.metadata["note"]),
            "changed": getattr(values, f.name) != getattr(plain, f.name),
            "basis": "assumed",
        }
        for f in fields(values)
    ]


@dataclass(frozen=True, kw_only=True)
class Taught:
    """What a label run tells of its `teacher` (as it is named there): labels, of which people settled so many (`reviews`), money
    and seconds they took (None: they came in a file), tokens of one label in the mean (out None: not known) and their basis."""

    teacher: str
    labels: int
    spent_usd: float
    seconds: float | None = None
    reviews: int = 0
    tokens_in: float
    tokens_out: float | None
    tokens_basis: str

    @property
    def teacher_kind(self) -> str:
        """built-in, recorded or the kind of a hosted one."""
        return self.teacher.partition(":")[0]

    @property
    def work(self) -> Work:
        """In whose words the sheet is written."""
        return SORTING


@dataclass(frozen=True, kw_only=True)
class Measured(Taught):
    """What the evaluation found of one student and its label run.

    Throughput in assets/s, latencies in ms (`teacher_ms` None where no real teacher was timed), `handled` None without a
    certificate.
    """

    assets_per_second: float
    student_ms: float
    teacher_ms: float | None
    handled: float | None
    train_seconds: float


@dataclass(frozen=True)
class Line:
    """One step: what it is, the formula with the numbers in it, its value, unit and basis."""

    key: str
    label: str
    formula: str
    value: float | None
    unit: str
    basis: str
    note: str = ""


@dataclass(frozen=True)
class Economics:
    """Cost in USD per 1,000 assets and a month, for "teacher", "student" (alone) and "cascade" (None: none certified).

    `saving` is a share of the teacher's cost (negative: dearer), `break_even_assets` the assets after which the
    upfront cost is earned back (None: never), `speed_up` the teacher's time over the student's; keys "student" and
    "cascade". A teacher without a price is None, and so is all that depends on it.
    """

    priced_as: str | None
    price: Price | None
    volume_per_month: int
    per_1000: dict[str, float | None]
    monthly: dict[str, float | None]
    upfront: list[Line]
    upfront_usd: float
    saving: dict[str, float | None]
    break_even_assets: dict[str, int | None]
    speed_up: dict[str, float | None]
    formulas: list[Line]
    work: Work = SORTING

    def line(self, key: str) -> Line:
        """One line of the sheet by its key."""
        return next(line for line in self.formulas if line.key == key)


def economics(measured: Measured, assumptions: Assumptions, price: Price | None) -> Economics:
    """The whole sheet. `price` is that of assumptions.price_as, None where there is none. The built-in teacher has no price: it
    costs nothing, so nothing is saved by doing without it."""
    price = None if measured.teacher_kind == "built-in" else price
    teacher = teacher_cost(measured, assumptions, price)
    student = _student(measured, assumptions)
    cascade = _cascade(measured, teacher, student)
    costs = {"teacher": teacher, "student": student, "cascade": cascade}
    monthly = {name: monthly_cost(name, line, assumptions.volume_per_month) for name, line in costs.items()}
    upfront = _upfront(measured, assumptions, teacher)
    total = _total(upfront)
    saving = {name: _saving(name, teacher, costs[name]) for name in ("student", "cascade")}
    even = {name: _break_even(name, teacher, costs[name], total) for name in ("student", "cascade")}
    months = [_months(name, line, assumptions.volume_per_month) for name, line in even.items()]
    speed = _speed_up(measured, assumptions)
    lines = [*costs.values(), *monthly.values(), *upfront, total, *saving.values(), *even.values(), *months]
    lines += [*_next_client(measured, assumptions, student, total), *speed.values()]
    lines, upfront = ([said(line, measured.work) for line in some] for some in (lines, upfront))
    assets = {name: None if line.value is None else int(line.value) for name, line in even.items()}
    return Economics(
        price.model if price else None,
        price,
        assumptions.volume_per_month,
        {name: line.value for name, line in costs.items()},
        {name: line.value for name, line in monthly.items()},
        upfront,
        total.value,
        {name: line.value for name, line in saving.items()},
        assets,
        {name: line.value for name, line in speed.items()},
        lines,
        measured.work,
    )


def said(line: Line, work: Work) -> Line:
    """A line in the words of the work it counts."""
    return replace(line, label=work.say(line.label), unit=work.say(line.unit), note=work.say(line.note))


def saving_on_batch(sheet: Economics, measured: Measured, assumptions: Assumptions) -> dict[str, float | None]:
    """The shares that "student" and "cascade" save of what the teacher costs at its batch price, from the sheet's own costs;
    empty where it has none or is priced so already."""
    if sheet.price is None or sheet.price.batch_input_usd_mtok is None or assumptions.batch or assumptions.billed:
        return {}
    batch = teacher_cost(measured, replace(assumptions, batch=True), sheet.price)
    return {name: _saving(name, batch, sheet.line(name)).value for name in ("student", "cascade")}


def show(value: float) -> str:
    """A number as the sheet shows it: commas, at least two decimals where it has any, six at most."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    whole, _, decimals = f"{value:,.6f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def label_price(taught: Taught, assumptions: Assumptions, price: Price | None) -> Line:
    """What 1,000 more labels of the same teacher would cost: nothing from the built-in one, else what the teacher costs."""
    if taught.teacher_kind == "built-in":
        return Line("label_price", "1,000 labels", "0", 0.0, "USD", "measured", "the built-in teacher costs nothing")
    return replace(teacher_cost(taught, assumptions, price), key="label_price", label="1,000 labels")


def teacher_cost(measured: Taught, assumptions: Assumptions, price: Price | None) -> Line:
    """What 1,000 assets cost with the teacher, under that price, or as spent where there is none."""
    label, unit = "Teacher, 1,000 assets", "USD"
    if assumptions.paid_usd_1000 is not None:
        paid = round(assumptions.paid_usd_1000, 6)
        return Line("teacher", label, show(paid), paid, unit, "assumed", "what you say you pay")
    if assumptions.invoice_usd_month is not None:
        invoice, volume = round(assumptions.invoice_usd_month, 2), assumptions.volume_per_month
        value = round(invoice / volume * 1000, 6)
        return Line(
            "teacher", label, f"{show(invoice)} / {show(volume)} × 1,000", value, unit, "assumed", "your invoice"
        )
    if price is None:
        if measured.spent_usd > 0 and measured.labels:
            spent = round(measured.spent_usd, 2)
            value = round(spent / measured.labels * 1000, 6)
            formula = f"{show(spent)} / {show(measured.labels)} × 1,000"
            return Line("teacher", label, formula, value, unit, "measured", "what the labels did cost")
        if measured.teacher_kind == "built-in":
            note = "the built-in teacher runs here and costs nothing"
            return Line("teacher", label, "0", 0.0, unit, "measured", note)
        return Line("teacher", label, "no price known", None, unit, "assumed", "choose a model or give your own price")
    batch = assumptions.batch and price.batch_input_usd_mtok is not None
    rate_in = price.batch_input_usd_mtok if batch else price.input_usd_mtok
    rate_out = price.batch_output_usd_mtok if batch else price.output_usd_mtok
    tokens_in = round(assumptions.tokens_in if assumptions.tokens_in is not None else measured.tokens_in)
    tokens_out, _ = tokens_out_of(measured, assumptions)
    cached = round(tokens_in * assumptions.cached_share) if price.cached_usd_mtok is not None else 0
    rate_cached = min(price.cached_usd_mtok or 0, rate_in)
    parts = [f"{show(tokens_in - cached)} × {show(rate_in)}", f"{show(tokens_out)} × {show(rate_out)}"]
    if cached:
        parts.insert(1, f"{show(cached)} × {show(rate_cached)}")
    micro = (tokens_in - cached) * rate_in + cached * rate_cached + tokens_out * rate_out
    note = f"{price.model}, {'batch ' if batch else ''}price per million tokens, {price.source}, {price.as_of or 'undated'}"
    stated = assumptions.tokens_in is not None
    basis = "assumed" if stated or measured.tokens_basis == "assumed" else "estimated"
    calls = round(price.calls_usd_1000, 6)
    formula = f"({' + '.join(parts)}) / 1,000" + (f" + {show(calls)}" if calls else "")
    return Line("teacher", label, formula, round(micro / 1000 + calls, 6), unit, basis, note)


def tokens_out_of(measured: Taught, assumptions: Assumptions) -> tuple[int, str]:
    """Tokens out of one label and their basis: as assumed by hand, else measured, else TOKENS_OUT assumed."""
    if assumptions.tokens_out is not None:
        return round(assumptions.tokens_out), "assumed"
    return (TOKENS_OUT, "assumed") if measured.tokens_out is None else (round(measured.tokens_out), "measured")


def _student(measured: Measured, assumptions: Assumptions) -> Line:
    label, unit = "Student alone, 1,000 assets", "USD"
    rate = float(f"{measured.assets_per_second:.4g}")
    hour, use = assumptions.machine_usd_hour, assumptions.utilisation
    if not assumptions.always_on:
        formula = f"{show(hour)} / ({show(rate)} × 3,600 × {show(use)}) × 1,000"
        value = round(hour / (rate * 3600 * use) * 1000, 6)
        return Line("student", label, formula, value, unit, "estimated", "machine rented only while it classifies")
    volume = assumptions.volume_per_month * assumptions.sharing
    machines = _machines(measured, assumptions, assumptions.sharing)
    formula = f"{machines} × {HOURS_A_MONTH} × {show(hour)} / {show(volume)} × 1,000"
    value = round(machines * HOURS_A_MONTH * hour / volume * 1000, 6)
    note = "machine rented all month"
    note += f", shared by {assumptions.sharing:,} clients of this volume" if assumptions.sharing > 1 else ""
    return Line("student", label, formula, value, unit, "estimated", note)


def _machines(measured: Measured, assumptions: Assumptions, clients: int) -> int:
    """Machines that so many clients of the same volume keep busy, at the chosen utilisation."""
    rate = float(f"{measured.assets_per_second:.4g}")
    return ceil(clients * assumptions.volume_per_month / (rate * 3600 * assumptions.utilisation * HOURS_A_MONTH))


def _next_client(measured: Measured, assumptions: Assumptions, student: Line, total: Line) -> list[Line]:
    """What one client or taxonomy more on the same machine adds: hosting a month, and once its own labels and training."""
    label, volume = "Next client on the same machine, a month", assumptions.volume_per_month
    if assumptions.always_on:
        have, hour = assumptions.sharing, assumptions.machine_usd_hour
        now, then = (_machines(measured, assumptions, clients) for clients in (have, have + 1))
        value = round((then - now) * HOURS_A_MONTH * hour, 2)
        note = f"machines for {have + 1:,} clients of this volume less those for {have:,}; its student's memory is not counted"
        hosting = Line(
            "next_client", label, f"({then} − {now}) × {HOURS_A_MONTH} × {show(hour)}", value, "USD", "estimated", note
        )
    else:
        formula, value = f"{show(volume)} / 1,000 × {show(student.value)}", round(volume / 1000 * student.value, 2)
        hosting = Line("next_client", label, formula, value, "USD", "estimated", "only the time it classifies")
    note = "labels, training and review of its own, taken to be as many as here"
    return [
        hosting,
        Line("next_client_upfront", "Next client, upfront", show(total.value), total.value, "USD", "assumed", note),
    ]


def _cascade(measured: Measured, teacher: Line, student: Line) -> Line:
    label = "Student with teacher behind it, 1,000 assets"
    if measured.handled is None or teacher.value is None:
        why = "nothing proven yet" if measured.handled is None else "no price known"
        return Line("cascade", label, why, None, "USD", "estimated")
    handled = round(measured.handled, 4)
    formula = f"{show(student.value)} + (1 − {show(handled)}) × {show(teacher.value)}"
    value = round(student.value + (1 - handled) * teacher.value, 6)
    return Line(
        "cascade", label, formula, value, "USD", teacher.basis, f"the student handles {stated_percent(handled)}"
    )


def monthly_cost(name: str, line: Line, volume: int) -> Line:
    """A month of `volume` assets at what `line` says of 1,000."""
    label = f"{line.label.partition(',')[0]}, a month"
    if line.value is None:
        return Line(f"{name}_month", label, line.formula, None, "USD", line.basis)
    value = round(volume / 1000 * line.value, 2)
    return Line(f"{name}_month", label, f"{show(volume)} / 1,000 × {show(line.value)}", value, "USD", line.basis)


def _upfront(measured: Measured, assumptions: Assumptions, teacher: Line) -> list[Line]:
    seconds, hour = round(measured.train_seconds), assumptions.machine_usd_hour
    minutes, rate = assumptions.review_minutes, assumptions.reviewer_usd_hour
    training = round(seconds / 3600 * hour, 2)
    review = round(measured.reviews * minutes / 60 * rate, 2)
    return [
        _labelling(measured, teacher),
        Line("training", "Training", f"{show(seconds)} / 3,600 × {show(hour)}", training, "USD", "estimated"),
        Line(
            "review",
            "Review",
            f"{show(measured.reviews)} × {show(minutes)} / 60 × {show(rate)}",
            review,
            "USD",
            "assumed" if measured.reviews else "measured",
        ),
    ]


def _labelling(measured: Measured, teacher: Line) -> Line:
    spent = round(measured.spent_usd, 2)
    if spent > 0 or measured.teacher_kind not in ("built-in", "recorded"):
        return Line("labelling", "Labelling", show(spent), spent, "USD", "measured", "spent on the label run")
    if not teacher.value:
        note = "no price known, nothing counted" if teacher.value is None else "the teacher costs nothing"
        return Line("labelling", "Labelling", "0", 0.0, "USD", "measured", note)
    note = "labels already bought, counted at the price above"
    value = round(measured.labels / 1000 * teacher.value, 2)
    formula = f"{show(measured.labels)} / 1,000 × {show(teacher.value)}"
    return Line("labelling", "Labelling", formula, value, "USD", teacher.basis, note)


def _total(items: list[Line]) -> Line:
    value = round(sum(line.value for line in items), 2)
    formula = " + ".join(show(line.value) for line in items)
    return Line("upfront", "Upfront, altogether", formula, value, "USD", "estimated")


def _saving(name: str, teacher: Line, line: Line) -> Line:
    label = f"{MODES[name].line}: saving"
    if not teacher.value or line.value is None:
        return Line(f"{name}_saving", label, "nothing to compare with", None, "share", "estimated")
    value = round(1 - line.value / teacher.value, 6)
    return Line(f"{name}_saving", label, f"1 − {show(line.value)} / {show(teacher.value)}", value, "share", line.basis)


def _break_even(name: str, teacher: Line, line: Line, upfront: Line) -> Line:
    label = f"{MODES[name].line}: pays for itself after"
    if not teacher.value or line.value is None:
        return Line(f"{name}_break_even", label, "nothing to compare with", None, "assets", "estimated")
    gain = round(teacher.value - line.value, 6)
    if gain <= 0:
        why = f"never: {show(line.value)} is no less than {show(teacher.value)}"
        return Line(f"{name}_break_even", label, why, None, "assets", line.basis)
    formula = f"{show(upfront.value)} / ({show(teacher.value)} − {show(line.value)}) × 1,000"
    return Line(f"{name}_break_even", label, formula, ceil(upfront.value / gain * 1000), "assets", line.basis)


def _months(name: str, even: Line, volume: int) -> Line:
    label = f"{MODES[name].line}: pays for itself within"
    if even.value is None:
        return Line(f"{name}_months", label, even.formula, None, "months", even.basis)
    value = round(even.value / volume, 4)
    return Line(f"{name}_months", label, f"{show(even.value)} / {show(volume)}", value, "months", even.basis)


def _speed_up(measured: Measured, assumptions: Assumptions) -> dict[str, Line]:
    basis = "assumed" if measured.teacher_ms is None else "measured"
    teacher = round(assumptions.teacher_latency_s * 1000 if measured.teacher_ms is None else measured.teacher_ms, 2)
    student = max(float(f"{measured.student_ms:.3g}"), 0.001)
    times = {"student": (student, show(student))}
    if measured.handled is not None:
        handled = round(measured.handled, 4)
        mean = student + (1 - handled) * teacher
        times["cascade"] = (mean, f"({show(student)} + (1 − {show(handled)}) × {show(teacher)})")
    lines = {}
    for name, mode in MODES.items():
        value, formula = None, "nothing proven yet"
        if name in times:
            value, formula = round(teacher / times[name][0], 2), f"{show(teacher)} / {times[name][1]}"
        lines[name] = Line(f"{name}_speed_up", f"{mode.line}: times faster", formula, value, "times", basis)
    return lines
