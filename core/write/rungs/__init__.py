"""The rungs of the ladder of students that write, cheapest first, a file each: what it is called, how it learns, how it proposes.

A rung's file has RUNG. What it proposes goes through the gates (core/write/drafting.py), which no rung knows of.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from core.write.guide import Guide
    from core.write.known import Encode, Known

AUTO = "auto"
Pairs = list[tuple[str, str]]  # brief, copy
Step = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Lesson:
    """What a rung learns from, and the `folder` it writes into. `held`: pairs to choose by, never to learn from; `earlier`: folders
    of the rungs below it that were made of the same pairs, by name; `summarises`: copy is a summary of its brief."""

    train: Pairs
    held: Pairs
    known: Known
    guide: Guide
    base: str
    encode: Encode
    folder: Path
    earlier: dict[str, Path]
    summarises: bool
    step: Step


@dataclass(frozen=True)
class Proposal:
    """A text, facts as slots, and where it stands among those of its brief (higher is better); `told`: what the model says of it
    besides, for the scorer."""

    slotted: str
    score: float = 0.0
    told: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Propose:
    """What a student proposes: briefs, how many drafts of each, what chance is drawn by -> proposals of each brief. `runtime`: what
    its model drafts with, None for one without."""

    made: Callable[[Sequence[str], int, int], list[list[Proposal]]]
    runtime: str | None = None

    def __call__(self, briefs: Sequence[str], drafts: int, seed: int) -> list[list[Proposal]]:
        return self.made(briefs, drafts, seed)


@dataclass(frozen=True)
class Rung:
    """`draws`: how many drafts it writes of a brief whatever is asked for, to choose from (0: as many as asked for). `new`: it
    writes, so that a copy of approved copy is stopped. `lines`, `summaries`: what it is for. `reads`: it builds on a base
    model; `takes`: the rungs whose model it uses."""

    name: str
    order: int
    title: str
    about: str
    fit: Callable[[Lesson], None]
    load: Callable[[Path, Known, Encode], Propose]
    draws: int = 0
    new: bool = False
    lines: bool = False
    summaries: bool = False
    reads: bool = False
    takes: tuple[str, ...] = ()


def names() -> list[str]:
    """What the rungs are called; none is loaded."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def rungs() -> dict[str, Rung]:
    """Every rung by its name, the cheapest first."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names()]
    return {rung.name: rung for rung in sorted((module.RUNG for module in modules), key=lambda rung: rung.order)}


def ladder(choice: str, summarises: bool) -> list[Rung]:
    """The rungs to climb for a choice: AUTO for all that suit lines, or summaries; else the one named. InputError where there is
    none of that name."""
    known = rungs()
    if choice != AUTO and choice not in known:
        raise InputError(f"There is no writing student {choice}.", f"Choose one of: {', '.join([AUTO, *known])}.")
    if choice != AUTO:
        return [known[choice]]
    return [rung for rung in known.values() if (rung.summaries if summarises else rung.lines)]
