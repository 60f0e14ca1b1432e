"""What the nearest training assets were labelled: k nearest neighbours over the vectors of an encoder.

Neighbours see what a linear head cannot, a category made of several unlike groups, and how far they are tells whether an asset
is like anything the student learned from (Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors").
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.train import odds

NEIGHBOURS = 40
SHARPNESS = 0.03  # cosine by which a neighbour must be nearer to count e times as much
PRIOR = 0.5  # neighbours' worth by which a tag's share among all assets counts, where an asset may have several
FLOOR = 1e-3  # weight every category gets beside its neighbours', so that none is impossible
NEAREST = 3  # neighbours whose mean cosine is an asset's nearness
MOST = 16_384  # training assets kept: more cost latency and memory, and brought nothing (docs/students.md)
BLOCK = 256
GROUP = 32  # columns looked at together where there are many


@dataclass(frozen=True)
class Neighbours:
    """Training assets to compare with: unit `vectors`, float32 (m, d), and `answers`, int32 (m), columns below `categories`; of
    tags, which exclude nothing, how likely each was said, float16 (m, categories)."""

    vectors: np.ndarray
    answers: np.ndarray
    categories: int

    def look(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For unit `vectors` (n, d): log probabilities (of tags log odds) float32 (n, categories), and nearness float32 (n), a
        cosine."""
        logs = np.empty((len(vectors), self.categories), np.float32)
        nearness = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), BLOCK):
            part = slice(start, start + BLOCK)
            logs[part], nearness[part] = self._block(vectors[part])
        return logs, nearness

    def find(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows of the nearest training assets of each of some unit `vectors` (n, d), in no order, and their cosines: int and
        float32 (n, up to NEIGHBOURS)."""
        cosine = vectors @ self.vectors.T
        rows = nearest(cosine, min(NEIGHBOURS, cosine.shape[1]))
        return rows, np.take_along_axis(cosine, rows, axis=1)

    def _block(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nearest_rows, near = self.find(vectors)
        count = near.shape[1]
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / SHARPNESS)
        nearness = -np.sort(-near, axis=1)[:, :NEAREST].mean(axis=1)
        if self.answers.ndim > 1:
            return self._odds(nearest_rows, weights), nearness
        rows = np.repeat(np.arange(len(vectors)), count)
        cells = rows * self.categories + self.answers[nearest_rows].ravel()
        table = np.bincount(cells, weights.ravel(), len(vectors) * self.categories).reshape(-1, self.categories) + FLOOR
        logs = np.log(table / table.sum(axis=1, keepdims=True))
        return logs, nearness

    def _odds(self, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The log odds of each tag by its share among the neighbours, drawn a little towards its share among all."""
        said = np.einsum("nk,nkt->nt", weights, self.answers[rows].astype(np.float32), optimize=True)
        share = (said + PRIOR * self._usual) / (weights.sum(1, keepdims=True) + PRIOR)
        return odds.log_odds(share).astype(np.float32)

    @cached_property
    def _usual(self) -> np.ndarray:
        """How likely each tag is of any asset."""
        return self.answers.mean(axis=0, dtype=np.float32)


def nearest(cosine: np.ndarray, count: int) -> np.ndarray:
    """The columns of the `count` largest values of each row of `cosine` (n, m), in no order: int (n, count).

    Of many columns they are looked for among those groups whose largest values are the largest: each of the `count` is in one.
    """
    groups = cosine.shape[1] // GROUP
    if groups <= 2 * count:
        return np.argpartition(-cosine, count - 1, axis=1)[:, :count]
    largest = cosine[:, : GROUP * groups].reshape(-1, GROUP, groups).max(1)
    chosen = np.argpartition(-largest, count - 1, axis=1)[:, :count]
    columns = (chosen[:, None] + groups * np.arange(GROUP)[:, None]).reshape(len(cosine), -1)
    rest = np.broadcast_to(np.arange(GROUP * groups, cosine.shape[1]), (len(cosine), cosine.shape[1] % GROUP))
    columns = np.hstack([columns, rest])
    best = np.argpartition(-np.take_along_axis(cosine, columns, axis=1), count - 1, axis=1)[:, :count]
    return np.take_along_axis(columns, best, axis=1)


def gather(vectors: np.ndarray, targets: np.ndarray, several: bool = False) -> Neighbours:
    """Neighbours out of training `vectors` (n, d) and target distributions (n, categories), or with `several` how likely each tag
    is; at most MOST, drawn at random."""
    if len(vectors) > MOST:
        sampled = np.sort(np.random.default_rng(0).choice(len(vectors), MOST, replace=False))
        vectors, targets = vectors[sampled], targets[sampled]
    # Kept in half precision on disk, so computed from half precision here too: loaded or just trained, the answer is the same.
    answers = targets.astype(np.float16) if several else targets.argmax(1).astype(np.int32)
    return Neighbours(vectors.astype(np.float16).astype(np.float32), answers, targets.shape[1])
