"""What the scorecard of a vendor says beside whole sets where an asset may have several tags: the figures of single tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core.evaluate import tags
from core.evaluate.figures import TagFigures
from core.evaluate.tags import Sets
from core.taxonomy import tagsets

NOTHING = -1  # stands for an answer that is not there: it has no tag


class Labels:
    """Reads answers by their labels as sets of tags. `parts`: the labels of the tags that each answer has."""

    def __init__(self, parts: Mapping[str, tuple[str, ...]]):
        self.names = sorted({tag for members in parts.values() for tag in members})
        column = {name: place for place, name in enumerate(self.names)}
        self.code = {label: code for code, label in enumerate(parts)}
        members = {self.code[label]: tuple(column[tag] for tag in members) for label, members in parts.items()}
        self.sets = Sets(members, list(range(len(self.names))))

    def rows(self, table: pd.DataFrame, who: str) -> pd.DataFrame:
        """The answers of `who` (a column of labels, missing ones None) beside the teacher's, as core/evaluate/tags.py has them."""
        codes = {name: table[name].map(self.code).fillna(NOTHING).astype(int) for name in ("teacher", who)}
        return pd.DataFrame(
            {
                "category_id": codes["teacher"],
                "predicted": codes[who],
                "family_id": table["family"],
                "group_id": table["asset_id"],
            }
        )


def labels(db: Database, taxonomy_id: int, task_id: int, names: Mapping[int, str], means: Mapping[int, int]) -> Labels:
    """Of a task's answers in all versions, by `names`; a tag is called as it is in the version `taxonomy_id`, where it is certain
    what became of it (`means`)."""
    parts: dict[str, tuple[str, ...]] = {}
    versions = db.execute("select id from taxonomies where task_id = ? order by id", [task_id]).fetchall()
    for (version,) in versions:
        for id, members in tagsets.load(db, version).items():
            parts[names[id]] = tuple(names[means.get(tag, tag)] for tag in members)
    return Labels(parts)


def figures(read: Labels, table: pd.DataFrame, who: str) -> TagFigures | None:
    """The figures of all tags together of one side; an asset without a usable answer has none of the teacher's tags, and nothing in
    common with it. None without a tag."""
    if not read.names or table.empty:
        return None
    found = tags.figures(read.sets, read.rows(table, who))
    answered = table[table[who].notna()]
    if len(answered) == len(table):
        return found
    shared = tags.figures(read.sets, read.rows(answered, who)).jaccard if len(answered) else 0.0
    return replace(found, jaccard=shared * len(answered) / len(table))


def by_tag(read: Labels, table: pd.DataFrame, student: str) -> list[dict[str, Any]]:
    """A tag a row, where the vendor is farthest behind the student first: category, n (the teacher's assets with it), F1 of vendor
    and student, and precision and recall of each."""
    every = {who: tags.table(read.sets, read.rows(table, who)).set_index("category") for who in ("vendor", student)}
    first, second = every["vendor"], every[student]
    rows = []
    for place in sorted({*first.index, *second.index}):
        row: dict[str, Any] = {"category": read.names[place]}
        for name, of in (("vendor", first), ("student", second)):
            one = of.loc[place] if place in of.index else {"n": 0, "f1": 0.0, "precision": np.nan, "recall": np.nan}
            row |= {"n": int(one["n"]), name: float(one["f1"])}
            row |= {f"{name}_{figure}": _number(one[figure]) for figure in ("precision", "recall")}
        rows.append(row)
    return sorted(rows, key=lambda row: (-(row["student"] - row["vendor"]) * row["n"], -row["n"]))


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
