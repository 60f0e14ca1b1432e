"""The large member: what the embedding member is, with an encoder of five times the parameters. Two minutes more of training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import weights
from core.train.students import embedding

if TYPE_CHECKING:
    from core.train.data import Rows, Step

ENCODER = weights.LARGE
load = embedding.load


def fit(rows: Rows, folder: Path, step: Step, earlier: dict, folds: np.ndarray | None = None) -> embedding.Encoded:
    """As embedding.fit, by the large encoder whichever the rows name."""
    return embedding.fit(replace(rows, encoder=ENCODER), folder, step, earlier, folds, name="large")
