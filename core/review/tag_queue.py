"""What core/review/queue.py does otherwise where an asset may have several tags: every tag is said or not, and doubted, by itself.

A label is as doubtful as its most doubtful tag, given or left out. What a person is offered are single tags; those the teacher gave
are marked as given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import taxonomy
from core.taxonomy import tagsets
from core.train import odds
from core.words import percent

SEEN = 5  # assets with a tag, and without it, below which the others say nothing of it
DOUBT = 0.5  # how likely the contrary of what a label says of a tag must be to be told

Add = Callable[[int, str, float, str], None]  # row, kind of reason, the chance that the label is wrong, words


@dataclass(frozen=True)
class Tagged:
    """The labels of rows as tags: `tags` int (t), ids of categories in the taxonomy's order; `said` bool (n, t), which of them each
    label has; `names` by id; `members` of every set, by its id; `rarest` int (n), a tag of each row (0: none) that few others have;
    `likely` float32 (n, t), how likely each tag is by what has not seen the row."""

    tags: np.ndarray
    said: np.ndarray
    names: Mapping[int, str]
    members: Mapping[int, tagsets.Tags]
    rarest: np.ndarray
    likely: np.ndarray

    def judged(self, scores: np.ndarray) -> Tagged:
        """The same with the log odds (n, t) of a model that has not seen the rows."""
        return replace(self, likely=odds.sigmoid(scores).astype(np.float32))

    def with_student(self, assets: list[int], top: Mapping[int, list]) -> Tagged:
        """The same with how likely the student finds the tags that it told of, [(tag, probability), …] by asset."""
        likely, column = self.likely.copy(), {tag: place for place, tag in enumerate(self.tags.tolist())}
        for row, asset in enumerate(assets):
            for tag, probability in top.get(asset, ()):
                if tag in column:
                    likely[row, column[tag]] = probability
        return replace(self, likely=likely)


def read(db: Database, taxonomy_id: int, frame: pd.DataFrame) -> Tagged:
    """The labels of `frame` (core/label/runs.labelled()) as tags, with nothing known of how likely they are."""
    members = tagsets.load(db, taxonomy_id)
    names = {one.id: one.label for one in taxonomy.load(db, taxonomy_id) if one.assignable}
    said = tagsets.table(frame.category_id, members, list(names))
    rarest = np.array(tagsets.stratum(members[int(id)] for id in frame.category_id), int)
    return Tagged(np.array(list(names), int), said, names, members, rarest, np.zeros(said.shape, np.float32))


def add_doubts(rows: Tagged, add: Add) -> None:
    """Say of each row which of its tags the others' labels speak against, given or left out."""
    enough = (rows.said.sum(0) >= SEEN) & ((~rows.said).sum(0) >= SEEN)
    against = np.where(rows.said, 1 - rows.likely, rows.likely) * enough
    for row in np.flatnonzero((against > DOUBT).any(1)).tolist():
        place = int(against[row].argmax())
        name, sure = rows.names[int(rows.tags[place])], percent(float(rows.likely[row, place]), digits=0)
        has = "which this label has" if rows.said[row, place] else "which this label leaves out"
        words = f"A model of the other labels finds {name} {sure} likely, {has}."
        add(row, "quality", float(against[row, place]), words)


def add_rare(rows: Tagged, few: int, most: float, add: Add) -> None:
    """Say which rows have a tag with fewer than `few` labels: the fewer, the nearer to `most` is what it counts."""
    counts = dict(zip(rows.tags.tolist(), rows.said.sum(0).tolist()))
    for row, tag in enumerate(rows.rarest.tolist()):
        if tag and (n := counts[tag]) < few:
            add(row, "rare", most * (1 - n / few), f"{rows.names[tag]} has only {n} label{'s' * (n != 1)}.")


def suggestions(
    rows: Tagged,
    row: int,
    teacher: str,
    student: str,
    top: list,
    near: list[tuple[int, float]],
    labels: np.ndarray,
    most: int,
) -> list[dict[str, Any]]:
    """The tags a person is offered for a row, `most` beside those that somebody names: the teacher's, the student's (`top`), those
    of the neighbours (`near`, whose answers are in `labels`), then the likeliest; each with who says so."""
    by: dict[int, list[str]] = {int(tag): [teacher] for tag in rows.tags[rows.said[row]]}
    for tag, probability in top:
        if probability >= DOUBT or tag in by:
            by.setdefault(int(tag), []).append(f"{student}: {percent(probability, digits=0)}")
    around = pd.Series([tag for other, _ in near for tag in rows.members.get(int(labels[other]), ())], dtype=object)
    for tag, count in around.value_counts().items():
        by.setdefault(int(tag), []).append(f"{count} of {len(near)} neighbours")
    for place in np.argsort(-rows.likely[row], kind="stable")[:most]:
        by.setdefault(int(rows.tags[place]), [])
    given = set(rows.tags[rows.said[row]].tolist())
    return [{"category_id": tag, "by": who, "given": tag in given} for tag, who in by.items()]


def of_set(tags: str | None, category_id: int) -> tagsets.Tags:
    """The members of a set by its row of `categories`: its column `tags`, None of a single category, and its id."""
    return (category_id,) if tags is None else tuple(json.loads(tags))
