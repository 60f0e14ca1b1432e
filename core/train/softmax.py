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
    regularise as well: from zero, early stopping costs nothing on held-out rows. `step` hears of every step and of how many
    there may be, and may raise to cancel. Another `loss` takes the place of the cross entropy with softmax (core/train/odds.py).
    """
    width, categories = features.shape[1], targets.shape[1]
    rows = max(min(BLOCK, CELLS // categories), 1)
    blocks = [_block(features, targets, start, start + rows) for start in range(0, features.shape[0], rows)]
    stripes = [blocks[first::STRIPES] for first in range(min(STRIPES, len(blocks)))]
    pieces = -(-categories // COLUMNS) if sp.issparse(features) else 1
    evaluations = count()

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        if step:
            step(min(next(evaluations), iterations), iterations)
        both = flat.reshape(width + 1, categories)
        coefficients, bias = np.array_split(both[:-1].astype(np.float32), pieces, axis=1), both[-1].astype(np.float32)
        coefficients = [np.ascontiguousarray(piece) for piece in coefficients]
        lost, gradient = 0.0, np.zeros((width + 1, categories), np.float32)
        for part, slope in threads.map(lambda stripe: _slope(stripe, coefficients, bias, loss), stripes):
            lost += part
            gradient += slope
        total = strength * lost + 0.5 * float(np.vdot(both[:-1], both[:-1]))
        slope = strength * gradient.astype(np.float64)
        slope[:-1] += both[:-1]
        return total, slope.ravel()

    start = np.zeros((width + 1) * categories)
    # numpy and scipy let go of the interpreter while they multiply; threads of their own beside ours would spend several times
    # the processor's time waiting for each other.
    with ThreadPoolExecutor(processors()) as threads, _blas().limit(limits=1):
        weights = lbfgs.minimise(objective, start, iterations=iterations, flat=1e-6, slope=1e-4)
    weights = weights.reshape(width + 1, categories)
    return weights[:-1].astype(np.float32), weights[-1].astype(np.float32)


@cache
def _blas() -> ThreadpoolController:
    """The libraries that multiply for numpy."""
    return ThreadpoolController().select(user_api="blas")


def _block(features: np.ndarray | sp.csr_matrix, targets: np.ndarray, start: int, end: int):
    rows = features[start:end]
    transposed = rows.T.tocsr() if sp.issparse(rows) else np.ascontiguousarray(rows.T)
    return rows, transposed, targets[start:end].astype(np.float32)


def _slope(stripe: list, coefficients: list[np.ndarray], bias: np.ndarray, loss: Loss) -> tuple[float, np.ndarray]:
    """The loss of some blocks, and its slope: by the coefficients (given in pieces), and in the last row by the bias."""
    total, slope = 0.0, np.zeros((len(coefficients[0]) + 1, len(bias)), np.float32)
    for rows, transposed, wanted in stripe:
        part, residual = loss(np.hstack([rows @ piece for piece in coefficients]) + bias, wanted)
        total += part
        slope[:-1] += transposed @ residual
        slope[-1] += residual.sum(axis=0)
    return total, slope
