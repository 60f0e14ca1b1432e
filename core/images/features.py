"""The facts of an image as numbers, for a model to weigh. This file goes along in exports as it is, so it imports nothing of the
house: the names that facts may have come with the model that learned from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

PIXELS = (100_000, 250_000, 600_000, 1_500_000)  # bounds between an image's sizes: a display ad to a poster
SHAPE = 3  # numbers that tell of size and shape besides


def spec(placements: Sequence[str], colours: Sequence[str]) -> dict[str, Any]:
    """What table() makes numbers of, as JSON can hold it."""
    return {"placements": list(placements), "colours": list(colours), "pixels": list(PIXELS)}


def width(spec: dict[str, Any]) -> int:
    """How many numbers there are of an image."""
    return len(spec["placements"]) + 2 * len(spec["colours"]) + len(spec["pixels"]) + 1 + SHAPE + 2


def table(facts: Sequence[Any], spec: dict[str, Any]) -> np.ndarray:
    """A row of numbers of each image's facts (core/images/looking.py: Facts; None: there is no image, and no number, NaN), float64
    (images, width). The last says whether there is one."""
    rows = np.full((len(facts), width(spec)), np.nan)
    rows[:, -1] = [one is not None for one in facts]
    for row, one in zip(rows, facts):
        if one is not None:
            row[:-1] = _numbers(one, spec)
    return rows


def scaled(rows: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Rows that table() gave, float32, each column less its `mean` and times its `scale`; what is missing is 0."""
    return np.nan_to_num((rows - mean) * scale).clip(-5, 5).astype(np.float32)


def _numbers(facts: Any, spec: dict[str, Any]) -> list[float]:
    pixels, shape = facts.width * facts.height, np.log2(facts.width / facts.height)
    size = sum(pixels > bound for bound in spec["pixels"])
    return [
        *(float(facts.placement == name) for name in spec["placements"]),
        *(float(name in facts.colours) for name in spec["colours"]),
        *(float(facts.colours[:1] == (name,)) for name in spec["colours"]),  # the one that most of it has
        *(float(size == place) for place in range(len(spec["pixels"]) + 1)),
        shape,
        abs(shape),
        np.log2(pixels),
        float(facts.animated),
    ]
