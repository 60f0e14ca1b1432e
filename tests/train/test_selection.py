"""Which assets to label next."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.train import selection


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clusters(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Tight clusters of these sizes around directions at right angles, and the cluster of each row."""
    draw = np.random.default_rng(seed)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return unit(np.eye(16)[owner] + 0.03 * draw.normal(size=(len(owner), 16))), owner


def test_the_first_assets_cover_every_cluster_however_small():
    vectors, owner = clusters([400, 300, 20, 5, 3])
    chosen = selection.spread(vectors, 40)
    assert set(owner[chosen]) == {0, 1, 2, 3, 4}


def test_the_doubtful_are_taken_and_no_two_of_a_kind():
    vectors, owner = clusters([200] * 8)
    sure, torn = [0.98, 0.01, 0.01], [0.40, 0.39, 0.21]
    probabilities = np.array([torn if kind < 4 else sure for kind in owner])
    probabilities[owner == 0] = [
        0.34,
        0.34,
        0.32,
    ]  # the most doubtful of all: by doubt alone every asset would be of this kind
    chosen = selection.doubtful(vectors, probabilities, 160)
    counts = np.bincount(owner[chosen], minlength=8)
    assert not counts[4:].any() and counts[:4].min() >= 10


@pytest.mark.parametrize("choose", ["spread", "doubtful"])
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_as_many_different_rows_as_asked_for_and_always_the_same(choose, rows, count, categories, alike):
    draw = np.random.default_rng(rows)
    vectors = unit(np.ones((rows, 8)) if alike else draw.normal(size=(rows, 8)))
    probabilities = draw.dirichlet(np.ones(categories), rows)

    def chosen() -> list[int]:
        if choose == "spread":
            return selection.spread(vectors, count).tolist()
        return selection.doubtful(vectors, probabilities, count).tolist()

    found = chosen()
    assert found == sorted(set(found)) and len(found) == min(rows, count) and found == chosen()
    assert not found or (found[0] >= 0 and found[-1] < rows)


@given(st.integers(2, 6), st.integers(1, 20))
@settings(max_examples=30, deadline=None)
def test_the_margin_is_the_distance_of_the_two_best(categories, rows):
    probabilities = np.random.default_rng(rows).dirichlet(np.ones(categories), rows)
    ordered = np.sort(probabilities, axis=1)
    assert np.allclose(selection.margins(probabilities), ordered[:, -1] - ordered[:, -2])


def test_a_hundred_thousand_assets_take_seconds():
    draw = np.random.default_rng(1)
    vectors = unit(draw.normal(size=(100_000, 384)).astype(np.float32))
    probabilities = draw.dirichlet(np.ones(20), 100_000).astype(np.float32)
    started = time.process_time()
    assert len(selection.spread(vectors, 300)) == len(selection.doubtful(vectors, probabilities, 300)) == 300
    assert time.process_time() - started < 60
