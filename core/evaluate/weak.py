"""Weak categories: which is the weakest, which lie below the floor for certain, and which are too small for that to be shown.

A category is guarded where it has the test assets that a client's rule asks for, and enough that disagreeing on every one of them
would show it below the floor: by the exact binomial test at 5 %, shared out among all categories guarded (Bonferroni), so that
among many none falls by chance. One too small for that is not counted among them, which leaves the others the sharper test.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from scipy.special import bdtr

from core.evaluate.agreement import interval
from core.words import percent, ranged

ERROR = 0.05  # of the test that finds a weak category, all guarded categories together


@dataclass(frozen=True)
class Category:
    """How often student and teacher agree in one category: `agreed` of `n` test assets, which tell as much as `groups` independent
    ones (None: all are independent). Intervals and tests go by those; counts and shares are of test assets everywhere."""

    label: str
    n: int
    agreed: int
    groups: int | None = None

    @property
    def independent(self) -> int:
        """How many independent test assets there are: where copies widen the evidence, they count once."""
        return self.n if self.groups is None else self.groups

    @property
    def hits(self) -> float:
        """The independent test assets agreed on."""
        return self.share * self.independent

    @property
    def share(self) -> float:
        """The share of its test assets agreed on."""
        return self.agreed / self.n if self.n else 0.0

    @property
    def centre(self) -> float:
        """The middle of Wilson's 95 % interval (1927): what few assets say counts for less than what many do."""
        return (self.hits + 1.92) / (self.independent + 3.84)

    @property
    def words(self) -> str:
        """“Sale” (9 of 40)"""
        return f"“{self.label}” ({self.agreed:,} of {self.n:,})"

    @property
    def span(self) -> str:
        """“Sale”: 9 of 40, 10.8 % to 38.5 %"""
        ends = ranged(*interval(self.hits, self.independent), partial(percent, digits=0))
        return f"“{self.label}”: {self.agreed:,} of {self.n:,}, {ends}"


Kind = TypeVar("Kind", bound=Category)


def ranked(categories: Iterable[Kind]) -> list[Kind]:
    """The categories with test assets, however few, the weakest first."""
    return sorted((one for one in categories if one.n), key=lambda one: (one.centre, -one.independent))


def weakest(categories: Iterable[Category]) -> Category | None:
    """The category that does worst, however few test assets it has; None where none has any."""
    return next(iter(ranked(categories)), None)


def guarded(categories: Iterable[Category], rows: int, floor: float) -> list[Category]:
    """The categories of at least `rows` independent test assets that could be shown to lie below `floor` (share)."""
    lasting = sorted(
        (one for one in categories if one.independent >= rows), key=lambda one: one.independent, reverse=True
    )
    while lasting and (1 - floor) ** lasting[-1].independent > ERROR / len(lasting):
        lasting.pop()
    return lasting


def weak(categories: Iterable[Category], rows: int, floor: float) -> list[Category]:
    """The guarded categories shown to lie below the floor, the worst first."""
    watched = guarded(categories, rows, floor)
    shown = [one for one in watched if bdtr(round(one.hits), one.independent, floor) <= ERROR / len(watched)]
    return sorted(shown, key=lambda one: one.share)


def guard_words(categories: tuple[Category, ...], rows: int, floor: float) -> str:
    """What the guard on weak categories watches: all, some, or nothing."""
    watched, below = guarded(categories, rows, floor), percent(floor, digits=0)
    if not categories or len(watched) == len(categories):
        return f"Every category has test assets enough to be shown below {below}, where it lies there."
    if not watched:
        return f"The guard on weak categories protects nothing here: none has test assets enough to be shown below {below}."
    return (
        f"The guard on weak categories watches {len(watched):,} of {len(categories):,}: the others have too few test assets to be "
        f"shown below {below}."
    )
