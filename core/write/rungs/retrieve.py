"""Retrieve: the approved copy of the nearest brief, facts exchanged. Nothing is written; shown as approved before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.write import slots
from core.write.known import Encode, Known
from core.write.rungs import Lesson, Proposal, Propose, Rung


def fit(lesson: Lesson) -> None:
    """All it needs is what is known already."""
    lesson.step(1, 1, "retrieve: reading briefs")


def load(folder: Path, known: Known, encode: Encode) -> Propose:
    """Proposes the copies of the nearest briefs, each copy once."""

    def propose(briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
        near = encode(list(briefs)) @ known.vectors.T
        return [_nearest(known, row, drafts) for row in near]

    return Propose(propose)


def _nearest(known: Known, near, drafts: int) -> list[Proposal]:
    scores: dict[str, float] = {}
    for place in near.argsort()[::-1]:
        if len(scores) == drafts:
            break
        scores.setdefault(slots.put(known.copies[place], known.briefs[place]), float(near[place]))
    return [Proposal(text, score) for text, score in scores.items()]


RUNG = Rung(
    "retrieve",
    10,
    "Nearest approved copy",
    "Finds the approved copy of the brief most like yours and exchanges its facts. It was approved before, for another brief.",
    fit,
    load,
    lines=True,
)
