"""Whether a model in another file still says what the student says: by how likely both find copy that neither learned from.

Texts say little: the same model draws other words after the smallest rounding. The loss tells, where a coarse file has lost the
training without any error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.words import percent
from core.write import gguf_file, language, llama, slots
from core.write.rungs import Pairs
from core.write.wording import wording

LOST = 0.01  # of the loss that a file may cost
MOST = 60  # pairs


@dataclass(frozen=True)
class Parity:
    """Nats a character of `n` held-out copies: by the student here, and by the file."""

    here: float
    file: float
    n: int

    @property
    def more(self) -> float:
        """By what share the file's loss is higher."""
        return self.file / self.here - 1

    @property
    def holds(self) -> bool:
        """Whether the file has lost no more than it may."""
        return self.more <= LOST


def measure(model: Path, file: Path, pairs: Pairs) -> Parity:
    """Measure a .gguf file of the model in folder `model` on (brief, copy) pairs, each by what runs it."""
    some = pairs[:: max(1, len(pairs) // MOST)][:MOST]
    briefs, copies = [brief for brief, _ in some], [slots.put(copy, brief) for brief, copy in some]
    here = loss(language.load(model), briefs, copies)
    return Parity(here, loss(llama.llama(file, wording(model)), briefs, copies), len(some))


def loss(writer: language.Language | llama.Llama, briefs: Sequence[str], copies: Sequence[str]) -> float:
    """Nats a character of copies after their briefs."""
    logps = writer.likelihoods([writer.prompt(brief) for brief in briefs], [writer.copy(copy) for copy in copies])
    return float(-sum(logps) / sum(len(copy) + 1 for copy in copies))


def lost(parity: Parity) -> str:
    """What a file that does not hold has lost, with both figures."""
    return (
        f"the file finds approved copy less likely than the student does ({parity.file:.4f} nats a character, {parity.here:.4f} "
        f"here, on {parity.n:,} copies kept for the test: {percent(parity.more, LOST, digits=1)} more, and "
        f"{percent(LOST, digits=0)} is allowed), so part of what it learned is lost."
    )


def must_hold(parity: Parity) -> None:
    """InputError, with both figures, where the file has lost more than LOST."""
    if not parity.holds:
        raise InputError(
            f"Nothing was exported: {lost(parity)}",
            f"Export another student, or train this one again. Matrices were written as {gguf_file.KIND}.",
        )
