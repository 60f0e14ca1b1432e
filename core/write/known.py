"""What gates and students know of a task's approved copy: its briefs and copies, the brands and words in them, and vectors that
tell what a text is about. Kept as JSON and safetensors in a student's folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from core.assets.duplicates import normal_form
from core.chance import chance
from core.train.disk import tensors_of
from core.whole import write_whole
from core.write import slots
from core.write.likeness import Copies

Encode = Callable[[Sequence[str]], np.ndarray]
OTHERS = 99  # briefs beside a draft's own
FORGIVEN = 0.005  # of approved copy that may rank its own brief worse than the bar
FILE, VECTORS = "known.json", "known.safetensors"


@dataclass(frozen=True)
class Known:
    """`vectors`: of the briefs, (briefs, dimensions), each of length 1. `bar`: the rank of its own brief that a draft, without the
    brand's words, must reach among OTHERS more; `words`: common words of the language, in small letters."""

    briefs: list[str]
    copies: list[str]
    vectors: np.ndarray
    bar: int
    words: frozenset[str]

    @cached_property
    def index(self) -> Copies:
        """The approved copies, as they stand and with slots, to compare with."""
        return Copies([*self.copies, *(slots.put(copy, brief) for brief, copy in zip(self.briefs, self.copies))])

    @cached_property
    def brands(self) -> frozenset[str]:
        """The brands of the briefs, without case and signs."""
        return frozenset(normal_form(name) for name in self._brand_of if len(name) > 2)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Words that occur in small letters."""
        return self.words | frozenset(
            word for text in [*self.briefs, *self.copies] for word in re.findall(r"\b[a-z]{2,}\b", text)
        )

    def ranks(self, briefs: Sequence[str], texts: Sequence[str], encode: Encode) -> np.ndarray:
        """The rank of its own brief, from 1, among OTHERS of the known briefs, for each text; int (texts)."""
        own = encode(list(briefs))
        written = encode([unbranded(text, brief) for text, brief in zip(texts, briefs)])
        chosen = {brief: self._others(brief) for brief in dict.fromkeys(briefs)}
        return np.array(
            [
                1 + int((self.vectors[chosen[brief]] @ s > s @ o + 1e-6).sum())
                for s, o, brief in zip(written, own, briefs)
            ]
        )

    def _others(self, brief: str) -> list[int]:
        """Up to OTHERS of the known briefs, drawn by this one's words, each brief once: those of other brands first, for two of one
        brand may be about the same thing. Where all are for one brand, its own."""
        name = slots.brand(brief)
        firsts = {one: at for at, one in enumerate(self.briefs) if one != brief}
        same = {at: bool(name) and self._brand_of[at] == name for at in firsts.values()}
        return sorted(same, key=lambda at: (same[at], chance(f"{at} {brief}")))[:OTHERS]

    @cached_property
    def _brand_of(self) -> list[str]:
        return [slots.brand(brief) for brief in self.briefs]

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        stored = {"briefs": self.briefs, "copies": self.copies, "bar": self.bar, "words": sorted(self.words)}
        write_whole(folder / VECTORS, save({"vectors": self.vectors.astype(np.float16)}))
        write_whole(folder / FILE, json.dumps(stored, ensure_ascii=False))


def load(folder: Path) -> Known:
    """What a student's folder holds. InputError where its vectors are damaged."""
    stored = json.loads((folder / FILE).read_text(encoding="utf-8"))
    vectors = tensors_of(folder / VECTORS)["vectors"].astype(np.float32)
    return Known(stored["briefs"], stored["copies"], vectors, stored["bar"], frozenset(stored["words"]))


def of(
    pairs: Sequence[tuple[str, str]], held: Sequence[tuple[str, str]], encode: Encode, words: frozenset[str]
) -> Known:
    """What is known of approved (brief, copy) pairs, which may be none. The bar is the rank that all but FORGIVEN of `held` pairs,
    which are others, reach, and 20 at least."""
    briefs, copies = [brief for brief, _ in pairs], [copy for _, copy in pairs]
    vectors = encode(briefs or [""])[: len(briefs)]
    known = Known(briefs, copies, vectors, OTHERS + 1, words)
    if briefs and len(held) >= 20:
        ranks = known.ranks([brief for brief, _ in held], [copy for _, copy in held], encode)
        bar = int(np.quantile(ranks, 1 - FORGIVEN, method="higher"))
        known = Known(briefs, copies, vectors, max(20, bar), words)
    return known


def unbranded(text: str, brief: str) -> str:
    """A text without the words of its brief's brand: naming it says nothing about the product. The brief keeps them, for many a
    brand says what it sells."""
    name = slots.brand(brief)
    names = "|".join(re.escape(word) for word in name.split() if len(word) > 2 or word.isupper())
    return re.sub(rf"(?<!\w)(?:{names})(?!\w)", " ", text, flags=re.I).strip() if names else text
