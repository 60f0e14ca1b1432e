"""The figures of Compare and of the report: pure Plotly from plain data, in one look.

Two fixed colours for student and teacher, direct labels before legends, axis titles with units. Text from files reaches Plotly
only through `clean`: Plotly reads a few HTML tags in labels and hover text.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from core.evaluate import learning_curve
from core.evaluate.agreement import Share
from core.evaluate.latency import SHARES, Times
from core.money.outlook import MONTHS, Course, Swing
from core.words import milliseconds, money, percent, ranged, spoken, stated_percent

# Blue and orange keep apart under every common colour blindness, and both stand 3:1 off white and off the dark background.
STUDENT, TEACHER, NEUTRAL = "#2f7fd0", "#d9730d", "#7b8694"
DECIDER = "#158f76"  # a decision model beside the two: keeps apart from both under every common colour blindness
LETTERS = 12  # px: the smallest print in any chart


def clean(text: object, limit: int = 60) -> str:
    """`text` safe inside a Plotly label or hover: escaped, on one line, cut to `limit` characters."""
    return html.escape(short(text, limit)).replace("{", "&#123;").replace("$", "&#36;")


def short(text: object, limit: int) -> str:
    """`text` on one line, cut to `limit` characters."""
    line = " ".join(str(text).split())
    if len(line) > limit:  # of a path the end tells most, of anything else the beginning
        line = f"… > {line.rpartition(' > ')[2]}" if " > " in line else line
        line = line if len(line) <= limit else line[: limit - 1] + "…"
    return line


def layout(fig: go.Figure, x: str, y: str, height: int = 320) -> go.Figure:
    """Axis titles, margins and a quiet grid; no legend (charts label their lines directly)."""
    fig.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 12, "b": 8},
        showlegend=False,
        xaxis_title=x,
        yaxis_title=y,
        hoverlabel={"align": "left"},
        bargap=0.25,
    )
    fig.update_xaxes(automargin=True, zeroline=False)
    fig.update_yaxes(automargin=True, zeroline=False)
    return fig


def shares(
    table: pd.DataFrame, label: str, value: str, low: str, high: str, count: str, *, colour: str = STUDENT
) -> go.Figure:
    """Horizontal dots with intervals, one row a category: shares (0..1) drawn in percent, n at the row's name."""
    rows = table.iloc[::-1]
    names = [f"{clean(name, 38)}  <i>n={n:,}</i>" for name, n in zip(rows[label], rows[count])]
    fig = go.Figure(
        go.Scatter(
            x=100 * rows[value],
            y=list(range(len(names))),
            text=names,
            mode="markers",
            cliponaxis=False,
            marker={"color": colour, "size": 8},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": 100 * (rows[high] - rows[value]),
                "arrayminus": 100 * (rows[value] - rows[low]),
                "color": colour,
                "thickness": 1.2,
                "width": 0,
            },
            customdata=[
                f"{percent(at)} ({ranged(least, most)})"
                for at, least, most in rows[[value, low, high]].itertuples(index=False)
            ],
            hovertemplate="%{text}<br>%{customdata}<extra></extra>",
        )
    )
    fig.update_xaxes(range=[0, 101], ticksuffix=" %")
    return _names(fig, names)


def mark(figure: go.Figure, share: float, text: str) -> None:
    """A dotted line with its name across a chart whose other axis is in per cent."""
    figure.add_vline(100 * share, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=100 * share,
        y=1,
        yref="paper",
        text=text,
        showarrow=False,
        xanchor="right",
        yanchor="bottom",
        font={"size": 12},
    )


def dollars(low: float, high: float, most: int = 6) -> dict:
    """An axis of US dollars from `low` to `high`: at most about `most` round sums on it, said as money is said everywhere."""
    span = (high - low) or 1.0
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * times for times in (1, 2, 5, 10) if step * times * most >= span)
    ticks = [round(n * step, 10) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return {"range": [low, high], "tickvals": ticks, "ticktext": [money(tick) for tick in ticks]}


def bars(names: list[str], values: list[float], texts: list[str], colours: list[str] | str = NEUTRAL) -> go.Figure:
    """Horizontal bars labelled with their own values, first name on top."""
    shown = [clean(name) for name in names][::-1]
    fig = go.Figure(
        go.Bar(
            y=list(range(len(shown))),
            x=list(values)[::-1],
            text=list(texts)[::-1],
            textposition="outside",
            cliponaxis=False,
            orientation="h",
            marker_color=list(colours)[::-1] if isinstance(colours, list) else colours,
            hovertemplate="%{customdata}: %{text}<extra></extra>",
            customdata=shown,
        )
    )
    return _names(fig, shown)


WIDE = 15  # characters of a name


def pair(rows: list[tuple[str, float, str, str]], goal: tuple[float, str] | None = None) -> go.Figure:
    """Two or three bars, (name, length, words, colour), each with its name and its words; `goal` marks a length with words of its
    own, which a shorter bar's words stand behind, so as not to be crossed by it. No axis: the words say it."""
    names, lengths, words, colours = (list(column)[::-1] for column in zip(*rows))
    printed = [f"<b>{clean(word)}</b>" for word in words]
    behind = [goal is not None and length < goal[0] for length in lengths]
    fig = go.Figure(
        go.Bar(
            x=lengths,
            y=list(range(len(rows))),
            text=["" if away else word for word, away in zip(printed, behind)],
            textposition="outside",
            textfont={"size": 14},
            cliponaxis=False,
            orientation="h",
            marker_color=colours,
            hovertemplate="%{customdata}<extra></extra>",
            customdata=[f"{clean(name)}: {word}" for name, word in zip(names, printed)],
        )
    )
    layout(fig, "", "", height=34 + 40 * len(rows))
    top = max([*lengths, goal[0] if goal else 0, 1e-9])
    if goal:
        fig.add_shape(
            type="line", x0=goal[0], x1=goal[0], y0=-0.5, y1=len(rows) - 0.5, line={"width": 2, "dash": "dot"}
        )
        fig.update_shapes(line_color=NEUTRAL)
        fig.add_annotation(
            x=goal[0], y=len(rows) - 0.35, text=goal[1], showarrow=False, xanchor="right", font={"size": 12}
        )
    for place in (place for place, away in enumerate(behind) if away):
        fig.add_annotation(x=goal[0], y=place, text=printed[place], xshift=5, showarrow=False, xanchor="left")
        fig.layout.annotations[-1].font.size = 14
    room = (
        1.8 if max(len(name) for name, *_ in rows) < WIDE else 2.4
    )  # long names take the place of the words at the bars' ends
    fig.update_xaxes(range=[0, room * top], visible=False)
    fig.update_layout(margin={"l": 8, "r": 8, "t": 4, "b": 4}, bargap=0.35)
    return _names(fig, [clean(name) for name in names]).update_yaxes(showgrid=False, tickfont={"size": 13})


def _names(fig: go.Figure, names: list[str]) -> go.Figure:
    """Names along a numbered axis: two names that read alike once cut short stay two rows."""
    return fig.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.7, len(names) - 0.3])


def growth(
    sizes: Sequence[int],
    agreement: Sequence[Share],
    law: Sequence[float] | None,
    draws: Sequence[Sequence[float]],
    until: int,
    target: float | None = None,
) -> go.Figure:
    """Agreement against the assets learned from, on a log scale: points with intervals; where there is one, the power law
    through them (core/evaluate/learning_curve.py), dashed and with its band from the last point `until`; the target as a line."""
    n, fig = np.array(sizes), go.Figure()
    if law is not None:
        within, beyond = np.geomspace(n[0], n[-1], 60), np.geomspace(n[-1], until, 20)
        drawn = 1 - learning_curve.error(np.array(draws)[:, None, :], beyond / n[-1])
        for edge, fill in ((0.025, None), (0.975, "tonexty")):
            fig.add_scatter(
                x=beyond,
                y=100 * np.quantile(drawn, edge, axis=0),
                mode="lines",
                line={"width": 0},
                fill=fill,
                fillcolor="rgba(47, 127, 208, 0.15)",
                hoverinfo="skip",
            )
        for x, dash in ((within, "solid"), (beyond, "dash")):
            fig.add_scatter(
                x=x,
                y=100 * (1 - learning_curve.error(law, x / n[-1])),
                mode="lines",
                line={"color": STUDENT, "width": 2, "dash": dash},
                customdata=[percent(one) for one in 1 - learning_curve.error(law, x / n[-1])],
                hovertemplate="%{x:,.0f} assets<br>%{customdata} (estimated)<extra></extra>",
            )
        end = 100 * (1 - learning_curve.error(law, until / n[-1]))
        fig.add_annotation(x=np.log10(until), y=end, text="estimated", showarrow=False, yshift=14)
    agreed, low, high = (100 * np.array([getattr(one, at) for one in agreement]) for at in ("value", "low", "high"))
    fig.add_scatter(
        x=n,
        y=agreed,
        mode="markers",
        marker={"color": STUDENT, "size": 9},
        error_y=_error(high - agreed, agreed - low, STUDENT),
        customdata=[percent(one.value) for one in agreement],
        hovertemplate="%{x:,.0f} assets<br>%{customdata} (measured)<extra></extra>",
    )
    if target is not None:
        _target(fig, target)
    layout(fig, "labelled assets the student learns from (log scale)", "agreement (%)", height=300)
    ticks = _apart([*sizes, until] if law is not None else list(sizes))
    fig.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{size:,}" for size in ticks])
    return fig.update_yaxes(ticksuffix=" %")


def _apart(sizes: Sequence[int]) -> list[int]:
    """Those of rising `sizes` that can be written side by side on a log axis, from the last one down."""
    apart = [sizes[-1]]
    for size in reversed(sizes[:-1]):
        if size > 0 and apart[-1] / size >= (sizes[-1] / max(sizes[0], 1)) ** 0.08:
            apart.append(size)
    return apart[::-1]


def _target(fig: go.Figure, target: float) -> None:
    fig.add_hline(
        y=100 * target,
        line={"color": NEUTRAL, "dash": "dot", "width": 1.5},
        annotation={"text": f"target {stated_percent(target)}", "showarrow": False, "yanchor": "bottom"},
        annotation_position="bottom left",
    )


def cascade(curve: pd.DataFrame, target: float, certified: float | None) -> go.Figure:
    """Handled share against agreement on those; the target as a line, the share handled at the certified threshold as a mark."""
    fig = go.Figure(
        go.Scatter(
            x=100 * curve["handled"],
            y=100 * curve["agreement"],
            mode="lines",
            line={"color": STUDENT, "width": 2.5},
            customdata=curve[["handled", "agreement", "threshold"]].map(percent),
            hovertemplate="%{customdata[0]} handled<br>%{customdata[1]} agreement on them<br>at %{customdata[2]} sure or more"
            "<extra></extra>",
        )
    )
    _target(fig, target)
    if certified is not None and not curve.empty:
        at = curve.iloc[(curve["handled"] - certified).abs().argmin()]
        fig.add_vline(
            x=100 * certified,
            line={"color": STUDENT, "dash": "dot", "width": 1.5},
            annotation={"text": f"proven: {percent(certified)} handled", "showarrow": False},
            annotation_position="bottom left" if certified > 0.5 else "bottom right",
        )
        fig.add_scatter(
            x=[100 * certified],
            y=[100 * at["agreement"]],
            mode="markers",
            marker={"color": STUDENT, "size": 13, "line": {"color": "white", "width": 2}},
            hoverinfo="skip",
        )
    low = min(100 * target, 100 * curve["agreement"].min()) if not curve.empty else 0
    fig.update_xaxes(range=[0, 102], ticksuffix=" %")
    fig.update_yaxes(range=[max(low - 3, 0), 100.8], ticksuffix=" %")
    return fig


def reliability(table: pd.DataFrame) -> go.Figure:
    """Stated confidence against agreement seen, with intervals (agreement.reliability's columns), and the diagonal."""
    words = table[["confidence", "agreement"]].map(percent)
    table = 100 * table[["confidence", "agreement", "low", "high"]]
    diagonal = {"x": [0, 100], "y": [0, 100], "mode": "lines", "hoverinfo": "skip"}
    fig = go.Figure(go.Scatter(**diagonal, line={"color": NEUTRAL, "dash": "dot"}))
    fig.add_scatter(
        x=table["confidence"],
        y=table["agreement"],
        mode="markers",
        marker={"color": STUDENT, "size": 8},
        error_y=_error(table["high"] - table["agreement"], table["agreement"] - table["low"], STUDENT),
        customdata=words,
        hovertemplate="says %{customdata[0]}<br>agrees %{customdata[1]}<extra></extra>",
    )
    fig.update_xaxes(range=[0, 101], ticksuffix=" %")
    return layout(fig, "how sure the student says it is (%)", "agreement seen (%)", 300).update_yaxes(ticksuffix=" %")


def _error(above: pd.Series, below: pd.Series, colour: str) -> dict:
    """Plotly's error bars of unequal arms, without caps."""
    arms = {"array": above, "arrayminus": below, "symmetric": False}
    return {"type": "data", "color": colour, "thickness": 1.2, "width": 0, **arms}


def heat(pairs: Iterable[tuple[int, int, int]], labels: dict[int, str], most: int = 40) -> tuple[go.Figure, int, float]:
    """The confusion heat map of the `most` categories mixed up most: the figure, the categories in it, and the share of all
    disagreements that it shows.

    `pairs` are [teacher's category, student's, assets]. Colour is the share of the teacher's category (root scale, so that few
    are seen too); agreement, the diagonal, is left grey. Categories that are mixed up stand beside each other.
    """
    table = pd.DataFrame(list(pairs), columns=["teacher", "student", "count"])
    wrong = table[table["teacher"] != table["student"]]
    lost = wrong.groupby("teacher")["count"].sum().add(wrong.groupby("student")["count"].sum(), fill_value=0)
    shown = lost.nlargest(most).index.to_numpy()
    inside = wrong[wrong["teacher"].isin(shown) & wrong["student"].isin(shown)]
    place = {category: n for n, category in enumerate(shown)}
    counts = np.zeros((len(shown), len(shown)))
    counts[inside["teacher"].map(place), inside["student"].map(place)] = inside["count"]
    order = _neighbours(counts)
    counts, shown = counts[np.ix_(order, order)], shown[order]
    sizes = table.groupby("teacher")["count"].sum().reindex(shown).fillna(0).to_numpy()
    agreed = table[table["teacher"] == table["student"]].set_index("teacher")["count"].reindex(shown).fillna(0)
    np.fill_diagonal(counts, agreed)
    shares = counts / np.maximum(sizes, 1)[:, None]
    names = [clean(labels[category], 34) for category in shown]
    fig = _matrix(counts, shares, names)
    return fig, len(shown), float(inside["count"].sum() / max(wrong["count"].sum(), 1))


def _per_cent(share: float) -> float:
    return round(100 * spoken(share), 1)


def _neighbours(counts: np.ndarray) -> np.ndarray:
    """An order of the categories that puts those mixed up beside each other: leaves of average linkage."""
    if len(counts) < 3:
        return np.arange(len(counts))
    mixed = counts + counts.T
    return leaves_list(
        linkage(squareform(1 / (1 + mixed), checks=False), "average", optimal_ordering=len(counts) <= 60)
    )


def _matrix(counts: np.ndarray, shares: np.ndarray, names: list[str]) -> go.Figure:
    n = len(names)
    cell = 18 if n <= 45 else 15
    differ = ~np.eye(n, dtype=bool)
    z = np.where(counts > 0, np.sqrt(shares), np.nan)
    top = max(float(np.nanmax(z, initial=0, where=differ & (counts > 0))), 0.01)
    # One trace of numbers alone: below zero, where the diagonal is put, the scale is grey.
    np.fill_diagonal(z, -0.1 * top)
    zero = 0.1 / 1.1
    grey = "rgba(123, 134, 148, 0.25)"
    fig = go.Figure(
        go.Heatmap(
            z=z,
            customdata=np.dstack([counts, np.vectorize(_per_cent, otypes=[float])(shares)]),
            colorscale=[[0, grey], [zero / 2, grey], [zero / 2 + 1e-6, "#f6d3b0"], [zero, "#f6d3b0"], [1, TEACHER]],
            zmin=-0.1 * top,
            zmax=top,
            showscale=False,
            xgap=0.5,
            ygap=0.5,
            hoverongaps=False,
            hovertemplate="teacher: %{y}<br>student: %{x}<br>%{customdata[0]:,.0f} assets (%{customdata[1]} % of the "
            "teacher's category)<extra></extra>",
        )
    )
    if n <= 45:  # one text a cell that is not empty: a heat map's own texts take a browser half a second
        down, across = np.nonzero(counts * differ)
        fig.add_scatter(
            x=across,
            y=down,
            text=[f"{count:,.0f}" for count in counts[down, across]],
            mode="text",
            textfont={
                "size": LETTERS,
                "color": "#1d232b",
            },  # dark on every shade, in the light look and in the dark one
            hoverinfo="skip",
        )
    steep = round(0.55 * LETTERS * max(map(len, names))) if n <= 45 else 60  # px of the names above the columns
    layout(fig, "student says", "teacher says", 70 + steep + cell * n)
    ticks = {"tickvals": list(range(n)), "ticktext": names, "tickfont": {"size": LETTERS}, "showgrid": False}
    # columns of many stand closer together than any letters: they go by the order of the rows, and by pointing at a cell
    fig.update_xaxes(side="top", tickangle=-90, range=[-0.5, n - 0.5], showticklabels=n <= 45, **ticks)
    return fig.update_yaxes(range=[n - 0.5, -0.5], **ticks)


LOOKS = {
    "teacher": (TEACHER, "solid"),
    "batch": (TEACHER, "dash"),
    "student": (STUDENT, "solid"),
    "cascade": (STUDENT, "dash"),
}


def cumulative(courses: list[Course], months: int = MONTHS) -> go.Figure:
    """What each way of working has cost month by month, labelled at its end; where it has paid for itself is marked."""
    at = list(range(months + 1))
    top = max(course.after(months) for course in courses) or 1.0
    fig = go.Figure()
    ends = sorted(courses, key=lambda course: course.after(months))
    lowest = -math.inf
    for course in ends:
        colour, dash = LOOKS.get(course.key, (NEUTRAL, "dot"))
        fig.add_scatter(
            x=at,
            y=[course.after(month) for month in at],
            mode="lines",
            name=clean(course.label),
            line={"color": colour, "dash": dash, "width": 2.5},
            customdata=[money(course.after(month)) for month in at],
            hovertemplate="%{fullData.name}<br>after %{x} months: %{customdata}<extra></extra>",
        )
        lowest = max(course.after(months) / top, lowest + 0.075)  # labels keep a line's height apart
        text = f"{_dot(colour)} {clean(course.label)}: {clean(money(course.after(months)))}"
        fig.add_annotation(x=months, y=lowest * top, text=text, showarrow=False, xanchor="left", xshift=8)
    marked = [course for course in courses if course.even is not None and course.even <= months]
    fig.add_scatter(
        x=[course.even for course in marked],
        y=[course.after(course.even) for course in marked],
        mode="markers",
        marker={"symbol": "diamond", "size": 12, "color": STUDENT, "line": {"color": "white", "width": 1.5}},
        text=[f"{clean(course.label)} has paid for itself after {course.even:,.1f} months" for course in marked],
        hovertemplate="%{text}<extra></extra>",
    )
    layout(fig, "months", "US dollars spent so far", 340)
    fig.update_layout(margin={"r": 250})
    fig.update_xaxes(range=[0, months], dtick=3)
    return fig.update_yaxes(**dollars(0, 1.08 * max(top, lowest * top)))


def tornado(swings: list[Swing], base: float, most: int = 10) -> go.Figure:
    """The net saving at both ends of each assumption's range, the widest on top; `base` is the saving as things are."""
    shown = swings[:most][::-1]
    names = [clean(swing.label) for swing in shown]
    fig = go.Figure()
    for end, words, colour in (("low", "low_words", NEUTRAL), ("high", "high_words", STUDENT)):
        moved = [getattr(swing, end) - base for swing in shown]
        fig.add_bar(
            y=list(range(len(shown))),
            x=moved,
            base=base,
            orientation="h",
            marker_color=colour,
            text=[""] * len(shown),
            customdata=[
                [name, clean(getattr(swing, words)), money(getattr(swing, end))] for name, swing in zip(names, shown)
            ],
            hovertemplate="%{customdata[0]} %{customdata[1]}: %{customdata[2]}<extra></extra>",
        )
    for place, swing in enumerate(shown):  # both ends of a row may lie on one side of the result: their words never do
        lower, upper = sorted([(swing.low, swing.low_words), (swing.high, swing.high_words)], key=lambda end: end[0])
        fig.add_annotation(x=min(lower[0], base), y=place, text=clean(lower[1]), xanchor="right", xshift=-5)
        fig.add_annotation(x=max(upper[0], base), y=place, text=clean(upper[1]), xanchor="left", xshift=5)
    fig.update_annotations(showarrow=False)
    fig.add_vline(x=base, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    values = [getattr(swing, end) for swing in shown for end in ("low", "high")]
    room = 0.16 * (max(values) - min(values))
    layout(fig, f"saved within {MONTHS} months, upfront cost taken off (US dollars)", "", 90 + 34 * len(shown))
    fig.update_layout(barmode="overlay")
    fig.update_xaxes(**dollars(min(values) - room, max(values) + room))
    return _names(fig, names)


def latencies(rows: list[tuple[str, Times, str, bool]]) -> go.Figure:
    """Distributions of (name, times, colour, measured) on a log axis, one above the other: of the times their `spread` (quantiles 0
    to 1 in ms) with p50, p95 and p99 marked, as far as they were measured; one that is assumed is a dashed line at its p50."""
    fig = go.Figure()
    for place, (name, seen, colour, measured) in enumerate(reversed(rows)):
        quantiles, middle = seen.spread, seen.p50
        if not measured:
            fig.add_scatter(
                x=[middle, middle],
                y=[place, place + 0.7],
                mode="lines",
                line={"color": colour, "width": 3, "dash": "dash"},
                hovertemplate=f"{clean(name)}: {clean(milliseconds(middle))} (assumed)<extra></extra>",
            )
            _mark(fig, middle, place, f"assumed {milliseconds(middle)}", colour)
            continue
        edges, heights = _density(quantiles)
        fig.add_scatter(
            x=edges,
            y=place + 0.7 * heights,
            mode="lines",
            line={"color": colour, "width": 1.5, "shape": "hv"},
            hoverinfo="skip",
        )
        fig.add_scatter(
            x=edges, y=np.full(len(edges), place), mode="lines", line={"color": colour, "width": 1}, hoverinfo="skip"
        )
        fig.data[-1].update(fill="tonexty", fillcolor=_faint(colour))
        marks = {key: ms for key in SHARES if (ms := getattr(seen, key)) is not None}
        fig.add_scatter(
            x=list(marks.values()),
            y=[place] * len(marks),
            mode="markers",
            marker={"symbol": "line-ns", "size": 12, "line": {"color": colour, "width": 2}},
            text=[f"{clean(name)}, {key}: {clean(milliseconds(value))}" for key, value in marks.items()],
            hovertemplate="%{text}<extra></extra>",
        )
        words = ", ".join(f"{key} {milliseconds(value)}" for key, value in marks.items())
        _mark(fig, marks["p50"], place, words, colour)
    values = [value for _, seen, *_ in rows for value in (max(seen.spread[0], 1e-3), seen.spread[-1])]
    low, high = math.log10(min(values)) - 0.4, math.log10(max(values)) + 1.0
    layout(fig, "milliseconds for one asset (log scale)", "", 130 + 85 * len(rows))
    fig.update_xaxes(type="log", range=[low, high], dtick=1, tickformat=",~r")
    names = [clean(name) for name, *_ in reversed(rows)]
    return fig.update_yaxes(
        tickvals=[n + 0.3 for n in range(len(names))], ticktext=names, range=[-0.45, len(names)], showgrid=False
    )


def _mark(fig: go.Figure, x: float, place: int, text: str, colour: str) -> None:
    fig.add_annotation(
        x=math.log10(x), y=place - 0.2, text=f"{_dot(colour)} {clean(text, 80)}", showarrow=False, xanchor="center"
    )


def _dot(colour: str) -> str:
    """A dot in a line's colour before its label: the colours stand 3:1 off the background, which is too little for letters."""
    return f'<span style="color:{colour}">●</span>'


def _faint(colour: str) -> str:
    return f"rgba({', '.join(str(int(colour[n : n + 2], 16)) for n in (1, 3, 5))}, 0.25)"


def _density(quantiles: Sequence[float], bins: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Edges of equal width on a log axis and the height of each bin (tallest 1), off the quantiles of a distribution."""
    values = np.maximum(quantiles, 1e-3)
    low, high = values[0] / 1.02, values[-1] * 1.02
    edges = np.geomspace(low, high, bins + 1)
    below = np.interp(edges, values, np.linspace(0, 1, len(values)), left=0.0, right=1.0)
    heights = np.append(np.diff(below), 0.0)
    return edges, heights / max(heights.max(), 1e-12)
