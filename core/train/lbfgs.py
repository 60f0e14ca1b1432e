"""L-BFGS without bounds (Liu & Nocedal 1989), for millions of variables: what it keeps is read four times a step, and no more.

scipy's L-BFGS-B, made for bounds, takes four times as long between two looks at the objective, which was most of a fit. All is
kept in the dtype of the start: single precision is half as much to read.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MEMORY = 8  # steps kept; each takes two numbers a variable
FALLS, FLATTER = 1e-3, 0.9  # Wolfe's conditions on the length of a step, as L-BFGS-B has them
TRIALS = 20  # lengths of a step tried: a fall that is smaller than rounding is never found

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]  # the gradient in the dtype of what it is asked


def minimise(objective: Objective, start: np.ndarray, *, iterations: int, flat: float, slope: float) -> np.ndarray:
    """Where `objective` (x (n,) to its value and its gradient (n,)) is least, or x after so many `iterations` from `start`.

    Ends where a step lowers the value by less than the share `flat` of it, or no part of the gradient is above `slope`.
    """
    x, (value, gradient) = start, objective(start)
    memory = _Memory(len(start), start.dtype)
    for _ in range(iterations):
        if np.abs(gradient).max() <= slope:
            break
        direction = memory.direction(gradient)
        length = 1.0 if memory.count else 1 / float(np.linalg.norm(gradient))
        stepped = _step(objective, x, value, float(gradient @ direction), direction, length)
        if stepped is None:
            break
        before, (length, value, after) = value, stepped
        direction *= length
        x = x + direction
        memory.keep(direction, after, gradient)
        gradient = after
        if before - value <= flat * max(abs(before), abs(value), 1.0):
            break
    return x


def _step(
    objective: Objective, x: np.ndarray, value: float, steep: float, direction: np.ndarray, length: float
) -> tuple[float, float, np.ndarray] | None:
    """A length of the step along `direction`, where x falls by `steep`, that meets Wolfe's conditions, and the value and the
    gradient there; None where there is none."""
    low, high, steep_low = 0.0, np.inf, steep
    for _ in range(TRIALS if steep < 0 else 0):
        there, gradient = objective(x + length * direction)
        now = float(gradient @ direction)
        if not there <= value + FALLS * length * steep:
            high = length
        elif now < FLATTER * steep:  # so steep still: it goes on further
            reach = now / (steep_low - now) if now > steep_low else np.inf  # where the slope would be level
            low, steep_low, length = length, now, length + float(np.clip(reach, 1.1, 4.0)) * (length - low)
            if length < high:
                continue
        else:
            return length, there, gradient
        length = (low + high) / 2
    return None


class _Memory:
    """The last steps and how the gradient changed with each, and what their products say of the curvature (Byrd, Nocedal &
    Schnabel 1994, theorem 2.4: the inverse in its compact form)."""

    def __init__(self, size: int, dtype: np.dtype):
        self.steps, self.changes = np.empty((2, MEMORY, size), dtype)
        self.steps_changes, self.changes_changes = np.zeros((2, MEMORY, MEMORY))
        self.count = 0

    def keep(self, step: np.ndarray, after: np.ndarray, before: np.ndarray) -> None:
        """Keep a step and the gradients after and before it, in the place of the oldest."""
        at = self.count % MEMORY
        self.steps[at] = step
        np.subtract(after, before, out=self.changes[at])
        self.count += 1
        known = min(self.count, MEMORY)
        self.steps_changes[:known, at] = self.steps[:known] @ self.changes[at]
        self.changes_changes[:known, at] = self.changes[:known] @ self.changes[at]
        self.changes_changes[at, :known] = self.changes_changes[:known, at]

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """The way down from a point with this gradient: minus the inverse curvature times it."""
        if not self.count:
            return -gradient
        known = min(self.count, MEMORY)
        order = np.arange(self.count - known, self.count) % MEMORY  # the oldest first
        both, changes = self.steps_changes[np.ix_(order, order)], self.changes_changes[np.ix_(order, order)]
        scale = both[-1, -1] / changes[-1, -1]
        upper = np.triu(both)
        along, across = (self.steps[:known] @ gradient)[order], (self.changes[:known] @ gradient)[order]
        inner = np.linalg.solve(upper, along)
        of_steps, of_changes = np.empty(known), np.empty(known)
        of_steps[order] = np.linalg.solve(upper.T, np.diag(both) * inner + scale * (changes @ inner) - scale * across)
        of_changes[order] = -scale * inner
        way = of_steps.astype(gradient.dtype) @ self.steps[:known]
        way += of_changes.astype(gradient.dtype) @ self.changes[:known]
        way += gradient.dtype.type(scale) * gradient
        return np.negative(way, out=way)
