"""Families of creatives for tests: one concept localised for many markets, drawn by a seeded program.

A concept belongs to a category by the words it takes from it; each market says these words in a language of its own (cognates:
the first letters stay) inside templates of its own. A concept also has words nobody else has, its product and its line, which
stay as they are in every market: whoever has seen one market's version knows the others by them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SYLLABLES = [first + second for first in "bdfgklmnprstvwz" for second in "aeiou"][::3]
ENDINGS = ["", "en", "ado", "ette", "ino", "ska", "ning", "ilo", "oso", "ukka", "ema"]
MARKETS = ["UK", "DE", "ES", "FR", "IT", "PL", "SE", "PT", "NL", "FI", "DK"]


@dataclass(frozen=True)
class Families:
    """`texts` (n); `answers` int (n), the category a teacher gave; `family` int (n); `market` (n)."""

    texts: list[str]
    answers: np.ndarray
    family: np.ndarray
    market: list[str]


def draw(
    concepts: int = 300, markets: int = 11, categories: int = 15, *, seed: int = 0, sizes: np.ndarray | None = None
) -> Families:
    """`concepts`, each in `markets` versions, or in so many as `sizes` says (int [concepts]). The same world whatever the seed: the
    categories' words and the markets' languages are fixed, the concepts are drawn. One concept in eighty and one version in
    eighty is labelled as a neighbour."""
    world, chance = np.random.default_rng(99), np.random.default_rng(seed)
    shared = [_word(world, 3) for _ in range(40)]
    own = [[_word(world, 3) for _ in range(8)] for _ in range(categories)]
    templates = [[_word(world, 2) for _ in range(8)] for _ in MARKETS]
    texts, answers, family, market = [], [], [], []
    for concept in range(concepts):
        category = int(chance.integers(categories))
        says = (category + 1) % categories if chance.random() < 1 / 80 else category
        words = [*chance.choice(own[category], 3, replace=False), *chance.choice(shared, 2, replace=False)]
        words += [chance.choice(own[int(other)]) for other in chance.integers(categories, size=3)]
        names = [_word(chance, 4).title(), _word(chance, 4).title()]
        for place in chance.permutation(len(MARKETS))[: markets if sizes is None else sizes[concept]].tolist():
            spoken = [word[:5] + ENDINGS[place] for word in words] + chance.choice(templates[place], 3).tolist() + names
            chance.shuffle(spoken)
            texts.append(" ".join(spoken))
            answers.append((says + 1) % categories if chance.random() < 1 / 80 else says)
            family.append(concept)
            market.append(MARKETS[place])
    return Families(texts, np.array(answers), np.array(family), market)


def _word(chance: np.random.Generator, syllables: int) -> str:
    return "".join(chance.choice(SYLLABLES, syllables))
