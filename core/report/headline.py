"""The three big figures of Compare and of the report: agreement, saving, speed-up, each with its basis and interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from core.evaluate.comparison import Comparison
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.phrases import share_words, span_words
from core.money.modes import MODES
from core.words import milliseconds, percent, ranged, spoken, stated_percent, teacher_words

TITLES = {
    "replace": "Replace the teacher with this student.",
    "fallback": "Let the student answer, with the teacher behind it.",
    "not_ready": "Not ready.",
    "decision_model": "A decision model will do.",
    "trial": "Trial only.",
    "alone": "It may write alone.",
    "drafts": "It drafts, and a person decides.",
    "not_yet": "Not yet.",
}

IF_IT_DID = "if it did the work"  # said of what a student would save that nothing is handed over to


def judged(student: dict[str, Any], figures: ChooseOneFigures) -> str:
    """Which student is judged, and whose answers it learned from: embedding 2, taught by gpt-5-mini."""
    return f"{student['kind']} {student['id']}, taught by {teacher_words(figures.taught.teacher)}"


def for_100(result: Comparison) -> str:
    """What the verdict of a comparison() means for 100 assets, in words that anybody knows."""
    figures, verdict, (rests, _) = result.figures, result.verdict, result.figures.rests_on
    target = stated_percent(figures.target).removesuffix(" %")
    if verdict.decision == "fallback" and figures.certificate.certified:
        files = min(round(100 * figures.handled.value), 99)
        return (
            f"Of 100 assets the student files {files} and {100 - files} go to the teacher; at least {target} of the 100 are "
            "filed as the teacher would, 95 % sure."
        )
    if verdict.decision == "decision_model":
        return result.beside[0].words
    if verdict.decision == "replace":
        surely = math.floor(100 * rests.low) if rests.low >= figures.target else target
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


def headlines(result: Comparison) -> list[Headline]:
    """Agreement, saving and speed-up of a comparison()."""
    sheet, mode, (rests, unseen), (saving, speed) = (
        result.economics,
        result.verdict.mode,
        result.figures.rests_on,
        result.ranges,
    )
    agreed, label = share_words(rests.value, rests.n), f"Agreement, new {unseen.many}" if unseen else "Agreement"
    saved = "Saving" if result.takes_over else f"Saving, {IF_IT_DID}"
    return [
        Headline(label, agreed, "measured", span_words(rests), ("agreement", "interval")),
        _headline(saved, sheet.saving[mode], saving, sheet.line(f"{mode}_saving").basis, "saving"),
        _headline("Speed-up", sheet.speed_up[mode], speed, sheet.line(f"{mode}_speed_up").basis, "speed_up"),
    ]


def _headline(label: str, value: float | None, ends: tuple[float, float] | None, basis: str, hint: str) -> Headline:
    words = _times if hint == "speed_up" else _share
    text, span = "–" if value is None else words(value), ranged(*ends, words) if ends else None
    return Headline(label, text, basis, None if span == text else span, (hint,))


def _share(value: float) -> str:
    return percent(value)


def _times(value: float) -> str:
    return f"{value:,.0f} ×" if value >= 10 else f"{value:.1f} ×"


def about(result: Comparison) -> str:
    """The sentence under the three figures: whose saving and speed-up they are."""
    hoped = "" if result.takes_over else f", {IF_IT_DID}"
    return (
        f"The teacher here: {teacher_words(result.figures.taught.teacher)}. Saving and speed-up are those of the student "
        f"{MODES[result.verdict.mode].manner}{hoped}; by itself it takes {milliseconds(result.figures.latency.p50)} (measured)."
    )
