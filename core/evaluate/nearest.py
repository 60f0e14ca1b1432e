"""Why this tag: the labelled assets that a text is nearest to by its words, with what each was labelled.

nearest = Nearest(db, student_row); nearest.to("Winter tyres fitted while you wait.")
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from sqlite_utils import Database

from core import tasks
from core.label.gold import gold
from core.label.runs import labelled
from core.taxonomy import tagsets
from core.train.students import tfidf

THREE = 3
MOST = 30_000  # labelled assets looked through, drawn at random where there are more: some 20 ms a text
WORDS = 20_000  # features of each kind
LEAST = 0.05  # cosine below which an asset has nothing to do with the text


@dataclass(frozen=True)
class Near:
    """A labelled asset and how like the text it is, a cosine of 0 to 1. `by`: who labelled it, "teacher" or "person"; `asset_id`:
    its own number, of no meaning outside."""

    asset_id: int
    asset: str
    text: str
    label: str
    by: str
    likeness: float

    def as_json(self) -> dict:
        """The same as JSON can hold it."""
        return {name: value for name, value in asdict(self).items() if name != "asset_id"}


class Nearest:
    """The assets that a student learned from, a copy of each, with their labels: a person's where there is one."""

    def __init__(self, db: Database, student: dict):
        """`student`: its row. Reads its labels and counts their words: a second with 10,000."""
        frame = labelled(db, student["label_run_id"])
        frame = frame[frame.split.isin(["train", "calibration"])].drop_duplicates("group_id")
        self.frame = (frame.sample(MOST, random_state=0) if len(frame) > MOST else frame).reset_index(drop=True)
        task, version = tasks.get(db, student["task_id"]), student["taxonomy_id"]
        known = tagsets.answers(db, task, version)
        self._names = {category.id: category.label for category in known}
        self._decided = gold(db, task, known)
        self._features = tfidf.learn(self.frame.text.tolist(), WORDS)
        self._table = self._features(self.frame.text.tolist())

    def to(self, text: str, but: int | None = None) -> list[Near]:
        """The nearest three, without the asset `but` and those of the same words; fewer where nothing else is like the text."""
        # Words and letters each have length 1: half their product is a cosine.
        likeness = (self._table @ self._features([text]).T).toarray().ravel() / 2
        order = np.argsort(-likeness, kind="stable")[: 4 * THREE]
        chosen = [
            row
            for row in order.tolist()
            if likeness[row] >= LEAST and self.frame.asset_id[row] != but and self.frame.text[row] != text
        ]
        return [self._near(row, float(likeness[row])) for row in chosen[:THREE]]

    def _near(self, row: int, likeness: float) -> Near:
        one = self.frame.iloc[row]
        by = "person" if one.asset_id in self._decided else "teacher"
        category = self._decided.get(one.asset_id, one.category_id)
        return Near(
            int(one.asset_id), one.external_id, one.text, self._names.get(int(category), ""), by, round(likeness, 3)
        )
