"""Figures in words, the same on pages, in reports and at the command line."""

from __future__ import annotations

import math


def percent(share: float, digits: int = 0) -> str:
    """A share (0..1) in words: 0.625 -> '62 %'; never rounded up to a full 100 %, nor down to none."""
    shown = f"{100 * share:.{digits}f}"
    if share < 1 and float(shown) >= 100:
        shown = f"{100 - 10**-digits:.{digits}f}"
    if share > 0 and float(shown) == 0:
        return f"< {10**-digits:g} %"
    return f"{shown} %"


def money(usd: float | None) -> str:
    """US dollars with as many digits as tell something: 12,345 · 12.30 · 0.0042 · < 0.0001; None -> a dash."""
    if usd is None or not math.isfinite(usd):
        return "–"
    if usd == 0:
        return "$0"
    if abs(usd) >= 1000:
        return f"${usd:,.0f}"
    if abs(usd) >= 0.1:
        return f"${usd:,.2f}"
    if abs(usd) < 0.0001:
        return "< $0.0001"
    return f"${usd:.{1 - math.floor(math.log10(abs(usd)))}f}"


def duration(seconds: float | None) -> str:
    """A time in words: 0.8 s · 42 s · 3 min 20 s · 2 h 5 min; None -> a dash."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
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
