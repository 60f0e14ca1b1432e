"""Drafting at its quickest on this machine: one brief at a time by llama.cpp (xllamacpp, optional), many at once by torch.

Read from the memory anew at every step, a model of eight bits drafts for one brief in a fraction of torch's time; over many briefs
torch reads it once for all of them. The same brief and seed draw other words in one than in the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from core.write import gguf_file, language, llama, parity
from core.write.language import Language
from core.write.llama import Llama
from core.write.rungs import Pairs
from core.write.sampling import Written
from core.write.wording import Wording, wording

FILE = "model.gguf"  # in the model's folder
TRIED = "model.gguf.tried"


@dataclass(frozen=True)
class Quick(Wording):
    """The model in `folder`, by whichever is quicker; torch's is loaded when it is first needed."""

    folder: Path
    one: Llama

    @cached_property
    def many(self) -> Language:
        """The model in torch."""
        return language.load(self.folder)

    def drafts(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], drafts: int, most: int, *, greedy: bool
    ) -> list[list[Written]]:
        """As core.write.sampling has it."""
        return (self.one if len(prompts) == 1 else self.many).drafts(prompts, seeds, drafts, most, greedy=greedy)

    def likelihoods(self, prompts: Sequence[list[int]], copies: Sequence[list[int]]) -> np.ndarray | list[float]:
        """log p(copy | prompt) of each, its end included."""
        return (self.one if len(prompts) <= llama.AT_ONCE else self.many).likelihoods(prompts, copies)


def add(folder: Path, held: Pairs) -> bool:
    """Put a .gguf file beside the model in `folder`, where llama.cpp is there and finds `held` copy as likely as torch does;
    whether there is one. What did not come to its end once is not tried again."""
    if (folder / FILE).exists() or (folder / TRIED).exists() or not held or not llama.installed():
        return (folder / FILE).exists()
    (folder / TRIED).touch()
    file = gguf_file.write(folder, folder / f"{FILE}.part")
    if parity.measure(folder, file, held).more > parity.LOST:
        file.unlink()
        return False
    file.rename(folder / FILE)
    (folder / TRIED).unlink()
    return True


def load(folder: Path) -> Language | Quick:
    """The model in `folder` as it drafts quickest here. InputError where it cannot be read."""
    if not (folder / FILE).exists() or not llama.installed():
        return language.load(folder)
    words = wording(folder)
    return Quick(**vars(words), folder=folder, one=llama.llama(folder / FILE, words))
