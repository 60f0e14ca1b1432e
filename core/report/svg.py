"""A chart of core/report/charts.py as SVG that stands still: it prints, and shows in any preview, with no script at all.

It draws what those charts are made of: lines, marks and words of scatter traces with their error bars, horizontal bars, heat maps,
straight shapes and annotations, on linear and logarithmic axes. Pointing at a mark tells what the chart on the page tells.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

LETTER, WIDE = 12, 0.55  # px of print; the width of a letter on average, of its height
INK, QUIET, GRID = "#1d232b", "#5b6673", "#e3e7ed"
DASHES = {"dash": "7 5", "dot": "2 4", "solid": ""}


def draw(fig: go.Figure, width: int = 900, alt: str = "") -> str:
    """The figure as an <svg> element, `width` px wide and as high as its layout says. Words in it are escaped."""
    return _Drawing(fig, width, alt).svg()


def _plain(text: object) -> str:
    """Words of Plotly's own few tags and entities without them."""
    return html.unescape(re.sub(r"<[^>]+>", "", str(text).replace("<br>", " "))).strip()


def _length(text: str, size: float = LETTER) -> float:
    return len(text) * size * WIDE


class _Axis:
    """One axis: from values to px, its ticks and its title. `vertical` axes run from the bottom up."""

    def __init__(self, settings: dict[str, Any], values: list[float], vertical: bool):
        self.settings, self.vertical = settings, vertical
        self.log = settings.get("type") == "log"
        low, high = settings.get("range") or self._around(values)
        self.low, self.high = float(low), float(high)
        self.visible = settings.get("visible", True)
        self.start, self.end = 0.0, 1.0

    def _around(self, values: list[float]) -> tuple[float, float]:
        """What all values need, as Plotly would: 5 % to spare."""
        seen = [math.log10(max(v, 1e-9)) if self.log else v for v in values if v is not None and math.isfinite(v)] or [
            0,
            1,
        ]
        spare = 0.05 * ((max(seen) - min(seen)) or 1)
        return min(seen) - spare, max(seen) + spare

    def at(self, value: float) -> float:
        """The px of a value."""
        return self.place(math.log10(max(value, 1e-12)) if self.log else value)

    def place(self, value: float) -> float:
        """The px of a place on the axis: on a log axis, of a logarithm."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """Px and words of every tick."""
        if not self.visible or self.settings.get("showticklabels") is False:
            return []
        values, words = self.settings.get("tickvals"), self.settings.get("ticktext")
        if values is None:
            values = self._round()
            words = [f"{10**v if self.log else v:,.10g}{self.settings.get('ticksuffix') or ''}" for v in values]
            return [(self.place(value), word) for value, word in zip(values, words)]
        low, high = sorted((self.low, self.high))
        ticks = [(self.at(value), _plain(word)) for value, word in zip(values, words)]
        ends = sorted((self.place(low), self.place(high)))
        return [one for one in ticks if ends[0] - 0.5 <= one[0] <= ends[1] + 0.5]

    def _round(self) -> list[float]:
        low, high = sorted((self.low, self.high))
        step = self.settings.get("dtick") or (1 if self.log else _step(high - low))
        return [round(n * step, 10) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _step(span: float, most: int = 6) -> float:
    step = 10.0 ** math.floor(math.log10((span or 1) / most))
    return next(step * times for times in (1, 2, 5, 10) if step * times * most >= span)


class _Drawing:
    """One figure on its way to SVG: the axes first, then what stands on them, in the order of the traces."""

    def __init__(self, fig: go.Figure, width: int, alt: str):
        self.traces, self.alt = [trace.to_plotly_json() for trace in fig.data], alt
        self.layout = fig.layout.to_plotly_json()
        self.width, self.height = width, int(self.layout.get("height") or 320)
        self.parts: list[str] = []
        self.x = _Axis(self.layout.get("xaxis", {}), list(self._values("x")), False)
        self.y = _Axis(self.layout.get("yaxis", {}), list(self._values("y")), True)
        self._margins()

    def _values(self, axis: str) -> Iterator[float]:
        for trace in self.traces:
            if trace["type"] != "heatmap":
                yield from (float(v) for v in trace.get(axis, ()) if v is not None)

    def _margins(self) -> None:
        margin = self.layout.get("margin", {})
        names = max((_length(word) for _, word in self.y.ticks()), default=0)
        titled = {axis: bool((axis.settings.get("title") or {}).get("text")) for axis in (self.x, self.y)}
        left = 10 + names + (20 if titled[self.y] else 0)
        self.on_top = self.x.settings.get("side") == "top"
        steep = self.x.settings.get("tickangle") == -90
        below = max((_length(word) for _, word in self.x.ticks()), default=0) if steep else 16
        below = (below + 8 if self.x.ticks() else 4) + (20 if titled[self.x] else 0)
        top = 14 + (below if self.on_top else 0)
        self.x.start, self.x.end = left, self.width - max(margin.get("r", 16), 16)
        self.y.start, self.y.end = self.height - (6 if self.on_top else below), top

    def svg(self) -> str:
        """Everything, grid first."""
        self._axes()
        for shape in self.layout.get("shapes", ()):
            self._shape(shape)
        before: dict[str, Any] | None = None
        for trace in self.traces:
            {"scatter": self._scatter, "bar": self._bars, "heatmap": self._heat}[trace["type"]](trace, before)
            before = trace
        for note in self.layout.get("annotations", ()):
            self._note(note)
        head = f'<svg viewBox="0 0 {self.width} {self.height}" width="100%" role="img" font-size="{LETTER}"'
        return f'{head} font-family="system-ui, sans-serif"><title>{html.escape(self.alt)}</title>{"".join(self.parts)}</svg>'

    # --- pieces

    def _line(self, x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 1, dash: str = "") -> None:
        dashed = f' stroke-dasharray="{DASHES.get(dash, "")}"' if DASHES.get(dash) else ""
        at = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
        self.parts.append(f'<line {at} stroke="{colour}" stroke-width="{width}"{dashed}/>')

    def _words(self, x: float, y: float, text: str, anchor: str = "start", colour: str = INK, more: str = "") -> None:
        at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{more}'
        self.parts.append(f"<text {at}>{html.escape(text)}</text>")

    def _axes(self) -> None:
        x, y = self.x, self.y
        for at, word in x.ticks():
            if x.settings.get("showgrid", True):
                self._line(at, y.start, at, y.end, GRID)
            if x.settings.get("tickangle") == -90:
                self._words(at + 4, y.end - 6, word, more=f' transform="rotate(-90 {at + 4:.1f} {y.end - 6:.1f})"')
            else:
                self._words(at, y.end - 6 if self.on_top else y.start + 16, word, "middle", QUIET)
        for at, word in y.ticks():
            if y.settings.get("showgrid", True):
                self._line(x.start, at, x.end, at, GRID)
            self._words(x.start - 8, at + 4, word, "end")
        if title := (x.settings.get("title") or {}).get("text"):
            self._words((x.start + x.end) / 2, 12 if self.on_top else self.height - 6, _plain(title), "middle", QUIET)
        if title := (y.settings.get("title") or {}).get("text"):
            middle = (y.start + y.end) / 2
            self._words(12, middle, _plain(title), "middle", QUIET, f' transform="rotate(-90 12 {middle:.1f})"')

    def _shape(self, shape: dict[str, Any]) -> None:
        whole = {"x": str(shape.get("xref", "")).endswith("domain"), "y": str(shape.get("yref", "")).endswith("domain")}
        ends = {}
        for key, axis in (("x", self.x), ("y", self.y)):
            for end in ("0", "1"):
                value = float(shape[key + end])
                ends[key + end] = axis.start + value * (axis.end - axis.start) if whole[key] else axis.at(value)
        line = shape.get("line", {})
        look = line.get("color", QUIET), line.get("width", 1), line.get("dash", "")
        self._line(ends["x0"], ends["y0"], ends["x1"], ends["y1"], *look)

    def _note(self, note: dict[str, Any]) -> None:
        places = []
        for key, axis in (("x", self.x), ("y", self.y)):
            value = float(note[key])
            inside = str(note.get(key + "ref", "")).endswith(("domain", "paper"))
            places.append(axis.start + value * (axis.end - axis.start) if inside else axis.place(value))
        x, y = places[0] + note.get("xshift", 0), places[1] - note.get("yshift", 0)
        y += {"bottom": -4, "top": 13}.get(note.get("yanchor"), 4)
        anchor = {"left": "start", "right": "end"}.get(note.get("xanchor"), "middle")
        text = str(note["text"])
        if dot := re.match(r'<span style="color:(#\w+)">●</span> ', text):  # the colour of the line it belongs to
            plain = html.escape(_plain(text[dot.end() :]))
            at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}"'
            self.parts.append(f'<text {at}><tspan fill="{dot[1]}">●</tspan> {plain}</text>')
            return
        self._words(x, y, _plain(text), anchor)

    # --- traces

    def _scatter(self, trace: dict[str, Any], before: dict[str, Any] | None) -> None:
        points = [(self.x.at(float(x)), self.y.at(float(y))) for x, y in zip(trace["x"], trace["y"])]
        mode, line = trace.get("mode", "lines"), trace.get("line", {})
        if trace.get("fill") == "tonexty" and before:
            edge = [(self.x.at(float(x)), self.y.at(float(y))) for x, y in zip(before["x"], before["y"])]
            edge = list(_steps(edge)) if before.get("line", {}).get("shape") == "hv" else edge
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*edge, *reversed(points)])
            self.parts.append(f'<polygon points="{path}" fill="{trace.get("fillcolor", GRID)}"/>')
        if "lines" in mode and line.get("width", 2):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_steps(points) if line.get("shape") == "hv" else points))
            dash = DASHES.get(line.get("dash", "solid"), "")
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            stroke = f'stroke="{line.get("color", QUIET)}" stroke-width="{line.get("width", 2)}"{dashed}'
            self.parts.append(f'<polyline points="{path}" fill="none" {stroke}/>')
        self._arms(trace, points)
        if "markers" in mode:
            self._marks(trace, points)
        if mode == "text":
            for (x, y), word in zip(points, trace["text"]):
                self._words(x, y + 4, _plain(word), "middle")

    def _arms(self, trace: dict[str, Any], points: list[tuple[float, float]]) -> None:
        for key, axis in (("error_x", self.x), ("error_y", self.y)):
            error = trace.get(key)
            if not error:
                continue
            values = trace[key[-1]]
            for (x, y), value, above, below in zip(points, values, error["array"], error["arrayminus"]):
                low, high = axis.at(float(value) - float(below)), axis.at(float(value) + float(above))
                ends = (low, y, high, y) if axis is self.x else (x, low, x, high)
                self._line(*ends, error.get("color", QUIET), 1.4)

    def _marks(self, trace: dict[str, Any], points: list[tuple[float, float]]) -> None:
        marker = trace.get("marker", {})
        size, symbol = marker.get("size", 6), marker.get("symbol", "circle")
        colour = marker.get("color", QUIET)
        texts = trace.get("text") if trace.get("hoverinfo") != "skip" else None
        for n, (x, y) in enumerate(points):
            tip = f"<title>{html.escape(_plain(texts[n]))}</title>" if texts is not None else ""
            if symbol == "line-ns":
                stroke = f'stroke="{marker["line"]["color"]}" stroke-width="2"'
                ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{y - size / 2:.1f}" y2="{y + size / 2:.1f}"'
                self.parts.append(f"<line {ends} {stroke}>{tip}</line>")
            elif symbol == "diamond":
                r = size / 1.6
                path = f"{x:.1f},{y - r:.1f} {x + r:.1f},{y:.1f} {x:.1f},{y + r:.1f} {x - r:.1f},{y:.1f}"
                self.parts.append(f'<polygon points="{path}" fill="{colour}" stroke="#fff">{tip}</polygon>')
            else:
                self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size / 2}" fill="{colour}">{tip}</circle>')

    def _bars(self, trace: dict[str, Any], _: object) -> None:
        high = abs(self.y.at(1) - self.y.at(0)) * (1 - self.layout.get("bargap", 0.2))
        base, colours = float(trace.get("base") or 0), (trace.get("marker") or {}).get("color", QUIET)
        for n, (place, length) in enumerate(zip(trace["y"], trace["x"])):
            x0, x1, y = self.x.at(base), self.x.at(base + float(length)), self.y.at(float(place))
            colour = colours if isinstance(colours, str) else colours[n]
            at = f'x="{min(x0, x1):.1f}" y="{y - high / 2:.1f}" width="{abs(x1 - x0):.1f}" height="{high:.1f}"'
            self.parts.append(f'<rect {at} fill="{colour}"/>')
            left = length < 0
            self._words(x1 + (-5 if left else 5), y + 4, _plain(trace["text"][n]), "end" if left else "start")

    def _heat(self, trace: dict[str, Any], _: object) -> None:
        """Below zero, where charts.heat() puts agreement, the scale is grey; above it runs from its pale to its full colour."""
        z, top = np.array(trace["z"], float), trace["zmax"]
        pale, full = (_rgb(colour) for _, colour in trace["colorscale"][-2:])
        wide, tall = abs(self.x.at(1) - self.x.at(0)) - 0.5, abs(self.y.at(1) - self.y.at(0)) - 0.5
        for row, column in zip(*np.nonzero(np.isfinite(z))):
            share = min(z[row, column] / top, 1)
            colour = GRID if share < 0 else f"rgb{tuple((pale + share * (full - pale)).astype(int).tolist())}"
            at = f'x="{self.x.at(column) - wide / 2:.1f}" y="{self.y.at(row) - tall / 2:.1f}"'
            self.parts.append(f'<rect {at} width="{wide:.1f}" height="{tall:.1f}" fill="{colour}"/>')


def _rgb(colour: str) -> np.ndarray:
    """#rrggbb as three numbers."""
    return np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])


def _steps(points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """A line that goes across first, then up or down."""
    for n, (x, y) in enumerate(points):
        if n:
            yield x, points[n - 1][1]
        yield x, y
