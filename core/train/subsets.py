"""The same student trained on growing parts of its training rows: what a learning curve is made of.

The texts are encoded once; only the heads are fitted anew, so that all sizes together cost little more than one training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from core.encoders.encoder import encoder
from core.train import members
from core.train.data import Rows, Split, Step
from core.train.members import Encode, Model
from core.train.students import crossfit
from core.train.students.reading import Reading
from core.train.students.stages import Answers, last_stage

SEED = 0


def answers(
    split: Split, texts: Sequence[str], kind: str, sizes: Sequence[int], step: Step, seed: int = SEED
) -> Iterator[Answers]:
    """For each size, what a student trained on that many rows says of `texts`.

    The rows are a random part of the training rows, whole families but for the last, each size's within the next one's. All
    members are asked about every text, their blend calibrated as a student's last stage is. Memory: one float32 vector a text.
    """
    order = _shuffled(split.train, seed)
    encode = _encoded(split.train.texts + split.calibration.texts + list(texts), split.train.encoder, step, kind)
    for number, size in enumerate(sizes):

        def alive(*_, number=number, size=size) -> None:
            step(number, len(sizes), f"Training on {size:,} assets")

        alive()
        part = replace(split, train=split.train.take(order[:size]))
        yield learn(part, kind, encode, alive)(list(texts))


def _shuffled(rows: Rows, seed: int) -> np.ndarray:
    """The numbers of the rows, families in random order."""
    family = np.arange(len(rows.texts)) if rows.families is None else pd.factorize(rows.families)[0]
    place = np.argsort(np.random.default_rng(seed).permutation(family.max(initial=-1) + 1))
    return np.argsort(place[family], kind="stable")


def learn(split: Split, kind: str, encode: Encode | None, alive: Callable[..., None]) -> Callable[[list[str]], Answers]:
    """Train a student of `kind`, one of members.quick_kinds(), on the training rows and calibrate the blend: what answers any
    texts, none of which is strange to it.

    Nothing is written. `encode` reads for it, where it reads vectors; `alive` is called often and may raise to cancel.
    """
    quick = [members.of(name).quick for name in members.blend(kind, split.train)]

    def tables(rows: Rows) -> Callable[[list[str]], list[np.ndarray]]:
        models: list[Model] = [train(rows, encode, alive) for train in quick]
        return lambda texts: [table for model in models for table in model.read(texts).tables]

    def unseen(chosen: np.ndarray, held: np.ndarray) -> Reading:
        return Reading(tables(split.train.take(chosen))(split.train.take(held).texts), None)

    read = tables(split.train)
    if split.crossfit:
        judged = crossfit.unseen(split.train.folds(), unseen).tables
    else:
        judged = read(split.calibration.texts)
    judging = split.judging
    stage = last_stage(judged, judging.answers if judging.said is None else judging.said, some=judging.some)
    return lambda texts: stage.answers(stage.pool(read(texts)), np.zeros(len(texts), bool))


def _encoded(texts: list[str], name: str, step: Step, kind: str) -> Encode | None:
    """Encode `texts` once: what gives the vectors of any of them from then on. None where the kind reads no vectors."""
    if not members.bases(kind):
        return None
    step(0, 1, "Preparing the base model")
    place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    vectors = encoder(name)(list(place), progress=lambda done, total: step(done, total, "Reading the assets"))
    return lambda some: vectors[[place[text] for text in some]]
