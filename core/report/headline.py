"""The three big figures of Compare and of the report: agreement, saving, speed-up, each with its basis and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.evaluate import outlook
from core.label.prices import Price
from core.report.answers import share_words, span_words
from core.report.speed import median_range
from core.words import milliseconds, percent

MODES = {"student": "alone", "cascade": "with the teacher behind it"}
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
    span: str | None
    hints: tuple[str, ...]


def mode_of(result: dict[str, Any]) -> str:
    """The way of working that the verdict of a comparison() proposes: student or cascade."""
    return "cascade" if result["verdict"].decision == "fallback" else "student"


def headlines(result: dict[str, Any], price: Price | None) -> list[Headline]:
    """Agreement, saving and speed-up of a comparison(); `price` is what the teacher is priced at."""
    found, sheet, mode, seen = result["figures"], result["economics"], mode_of(result), result["figures"]["agreement"]
    handled = found["handled"]["low"], found["handled"]["high"]
    ends = outlook.ranges(result["measured"], result["assumptions"], price, mode, handled, median_range(found))
    made = [
        Headline(
            "Agreement", share_words(seen["value"], seen["n"]), "measured", span_words(seen), ("agreement", "interval")
        )
    ]
    for label, key, value, span, words in (
        ("Saving", "saving", sheet.saving[mode], ends[0], lambda share: percent(share, 1)),
        ("Speed-up", "speed_up", sheet.speed_up[mode], ends[1], _times),
    ):
        said = "–" if value is None else words(value)
        between = f"{words(span[0])} to {words(span[1])}" if span else None
        made.append(Headline(label, said, sheet.line(f"{mode}_{key}").basis, between, (key,)))
    return made


def whose(result: dict[str, Any]) -> str:
    """A sentence on what saving and speed-up belong to, and how long the student takes by itself."""
    time = milliseconds(result["figures"]["latency"]["p50"])
    return (
        f"Saving and speed-up are those of the student {MODES[mode_of(result)]}; it takes {time} by itself (measured)."
    )


def _times(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×"
