"""The same student trained on growing parts of its training rows: what a learning curve is made of.

The texts are encoded once; only the heads are fitted anew, so that all sizes together cost little more than one training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.encoder import encoder
from core.train.data import Rows, Split, Step
from core.train.students import Member, blend, embedding, fit_weights, linear
from core.train.students.embedding import Encode

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
    encode = _encoded(split.train.texts + split.calibration.texts + list(texts), split.train.encoder, step, kind)
    for number, size in enumerate(sizes):

        def alive(*_, number=number, size=size) -> None:
            step(number, len(sizes), f"Training on {size:,} assets")

        alive()
        part = replace(split, train=_part(split.train, order[:size]))
        yield learn(part, encode, alive)(list(texts)).argmax(1)


def learn(split: Split, encode: Encode | None, alive: Callable[..., None]) -> Callable[[list[str]], np.ndarray]:
    """Train on the training rows and calibrate the blend: what gives probabilities, float32 (texts, categories), of any texts.

    Nothing is written. With `encode` an embedding student, without a linear one; `alive` is called often and may raise to cancel.
    """
    members: list[Member] = [_linear(split.train, alive)]
    if encode:
        members.append(embedding.learn(encode, encode(split.train.texts), split.train.targets, alive))

    def tables(texts: list[str]) -> list[np.ndarray]:
        return [table for member in members for table in member.read(texts).tables]

    weights = fit_weights(tables(split.calibration.texts), split.calibration.targets.argmax(1))
    return lambda texts: blend(tables(texts), weights)


def _encoded(texts: list[str], name: str, step: Step, kind: str) -> Encode | None:
    """Encode `texts` once: what gives the vectors of any of them from then on. None where the kind reads no vectors."""
    if kind == "linear":
        return None
    step(0, 1, "Preparing the encoder")
    place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    vectors = encoder(name)(list(place), progress=lambda done, total: step(done, total, "Reading the assets"))
    return lambda some: vectors[[place[text] for text in some]]


def _part(rows: Rows, chosen: np.ndarray) -> Rows:
    return Rows([rows.texts[i] for i in chosen], rows.targets[chosen], rows.encoder, rows.soft)


def _linear(rows: Rows, step: Step) -> Member:
    with tempfile.TemporaryDirectory() as folder:
        return linear.fit(rows, Path(folder), step, {})
