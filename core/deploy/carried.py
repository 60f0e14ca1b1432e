"""A writing student as its exported folder has it: the same gates, guide and approved copy, and its model in llama.cpp."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.encoders.encoder import OnnxText
from core.write import known, wording
from core.write.drafting import Draft, gated
from core.write.guide import Guide
from core.write.llama import llama
from core.write.rungs import extract, retrieve
from core.write.rungs.write import drawn, unordered

if TYPE_CHECKING:
    from core.write.known import Encode, Known
    from core.write.rungs import Propose

CONFIG, GUIDE, ENCODER, MODEL, GGUF, WRITING = (
    "config.json",
    "guide.json",
    "encoder",
    "model",
    "model.gguf",
    "writing.json",
)
WITHOUT_MODEL = {"retrieve": retrieve.load, "extract": extract.load}


@dataclass(frozen=True)
class Student:
    """A student in an exported folder. `draws`: drafts it chooses from (0: as many as are asked for)."""

    guide: Guide
    known: Known
    encode: Encode
    propose: Propose
    draws: int
    new: bool

    def drafts(self, briefs: Sequence[str], count: int = 3, seed: int = 0) -> list[list[Draft]]:
        """Up to `count` drafts of each brief, those that pass every gate first."""
        proposals = self.propose(briefs, self.draws or count, seed)
        return [some[:count] for some in gated(proposals, [(brief, "") for brief in briefs], self, new=self.new)]


def load(folder: Path) -> Student:
    """The student in an exported folder."""
    config = _json(folder / CONFIG)
    encode, there = OnnxText(folder / ENCODER), known.load(folder)
    if (kind := config["kind"]) in WITHOUT_MODEL:
        propose = WITHOUT_MODEL[kind](folder, there, encode)
    else:
        model = folder / MODEL
        writer = llama(model / GGUF, wording.wording(model))
        propose = drawn(writer, _json(model / WRITING))
        propose = propose if config["scored"] else unordered(propose)
    return Student(Guide.model_validate(_json(folder / GUIDE)), there, encode, propose, config["draws"], config["new"])


def _json(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))
