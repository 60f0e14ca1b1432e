"""The embedding member: the frozen int8 sentence encoder, a logistic head, the nearest neighbours. About a minute of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from core.encoder import OnnxText, prepared
from core.train import softmax
from core.train.disk import link, tensors_of
from core.train.students import crossfit
from core.train.students.neighbours import Neighbours, gather
from core.train.students.reading import Reading

if TYPE_CHECKING:
    from core.train.data import Rows, Step

STRENGTH, ITERATIONS = 30.0, 40
Encode = Callable[[Sequence[str]], np.ndarray]  # texts to unit vectors, float32 (texts, dimensions)


class Encoded:
    """A member that reads a text as a vector: head and neighbours each make a table of it. `encode` gives unit vectors."""

    def __init__(self, encode: Encode, coefficients: np.ndarray, bias: np.ndarray, neighbours: Neighbours):
        self.encode, self.coefficients, self.bias, self.neighbours = encode, coefficients, bias, neighbours

    def read(self, texts: Sequence[str]) -> Reading:
        """Two tables: log_softmax(vector @ coefficients + bias), and what the nearest training assets were labelled."""
        return self.look(self.encode(texts))

    def look(self, vectors: np.ndarray) -> Reading:
        """The same of texts whose vectors are known."""
        near, nearness = self.neighbours.look(vectors)
        return Reading([softmax.log_softmax(vectors @ self.coefficients + self.bias), near], nearness)

    def save(self, folder: Path) -> None:
        """Head and neighbours into head.safetensors (the encoder's own files are the caller's)."""
        tensors = {"coefficients": np.ascontiguousarray(self.coefficients), "bias": self.bias}
        tensors |= {"neighbours": self.neighbours.vectors.astype(np.float16), "answers": self.neighbours.answers}
        save_file(tensors, folder / "head.safetensors")


def fit(
    rows: Rows,
    folder: Path,
    step: Step,
    earlier: dict,
    folds: np.ndarray | None = None,
    *,
    name: str = "embedding",
) -> Encoded:
    """Encode the rows once, fit the head on their target distributions; ends with the member saved in `folder`, and with what
    models of the other `folds` make of each row where there are any. Progress is told of under `name`."""
    step(0, len(rows.texts), f"{name}: preparing the base model")
    source = prepared(rows.encoder)
    encode = OnnxText(source)
    vectors = encode(rows.texts, progress=lambda done, total: step(done, total, f"{name}: reading the assets"))
    member = crossfit.fitted(
        len(rows.texts),
        folds,
        lambda chosen, step: learn(
            encode,
            vectors[chosen],
            rows.targets[chosen],
            lambda done, total: step(done, total, f"{name}: fitting the head"),
        ),
        lambda member, held: member.look(vectors[held]),
        folder,
        step,
    )
    for name in ("encoder.onnx", "tokenizer.json"):
        link(source / name, folder / name)
    member.save(folder)
    return member


def learn(encode: Encode, vectors: np.ndarray, targets: np.ndarray, step: Callable[[int, int], None]) -> Encoded:
    """The member of rows whose `vectors` (n, d) are known, with target distributions (n, categories)."""
    coefficients, bias = softmax.fit(vectors, targets, strength=STRENGTH, iterations=ITERATIONS, step=step)
    return Encoded(encode, coefficients, bias, gather(vectors, targets))


def load(folder: Path) -> Encoded:
    """The member saved in `folder`: an ONNX graph and four tables."""
    head = tensors_of(folder / "head.safetensors")
    neighbours = Neighbours(head["neighbours"].astype(np.float32), head["answers"], head["coefficients"].shape[1])
    return Encoded(OnnxText(folder), head["coefficients"], head["bias"], neighbours)
