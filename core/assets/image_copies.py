"""Copies by their looks: one creative in several sizes is one, where its images look alike and say nearly the same.

Looks alone are not enough: a template with other words on it is another creative.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlite_utils import Database

from core.assets.duplicates import normal_form
from core.images import likeness

SAME_WORDS = 0.5  # of the words of both, that stand in both: small print is read in one size and not in another


@dataclass(frozen=True)
class Pairs:
    """`new`: pairs of staged rows (their n); `known`: a staged row and the group, there already, of an asset that it copies."""

    new: list[tuple[int, int]] = field(default_factory=list)
    known: list[tuple[int, int]] = field(default_factory=list)


def pairs(db: Database, client_id: int, stage: sqlite3.Connection) -> Pairs:
    """The staged new rows whose images look like another's, and whose words say so too."""
    rows = stage.execute(
        "select n, image, form from rows where asset_id is null and image is not null order by n"
    ).fetchall()
    if not rows:
        return Pairs()
    looks = dict(db.execute("select sha256, likeness from images where client_id = ?", [client_id]).fetchall())
    there = db.execute(
        "select group_id, image, text from assets where client_id = ? and image is not null order by id", [client_id]
    ).fetchall()
    one_each = _one_each((n, image, form) for n, image, form in rows if image in looks)
    known = _one_each((group, image, text) for group, image, text in there if image in looks)
    found = Pairs(new=one_each.same)
    everything = [*one_each.first, *known.first]
    for one, other in likeness.near([looks[image] for _, image, _ in everything]).tolist():
        if one >= len(one_each.first):
            continue  # both are there already
        ours, theirs = everything[one], everything[other]
        if other < len(one_each.first):
            if _say_the_same(ours[2], theirs[2]):
                found.new.append((ours[0], theirs[0]))
        elif _say_the_same(ours[2], normal_form(theirs[2])):
            found.known.append((ours[0], theirs[0]))
    return found


@dataclass(frozen=True)
class _OneEach:
    """The first (n, image, words) of each image and its words, and pairs of those that are the same in both."""

    first: list[tuple[int, str, str]]
    same: list[tuple[int, int]]


def _one_each(rows: Iterable[tuple[int, str, str]]) -> _OneEach:
    first: dict[tuple[str, str], tuple[int, str, str]] = {}
    same = []
    for row in rows:
        earlier = first.setdefault(row[1:], row)
        if earlier is not row:
            same.append((earlier[0], row[0]))
    return _OneEach(list(first.values()), same)


def _say_the_same(form: str, other: str) -> bool:
    ours, theirs = set(form.split()), set(other.split())
    return len(ours & theirs) >= SAME_WORDS * max(len(ours | theirs), 1)
