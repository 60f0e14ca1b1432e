"""The three big figures of Compare and of the report: agreement, saving, speed-up, each with its basis and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.evaluate import outlook
from core.label.prices import Price
from core.report.answers import share_words, span_words
from core.report.speed import speed_up_range
from core.words import milliseconds, percent

MODES = {"student": "student alone", "cascade": "with the teacher behind it"}
TITLES = {
    "replace": "Replace the teacher with this student.",
    "fallback": "Let the student answer, with the teacher behind it.",
    "not_ready": "Not ready.",
}


@dataclass(frozen=True)
class Headline:
    """One big figure in words; `hints` name the explanations that belong to it."""

    label: str
    value: str
    basis: str
    span: str
    hints: tuple[str, ...]


def mode_of(result: dict[str, Any]) -> str:
    """The way of working that the verdict of a comparison() proposes: student or cascade."""
    return "cascade" if result["verdict"].decision == "fallback" else "student"


def headlines(result: dict[str, Any], price: Price | None) -> list[Headline]:
    """Agreement, saving and speed-up of a comparison(); `price` is what the teacher is priced at."""
    found, sheet, mode = result["figures"], result["economics"], mode_of(result)
    seen = found["agreement"]
    handled = found["handled"]["low"], found["handled"]["high"]
    ends = outlook.saving_range(result["measured"], result["assumptions"], price, mode, handled)
    saved = sheet.saving[mode]
    span = f"{percent(ends[0], 1)} to {percent(ends[1], 1)}, {MODES[mode]}" if ends else MODES[mode]
    faster, range_ = sheet.speed_up[mode], speed_up_range(found, sheet) if mode == "student" else None
    quick = f"{_times(range_[0])} to {_times(range_[1])}, " if range_ else f"{MODES[mode]}; "
    quick += f"student {milliseconds(found['latency']['p50'])} (measured)"
    return [
        Headline(
            "Agreement", share_words(seen["value"], seen["n"]), "measured", span_words(seen), ("agreement", "interval")
        ),
        Headline(
            "Saving",
            "–" if saved is None else percent(saved, 1),
            sheet.line(f"{mode}_saving").basis,
            span,
            ("saving",),
        ),
        Headline(
            "Speed-up",
            "–" if faster is None else _times(faster),
            sheet.line(f"{mode}_speed_up").basis,
            quick,
            ("speed_up",),
        ),
    ]


def _times(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×"
