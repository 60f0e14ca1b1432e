"""Numbers as people write them, read one way a column: 1,200 tokens are 1200, 0,93 is a confidence, 1.2 s is a latency.

    column = NumberColumn("tokens_in", COUNT, ["1,200", "850"])
    column.read("1,200")  -> 1200.0

A cell that can be read one way only is read that way. One that can be read two ways (1,200: twelve hundred, or one and a
fifth) is read as the column's other cells are written; a column that leaves it open is read the likelier way, and says so.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from core.asset_columns import COUNT, LATENCY, SHARE
from core.tables.problems import Problems

AMOUNT = "amount"
UNITS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "milli", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunden"), "s"),
    **dict.fromkeys(("us", "µs", "μs", "microsecond", "microseconds", "micros"), "µs"),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds", "nanos"), "ns"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
}
MILLISECONDS = {"ms": 1.0, "s": 1_000.0, "µs": 1e-3, "ns": 1e-6, "min": 60_000.0}
LIKELY_MS = (20.0, 600_000.0)  # what a model's answer over a network takes: tells 2,300 ms from 2.3 ms
LIMIT = 1e12

_GAPS = "[ '’\u00a0\u2007\u2009\u202f]"
_GROUPED = re.compile(rf"\d{{1,3}}(?:{_GAPS}\d{{3}})+(?=$|[.,])")
_CELL = re.compile(r"(?P<body>[^A-Za-zµμ%]*?\d[^A-Za-zµμ%]*?|\d+(?:\.\d*)?[eE][+-]?\d+)\s*(?P<unit>%|[A-Za-zµμ]+\.?)?")


class NumberColumn:
    """How one column writes its numbers, learnt from some of its cells.

    `unit` ("ms" or "s") is what a person said of a latency; None is found in the column's name and cells. `elsewhere` are the
    decimal marks that the file's other columns prove. `asked` is True where a latency has no unit that could be known.
    """

    def __init__(
        self, name: str, kind: str, cells: Iterable[str], *, unit: str | None = None, elsewhere: Iterable[str] = ()
    ):
        self.name, self.kind = name, kind
        filled = [cell for cell in cells if cell]
        self.unit = (unit or unit_of(name)) if kind == LATENCY else None
        bare = [cell for cell in filled if _unit(cell) is None] if kind == LATENCY and self.unit is None else []
        self.asked, self.samples = bool(bare), tuple(bare[:3])
        self.open = ""  # a cell that can be read two ways, where nothing tells which
        self.mark = self._find_mark(filled, set(elsewhere))
        self.percent = kind == SHARE and self._is_percent(filled)

    def read(self, cell: str, row: int, problems: Problems) -> float | None:
        """The number of a cell: zero or more, whole for a count, at most 1 for a share, milliseconds for a latency.

        None and a problem of that row where it is no such number; None alone where the unit must be asked for.
        """
        parts = _parts(cell)
        if self.asked and parts and not parts[1]:
            return None
        value = self._value(*parts) if parts else None
        limit = 1.0000001 if self.kind == SHARE else LIMIT
        if value is not None and 0 <= value < limit and (self.kind != COUNT or value == round(value)):
            return value
        what = {SHARE: "number between 0 and 1", COUNT: "whole number of zero or more"}.get(
            self.kind, "number of zero or more"
        )
        problems.add(
            row, self.name, f"{cell[:40]} is no {what}; it was left out.", "Correct it or leave the cell empty."
        )
        return None

    def tell(self, problems: Problems) -> None:
        """List what is open about the whole column: its unit, or which mark is the decimal one."""
        if self.asked:
            problems.add(
                None,
                self.name,
                f"The column {self.name} does not say its unit: {self.samples[0]} may be seconds or milliseconds; "
                "such latencies were left out.",
                "Choose the unit on the Assets page or with --latency-unit, and import the file again.",
            )
        elif self.open:
            problems.add(
                None,
                self.name,
                f"{self.open} can be read in two ways; it was read as {self._shown(self.open)}.",
                "Write the numbers without separators for thousands if that is wrong.",
            )

    def _shown(self, cell: str) -> str:
        body, unit = _parts(cell)
        value = _number(body, self.mark)
        return f"{value:,.10g}{unit and ' ' + unit}"

    def _value(self, body: str, unit: str) -> float | None:
        # Nobody counts in thousandths: 1.200 of a count is twelve hundred, whatever the other cells look like.
        mark = ("," if "." in body else ".") if self.kind == COUNT and _two_ways(body) else self.mark
        value = _number(body, mark)
        if value is None:
            return None
        if self.kind == LATENCY:
            unit = UNITS.get(unit, "") if unit else self.unit
            return value * MILLISECONDS[unit] if unit else None
        if self.kind == SHARE:
            return self._share(value, unit)
        if unit == "k":
            return round(value * 1_000, 6)
        return value if unit in ("", "token", "tokens") else None

    def _share(self, value: float, unit: str) -> float | None:
        if unit == "%":
            return value / 100
        if unit or (self.percent and 0 < value < 1):  # 0.93 among 93s: nobody can tell
            return None
        return value / 100 if self.percent else value

    def _find_mark(self, cells: Sequence[str], elsewhere: set[str]) -> str:
        """The decimal mark: "." or ",". Sets `open` where only likelihood speaks."""
        bodies = [parts[0] for cell in cells if (parts := _parts(cell))]
        two_ways = [body for body in bodies if _two_ways(body)]
        proven = proven_marks(cells)
        if len(proven) == 1:
            return proven.pop()
        if not two_ways or self.kind == COUNT:
            return "."
        mark = "," if "," in two_ways[0] else "."
        other = "." if mark == "," else ","
        if self.kind == SHARE:
            return mark
        if len(elsewhere) == 1:
            return next(iter(elsewhere))
        likely = [one for one in (mark, other) if self._likely(two_ways, one)]
        if len(likely) == 1:
            return likely[0]
        self.open = next(cell for cell in cells if (parts := _parts(cell)) and parts[0] == two_ways[0])
        return "."

    def _likely(self, bodies: Sequence[str], mark: str) -> bool:
        """Whether these are, read with this decimal mark, mostly latencies a hosted model can have."""
        values = [value for body in bodies if (value := _number(body, mark)) is not None]
        if self.kind != LATENCY or self.unit is None or not values:
            return False
        return LIKELY_MS[0] <= median(values) * MILLISECONDS[self.unit] <= LIKELY_MS[1]

    def _is_percent(self, cells: Sequence[str]) -> bool:
        """Whether shares stand as 93 rather than 0.93: most lie above 1, and they reach beyond a scale of 1 to 10."""
        parts = [p for cell in cells if (p := _parts(cell)) and not p[1]]
        values = [v for body, _ in parts if (v := _number(body, self.mark)) is not None]
        above = sum(v > 1 for v in values)
        return bool(values) and above > len(values) / 2 and 10 < max(values) <= 100


def unit_of(name: str) -> str | None:
    """The unit a column's name ends in or holds in brackets: latency_ms, "Latency (s)", durationSeconds; None without one."""
    parts = re.findall(r"[A-Za-zµμ]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    if len(parts) > 1:
        return UNITS.get(parts[-1].casefold())
    joined = re.fullmatch(
        r"(?:\w*latency|\w*duration|elapsed|\w*time)(ms|msec|millis|s|sec|seconds)", name.strip().casefold()
    )
    return UNITS[joined[1]] if joined else None


def proven_marks(cells: Iterable[str]) -> set[str]:
    """The decimal marks, "." or ",", that cells prove: 0,5 and 1.234,5 prove the comma, 1,200 nothing."""
    marks = Counter(mark for cell in cells if (parts := _parts(cell)) and (mark := _proven(parts[0])))
    return set(marks)


def _parts(cell: str) -> tuple[str, str] | None:
    """The digits of a cell with their separators, and its unit in lower case ("" without one); None for no number."""
    match = _CELL.fullmatch(cell.strip())
    if match is None:
        return None
    body, unit = match["body"].strip(), (match["unit"] or "").casefold().rstrip(".")
    grouped = _GROUPED.match(body)
    if grouped:
        body = re.sub(_GAPS, "", grouped[0]) + body[grouped.end() :]
    return body.removeprefix("+"), unit


def _unit(cell: str) -> str | None:
    parts = _parts(cell)
    return UNITS.get(parts[1]) if parts else None


def _two_ways(body: str) -> bool:
    """Whether a number can be read with its one separator as decimal mark or as thousands: 1,200, 12.345."""
    return re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", body) is not None


def _proven(body: str) -> str | None:
    """The decimal mark a number proves, None where it proves none."""
    both = "." in body and "," in body
    if both:
        return max(".,", key=body.rfind)
    for mark, other in (".,", ",."):
        if body.count(mark) > 1:
            return other
        if mark in body and not _two_ways(body):
            return mark
    return None


def _number(body: str, mark: str) -> float | None:
    """A number's value under a decimal mark, None where it is none: thousands stand in groups of three."""
    mark = _proven(body) or mark
    other = "," if mark == "." else "."
    whole, _, fraction = body.partition(mark)
    if other in whole and not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(other)}\d{{3}})+", whole):
        return None
    if other in fraction:
        return None
    try:
        value = float(f"{whole.replace(other, '')}.{fraction}" if fraction else whole.replace(other, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
