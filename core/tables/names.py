"""When two names are one, and which names are near: the one place that decides it.

Two names are the same when Unicode normalisation, case and white space make them so, and never because a sign was dropped:
"Disney+" is not "Disney", "C++" not "C", "-1" not "1", and vowel signs count. What is only near is for a person to accept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from core.tables.files import squash

ALIKE = 0.5  # cosine of character pieces from which a name is near: a typo, a plural, a longer form
CLEAR = 0.15  # by how much the nearest is nearer than the next, where it alone is meant
OFFERED = 3
# Characters that nobody sees and that mean nothing in a name: soft hyphen, zero-width space, marks of direction, word joiner,
# byte-order mark. Joiners stay (they tell words and emoji apart), and so do the selectors and tags of emoji.
_UNSEEN = dict.fromkeys([0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF])
_CODE = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?", re.ASCII)

SEPARATOR = " > "  # between the names of a path
_STEP = re.compile(r" ?> ?")


def same(name: str) -> str:
    """The form in which two names are one (NFKC, case folded, white space as single blanks).

    https://www.unicode.org/reports/tr15/ for NFKC; folded twice, since folding can undo it (Unicode, D145).
    """
    form = unicodedata.normalize("NFKC", name.translate(_UNSEEN)).casefold()
    return " ".join(unicodedata.normalize("NFKC", form).casefold().split())


def form(text: str) -> str:
    """The form in which two names or paths are one: blanks around the steps of a path mean nothing."""
    return _STEP.sub(SEPARATOR, same(text))


def same_code(code: str) -> str:
    """The form in which two codes may be one: 001, 1 and 1.0 (as spreadsheets write numbers); else as names are."""
    form = same(code)
    match = _CODE.fullmatch(form)
    if not match:
        return form
    sign, whole, rest = match[1], match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    return sign + whole + ("." + rest if rest else "")


def unambiguous(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """What each form means, without those that mean two things and without the empty form."""
    forms: dict[str, int | None] = {}
    for form, place in pairs:
        forms[form] = place if forms.get(form, place) == place else None
    return {form: place for form, place in forms.items() if place is not None and form}


class Near:
    """Finds the names nearest to one that is none of them. `names` are the names as they may be said, each with its label."""

    def __init__(self, names: Iterable[tuple[str, str]], codes: Iterable[tuple[str, str]] = ()):
        self._names = list(dict.fromkeys((name, label) for name, label in names if name))
        self._bare: dict[str, set[str]] = {}
        for name, label in self._names:
            self._bare.setdefault(squash(name), set()).add(label)
        self._codes = {same(code): label for code, label in codes if code}

    def __call__(self, values: Sequence[str]) -> list[tuple[str, ...]]:
        """For each value the labels it is near to, the nearest first, at most three; one where it alone can be meant."""
        nearest = [self._spelt(value) for value in values]
        rest = [place for place, near in enumerate(nearest) if not near]
        for place, near in zip(rest, self._alike([values[place] for place in rest])):
            nearest[place] = near
        return nearest

    def _spelt(self, value: str) -> tuple[str, ...]:
        """Labels that differ from the value in signs and blanks alone, or that it has with their code beside it."""
        code, _, name = same(value).partition(" ")
        coded = self._codes.get(code.rstrip(":.)-–"))
        beside = self._bare.get(squash(name), ()) if name else ()
        if coded in beside:
            return (coded,)
        bare = squash(value)
        labels = self._bare.get(bare, ()) if bare else ()
        return tuple(sorted(labels)[:OFFERED]) or ((coded,) if coded else ())

    def _alike(self, values: list[str]) -> list[tuple[str, ...]]:
        """Labels whose name looks like each value: cosine of pieces of two to four characters."""
        if not values or not self._names:
            return [() for _ in values]
        from sklearn.feature_extraction.text import TfidfVectorizer  # here: most imports need none of it

        pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), preprocessor=same, dtype=np.float32)
        try:
            table = pieces.fit_transform([name for name, _ in self._names])
        except ValueError:  # names of one sign each have no pieces
            return [() for _ in values]
        nearest = []
        for row in (pieces.transform(values) @ table.T).tocsr():
            best: dict[str, float] = {}
            for place, score in zip(row.indices, row.data):
                label = self._names[place][1]
                best[label] = max(best.get(label, 0.0), float(score))
            ranked = sorted((one for one in best.items() if one[1] >= ALIKE), key=lambda one: (-one[1], one[0]))
            clear = len(ranked) > 1 and ranked[0][1] - ranked[1][1] >= CLEAR
            nearest.append(tuple(label for label, _ in ranked[: 1 if clear else OFFERED]))
        return nearest
