"""How like approved copy a text is: the same, nearly the same, or with a run of words in common."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher

from core.assets.duplicates import normal_form

PIECE = 4  # characters
NEAR = 0.7  # of the pieces of two texts shared, from which they are near copies
NEAR_WORDS, WORDS = 0.79, 5  # four words of five
LOOKED_AT = 10  # copies that share most pieces with a text
FRAME = 5  # words of a saying around what it is filled with, at most
# Words that say nothing by themselves: what is left of "it's all about the ..." without its filling is nobody's.
_LITTLE = (
    "a about all an and are as at be because by can do for from get got have her his how i if in is it its just like make more my "
    "no not now of on one only or our she so than that the their there they this to up was we were what when where who why will "
    "with you your youre"
)
LITTLE = frozenset(_LITTLE.split())


class Copies:
    """Approved copies to compare with. Each is looked up by its pieces, so that thousands cost a draft a millisecond."""

    def __init__(self, texts: Sequence[str]):
        self.texts = list(dict.fromkeys(texts))
        self._sizes: list[int] = []
        self._with: dict[str, list[int]] = defaultdict(list)
        self._runs: dict[int, set[tuple[str, ...]]] = {}
        for place, text in enumerate(self.texts):
            pieces = _pieces(text)
            self._sizes.append(len(pieces))
            for piece in pieces:
                self._with[piece].append(place)

    def near(self, text: str, brief: str = "") -> tuple[str, float] | None:
        """The copy that a text nearly is, and how like they are (0..1; 1: the same); None where there is none.

        Like in pieces (Jaccard) from NEAR on, or in the words in their order from NEAR_WORDS on, where there are WORDS of them: a
        long word exchanged changes most pieces of a line. A common saying is no copy of any: what several copies fill in
        differently ("for all your ... needs"), or a short one that differs by what its own `brief` is about.
        """
        pieces, words = _pieces(text), normal_form(text).split()
        shared = Counter(place for piece in pieces for place in self._with.get(piece, ()))
        own = set(normal_form(brief).split()) - LITTLE
        like = {place: count / (len(pieces) + self._sizes[place] - count) for place, count in shared.items()}
        alike = [
            place for place, share in like.items() if share >= NEAR and not _refilled(words, self._words(place), own)
        ]
        if alike:
            best = max(alike, key=like.__getitem__)
            return self.texts[best], like[best]
        near: dict[str, tuple[str, float]] = {}  # by the words that the copy fills in
        for place, _ in shared.most_common(LOOKED_AT) if len(words) >= WORDS else ():
            others = self._words(place)
            share = SequenceMatcher(None, words, others, False).ratio()
            if share >= NEAR_WORDS and not _refilled(words, others, own):
                filled = " ".join(word for word in others if word not in words)
                near.setdefault(filled, (self.texts[place], share))
        return max(near.values(), key=lambda one: one[1]) if len(near) == 1 else None

    def _words(self, place: int) -> list[str]:
        return normal_form(self.texts[place]).split()

    def run(self, text: str, length: int) -> str:
        """The first `length` words in a row that a text shares with any copy; "" where there are none."""
        if length not in self._runs:
            self._runs[length] = {run for one in self.texts for run in _runs(one, length)}
        return next((" ".join(run) for run in _runs(text, length) if run in self._runs[length]), "")

    def longest_run(self, text: str) -> int:
        """The most words in a row that a text shares with any copy."""
        length = 0
        while self.run(text, length + 1):
            length += 1
        return length


def _refilled(words: Sequence[str], others: Sequence[str], own: set[str]) -> bool:
    """Whether a text is a short saying of a copy filled anew: with words of its own brief, or around one word that says much."""
    frame = [word for word in words if word in others]
    new, exchanged = set(words) - set(others), set(others) - set(words)
    if not (new and exchanged) or len(frame) > FRAME or new & LITTLE:
        return False
    return new <= own or len(set(frame) - LITTLE) <= 1


def _pieces(text: str) -> set[str]:
    form = normal_form(text)
    return {form[at : at + PIECE] for at in range(max(1, len(form) - PIECE + 1))}


def _runs(text: str, length: int) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
