"""The three comparisons that come first, on Compare and in the report: what a month costs, how often the two agree, how long one
asset takes; teacher and student as two bars each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import plotly.graph_objects as go

from core.evaluate.beside import Beside
from core.evaluate.comparison import Comparison
from core.evaluate.latency import while_busy
from core.evaluate.phrases import FEW, span_words
from core.money.economics import Economics
from core.money.modes import MODES
from core.report import charts
from core.report.headline import IF_IT_DID
from core.report.money import month_words
from core.words import milliseconds, money, percent, stated_percent


@dataclass(frozen=True)
class Pair:
    """One comparison: `title` is its answer, `bars` are (name, length, words, colour) from the top, `note` says what it rests on,
    `basis` is measured, estimated or assumed; `goal` marks a target as (length, words)."""

    name: str
    title: str
    bars: tuple[tuple[str, float, str, str], ...]
    note: str
    basis: str
    goal: tuple[float, str] | None = None

    @property
    def figure(self) -> go.Figure:
        """The bars as a chart."""
        return charts.pair(list(self.bars), self.goal)


def pairs(result: Comparison) -> list[Pair]:
    """Money, agreement and time of a comparison(), for the way of working its verdict speaks of; what has no price is left out. A
    decision model that was asked too stands beside teacher and student."""
    sheet, mode = result.economics, result.mode
    found = (month(sheet, mode, result.takes_over), _agreement(result), _time(result))
    third = result.beside[0] if result.beside else None
    return [_with(one, third) if third else one for one in found if one]


def _with(one: Pair, third: Beside) -> Pair:
    """A comparison with a bar for a decision model, and what that rests on."""
    rival, name = third.rival, charts.short(third.rival.name, 24)
    if one.name == "month-pair":
        if third.month is None:
            return one
        bar, note = (name, third.month, money(third.month), charts.DECIDER), f"{name} alone, at what its answers cost"
    elif one.name == "agreement-pair":
        digits = 1 if rival.agreement.n >= FEW else 0
        share = percent(rival.agreement.value, digits=digits)
        bar = name, 100 * rival.agreement.value, share, charts.DECIDER
        note = f"{name}: {span_words(rival.agreement)}"
    else:
        bar = name, rival.times.p50, milliseconds(rival.times.p50), charts.DECIDER
        note = f"{name}'s over the network, {rival.times.n:,} calls"
    return replace(one, bars=(*one.bars, bar), note=f"{one.note}; {note}")


def lead(result: Comparison) -> str:
    """What is paid today, at whose price, and what is kept, in one line; nothing is, where nothing can be handed over."""
    verdict = result.verdict
    reckoned = verdict.rule == "does_not_pay" or result.takes_over
    why_not = {"trial": "for trial only", "decision_model": "not worth its upkeep"}.get(verdict.decision, "not ready")
    return month_line(result.economics, result.mode, "" if reckoned else why_not)


def month_line(sheet: Economics, mode: str, why_not: str = "") -> str:
    """What a month costs with the teacher and in the way `mode`, in one line; `why_not`: what the student is, where nothing can be
    handed over."""
    today, mine = sheet.monthly["teacher"], sheet.monthly[mode]
    if today is None:
        return "The teacher has no price yet: say below what you pay, and see what you would keep."
    if not sheet.per_1000["teacher"] or mine is None:
        return "The teacher costs nothing: there is nothing to save."
    price = _list_price(sheet)
    paid = f"Today {month_words(sheet, 'teacher')} a month{f' at {price}' if price else ''}"
    if why_not:
        return f"{paid}. Nothing is handed over yet: the student is {why_not}."
    mine_words = month_words(sheet, mode) if mine else "less than a cent"
    difference = round(today - mine, 2)
    ending = f"you keep {money(difference)}" if difference >= 0 else f"that is {money(-difference)} more"
    return f"{paid}, with {MODES[mode].workers} {mine_words}: {ending}."


def _list_price(sheet: Economics) -> str:
    """Whose price the teacher is counted at; empty where it is a bill or what the labels did cost."""
    price, note = sheet.price, sheet.line("teacher").note
    if not price or not note.startswith(price.model):
        return ""
    batch = "batch " if note.startswith(f"{price.model}, batch ") else ""
    kind = f"your {batch}price" if price.source == "yours" else f"the {batch}list price"
    return f"{kind} of {price.model.partition(':')[2] or price.model}"


def month(sheet: Economics, mode: str, takes_over: bool) -> Pair | None:
    """A month with the teacher and in the way `mode`; None where either has no price. `takes_over`: as in saving_words()."""
    if not sheet.per_1000["teacher"] or sheet.monthly[mode] is None:
        return None
    keys = {"teacher": "Teacher", mode: MODES[mode].short}
    bars = tuple(
        (name, sheet.monthly[key] or 0.0, month_words(sheet, key), charts.LOOKS[key][0]) for key, name in keys.items()
    )
    line, price = sheet.line("teacher"), _list_price(sheet)
    dated = f"at {price}, {sheet.price.as_of or 'undated'}" if price and sheet.price else line.note
    note = f"{sheet.volume_per_month:,} {sheet.work.things} a month, {dated}"
    title = "Cost a month" if takes_over else f"Cost a month, {IF_IT_DID}"
    return Pair("month-pair", title, bars, note, line.basis)


def _agreement(result: Comparison) -> Pair:
    """Student alone and, where something is certified, with the teacher behind it, against the target."""
    figures, (rests, unseen) = result.figures, result.figures.rests_on
    digits = 1 if rests.n >= FEW else 0
    bars = [("Student alone", rests.value)]
    if figures.certificate.certified and unseen is None:
        bars.append((MODES["cascade"].short, figures.agreement_end_to_end))
    target = figures.target
    drawn = tuple((name, 100 * share, percent(share, target, digits=digits), charts.STUDENT) for name, share in bars)
    kind = f"assets of new {unseen.many}" if unseen else "test assets"
    note = f"of {rests.n:,} {kind} filed as the teacher files them"
    return Pair(
        "agreement-pair", "Agreement", drawn, note, "measured", (100 * target, f"target {stated_percent(target)}")
    )


def _time(result: Comparison) -> Pair:
    (teacher, measured), student = result.teacher_time, result.figures.latency
    times = {"Teacher": (teacher.p50, charts.TEACHER), "Student": (student.p50, charts.STUDENT)}
    bars = tuple((name, ms, milliseconds(ms), colour) for name, (ms, colour) in times.items())
    busy = while_busy(student.machine)
    note = "half of all take less" + ("" if measured else "; the teacher's time is assumed")
    note += f"; the student's was {busy}" if busy else ""
    return Pair("time-pair", "Time for one asset", bars, note, "measured" if measured else "assumed")
