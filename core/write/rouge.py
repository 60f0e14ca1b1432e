"""ROUGE (Lin 2004) of a summary and its references: words in small letters, without stemming."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence


def words(text: str) -> list[str]:
    """The words of a text in small letters."""
    return re.findall(r"\w+", text.casefold())


def overlap(text: str, reference: str, n: int = 1) -> float:
    """F1 of the two texts' runs of `n` words (ROUGE-1, ROUGE-2), 0..1."""
    written, wanted = (
        [tuple(words[at : at + n]) for at in range(len(words) - n + 1)] for words in (words(text), words(reference))
    )
    both = sum((Counter(written) & Counter(wanted)).values())
    return 2 * both / (len(written) + len(wanted)) if both else 0.0


def mean(text: str, references: Sequence[str], n: int = 1) -> float:
    """overlap() with each reference, on average."""
    return sum(overlap(text, reference, n) for reference in references) / len(references)
