"""How like approved copy a text is: the same, nearly the same, or with a run of words in common."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from core.assets.duplicates import normal_form

PIECE = 4  # characters
NEAR = 0.7  # of the pieces of two texts shared, from which they are near copies


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

    def nearest(self, text: str) -> tuple[str, float]:
        """The copy most like a text, and the share of their pieces that both have (Jaccard, 0..1)."""
        pieces = _pieces(text)
        shared = Counter(place for piece in pieces for place in self._with.get(piece, ()))
        best, found = "", 0.0
        for place, count in shared.items():
            like = count / (len(pieces) + self._sizes[place] - count)
            if like > found:
                best, found = self.texts[place], like
        return best, found

    def run(self, text: str, length: int) -> str:
        """The first `length` words in a row that a text shares with any copy; "" where there are none."""
        if length not in self._runs:
            self._runs[length] = {run for one in self.texts for run in _runs(one, length)}
        return next((" ".join(run) for run in _runs(text, length) if run in self._runs[length]), "")


def _pieces(text: str) -> set[str]:
    form = normal_form(text)
    return {form[at : at + PIECE] for at in range(max(1, len(form) - PIECE + 1))}


def _runs(text: str, length: int) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
