"""Into which fold each row is dealt: rows that belong together share one, so that none is judged by what it taught."""

from __future__ import annotations

import numpy as np
import pandas as pd

FOLDS = 3
NONE = -1  # the fold of rows that only teach: every model learns from them, none is asked about them


def deal(answers: np.ndarray, families: np.ndarray | None = None) -> np.ndarray:
    """The fold, 0 to FOLDS - 1, of each row, the same every time: by chance within each of the `answers` (column numbers).

    Rows of one of the `families` (int [rows]; None: each row is its own) share a fold. A family counts to the answer that most of
    its rows have; of each answer the largest come first, each to the fold with the fewest rows of that answer, then of all.
    """
    answers = np.asarray(answers)
    family = np.arange(len(answers)) if families is None else pd.factorize(np.asarray(families))[0]
    size, main = np.bincount(family), _most_frequent(family, answers)
    order = np.lexsort((np.random.default_rng(0).random(len(size)), -size, main))
    fold_of, total, here, answer = np.empty(len(size), int), [0] * FOLDS, [0] * FOLDS, None
    for number, rows, its_answer in zip(order.tolist(), size[order].tolist(), main[order].tolist()):
        if its_answer != answer:
            answer, here = its_answer, [0] * FOLDS
        fold = min(range(FOLDS), key=lambda fold: (here[fold], total[fold]))
        fold_of[number] = fold
        here[fold] += rows
        total[fold] += rows
    return fold_of[family]


def cross(answers: np.ndarray, *groupings: np.ndarray) -> np.ndarray:
    """deal() by several groupings at once, int (rows, groupings): see held() and learned()."""
    return np.stack([deal(answers, one) for one in groupings], axis=1)


def held(folds: np.ndarray, fold: int) -> np.ndarray:
    """The rows that `fold` answers: those in it by every grouping. `folds` is int (rows), or (rows, groupings)."""
    return np.flatnonzero((_columns(folds) == fold).all(1))


def learned(folds: np.ndarray, fold: int) -> np.ndarray:
    """The rows that answering `fold` is learned from: those in it by none."""
    return np.flatnonzero((_columns(folds) != fold).all(1))


def judged(folds: np.ndarray) -> np.ndarray:
    """The rows that any fold answers, rising: all but those in NONE, unless they were dealt by several groupings at once."""
    columns = _columns(folds)
    return np.flatnonzero((columns == columns[:, :1]).all(1) & (columns[:, 0] != NONE))


def joined(*groupings: np.ndarray) -> np.ndarray:
    """One grouping that keeps together what any of them does, int (rows): the connected components."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(groupings[0])
    codes, nodes = [], count
    for grouping in groupings:
        codes.append(nodes + pd.factorize(grouping)[0])
        nodes = int(codes[-1].max(initial=nodes - 1)) + 1
    rows = np.tile(np.arange(count), len(groupings))
    edges = coo_matrix((np.ones(len(rows), bool), (rows, np.concatenate(codes))), (nodes, nodes))
    return connected_components(edges, directed=False)[1][:count]


def _columns(folds: np.ndarray) -> np.ndarray:
    return folds.reshape(len(folds), -1)


def _most_frequent(family: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The answer that most rows of each family have; of equally frequent ones the lowest."""
    pairs = pd.DataFrame({"family": family, "answer": answers}).value_counts().reset_index()
    pairs = pairs.sort_values(["family", "count", "answer"], ascending=[True, False, True])
    return pairs.drop_duplicates("family").answer.to_numpy()
