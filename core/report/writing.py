"""The questions of a task that writes, each answered with a chart or a table: what Compare and the report show of a comparison."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from core.money.modes import MODES
from core.report import charts, money
from core.report.answers import Answer
from core.report.headline import IF_IT_DID
from core.report.pairs import Pair, month, month_line
from core.words import duration, percent, spoken, stated_percent
from core.write import blind, desk, measures, verdict
from core.write.comparison import WritingComparison
from core.write.figures import Range
from core.write.measures import NAMED, Side

COLOURS = {"student": charts.STUDENT, "teacher": charts.TEACHER}
PALE = "#b3bcc7"  # what copy of other briefs reaches: the floor
SIGNS = {"student": "circle", "teacher": "diamond", "people": "square", "shuffled": "x", "lead3": "line-ns-open"}
NO_GOOD = "No figure says that a text is good: people do."


def lead(result: WritingComparison) -> str:
    """What a month costs with the teacher and with the student, in one line."""
    return month_line(result.economics, result.mode, "" if result.takes_over else "not ready")


def pairs(result: WritingComparison) -> list[Pair]:
    """What a month costs, how many briefs get a text that passes every gate, how long one brief takes; what has no price is left
    out."""
    sheet = result.economics
    return [one for one in (month(sheet, result.mode, result.takes_over), _passed(result), _time(result)) if one]


def _passed(result: WritingComparison) -> Pair:
    measure = NAMED["handled"]
    told = [(side, _value(measure.value(side))) for side in result.sides if side.key != "shuffled"]
    bars = [
        (
            "People" if side.key == "people" else side.who,
            100 * share,
            percent(share),
            COLOURS.get(side.key, charts.NEUTRAL),
        )
        for side, share in told
        if share is not None
    ]
    note = f"of {result.figures.briefs:,} test briefs got a text that passes"
    return Pair("passed-pair", measure.words, tuple(bars[:4]), note, "measured")


def _time(result: WritingComparison) -> Pair:
    student, ms = result.figures.seconds_per_brief.p50, result.measured.teacher_ms
    teacher = ms / 1000 if ms else result.assumptions.teacher_latency_s
    times = {"Teacher": (teacher, charts.TEACHER), "Student": (student, charts.STUDENT)}
    bars = tuple((name, seconds, duration(seconds), colour) for name, (seconds, colour) in times.items())
    note = "half of all briefs take less" + ("" if ms else "; the teacher's time is assumed")
    return Pair("time-pair", "Time for one brief", bars, note, "measured" if ms else "assumed")


def _value(value: Range | float | None) -> float | None:
    return value.value if isinstance(value, Range) else value


def quality(result: WritingComparison) -> Answer:
    """Every measure of the student beside the same of the teacher, vendors, people, and copy of other briefs."""
    sides, about = result.sides, NAMED["recall_at_10"]
    mine, people = (_value(about.value(side)) for side in (sides[0], next(s for s in sides if s.key == "people")))
    title = "None of its drafts passes the gates" if mine is None else (
        f"{percent(mine)} of its drafts are about their brief, of people's copy {percent(people or 0.0, mine)}"
    )  # fmt: skip
    note = f"Measured on {result.figures.briefs:,} briefs that no student learned from. {NO_GOOD}"
    return Answer("quality", title, _dots(sides), measures.table(sides), note)


def _dots(sides: list[Side]) -> go.Figure:
    """A row a measure that is a share, a sign a side."""
    rows = [one for one in measures.applicable(sides) if one.share][::-1]
    figure = go.Figure()
    for side in sides:
        there = [(place, _value(one.value(side))) for place, one in enumerate(rows)]
        there = [(place, share) for place, share in there if share is not None]
        if not there:
            continue
        figure.add_scatter(
            x=[100 * share for _, share in there],
            y=[place for place, _ in there],
            mode="markers",
            name=charts.clean(side.who, 34),
            marker={
                "color": COLOURS.get(side.key, PALE if side.key == "shuffled" else charts.NEUTRAL),
                "symbol": SIGNS.get(side.key, "triangle-up"),
                "size": 11,
            },
            cliponaxis=False,
            customdata=[percent(share) for _, share in there],
            hovertemplate="%{fullData.name}: %{customdata}<extra></extra>",
        )
    charts.layout(figure, "", "", height=120 + 40 * len(rows))
    figure.update_xaxes(range=[0, 101], ticksuffix=" %")
    names = [charts.clean(one.words) for one in rows]
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=names, range=[-0.6, len(rows) - 0.4])
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})


def people(result: WritingComparison) -> Answer | None:
    """The blind tests with their ranges and what is asked for; None before one is drawn up."""
    if not result.blind:
        return None
    rows = [
        {
            "compared with": blind.other_words(one.against),
            "share": spoken(one.score),
            "low": one.low,
            "high": one.high,
            "n": one.n,
            "pairs": one.pairs,
            "more needed": one.more,
            "result": blind.sentence(one),
        }
        for one in result.blind
    ]
    table = pd.DataFrame(rows)
    judged = [one for one in result.blind if one.n]
    figure = None
    if judged:
        figure = charts.shares(table[table["n"] > 0], "compared with", "share", "low", "high", "n")
        charts.layout(
            figure, "share of comparisons that the student's draft wins, ties a half (%)", "", 100 + 40 * len(judged)
        )
        figure.update_layout(margin={"t": 28})
        asked = 0.5 - judged[0].margin
        charts.mark(figure, asked, f"asked for: {stated_percent(round(asked, 6))}")
    first = next((one for one in result.blind if one.n), result.blind[0])
    note = "People did not know whose text was whose. The range holds at whatever moment somebody looks and stops."
    note += "".join(f" {blind.agreed_words(one)}" for one in result.blind if one.shared)
    return Answer("blind", blind.sentence(first), figure, table, note, shares=("share", "low", "high"))


def months(rates: list[desk.Rate]) -> Answer | None:
    """What became of drafts by month and writer, of desk.rates(); None before any was decided on."""
    if not rates:
        return None
    table = pd.DataFrame([vars(one) for one in rates]).rename(columns={"kept": "words kept"})
    taken = sum(one.approved + one.edited for one in rates)
    every = taken + sum(one.rejected for one in rates)
    title = f"Of {every:,} texts that people decided on, {percent(taken / every)} were approved, some of them edited"
    note = "Words kept: of those approved or edited, the share of words that people left as they were. Measured."
    return Answer("months", title, None, table, note, shares=("words kept",))


def stops(result: WritingComparison) -> Answer | None:
    """What each gate stops of the student's drafts and of people's copy; None where nothing is stopped."""
    figures = result.figures
    others = {one.name.capitalize() if one.source == "teacher" else one.name: one.figures.stops for one in result.tests}
    table = measures.stops(figures.stops, figures.human_stops, others)
    if table.empty:
        return None
    rows = table[["gate", "Student", "People"]].to_dict("records")
    figure = go.Figure()
    for who, colour in (("People", charts.NEUTRAL), ("Student", charts.STUDENT)):
        figure.add_bar(
            y=list(range(len(rows))),
            x=[100 * row[who] for row in rows],
            name=who,
            orientation="h",
            marker_color=colour,
            text=[percent(row[who]) for row in rows],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{fullData.name}: %{text}<extra></extra>",
        )
    charts.layout(figure, "", "", height=110 + 44 * len(rows))
    most = 100 * max(max(row["Student"], row["People"]) for row in rows)
    figure.update_xaxes(range=[0, 1.25 * most], ticksuffix=" %")
    figure.update_yaxes(tickvals=list(range(len(rows))), ticktext=[charts.clean(row["gate"]) for row in rows])
    figure.update_yaxes(range=[len(rows) - 0.4, -0.6])
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    people_stopped = 1 - figures.human.passed
    title = f"The gates stop {percent(people_stopped)} of people's approved copy"
    note = "Of all drafts that it wrote, not of the best ones alone. A gate that stops much of people's copy is too strict."
    return Answer("gates", title, figure, table, note, shares=tuple(table.columns[1:]))


def speed(result: WritingComparison) -> Answer:
    """How long one brief takes with the student, the teacher and vendors."""
    pair, seconds = _time(result), result.figures.seconds_per_brief
    title = f"The student takes {duration(seconds.p50)} for a brief (95 of 100 take at most {duration(seconds.p95)}), "
    title += f"the teacher {pair.bars[0][2]}{'' if pair.basis == 'measured' else ' (assumed)'}"
    figure = charts.bars([bar[0] for bar in pair.bars], [bar[1] for bar in pair.bars], [bar[2] for bar in pair.bars],
                         [bar[3] for bar in pair.bars])  # fmt: skip
    charts.layout(figure, "seconds for one brief", "", height=170)
    figure.update_xaxes(range=[0, 1.25 * max(bar[1] for bar in pair.bars)])
    rows = [
        {"who": name, "seconds": value, "basis": "measured" if name == "Student" else pair.basis}
        for name, value, _, _ in pair.bars
    ]
    peak, trained = result.figures.peak_gb, duration(result.row["train_seconds"])
    by = result.figures.drafted_with
    note = f"Measured on briefs one at a time{by}. Memory peaked at {peak:.1f} GB while it was judged. Training took {trained}."
    return Answer("speed", title, figure, pd.DataFrame(rows), note)


def savings(result: WritingComparison) -> list[Answer]:
    """Two years of each way of working, a month, what moves the result, what it took upfront."""
    sheet = result.economics
    answers = [
        money.cumulative(result.courses, sheet, result.mode),
        money.tornado(result.swings, sheet, result.mode),
        money.monthly(result.courses, sheet, result.takes_over),
        money.upfront(sheet),
    ]
    return [one for one in answers if one]


def passes_on(result: WritingComparison) -> str:
    """Which briefs the student leaves to the teacher, and how many of a month's."""
    if result.verdict.decision == verdict.NOT_YET:
        return f"All briefs go to the teacher, or a person, as before: the figures are what it would cost {IF_IT_DID}."
    share, volume = 1 - result.figures.handled.value, result.economics.volume_per_month
    if not share:
        return f"Of every test brief a draft passed the gates: with {MODES['cascade'].workers} none had to go on."
    return f"{round(share * volume):,} of {volume:,} briefs a month, of which no draft passes every gate, go on to the teacher."


def ladder(rows: list[dict]) -> pd.DataFrame:
    """The students of the newest training, the first rung first, with people's copy and copy of other briefs below: figures as
    numbers, and how long each was trained."""
    newest = rows[0]["params"]["data"]
    same = [row for row in reversed(rows) if row["params"]["data"] == newest]
    sides = [measures.student(row["figures"], named(row)) for row in same]
    table = measures.numbers([*sides, *measures.controls(same[-1]["figures"])])
    trained = [duration(row["train_seconds"]) for row in same]
    return table.assign(**{"Trained in": trained + ["–"] * (len(table) - len(trained))})


def named(row: dict) -> str:
    """A student with what there is to say of it: write 2, at work."""
    return f"{row['kind']} {row['id']}" + (", at work" if row["live"] else "") + (", refused" if row["refused"] else "")
