"""The models that a student blends: one file a member, found by being here, which states what it is and what it can do.

A file NAME.py has MEMBER, a Member. A student of the kind NAME blends that member with all it needs. Training, the cascade,
exports, model cards, forms and commands read there what they do with a member, and ask none for its name. Those in looking/ look
at images: no student is of their kind, they join those of every kind where there are images.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from core.train.data import Rows, Step
    from core.train.students.reading import Reading
    from core.train.students.together import Readings

AUTO = "auto"  # the choice that climbs the ladder
LOOKING = "looking"  # the folder of those that look at images
QUICK = "embedding"  # of the kinds that train in seconds, where nobody chose one
SMALL_BASE = "encoder"  # the setting that names the small base model
BY = "with 10,000 assets on two cores"  # what `minutes` are measured with

Encode = Callable[["Sequence[str]"], "np.ndarray"]  # texts to unit vectors, float32 (texts, dimensions)


class Model(Protocol):
    """A member that has been trained."""

    def read(self, texts: Sequence[str]) -> Reading:
        """What it makes of `texts`."""


@dataclass(frozen=True)
class Export:
    """How a member goes along: `write(source, folder, base)` puts its files into an export's `folder` from the student's, `base`
    being the name of its base encoder or None, and there `reader`, one of READERS in core/deploy/exported/runtime.py, answers by
    them. Of the reader "graph", fp32.onnx is the exact graph, which its Model holds as `graph`; int8.onnx, the small one, is made
    of it where `write` leaves it out."""

    reader: str
    write: Callable[[Path, Path, str | None], None]


@dataclass(frozen=True)
class Member:
    """What a member is to the rest of the house.

    In words for people: its `name`; a `caption` to choose a student by; `made_of`, for those who know; what it does `alone` and
    `beside` others, as sentences on who settles which assets begin; what it `keeps` of the client's assets ("": nothing).
    `needs`: members trained before it and blended with it. `minutes`: training a student of its kind takes, all members, BY; the
    ladder climbs in that order. `milliseconds`: one asset of 20 tokens takes it on one core; the cascade asks in that order, and of
    equals first what trains sooner. `judges`: of the members asked so far the one with the highest says what is strange, by its
    nearness; 0: never. `base`: the setting that names the encoder it reads with; None: it reads words. `tunes`: it trains that
    encoder itself.
    `fit(rows, folder, step, earlier, folds)` trains and saves it, given the models it needs by name, and with `folds` keeps what
    models of the other folds make of each row; `load(folder)` gives it back. `quick(rows, encode, step)` trains it in seconds and
    writes nothing, with vectors of the small base: for learning curves and rounds; None: it takes longer.
    `export`: how it goes along, or why it cannot, in a sentence. `share(model, folder, readings)` has a model loaded from `folder`
    read together with those of other students (students/together.py); None: it has nothing in common with them. `several`: whether
    it learns several tags an asset, too. `joins(rows)`, of a member that looks at images: whether it joins a student that learns
    from these rows."""

    name: str
    caption: str
    made_of: str
    alone: str
    beside: str
    keeps: str
    needs: tuple[str, ...]
    minutes: float
    milliseconds: float
    judges: int
    base: str | None
    tunes: bool
    fit: Callable[[Rows, Path, Step, dict[str, Model], np.ndarray | None], Model]
    load: Callable[[Path], Model]
    quick: Callable[[Rows, Encode | None, Step], Model] | None
    export: Export | str
    share: Callable[[Model, Path, Readings], None] | None = None
    several: bool = True
    joins: Callable[[Rows], bool] | None = None

    def __post_init__(self) -> None:
        empty = [one.name for one in fields(self) if getattr(self, one.name) == "" and one.name != "keeps"]
        if empty:
            raise ValueError(f"The member {self.name or '?'} says nothing for: {', '.join(empty)}.")
        if self.quick and not self.joins and self.base not in (None, SMALL_BASE):
            raise ValueError(f"The member {self.name} is quick, so it must read words or with the small base model.")

    @property
    def takes(self) -> str:
        """How long training takes BY, in words."""
        if self.minutes < 1:
            return "seconds"
        return "about a minute" if self.minutes < 1.5 else f"about {self.minutes:.0f} minutes"


@dataclass(frozen=True)
class Choice:
    """What can be trained: its `name`, a `caption` and what lies `ahead`, in words for people; the kinds on its `ladder` are
    trained from the first on until one is good enough."""

    name: str
    caption: str
    ahead: str
    ladder: tuple[str, ...]


def names() -> tuple[str, ...]:
    """The members there are, by the alphabet; none is imported for it."""
    return _listed(tuple(__path__))


@cache
def _listed(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(file.name for file in pkgutil.iter_modules(folders) if not file.ispkg))


def lookers() -> tuple[str, ...]:
    """The members that look at images, by the alphabet; none is imported for it."""
    return _listed(tuple(str(Path(folder) / LOOKING) for folder in __path__))


def of(name: str) -> Member:
    """The member of that name. InputError where there is none; ValueError or TypeError where its file does not say all there is to
    say."""
    looks = name in lookers()
    if not looks and name not in names():
        raise InputError(
            f"There is no student of the kind '{name}'.", f"Choose one of: {', '.join((AUTO, *ladder()))}."
        )
    package = f"{__name__}.{LOOKING}" if looks else __name__
    member = getattr(importlib.import_module(f"{package}.{name}"), "MEMBER", None)
    if not isinstance(member, Member):
        raise ValueError(f"The file of the member {name} has no MEMBER that is a Member.")
    return member


def ladder() -> tuple[str, ...]:
    """The kinds of students there are, those that train soonest first."""
    return tuple(sorted(names(), key=lambda name: of(name).minutes))


def blend(kind: str, rows: Rows | None = None) -> tuple[str, ...]:
    """The members of a student of that kind, each after those it needs, and where it learns from `rows` with images, those that
    look at them. ValueError where one of those is missing, or the first to be asked cannot say what is strange."""
    needed = _needed(kind)
    if rows is not None and rows.seen:
        needed += tuple(name for name in lookers() if of(name).joins(rows))
    first = asked_in_order(needed)[0]
    if not of(first).judges:
        raise ValueError(f"A student of the kind {kind} asks {first} first, which cannot say what is strange.")
    return needed


def _needed(kind: str) -> tuple[str, ...]:
    if kind in lookers():
        raise InputError(
            f"There is no student of the kind '{kind}': it joins others.", f"Choose: {', '.join(ladder())}."
        )
    if lacking := [need for need in of(kind).needs if need not in names()]:
        raise ValueError(f"The member {kind} needs {', '.join(lacking)}, which there is not.")
    needed = [name for need in of(kind).needs for name in _needed(need)]
    return tuple(dict.fromkeys([*needed, kind]))


def asked_in_order(some: Sequence[str]) -> list[str]:
    """Members in the order a text is put to them."""
    return sorted(some, key=lambda name: (of(name).milliseconds, of(name).minutes))


def bases(*kinds: str) -> tuple[str, ...]:
    """The settings that name the encoders which students of these kinds read with, in the order of training."""
    return bases_of([name for kind in kinds for name in blend(kind)])


def bases_of(blended: Sequence[str]) -> tuple[str, ...]:
    """The settings that name the encoders which these members read with, in this order."""
    return tuple(dict.fromkeys(base for name in blended if (base := of(name).base)))


def quick_kinds() -> tuple[str, ...]:
    """The kinds whose members are all trained in seconds, the dearest first."""
    return tuple(kind for kind in reversed(ladder()) if all(of(name).quick for name in blend(kind)))


def must_be_quick(kind: str) -> None:
    """InputError for a kind that takes too long to be trained again and again."""
    if kind not in quick_kinds():
        raise InputError(
            f"There is no curve and no round for the kind '{kind}': it is not trained in seconds.",
            f"Choose one of: {', '.join(quick_kinds())}.",
        )


def of_tags(ladder: Sequence[str]) -> tuple[str, ...]:
    """The kinds of a ladder that learn several tags an asset. InputError where none does."""
    able = tuple(kind for kind in ladder if all(of(name).several for name in blend(kind)))
    if not able:
        known = [kind for kind in names() if all(of(name).several for name in blend(kind))]
        raise InputError(
            f"A student of the kind '{ladder[-1]}' learns one category an asset, not several.",
            f"Choose one of: {', '.join([AUTO, *sorted(known, key=lambda kind: of(kind).minutes)])}.",
        )
    return able


def choices() -> dict[str, Choice]:
    """All that can be trained, by what it is called in commands: `auto`, then each kind. Raises as of() and blend() do."""
    kinds = [blend(kind)[-1] for kind in ladder()]
    rungs = ", ".join(f"{kind} ({of(kind).takes})" for kind in kinds)
    climb = Choice(
        "Choose for me",
        "Trains the kinds below from the cheapest on and stops at the first that reaches the target.",
        f"It trains one student after the other until one reaches the target: {rungs}, {BY}; each is judged at once.",
        tuple(kinds),
    )
    alone = {
        kind: Choice(member.name, member.caption, f"It takes {member.takes} {BY}, then it is judged.", (kind,))
        for kind, member in ((kind, of(kind)) for kind in kinds)
    }
    return {AUTO: climb, **alone}


def choice(kind: str) -> Choice:
    """The one called so. InputError where there is none."""
    known = choices()
    if kind not in known:
        raise InputError(f"There is no student of the kind '{kind}'.", f"Choose one of: {', '.join(known)}.")
    return known[kind]
