"""The same student trained on growing parts of its training rows: what a learning curve is made of.

The texts are encoded once; only the heads are fitted anew, so that all sizes together cost little more than one training.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
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
    asked = [split.calibration.texts, list(texts)]
    encode = _encoded(split.train.texts + split.calibration.texts + list(texts), split.train.encoder, step, kind)
    for number, size in enumerate(sizes):

        def alive(*_, number=number, size=size) -> None:
            step(number, len(sizes), f"Training on {size:,} assets")

        alive()
        part = _part(split.train, order[:size])
        members: list[Member] = [_linear(part, alive)]
        if encode:
            members.append(embedding.learn(encode, encode(part.texts), part.targets, alive))
        calibration, tables = ([table for m in members for table in m.read(list_).tables] for list_ in asked)
        yield blend(tables, fit_weights(calibration, split.calibration.targets.argmax(1))).argmax(1)


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
