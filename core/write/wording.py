"""Briefs and copy as a student's model reads them: the same tokens whatever computes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_BRIEF, MOST_COPY = 1_024, 256  # tokens; what is longer is cut at its end


@dataclass(frozen=True)
class Wording:
    """A tokenizer, what ends a copy, the tokens that break a line, and what a text must begin with, where it must: Gemma writes
    nonsense without."""

    tokens: Tokenizer
    end: int
    breaks: frozenset[int]
    start: int | None

    def prompt(self, brief: str) -> list[int]:
        """The tokens that ask for the copy of a brief; an empty brief asks for any copy."""
        body = self.tokens.encode(f"Brief: {brief}", add_special_tokens=True).ids[:MOST_BRIEF]
        if self.start is not None and body[:1] != [self.start]:
            body.insert(0, self.start)
        return body + self.tokens.encode("\nCopy:", add_special_tokens=False).ids

    def copy(self, text: str) -> list[int]:
        """The tokens of a copy, its end included."""
        return [*self.tokens.encode(" " + text, add_special_tokens=False).ids[:MOST_COPY], self.end]

    def text(self, ids: Sequence[int]) -> str:
        """The words of tokens that were written."""
        return self.tokens.decode(list(ids), skip_special_tokens=True).strip()


def wording(folder: Path) -> Wording:
    """That of the model in `folder` (config.json, tokenizer.json)."""
    from tokenizers import Tokenizer

    tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens.no_padding()
    tokens.no_truncation()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    end, start = config["eos_token_id"], config["bos_token_id"] if config["model_type"] == "gemma3_text" else None
    breaks = frozenset(id for word, id in tokens.get_vocab().items() if "Ċ" in word or "\n" in word or word == "<0x0A>")
    return Wording(tokens, end[0] if isinstance(end, list) else end, breaks, start)
