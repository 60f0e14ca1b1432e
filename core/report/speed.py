"""How long student and teacher take, and how many assets the student does in a second: two charts, titled with their answers."""

from __future__ import annotations

import pandas as pd

from core.evaluate.comparison import Comparison
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.latency import SHARES
from core.evaluate.phrases import asked_words
from core.report import charts
from core.report.answers import Answer
from core.words import duration, milliseconds


def latency(result: Comparison) -> Answer:
    """The distribution of the time for one asset, teacher and student, on a log axis."""
    student, cold = result.figures.latency, result.figures.cold_start_ms
    teacher, measured = result.teacher_time
    rows = [
        ("Teacher", teacher, charts.TEACHER, measured),
        ("Student", student, charts.STUDENT, True),
    ]
    title = f"The student answers in {milliseconds(student.p50)} (95 % within {milliseconds(student.p95)}), "
    title += f"the teacher in {milliseconds(teacher.p50)}"
    title += "" if measured else " (assumed)"
    origin = f"measured on {teacher.n:,} labels" if measured else "assumed, nobody timed it (dashed)"
    note = f"Student: measured on {student.n} single calls, {student.machine}"
    note += f"; {duration(cold / 1000)} from its files to its first answer (cold start)."
    few = [key for key in SHARES if measured and getattr(teacher, key) is None]
    note += f" Teacher: {origin}{', too few for ' + ' and '.join(few) if few else ''}."
    table = pd.DataFrame(
        [
            {
                "who": who,
                **{f"{key} (ms)": getattr(times, key) for key in SHARES},
                "cold start (ms)": cold if times is student else None,
                "basis": "measured" if seen else "assumed",
            }
            for who, times, _, seen in rows
        ]
    )
    return Answer("latency", title, charts.latencies(rows), table, note)


def throughput(figures: ChooseOneFigures) -> Answer:
    """Assets a second by batch size."""
    rates = figures.throughput
    best = max(rates, key=lambda size: rates[size])
    title = f"It does {rates[best]:,.0f} assets a second in batches of {best}, {rates[1]:,.0f} one at a time"
    names = ["one at a time" if size == 1 else f"batches of {size}" for size in rates]
    figure = charts.bars(names, list(rates.values()), [f"{rate:,.0f}" for rate in rates.values()], charts.STUDENT)
    charts.layout(figure, "assets a second", "", height=90 + 40 * len(rates))
    figure.update_xaxes(range=[0, 1.2 * max(rates.values())])
    table = pd.DataFrame({"batch size": list(rates), "assets a second": list(rates.values()), "basis": "measured"})
    note = f"Student, measured on {figures.latency.machine}, tokenising included. {asked_words(figures.asked)}".rstrip()
    return Answer("throughput", title, figure, table, note)
