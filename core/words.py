"""Figures in words, the same on pages, in reports and at the command line."""

from __future__ import annotations

import math
from collections.abc import Callable


def percent(share: float, beside: float | None = None, *, digits: int = 1) -> str:
    """A share (0..1) in words: 0.953 -> '95.3 %'. One value is said in one way: with one decimal, unless so few rows stand behind
    it that `digits` is 0. Never rounded up to a full 100 %, nor down to none; nor to what reads like the different share `beside`
    it (a target, another's agreement): then with more decimals.
    """
    sign, size = "−" if share < 0 else "", abs(share)
    if size and not round(size, digits + 2):
        return f"{'> −' if sign else '< '}{10**-digits:g} %"
    for places in range(digits, 4):
        shown = f"{100 * spoken(size, places):.{places}f}"
        if beside is None or share == beside or float(shown) != round(100 * beside, places):
            break
    return f"{sign}{shown} %"


def ranged(low: float, high: float, say: Callable[[float], str] = percent) -> str:
    """A range in words, as `say` says its ends: '92.9 % to 95.2 %'; where both read alike, the one figure."""
    ends = say(low), say(high)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def spoken(share: float, digits: int = 1) -> float:
    """The share that percent() says, as a number for tables: 0.9998 -> 0.999; neither all nor none, unless it is."""
    least = 10.0 ** -(digits + 2)
    shown = round(share, digits + 2)
    return round(min(max(shown, least), 1 - least), digits + 2) if 0 < share < 1 else shown


def stated_percent(share: float) -> str:
    """A share that somebody has set, as it was set: a target of 0.95 is '95 %', one of 0.975 '97.5 %'."""
    return f"{100 * share:g} %"


def money(usd: float | None, *, exact: bool = False) -> str:
    """US dollars with the digits that tell something: $12,346 · $892 · $12 · $4.20 · $0.04 · $0.0042 · < $0.0001; None -> a dash.

    Whole dollars from $10 on; `exact`: to the cent whatever the sum, for bills and caps.
    """
    if usd is None or not math.isfinite(usd):
        return "–"
    sign, usd = "−" if usd < 0 else "", abs(usd)
    if usd >= 9.995 and not exact:
        return f"{sign}${usd:,.0f}"
    if usd >= 0.0095:
        return f"{sign}${usd:,.2f}"
    if usd < 0.0001:
        return "$0" if usd == 0 else f"{'> −' if sign else '< '}$0.0001"
    return f"{sign}${usd:.{1 - math.floor(math.log10(usd))}f}"


def stated_money(usd: float) -> str:
    """A price as its list has it: $2, $12.5, $0.075."""
    return f"${usd:,.10g}"


def duration(seconds: float | None) -> str:
    """A time in words: under 0.1 s · 0.8 s · 42 s · 3 min 20 s · 2 h 5 min; None -> a dash."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if 0 < seconds < 0.05:
        return "under 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def milliseconds(ms: float | None) -> str:
    """A latency: 0.4 ms · 12 ms · 2,300 ms; None -> a dash."""
    if ms is None or not math.isfinite(ms):
        return "–"
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:,.0f} ms"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: 1 row · 2 rows · 0 copies (`many` where it is not `one` with an s)."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def teacher_words(spec: str) -> str:
    """A teacher's name as people say it: "built-in", "recorded:COLUMN", "connection:NAME", "openai:MODEL" and its like."""
    kind, _, detail = spec.partition(":")
    if kind == "recorded":
        return f"recorded labels “{detail}”"
    return detail or f"{kind} teacher"


def split_words(counts: dict[str, int]) -> str:
    """Assets of each split in a line: 1,200 train, 300 calibration, 400 test; or 1,500 train (and calibration), 400 test."""
    parts = [f"{counts['train']:,} train", f"{counts['calibration']:,} calibration", f"{counts['test']:,} test"]
    return ", ".join(parts) if counts["calibration"] else f"{parts[0]} (and calibration), {parts[2]}"


def task_title(client: str, task: str, tasks: int) -> str:
    """How a task is called among others': by its client, and by its own name where the client has several `tasks`."""
    return f"{client} · {task}" if tasks > 1 else client
