"""The three big figures of Compare and of the report: agreement, saving, speed-up, each with its basis and interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from core.evaluate import outlook
from core.evaluate.run import rested_on
from core.label.prices import Price
from core.report.answers import share_words, span_words
from core.report.speed import median_range
from core.words import milliseconds, percent

MODES = {"student": "alone", "cascade": "with the teacher behind it"}
TITLES = {
    "replace": "Replace the teacher with this student.",
    "fallback": "Let the student answer, with the teacher behind it.",
    "not_ready": "Not ready.",
    "trial": "Trial only.",
}


@dataclass(frozen=True)
class Headline:
    """One big figure in words with its interval (None: nothing to compare); `hints` name the explanations that belong to it."""

    label: str
    value: str
    basis: str
    span: str | None
    hints: tuple[str, ...]


def mode_of(result: dict[str, Any]) -> str:
    """The way of working that the verdict of a comparison() speaks of: student or cascade."""
    return result["verdict"].mode


def headlines(result: dict[str, Any], price: Price | None) -> list[Headline]:
    """Agreement, saving and speed-up of a comparison(); `price` is what the teacher is priced at."""
    found, sheet, mode = result["figures"], result["economics"], mode_of(result)
    handled = found["handled"]["low"], found["handled"]["high"]
    saving, speed = outlook.ranges(result["measured"], result["assumptions"], price, mode, handled, median_range(found))
    rests, unseen = rested_on(found)
    seen = asdict(rests)
    agreed, label = share_words(seen["value"], seen["n"]), f"Agreement, new {unseen.many}" if unseen else "Agreement"
    return [
        Headline(label, agreed, "measured", span_words(seen), ("agreement", "interval")),
        _headline("Saving", sheet.saving[mode], saving, sheet.line(f"{mode}_saving").basis, "saving"),
        _headline("Speed-up", sheet.speed_up[mode], speed, sheet.line(f"{mode}_speed_up").basis, "speed_up"),
    ]


def _headline(label: str, value: float | None, ends: tuple[float, float] | None, basis: str, hint: str) -> Headline:
    words = _times if hint == "speed_up" else _share
    span = f"{words(ends[0])} to {words(ends[1])}" if ends else None
    return Headline(label, "–" if value is None else words(value), basis, span, (hint,))


def _share(value: float) -> str:
    return percent(value)


def _times(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×"


def about(result: dict[str, Any], teacher: str) -> str:
    """The sentence under the three figures: whose saving and speed-up they are. `teacher`: its name in words."""
    mode, median = mode_of(result), milliseconds(result["figures"]["latency"]["p50"])
    return (
        f"The teacher here: {teacher}. Saving and speed-up are those of the student {MODES[mode]}; by itself it takes {median} "
        "(measured)."
    )
