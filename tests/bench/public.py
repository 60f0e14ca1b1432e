"""The public sets as training data: gold labels stand in for recorded teacher labels, the sets' own test rows are the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.assets.splits import calibration_share
from core.train.data import Rows, Split
from tests.conftest import SHARED

SETS = ("banking77", "pitt_image_ads")


@dataclass(frozen=True)
class Public:
    """A set's `labels`, its training rows, split as the product does, and its test rows with answers as column numbers."""

    labels: list[str]
    split: Split
    texts: list[str]
    answers: np.ndarray


def load(name: str) -> Public:
    """One of SETS."""
    train, test = (pd.read_csv(SHARED / name / f"{part}.csv") for part in ("train", "test"))
    labels = sorted(train.label.unique())
    column = {label: i for i, label in enumerate(labels)}
    targets = np.eye(len(labels), dtype=np.float32)[train.label.map(column)]
    held = np.random.default_rng(0).permutation(len(train)) < calibration_share(len(train)) * len(train)

    def rows(which: np.ndarray) -> Rows:
        return Rows(train.text[which].tolist(), targets[which], "packaged", False)

    split = Split(list(range(len(labels))), rows(~held), rows(held))
    return Public(labels, split, test.text.tolist(), test.label.map(column).to_numpy())
