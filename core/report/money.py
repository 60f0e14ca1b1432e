"""The money questions of Compare and of the report, each answered with a chart: a month, two years, what moves them, upfront."""

from __future__ import annotations

import pandas as pd

from core.money.economics import Economics, Line
from core.money.modes import MODES, SORTING
from core.money.outlook import MONTHS, PUBLISHED_SAVING, Course, Swing, net_saving
from core.report import charts
from core.report.answers import Answer
from core.report.headline import IF_IT_DID
from core.words import money, percent, ranged, stated_percent


def monthly(courses: list[Course], sheet: Economics, taken_over: bool) -> Answer:
    """What a month costs, and 1,000 assets, for each way of working; `taken_over`: see saving_words()."""
    title = "The teacher has no price yet: choose a model to price it as"
    if sheet.monthly["teacher"] is not None:
        mode = "cascade" if sheet.monthly["cascade"] is not None else "student"
        title = f"A month of {sheet.volume_per_month:,} {sheet.work.things}: {month_words(sheet, 'teacher')} with the teacher, "
        title += f"{month_words(sheet, mode)} with {MODES[mode].workers}"
    colours = [charts.LOOKS.get(course.key, (charts.NEUTRAL, ""))[0] for course in courses]
    each = [1000 * course.month / sheet.volume_per_month for course in courses]
    each = [sheet.per_1000.get(course.key, value) for course, value in zip(courses, each)]
    texts = [f"{_cents(c.month, usd)} ({money(usd)} per 1,000)" for c, usd in zip(courses, each)]
    figure = charts.bars([c.label for c in courses], [c.month for c in courses], texts, colours)
    charts.layout(figure, "US dollars a month", "", height=90 + 40 * len(courses))
    figure.update_xaxes(**charts.dollars(0, 2.2 * max([c.month for c in courses] + [0.01])))
    each_1000 = sheet.work.say("USD per 1,000 assets")
    rows = [
        {"way of working": c.label, "USD a month": c.month, each_1000: usd, "basis": c.basis}
        for c, usd in zip(courses, each)
    ]
    return Answer(
        "monthly",
        title,
        figure,
        pd.DataFrame(rows),
        saving_words(sheet, taken_over),
        dollars=("USD a month", each_1000),
    )


def saving_words(sheet: Economics, taken_over: bool) -> str:
    """The savings beside the published ones; `taken_over`: whether the verdict hands anything over to the student."""
    low, high = PUBLISHED_SAVING
    parts = [
        f"{MODES[mode].title.lower()} saves {percent(sheet.saving[mode])} ({sheet.line(f'{mode}_saving').basis})"
        for mode in MODES
        if sheet.saving[mode] is not None
    ]
    published = f"The published agency example saves {100 * low:g} to {stated_percent(high)}"
    hoped = "" if taken_over else f", {IF_IT_DID}"
    here = f"here the {', the '.join(parts)}{hoped}." if parts else ""
    if sheet.work != SORTING:  # the example sorts
        return f"{here[:1].upper()}{here[1:]}"
    return f"{published}; {here}" if parts else f"{published}."


def month_words(sheet: Economics, key: str) -> str:
    """What a month costs with "teacher", "student" or "cascade", in words."""
    return _cents(sheet.monthly[key], sheet.per_1000[key])


def _cents(month: float, each: float) -> str:
    """A month's cost in words; the sheet rounds to cents, and less than half a cent is not nothing."""
    return "< $0.01" if each and not month else money(month)


def cumulative(courses: list[Course], sheet: Economics, mode: str) -> Answer:
    """Two years of each way of working, with the break-even point of student and cascade marked."""
    mine = next((course for course in courses if course.key == mode), None)
    teacher = next((course for course in courses if course.key == "teacher"), None)
    who = MODES[mode].title
    if mine is None or teacher is None or not teacher.month:
        title = "Without a price for the teacher there is nothing to earn back"
    elif mine.even is None:
        title = f"{who}: at these prices it never earns back the {money(sheet.upfront_usd)} it took"
    else:
        net = net_saving(sheet, mode)
        result = f"saves {money(net)}" if net > 0 else f"is still {money(-net)} behind"
        even = sheet.break_even_assets[mode]
        after = f"{_months(mine.even)} ({even:,} {sheet.work.things})"
        title = f"{who}: pays for itself after {after} and {result} within {MONTHS} months"
    table = pd.DataFrame(
        {"month": range(MONTHS + 1)} | {c.label: [c.after(m) for m in range(MONTHS + 1)] for c in courses}
    )
    note = (
        f"Upfront {money(sheet.upfront_usd)}, then {sheet.volume_per_month:,} {sheet.work.things} a month at today's prices. "
        "Estimated; "
        "a diamond marks where the student has earned back what it took."
    )
    return Answer("cumulative", title, charts.cumulative(courses), table, note, dollars=tuple(c.label for c in courses))


def _months(months: float) -> str:
    return f"{months:,.1f} months" if months >= 0.1 else "less than three days"


def tornado(swings: list[Swing], sheet: Economics, mode: str) -> Answer | None:
    """Which assumption moves the net saving most; None where nothing can be compared."""
    base = net_saving(sheet, mode)
    if not swings or base is None:
        return None
    first = swings[0]
    low, high = sorted((first.low, first.high))
    title = f"What moves the result most: {first.label.lower()}, from {ranged(low, high, money)} within {MONTHS} months"
    rows = [
        {
            "assumption": swing.label,
            "one end": swing.low_words,
            "USD there": swing.low,
            "other end": swing.high_words,
            "USD at that one": swing.high,
        }
        for swing in swings
    ]
    note = (
        f"Each bar changes one assumption alone; the dotted line is the result as things are ({money(base)}). Estimated over "
        "stated ranges: half to twice for prices, volume, tokens, speed and review."
    )
    return Answer(
        "tornado",
        title,
        charts.tornado(swings, base),
        pd.DataFrame(rows),
        note,
        dollars=("USD there", "USD at that one"),
    )


def upfront(sheet: Economics) -> Answer:
    """What had to be spent before the first asset was classified, item by item."""
    items = sheet.upfront
    most = max(items, key=lambda item: item.value)
    title = f"Upfront it took {money(sheet.upfront_usd)}"
    title += f", most of it for {most.label.lower()}" if most.value else ""
    figure = charts.bars(
        [item.label for item in items], [item.value for item in items], [money(i.value) for i in items]
    )
    charts.layout(figure, "US dollars, once", "", height=90 + 34 * len(items))
    figure.update_xaxes(**charts.dollars(0, 1.25 * max([item.value for item in items] + [0.01])))
    more = [sheet.line("upfront"), sheet.line("next_client"), sheet.line("next_client_upfront")]
    hosting, start = more[1:]
    note = (
        f"The next client{' or taxonomy' * (sheet.work == SORTING)} on the same machine adds {money(hosting.value)} a month "
        f"({hosting.note}) and, once, about "
        f"{money(start.value)} ({start.note})."
    )
    return Answer("upfront", title, figure, steps([*items, *more]), note)


def steps(lines: list[Line]) -> pd.DataFrame:
    """Lines of the formula sheet as a table: every step with the numbers in it."""
    return pd.DataFrame(
        [
            {
                "what": line.label,
                "formula": line.formula,
                "value": line.value,
                "unit": line.unit,
                "basis": line.basis,
                "note": line.note,
            }
            for line in lines
        ]
    )
