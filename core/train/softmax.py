"""Multinomial logistic regression on soft targets.

scikit-learn's takes hard labels only; a student learns from the teacher's whole distribution where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count

import numpy as np
import scipy.sparse as sp
from threadpoolctl import ThreadpoolController

from core.settings import processors
from core.train import lbfgs

BLOCK, CELLS = 4096, 1 << 19  # rows taken at a time, and their cells, so that what is in between fits the cache
COMMON = 0.08  # share of the rows that hold a feature from which on it is multiplied as dense, some twelve times as fast a cell
BIAS = 0.1  # the bias is searched for in tenths: its slope is of all rows, and in its own unit it would set the pace of the search
COLUMNS = 128  # categories taken at a time of a sparse product: the coefficients they need stay in the cache
Loss = Callable[
    [np.ndarray, np.ndarray], tuple[float, np.ndarray]
]  # (logits, targets) to the loss and its slope by the logits
STRIPES = 4  # parts added up side by side; as many on every machine, so that rounding is the same everywhere


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise log softmax in the dtype of `logits`, shape (rows, categories)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(logits: np.ndarray, wanted: np.ndarray) -> tuple[float, np.ndarray]:
    """The summed cross entropy of softmax(logits) with `wanted`, and its slope by the logits."""
    log_probabilities = log_softmax(logits)
    return -float(np.vdot(wanted, log_probabilities)), np.exp(log_probabilities) - wanted


def fit(
    features: np.ndarray | sp.csr_matrix,
    targets: np.ndarray,
    *,
    strength: float,
    iterations: int,
    step: Callable[[int, int], None] | None = None,
    loss: Loss = cross_entropy,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (features, categories) and bias (categories,), float32, minimising

        strength * sum_i cross_entropy(targets_i, softmax(x_i @ coef + bias)) + |coef|^2 / 2

    by L-BFGS (`strength` is scikit-learn's C). `targets` has shape (rows, categories), rows summing to 1. Few `iterations`
    regularise as well: from zero, early stopping costs nothing on held-out rows. It searches as if the features were centred, which
    takes half as many. `step` hears of every step and of how many there may be, and may raise to cancel. Another `loss` takes the
    place of the cross entropy with softmax (core/train/odds.py).
    """
    width, categories = features.shape[1], targets.shape[1]
    order, common = _common_first(features)
    ordered = features if order is None else features[:, order]
    mean = np.asarray(ordered.mean(axis=0), np.float32).ravel()
    rows = max(min(BLOCK, CELLS // categories), 1)
    blocks = [_block(ordered, common, targets, at, at + rows) for at in range(0, features.shape[0], rows)]
    stripes = [blocks[first::STRIPES] for first in range(min(STRIPES, len(blocks)))]
    pieces = -(-categories // COLUMNS) if common < width else 1
    evaluations = count()

    def shifted(last: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        return BIAS * last - mean @ coefficients

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        if step:
            step(min(next(evaluations), iterations), iterations)
        both = flat.reshape(width + 1, categories)
        coefficients, bias = both[:-1], shifted(both[-1], both[:-1])
        rare = [np.ascontiguousarray(piece) for piece in np.array_split(coefficients[common:], pieces, axis=1)]
        lost, gradient = 0.0, np.zeros_like(both)
        for part, slope in threads.map(lambda stripe: _slope(stripe, coefficients[:common], rare, bias, loss), stripes):
            lost += part
            gradient += slope
        gradient *= strength
        gradient[:-1] += coefficients - np.outer(mean, gradient[-1])
        gradient[-1] *= BIAS
        return strength * lost + 0.5 * float(np.vdot(coefficients, coefficients)), gradient.ravel()

    start = np.zeros((width + 1) * categories, np.float32)
    # numpy and scipy let go of the interpreter while they multiply; threads of their own beside ours would spend several times
    # the processor's time waiting for each other.
    with ThreadPoolExecutor(processors()) as threads, _blas().limit(limits=1):
        found = lbfgs.minimise(objective, start, iterations=iterations, flat=1e-6, slope=1e-4)
    found = found.reshape(width + 1, categories)
    weights = found[:-1]
    if order is not None:
        weights = np.empty_like(weights)
        weights[order] = found[:-1]
    return weights, shifted(found[-1], found[:-1])


@cache
def _blas() -> ThreadpoolController:
    """The libraries that multiply for numpy."""
    return ThreadpoolController().select(user_api="blas")


def _common_first(features: np.ndarray | sp.csr_matrix) -> tuple[np.ndarray | None, int]:
    """An order of the columns (None: as they are) by which those come first that are worth a dense table, and how many they are."""
    if not sp.issparse(features):
        return None, features.shape[1]
    held = np.bincount(features.indices, minlength=features.shape[1])
    fewest = max(COMMON * features.shape[0], 1)
    return np.argsort(held < fewest, kind="stable"), int((held >= fewest).sum())


def _block(features: np.ndarray | sp.csr_matrix, common: int, targets: np.ndarray, start: int, end: int):
    """Some rows: their `common` first columns dense, the others sparse and transposed as well (None where there are none), and
    what is wanted of them."""
    rows, wanted = features[start:end], targets[start:end].astype(np.float32)
    if not sp.issparse(features):
        return rows, None, None, wanted
    rare = rows[:, common:]
    return rows[:, :common].toarray(), rare, rare.T.tocsr(), wanted


def _slope(
    stripe: list, common: np.ndarray, rare: list[np.ndarray], bias: np.ndarray, loss: Loss
) -> tuple[float, np.ndarray]:
    """The loss of some blocks, and its slope: by the coefficients (of the common columns, and of the rare ones in pieces), and in
    the last row by the bias."""
    width = len(common)
    total, slope = 0.0, np.zeros((width + len(rare[0]) + 1, len(bias)), np.float32)
    for dense, sparse, transposed, wanted in stripe:
        logits = dense @ common
        logits += bias
        if sparse is not None:
            logits += np.hstack([sparse @ piece for piece in rare])
        part, residual = loss(logits, wanted)
        total += part
        slope[:width] += dense.T @ residual
        if sparse is not None:
            slope[width:-1] += transposed @ residual
        slope[-1] += residual.sum(axis=0)
    return total, slope
