"""The large member: what the embedding member is, with an encoder of five times the parameters. Two minutes more of training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.train.students import embedding

if TYPE_CHECKING:
    from core.train.data import Rows, Step

load = embedding.load


def fit(rows: Rows, folder: Path, step: Step, earlier: dict, folds: np.ndarray | None = None) -> embedding.Encoded:
    """As embedding.fit, by the large encoder of the rows."""
    return embedding.fit(replace(rows, encoder=rows.large), folder, step, earlier, folds, name="large")
