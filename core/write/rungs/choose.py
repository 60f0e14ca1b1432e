"""Write and choose: eight drafts of the fine-tuned model, the gates, then the order of what the brief adds to their likelihood
(pointwise mutual information, half-weighted: Li et al. 2016, arXiv 1510.03055)."""

from __future__ import annotations

from pathlib import Path

from core.train.disk import link
from core.write.known import Encode, Known
from core.write.rungs import Lesson, Propose, Rung, write


def fit(lesson: Lesson) -> None:
    """The model is the one of the rung below; where that is not there, it is trained."""
    below = lesson.earlier.get(*RUNG.takes)
    if below is None:
        write.fit(lesson)
        return
    (lesson.folder / write.MODEL).mkdir(parents=True, exist_ok=True)
    for file in (below / write.MODEL).iterdir():
        link(file, lesson.folder / write.MODEL / file.name)


def load(folder: Path, known: Known, encode: Encode) -> Propose:
    """Proposes eight drafts with their scores."""
    return write.at_work(folder)


RUNG = Rung(
    "choose",
    30,
    "Write and choose",
    "Eight drafts a brief; those that pass every gate, ordered by how much the brief has to do with them.",
    fit,
    load,
    draws=write.DRAWS,
    new=True,
    lines=True,
    reads=True,
    takes=(write.RUNG.name,),
)
