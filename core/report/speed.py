"""How long student and teacher take, and how many assets the student does in a second: two charts, titled with their answers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from core.evaluate.latency import SHARES, median_interval
from core.evaluate.phrases import asked
from core.money.economics import Economics
from core.report import charts
from core.report.answers import Answer
from core.words import duration, milliseconds


def median_range(found: dict[str, Any]) -> tuple[float, float]:
    """The 95 % interval of the student's median time in ms."""
    return median_interval(found["latency"]["spread"], found["latency"]["n"])


def teacher_time(found: dict[str, Any], sheet: Economics, assumed_s: float) -> tuple[dict[str, Any], bool]:
    """How long the teacher takes for one asset, in ms, and whether that was measured; else it is the assumption."""
    if sheet.line("student_speed_up").basis == "measured" and found["teacher_latency"] is not None:
        return found["teacher_latency"], True
    return {"p50": 1000 * assumed_s, "spread": [1000 * assumed_s]}, False


def latency(found: dict[str, Any], sheet: Economics, assumed_s: float) -> Answer:
    """The distribution of the time for one asset, teacher and student, on a log axis."""
    student, spoken = found["latency"], found["teacher_latency"]
    teacher, measured = teacher_time(found, sheet, assumed_s)
    rows = [
        ("Teacher", teacher, charts.TEACHER, measured),
        ("Student", student, charts.STUDENT, True),
    ]
    title = f"The student answers in {milliseconds(student['p50'])} (95 % within {milliseconds(student['p95'])}), "
    title += f"the teacher in {milliseconds(teacher['p50'])}"
    title += "" if measured else " (assumed)"
    cold = found["cold_start_ms"]
    origin = f"measured on {spoken['n']:,} labels" if measured else "assumed, nobody timed it (dashed)"
    note = f"Student: measured on {student['n']} single calls, {student['machine']}"
    note += f"; {duration(cold / 1000)} from its files to its first answer (cold start)."
    few = [key for key in SHARES if measured and teacher[key] is None]
    note += f" Teacher: {origin}{', too few for ' + ' and '.join(few) if few else ''}."
    basis = "measured" if measured else "assumed"
    table = pd.DataFrame(
        [
            {
                "who": "Teacher",
                **{f"{key} (ms)": teacher.get(key) for key in SHARES},
                "cold start (ms)": None,
                "basis": basis,
            },
            {
                "who": "Student",
                **{f"{key} (ms)": student[key] for key in SHARES},
                "cold start (ms)": cold,
                "basis": "measured",
            },
        ]
    )
    return Answer("latency", title, charts.latencies(rows), table, note)


def throughput(found: dict[str, Any]) -> Answer:
    """Assets a second by batch size."""
    rates = found["throughput"]
    best = max(rates, key=lambda size: rates[size])
    title = f"It does {rates[best]:,.0f} assets a second in batches of {best}, {rates['1']:,.0f} one at a time"
    names = ["one at a time" if size == "1" else f"batches of {size}" for size in rates]
    figure = charts.bars(names, list(rates.values()), [f"{rate:,.0f}" for rate in rates.values()], charts.STUDENT)
    charts.layout(figure, "assets a second", "", height=90 + 40 * len(rates))
    figure.update_xaxes(range=[0, 1.2 * max(rates.values())])
    table = pd.DataFrame(
        {"batch size": [int(s) for s in rates], "assets a second": list(rates.values()), "basis": "measured"}
    )
    note = f"Student, measured on {found['latency']['machine']}, tokenising included. {asked(found)}".rstrip()
    return Answer("throughput", title, figure, table, note)
