"""The same student trained on growing parts of its training rows: what a learning curve is made of.

The texts are encoded once; only the heads are fitted anew, so that all sizes together cost little more than one training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core.encoder import encoder
from core.train import softmax
from core.train.data import Rows, Split, Step
from core.train.students import blend, embedding, fit_weights, linear

KINDS = ("embedding", "linear")  # those whose heads are fitted in seconds
SEED = 0


def answers(
    split: Split, texts: Sequence[str], kind: str, sizes: Sequence[int], step: Step, seed: int = SEED
) -> Iterator[np.ndarray]:
    """For each size, the best category of each of `texts` (column numbers, int [texts]) by a student trained on that many rows.

    The rows are a random part of the training rows, each size's within the next one's. The blend is calibrated on all
    calibration rows, as a student's is. Memory: one float32 vector a text.
    """
    order = np.random.default_rng(seed).permutation(len(split.train.texts))
    asked = [list(split.calibration.texts), list(texts)]
    vectors = _encode([split.train.texts, *asked], split.train.encoder, step) if kind == "embedding" else None
    for number, size in enumerate(sizes):
        chosen = order[:size]

        def alive(*_, number=number, size=size) -> None:
            step(number, len(sizes), f"Training on {size:,} assets")

        alive()
        members = [_linear(split.train, chosen, asked, alive)]
        if vectors is not None:
            members.append(_embedding(vectors, split.train.targets[chosen], chosen, alive))
        weights = fit_weights([calibration for calibration, _ in members], split.calibration.targets.argmax(1))
        yield blend([table for _, table in members], weights).argmax(1)


def _encode(parts: list[list[str]], name: str, step: Step) -> list[np.ndarray]:
    """The sentence vectors of each part, float32 (texts, dimensions)."""
    step(0, 1, "Preparing the encoder")
    together = [text for part in parts for text in part]
    vectors = encoder(name)(together, progress=lambda done, total: step(done, total, "Reading the assets"))
    return np.split(vectors, np.cumsum([len(part) for part in parts])[:-1])


def _linear(rows: Rows, chosen: np.ndarray, asked: list[list[str]], step: Step) -> list[np.ndarray]:
    """Log probabilities of each list asked by a linear member fitted on the chosen rows."""
    part = Rows([rows.texts[i] for i in chosen], rows.targets[chosen], rows.encoder, rows.soft)
    with tempfile.TemporaryDirectory() as folder:
        member = linear.fit(part, Path(folder), step, {})
    return [member.log_probabilities(texts) for texts in asked]


def _embedding(vectors: list[np.ndarray], targets: np.ndarray, chosen: np.ndarray, step: Step) -> list[np.ndarray]:
    """Log probabilities of calibration and asked texts by an embedding head fitted on the chosen rows."""
    train, *asked = vectors
    coefficients, bias = softmax.fit(
        train[chosen], targets, strength=embedding.STRENGTH, iterations=embedding.ITERATIONS, step=step
    )
    return [softmax.log_softmax(table @ coefficients + bias) for table in asked]
