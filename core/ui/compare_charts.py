"""The charts of the compare page: one a question, titled with its answer, with a table and a CSV under it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.evaluate.agreement import Paired
from core.evaluate.economics import Economics, Line
from core.evaluate.verdict import one_sided_words
from core.ui import charts
from core.ui.figures import HINTS
from core.ui.frame import plain
from core.words import milliseconds, money, percent

SHOWN = 40  # categories in the chart: the largest; the table has all
FEWEST = 10  # test assets a category needs to be named the worst: below, chance decides
WITH = {"student": "Student alone", "cascade": "Student with the teacher behind it"}
SHARE = st.column_config.NumberColumn(format="percent")


def line(sheet: Economics, key: str) -> Line:
    """One line of the money sheet by its key."""
    return next(found for found in sheet.formulas if found.key == key)


def per_category(found: dict[str, Any]) -> None:
    """Agreement in each category, with n and interval."""
    table = pd.DataFrame(found["per_category"]).astype({"recall": float, "precision": float})
    table = table[table["n"] > 0]
    worst = table[table["n"] >= FEWEST].nsmallest(1, "recall")
    title = "How well does it agree in each category?"
    if len(worst):
        row = worst.iloc[0]
        title = f"Agreement is lowest in {row['label']}: {percent(row['recall'])} of {row['n']:,}"
        title += "" if (table["n"] >= FEWEST).all() else f" (of categories with {FEWEST} or more)"
        title = "The student agrees in every category" if (table["recall"] == 1).all() else title
    top = table.head(SHOWN)
    fig = charts.shares(top, "label", "recall", "low", "high", "n")
    charts.layout(fig, "agreement in the category (%)", "", height=90 + 19 * len(top))
    note = "Dots: share of the teacher's test assets in the category; bars: 95\u00a0% intervals."
    note += f" The {SHOWN} largest of {len(table)}." if len(table) > SHOWN else ""
    shown = table.rename(columns={"label": "category", "category": "id", "recall": "agreement"})
    shown = shown[["category", "n", "predicted", "agreed", "agreement", "low", "high", "precision", "f1"]]
    charts.chart(title, fig, shown, "per-category", note=note, agreement=SHARE, low=SHARE, high=SHARE, precision=SHARE)


def confusions(found: dict[str, Any]) -> None:
    """The pairs of categories mixed up most."""
    rows = found["confusions"]
    if not rows:
        st.subheader("Student and teacher never differ on the test assets", anchor=False)
        return
    first = rows[0]
    title = f"Mixed up most: the teacher's {first['teacher_label']} becomes {first['student_label']}"
    names = [f"{charts.short(row['teacher_label'], 26)} → {charts.short(row['student_label'], 26)}" for row in rows[:8]]
    fig = charts.bars(
        names, [row["count"] for row in rows[:8]], [f"{row['count']:,}" for row in rows[:8]], charts.STUDENT
    )
    charts.layout(fig, "test assets", "", height=90 + 26 * len(names))
    table = pd.DataFrame(rows)[["teacher_label", "student_label", "count", "share", "of_teacher", "examples"]]
    table["examples"] = table["examples"].map(", ".join)
    table.columns = [
        "teacher says",
        "student says",
        "assets",
        "share of all differences",
        "share of the teacher's category",
        "examples",
    ]
    shares = dict.fromkeys(["share of all differences", "share of the teacher's category"], SHARE)
    charts.chart(
        title, fig, table, "confusions", note="The teacher's category → what the student said instead.", **shares
    )


def cascade(found: dict[str, Any]) -> None:
    """Handled share against agreement, with the certified threshold marked."""
    certificate, handled = found["certificate"], found["handled"]
    table = pd.DataFrame(found["curve"]["test"])
    goal = f"{100 * certificate['target']:g} %"
    title = f"No share of the assets can be promised at {goal} yet"
    if certificate["certified"]:
        title = f"The student can take {percent(handled['value'])} of the assets at {goal} agreement"
    share = handled["value"] if certificate["certified"] else None
    fig = charts.cascade(table, certificate["target"], share)
    charts.layout(fig, "assets the student handles itself (%)", "agreement on those (%)", height=300)
    strange = found.get("strange", 0.0)  # evaluations of before know none
    unlike = f" {percent(strange, 1)} are unlike anything it learned from and always do." if strange else ""
    note = f"Measured on {handled['n']:,} test assets; the others fall back to the teacher.{unlike}"
    note += f" Calibration: {certificate['reason']}."
    charts.chart(title, fig, table, "cascade", note=note, handled=SHARE, agreement=SHARE)


def latency(found: dict[str, Any], sheet: Economics, assumed_s: float) -> None:
    """Time for one asset, teacher and student, on a log axis."""
    student, spoken = found["latency"], found["teacher_latency"]
    speed = line(sheet, "student_speed_up")
    measured = speed.basis == "measured" and spoken
    teacher = (spoken["p50"], spoken["p95"]) if measured else (1000 * assumed_s, None)
    rows = [
        ("Teacher", *teacher, charts.TEACHER),
        ("Student", student["p50"], student["p95"], charts.STUDENT),
    ]
    title = f"The student answers in {milliseconds(student['p50'])}, the teacher in {milliseconds(teacher[0])}"
    fig = charts.layout(charts.latencies(rows), "milliseconds for one asset (log scale)", "", height=210)
    fig.update_xaxes(title="milliseconds for one asset (log scale)")
    origin = f"measured on {spoken['n']:,} labels" if measured else "assumed: nobody timed it"
    note = f"Student: measured on {student['n']} single calls, {student['machine']}. Teacher: {origin}."
    table = pd.DataFrame(
        [
            {
                "who": "Teacher",
                "median ms": teacher[0],
                "p95 ms": teacher[1],
                "basis": "measured" if measured else "assumed",
            },
            {"who": "Student", "median ms": student["p50"], "p95 ms": student["p95"], "basis": "measured"},
        ]
    )
    charts.chart(title, fig, table, "latency", note=note)


def gold(found: dict[str, Any]) -> None:
    """Student, cascade and teacher against what people decided, where they decided anything."""
    seen = found["gold"]
    if not seen:
        return
    titles = {
        "first": "Against people's labels the student is better than the teacher",
        "second": "Against people's labels the teacher is better than the student",
        None: "Against people's labels no difference between student and teacher is shown",
    }
    pair = Paired(**seen["paired"])
    st.subheader(titles[pair.better], anchor=False)
    rows = [(WITH["student"], "student"), (WITH["cascade"], "cascade"), ("Teacher alone", "teacher")]
    table = pd.DataFrame(
        [
            {
                "who": who,
                "accuracy": seen[key]["value"],
                "95 % interval": f"{percent(seen[key]['low'], 1)} to {percent(seen[key]['high'], 1)}",
                "n": seen[key]["n"],
                "basis": "measured",
            }
            for who, key in rows
            if seen[key]
        ]
    )
    st.dataframe(table, hide_index=True, key="table-gold", column_config={"accuracy": SHARE})
    st.caption(
        plain(
            f"Right, of {pair.n:,} independent test assets: {one_sided_words(pair)}. The shares are of the assets that people "
            "settled; where those are the doubtful ones, both are lower than elsewhere."
        )
    )
    charts.download(table, "gold")


def cost(sheet: Economics) -> None:
    """A month's cost of teacher, student and cascade, and the sheet behind it."""
    order = ["teacher", "cascade", "student"]
    names = {"teacher": "Teacher", **WITH}
    shown = [key for key in order if sheet.monthly[key] is not None]
    title = "The teacher has no price yet: choose a model to price it as"
    if sheet.monthly["teacher"] is not None:
        best = shown[-1]
        title = (
            f"A month of {sheet.volume_per_month:,} assets: {_month(sheet, 'teacher')} with the teacher, "
            f"{_month(sheet, best)} with the student"
        )
    colours = {"teacher": charts.TEACHER, "cascade": charts.NEUTRAL, "student": charts.STUDENT}
    texts = [f"{_month(sheet, key)} ({money(sheet.per_1000[key])} per 1,000)" for key in shown]
    fig = charts.bars(
        [names[key] for key in shown], [sheet.monthly[key] for key in shown], texts, [colours[key] for key in shown]
    )
    charts.layout(fig, "US dollars a month", "", height=90 + 46 * len(shown))
    fig.update_xaxes(range=[0, 1.9 * max([sheet.monthly[key] for key in shown] + [0.01])])
    formulas = pd.DataFrame(
        [
            {
                "what": item.label,
                "formula": item.formula,
                "value": item.value,
                "unit": item.unit,
                "basis": item.basis,
                "note": item.note,
            }
            for item in sheet.formulas
        ]
    )
    charts.chart(title, fig, formulas, "cost", note=_pays(sheet))


def _month(sheet: Economics, key: str) -> str:
    """A month's cost in words; the sheet rounds to cents, and less than half a cent is not nothing."""
    cents, each = sheet.monthly[key], sheet.per_1000[key]
    return "< $0.01" if each and not cents else money(cents)


def _pays(sheet: Economics) -> str:
    """The break-even sentence, with its basis."""
    upfront, even = line(sheet, "upfront"), sheet.break_even_assets["student"]
    start = f"Upfront {money(upfront.value)} ({upfront.basis})"
    if even is None:
        return f"{start}; the student alone never earns it back at these prices."
    months = even / max(sheet.volume_per_month, 1)
    when = f", {months:,.1f} months at this volume" if months >= 0.1 else ""
    basis = line(sheet, "student_break_even").basis
    return f"{start}; the student alone earns it back after {even:,} assets{when} ({basis})."


def more_measures(found: dict[str, Any]) -> None:
    """Macro F1, kappa and their kin as a table, folded away, and the reliability plot."""
    with st.expander("More measures of agreement, and whether the student's confidence can be believed"):
        rows = [("Macro F1", found["macro_f1"], "macro_f1"), ("Cohen's kappa", found["kappa"], "kappa")]
        rows += [("Gwet's AC1", found["ac1"], "ac1"), ("Expected calibration error", found["ece"], "ece")]
        table = pd.DataFrame(
            [{"measure": name, "value": value, "basis": "measured", "meaning": HINTS[key]} for name, value, key in rows]
        )
        if found["parent_agreement"]:
            shared = {
                "measure": "Agreement at the top level",
                "value": found["parent_agreement"]["value"],
                "basis": "measured",
            }
            table.loc[len(table)] = {**shared, "meaning": "Agreement when only the topmost category counts."}
        left, right = st.columns(2, gap="large")
        left.dataframe(table, hide_index=True, column_config={"value": st.column_config.NumberColumn(format="%.3f")})
        with right:
            st.plotly_chart(_reliability(found), key="chart-reliability", config={"displayModeBar": False})
        charts.download(pd.DataFrame(found["reliability"]), "reliability")


def _reliability(found: dict[str, Any]) -> go.Figure:
    table = 100 * pd.DataFrame(found["reliability"])[["confidence", "agreement", "low", "high"]]
    fig = go.Figure(
        go.Scatter(
            x=[0, 100], y=[0, 100], mode="lines", line={"color": charts.NEUTRAL, "dash": "dot"}, hoverinfo="skip"
        )
    )
    bars = {
        "array": table["high"] - table["agreement"],
        "arrayminus": table["agreement"] - table["low"],
        "symmetric": False,
        "width": 0,
    }
    fig.add_scatter(
        x=table["confidence"],
        y=table["agreement"],
        mode="markers",
        marker={"color": charts.STUDENT, "size": 8},
        error_y={"type": "data", "color": charts.STUDENT, "thickness": 1, **bars},
        hovertemplate="says %{x:.0f} %<br>agrees %{y:.0f} %<extra></extra>",
    )
    return charts.layout(fig, "confidence the student states (%)", "agreement seen (%)", height=260)
