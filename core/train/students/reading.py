"""What one member of a student makes of texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reading:
    """`tables`: uncalibrated log probabilities, each float32 (texts, categories); `nearness` float32 (texts): how like the training
    assets a text is, on a scale of the member's own, or None where the member cannot tell."""

    tables: list[np.ndarray]
    nearness: np.ndarray | None

    def take(self, rows: np.ndarray) -> Reading:
        """What it made of the texts with these numbers."""
        return Reading([table[rows] for table in self.tables], None if self.nearness is None else self.nearness[rows])
