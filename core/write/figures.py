"""What is measured of a writing student, by name: core/write/judging.py builds it, everybody else asks for attributes.

Each figure stands beside the same of held-out approved copy (`human`) and of copy turned over to other briefs (`shuffled`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError


@dataclass(frozen=True)
class Measured:
    """Of `n` texts, shares from 0 to 1: nearly approved copy; whose brief is among the ten nearest of a hundred; of different pairs
    of words, and of different texts, among all; passed every gate. `shared_run`: the most words in a row that a text shares with
    an approved copy, on average; None in figures of before it was measured."""

    n: int
    near_copies: float
    recall_at_10: float
    distinct_2: float
    unique: float
    passed: float
    shared_run: float | None = None


@dataclass(frozen=True)
class Range:
    """A share of `n` cases with its exact range of 95 % (Clopper and Pearson 1934)."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Rouge:
    """ROUGE-1 and ROUGE-2 (F1, Lin 2004) of drafts and of each brief's first sentences, on average over its approved summaries.
    `stems`: whether words were compared by their stems; as they stand (earlier versions), they agree a point or two less."""

    r1: float
    lead3_r1: float
    r2: float
    lead3_r2: float
    stems: bool = False


@dataclass(frozen=True)
class Seconds:
    """Seconds that half, and 95 of 100, of the briefs take at the most."""

    p50: float
    p95: float


@dataclass(frozen=True)
class VoiceFigures:
    """A classifier of the client's copy against others': its `accuracy` on lines of neither that it learned from, and the shares of
    held-out copy of the client (`human`), of others' (`others`) and of a student's drafts that it takes for the client's; `ratio`:
    the student's to people's."""

    accuracy: Range
    human: float
    others: float
    student: float
    ratio: float | None


@dataclass(frozen=True)
class Loss:
    """Nats a character of `n` held-out copies, facts as slots, under the student and the base model before training. It says
    whether training worked, and is no figure of quality."""

    student: float
    base: float
    n: int


class TextFigures(BaseModel):
    """The figures of anybody's texts for `briefs` held out. `after_gates`: of the texts that pass, None where none does. `stops`:
    the share of them that each gate stops, `human_stops` of approved copy."""

    model_config = ConfigDict(frozen=True)

    briefs: int
    handled: Range
    after_gates: Measured | None
    human: Measured
    shuffled: Measured
    stops: dict[str, float]
    human_stops: dict[str, float]
    rouge: Rouge | None


@dataclass(frozen=True)
class Example:
    """The best draft of a test brief, and what stops it at the gates ("" where it passes)."""

    brief: str
    text: str
    passed: bool
    why: str


class WriteFigures(TextFigures):
    """The figures of a student. `examples`: its drafts of the first test briefs, which chance has put in order. `role_probe` and
    `licence`: of the base model, where it has one. `contrasts`: the share of held-out copies that the trained model finds likelier
    than the same with another number, brand or date, by what is exchanged. `voice_refused`: why there is no `voice`. `runtime`:
    what its model drafted with, torch or llama.cpp; None without a model, and in figures of before there was a choice (torch)."""

    seconds_per_brief: Seconds
    runtime: str | None = None
    peak_gb: float
    examples: tuple[Example, ...] = ()
    role_probe: Range | None = None
    licence: str | None = None
    voice: VoiceFigures | None = None
    voice_refused: str = ""
    loss: Loss | None = None
    contrasts: dict[str, Range] = {}

    @property
    def drafted_with(self) -> str:
        """What stands behind a time: ", drafted with llama.cpp"; "" without a model."""
        return f", drafted with {self.runtime}" if self.runtime else ""


def read(text: str) -> WriteFigures:
    """Figures from the JSON they are kept as. InputError where an earlier version wrote it."""
    try:
        return WriteFigures.model_validate_json(text)
    except ValidationError:
        raise InputError(
            "A writing student's figures are of an earlier version of Understudy.", "Train it again on the Write page."
        ) from None
