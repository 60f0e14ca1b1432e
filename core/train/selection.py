"""Which assets to label next: those a student would learn most from, out of vectors and what it makes of them so far.

Nothing here sees a label. Before the first student, assets are chosen for coverage: the vectors are cut into as many clusters as
labels are wanted, and of each the asset nearest the centre is taken (Hacohen et al. 2022, "Active learning on a budget", with the
centre in place of the densest point). Later the most doubtful assets come first, several times as many as wanted, and those are
clustered again, weighted by doubt, so that no two of a kind are bought in one round (Zhdanov 2019, "Diverse mini-batch active
learning"). What it saves: tests/bench/rounds.py.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

DOUBTFUL = 5  # of the most doubtful assets, so many times those wanted are looked at
SAMPLE = 50_000  # assets clustered at most; of more, a random part of so many
BATCH, PASSES = 4096, 30  # of mini-batch k-means


def spread(vectors: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """`count` different rows of unit `vectors` (n, d) that cover them: one from each of as many clusters. int (count), rising.

    All rows where there are no more than `count`. The same input gives the same rows.
    """
    if len(vectors) <= count:
        return np.arange(len(vectors))
    looked_at = np.arange(len(vectors))
    if len(vectors) > SAMPLE:
        looked_at = np.sort(np.random.default_rng(seed).choice(len(vectors), max(SAMPLE, count), replace=False))
    return looked_at[_one_a_cluster(vectors[looked_at], np.ones(len(looked_at)), count, seed)]


def doubtful(vectors: np.ndarray, probabilities: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """`count` different rows that a student doubts and that are unlike each other. int (count), rising.

    `probabilities` (n, categories) are the student's for the rows of `vectors` (n, d). Doubt is one minus the margin, the
    distance between the two most probable categories (Scheffer et al. 2001).
    """
    if len(vectors) <= count:
        return np.arange(len(vectors))
    doubt = 1 - margins(probabilities)
    worst = np.sort(np.argsort(-doubt, kind="stable")[: DOUBTFUL * count])
    return worst[_one_a_cluster(vectors[worst], doubt[worst], count, seed)]


def margins(probabilities: np.ndarray) -> np.ndarray:
    """How far apart the two most probable categories of each row are, (n); 1 where there is only one category."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def _one_a_cluster(vectors: np.ndarray, weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The row nearest the centre of each of `count` clusters; where some are empty, the heaviest rows left make up the number."""
    from sklearn.cluster import MiniBatchKMeans  # a second to import, and a process that only answers never gets here

    clusters = MiniBatchKMeans(count, batch_size=BATCH, max_iter=PASSES, n_init=1, random_state=seed)
    # Many small products: on a busy machine numpy's threads would spend several times the processor's time on waiting.
    with threadpool_limits(1, "blas"):
        cluster = clusters.fit(vectors, sample_weight=np.maximum(weights, 1e-6)).labels_
    centres = clusters.cluster_centers_
    nearness = (
        np.einsum("ij,ij->i", vectors, centres[cluster]) / np.maximum(np.linalg.norm(centres, axis=1), 1e-9)[cluster]
    )
    order = np.lexsort((-nearness, cluster))
    first = order[np.append(True, np.diff(cluster[order]) > 0)]
    heaviest = np.argsort(-weights, kind="stable")
    left = heaviest[~np.isin(heaviest, first)]
    return np.sort(np.concatenate([first, left[: count - len(first)]]))
