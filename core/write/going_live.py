"""Putting a student that writes to work: only ever because somebody asks for it, and what changes and what speaks against it is
said first. The versions of a task, with their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlite_utils import Database

from core.errors import InputError
from core.evaluate.agreement import paired
from core.evaluate.versions import name_of
from core.tasks import Task
from core.words import percent, ranged
from core.write import blind, judged, training, verdict
from core.write.judged import Judged
from core.write.training import LIVE

SHOWN = 20  # briefs of which both drafts are shown


@dataclass(frozen=True)
class Change:
    """Going live of the student `new` in place of `old` (None: none is at work), on the `briefs` that both were judged on: `lines`
    say it, one thing each, `warnings` speak against it. `handled`, `near_copies`: shares of old and new; `gates`: the shares that
    each stops; `drafts`: what both wrote of some briefs."""

    new: str
    old: str | None
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    briefs: int = 0
    handled: tuple[float, float] | None = None
    near_copies: tuple[float, float] | None = None
    gates: dict[str, tuple[float, float]] = field(default_factory=dict)
    drafts: tuple[dict[str, Any], ...] = ()


def change(db: Database, task: Task, writer_id: int) -> Change:
    """What changes when the student goes live, by what was kept when it was judged: nothing is drafted or bought. InputError where
    the task has no such student."""
    row = training.find(db, task, writer_id)
    live = next((one for one in training.all_writers(db, task) if one["live"]), None)
    new, old, warnings = name_of(row), name_of(live) if live else None, tuple(_warnings(row, live))
    if live is None:
        return Change(new, old, (f"No student is at work yet; {new} would be the first.", *_alone(row)), warnings)
    if live["id"] == row["id"]:
        return Change(new, old, (f"{new} is live already: nothing changes.",), ())
    before, after = (judged.load(LIVE.folder_of(db, one["id"])) for one in (live, row))
    both = [(before[brief], after[brief]) for brief in before if brief in after]
    if not both:
        lines = ("No test brief was drafted by both, so what changes cannot be counted.", *_alone(live), *_alone(row))
        return Change(new, old, (*lines, *_compared(live, row)), warnings)
    counted = _counted(both)
    return Change(
        new, old, (*_lines(old, new, both, counted), *_compared(live, row)), warnings, **counted, drafts=_some(both)
    )


def go_live(db: Database, task: Task, writer_id: int) -> Change:
    """Put the student to work; returns what that changes. InputError where there is none, it may not write, or its files are
    gone."""
    planned = change(db, task, writer_id)
    if refused := training.find(db, task, writer_id)["refused"]:
        raise InputError(refused, "Name another student, or train one.")
    LIVE.set_live(db, writer_id)
    return planned


def listed(db: Database, task: Task) -> list[dict[str, Any]]:
    """The task's students, newest first, with what is known of each, as the command line has it."""
    return [
        {
            "id": str(row["id"]),
            "kind": row["kind"],
            "name": name_of(row),
            "live": bool(row["live"]),
            "whole": LIVE.is_whole(db, row["id"]),
            "created": row["created"],
            "briefs": row["figures"].briefs,
            "handled": asdict(row["figures"].handled),
            "near_copies": row["figures"].after_gates and row["figures"].after_gates.near_copies,
            "seconds_per_brief": asdict(row["figures"].seconds_per_brief),
            "drafted_with": row["figures"].runtime,
            "train_seconds": row["train_seconds"],
            "size_mb": row["size_mb"],
            "blind": asdict(row["blind"]),
            "verdict": asdict(training.verdict_of(row)),
            "refused": row["refused"],
            "made_from": {
                "pairs": row["params"]["train"],
                "data": row["params"]["data"],
                "base": row["params"]["base"],
            },
        }
        for row in training.all_writers(db, task)
    ]


def _counted(both: list[tuple[Judged, Judged]]) -> dict[str, Any]:
    shares = lambda rows: len(list(rows)) / len(both)  # noqa: E731
    sides = list(zip(*both))
    stops = [Counter(name for one in side for name in one.stopped) for side in sides]
    return {
        "briefs": len(both),
        "handled": tuple(shares(one for one in side if one.passed) for side in sides),
        "near_copies": tuple(shares(one for one in side if one.near) for side in sides),
        "gates": {name: tuple(some[name] / len(both) for some in stops) for name in sorted(stops[0] | stops[1])},
    }


def _lines(old: str, new: str, both: list[tuple[Judged, Judged]], counted: dict[str, Any]) -> Iterable[str]:
    handled = paired([one.passed for one, _ in both], [other.passed for _, other in both])
    ends = ranged(handled.low, handled.high, lambda share: f"{100 * share:+.1f}")
    shown = "" if handled.better else ": no difference is shown"
    yield (
        f"Of {len(both):,} test briefs that both drafted, {old} has a draft that passes every gate for"
        f" {percent(handled.first)}, {new} for {percent(handled.second)}: {handled.only_second:,} briefs more and"
        f" {handled.only_first:,} fewer, {100 * handled.difference:+.1f} points ({ends}, 95 %){shown}."
    )
    same = sum(one.text == other.text for one, other in both)
    yield f"{len(both) - same:,} of the best drafts read otherwise, {same:,} are the same."
    before, after = counted["near_copies"]
    yield f"Nearly approved copy: {percent(before)} of the best drafts before, {percent(after)} after."
    moved = {name: ends for name, ends in counted["gates"].items() if ends[0] != ends[1]}
    if moved:
        some = "; ".join(
            f"{name} {percent(first)} before, {percent(second)} after" for name, (first, second) in moved.items()
        )
        yield f"Of the best drafts, gates stop: {some}."


def _alone(row: dict) -> list[str]:
    figures = row["figures"]
    share = f"{percent(figures.handled.value)} ({ranged(figures.handled.low, figures.handled.high)})"
    return [f"{name_of(row)} has a draft that passes every gate for {share} of its {figures.briefs:,} test briefs."]


def _compared(*rows: dict) -> list[str]:
    """How each stands in the blind test, where it has one."""
    return [f"Blind test of {name_of(row)}: {blind.sentence(row['blind'])}" for row in rows if row["blind"].n]


def _some(both: list[tuple[Judged, Judged]]) -> tuple[dict[str, Any], ...]:
    """Briefs whose best draft becomes another: first those that one of the two does not handle."""
    other = sorted(
        (pair for pair in both if pair[0].text != pair[1].text), key=lambda pair: pair[0].passed == pair[1].passed
    )
    return tuple(
        {
            "brief": one.brief,
            "first": one.text,
            "first_passed": one.passed,
            "second": two.text,
            "second_passed": two.passed,
        }
        for one, two in other[:SHOWN]
    )


def _warnings(row: dict, live: dict | None) -> Iterable[str]:
    """What speaks against it: its verdict, the other's blind test, that it learned from fewer pairs."""
    judgement = training.verdict_of(row)
    if judgement.decision == verdict.NOT_YET:
        yield f"Its verdict is: not yet. {judgement.reason}"
    if live and live["blind"].outcome == blind.NOT_WORSE and row["blind"].outcome != blind.NOT_WORSE:
        yield f"People found the drafts of {name_of(live)} not worse than approved copy; of {name_of(row)} they have not said so."
    if live and row["params"]["train"] < live["params"]["train"]:
        yield f"It learned from {row['params']['train']:,} pairs, {name_of(live)} from {live['params']['train']:,}."
