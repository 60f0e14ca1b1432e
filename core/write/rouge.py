"""ROUGE (Lin 2004) of a summary and its references: words in small letters, by their stems (Porter 1980, as SQLite has it), as the
reference program is mostly run, so that figures stand beside published ones."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing

REMEMBERED = 200_000  # words whose stems are kept; beyond that remembering starts anew
_stems: dict[str, str] = {}


def words(text: str) -> list[str]:
    """The words of a text in small letters."""
    return re.findall(r"\w+", text.casefold())


def stemmed(some: Sequence[str]) -> list[str]:
    """Each word's stem; what is no English word is mostly its own."""
    known = {word: _stems.get(word) for word in set(some)}
    if new := sorted(word for word, stem in known.items() if stem is None):
        known |= (found := _stems_of(new))
        if len(_stems) > REMEMBERED:
            _stems.clear()
        _stems.update(found)
    return [known[word] for word in some]


def _stems_of(new: Iterable[str]) -> dict[str, str]:
    stems = {word: word for word in new}
    order = list(stems)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("create virtual table given using fts5(word, tokenize = 'porter unicode61 remove_diacritics 0')")
        db.executemany("insert into given (rowid, word) values (?, ?)", enumerate(order))
        db.execute("create virtual table found using fts5vocab(given, instance)")
        # A word with an underscore would fall apart: it stays itself.
        for stem, at in db.execute("select min(term), doc from found group by doc having count(*) = 1"):
            stems[order[at]] = stem
    return stems


def overlap(text: str, reference: str, n: int = 1) -> float:
    """F1 of the two texts' runs of `n` stems (ROUGE-1, ROUGE-2), 0..1."""
    written, wanted = (
        [tuple(stems[at : at + n]) for at in range(len(stems) - n + 1)]
        for stems in (stemmed(words(text)), stemmed(words(reference)))
    )
    both = sum((Counter(written) & Counter(wanted)).values())
    return 2 * both / (len(written) + len(wanted)) if both else 0.0


def mean(text: str, references: Sequence[str], n: int = 1) -> float:
    """overlap() with each reference, on average."""
    return sum(overlap(text, reference, n) for reference in references) / len(references)
