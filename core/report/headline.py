"""The three big figures of Compare and of the report: agreement, saving, speed-up, each with its basis and interval."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from core.evaluate.run import rested_on
from core.money import outlook
from core.money.prices import Price
from core.report.answers import share_words, span_words
from core.report.speed import median_range
from core.words import milliseconds, percent, ranged, spoken, stated_percent, teacher_words

MODES = {"student": "alone", "cascade": "with the teacher behind it"}
TITLES = {
    "replace": "Replace the teacher with this student.",
    "fallback": "Let the student answer, with the teacher behind it.",
    "not_ready": "Not ready.",
    "trial": "Trial only.",
}

IF_IT_DID = "if it did the work"  # said of what a student would save that nothing is handed over to


def takes_over(result: dict[str, Any]) -> bool:
    """Whether the verdict of a comparison() hands anything over to the student: else nothing is saved."""
    return result["verdict"].decision in ("replace", "fallback")


def judged(student: dict[str, Any], found: dict[str, Any]) -> str:
    """Which student is judged, and whose answers it learned from: embedding 2, taught by gpt-5-mini."""
    return f"{student['kind']} {student['id']}, taught by {teacher_words(found['teacher']['name'])}"


def for_100(result: dict[str, Any]) -> str:
    """What the verdict of a comparison() means for 100 assets, in words that anybody knows."""
    found, verdict = result["figures"], result["verdict"]
    rests, _ = rested_on(found)
    target = stated_percent(found["target"]).removesuffix(" %")
    if verdict.decision == "fallback" and found["certificate"]["certified"]:
        files = min(round(100 * found["handled"]["value"]), 99)
        return (
            f"Of 100 assets the student files {files} and {100 - files} go to the teacher; at least {target} of the 100 are "
            "filed as the teacher would, 95 % sure."
        )
    if verdict.decision == "replace":
        surely = math.floor(100 * rests.low) if rests.low >= found["target"] else target
        return f"The student files 100 of 100 assets; at least {surely} of them as the teacher would, 95 % sure."
    ends = ranged(rests.low, rests.high, lambda end: f"{100 * spoken(end):.0f}")  # as the cards print them
    about = f"about {round(100 * rests.value)} as the teacher does ({ends}, 95 % sure)"
    return f"Of 100 assets the student would file {about}."


@dataclass(frozen=True)
class Headline:
    """One big figure in words with its interval (None: nothing to compare, or it reads as the value does); `hints` name the
    explanations that belong to it."""

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
    saved = "Saving" if takes_over(result) else f"Saving, {IF_IT_DID}"
    return [
        Headline(label, agreed, "measured", span_words(seen), ("agreement", "interval")),
        _headline(saved, sheet.saving[mode], saving, sheet.line(f"{mode}_saving").basis, "saving"),
        _headline("Speed-up", sheet.speed_up[mode], speed, sheet.line(f"{mode}_speed_up").basis, "speed_up"),
    ]


def _headline(label: str, value: float | None, ends: tuple[float, float] | None, basis: str, hint: str) -> Headline:
    words = _times if hint == "speed_up" else _share
    said, span = "–" if value is None else words(value), ranged(*ends, words) if ends else None
    return Headline(label, said, basis, None if span == said else span, (hint,))


def _share(value: float) -> str:
    return percent(value)


def _times(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×"


def about(result: dict[str, Any], teacher: str) -> str:
    """The sentence under the three figures: whose saving and speed-up they are. `teacher`: its name in words."""
    hoped = "" if takes_over(result) else f", {IF_IT_DID}"
    mode, median = mode_of(result), milliseconds(result["figures"]["latency"]["p50"])
    return (
        f"The teacher here: {teacher}. Saving and speed-up are those of the student {MODES[mode]}{hoped}; by itself it takes "
        f"{median} (measured)."
    )
