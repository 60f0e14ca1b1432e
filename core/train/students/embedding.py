"""The embedding member: the frozen int8 sentence encoder and a logistic head. About a minute of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from core.encoder import OnnxText, prepared
from core.train import softmax
from core.train.data import Rows, Step
from core.train.disk import link

STRENGTH, ITERATIONS = 30.0, 120


class Embedding:
    """log_probabilities = log_softmax(encode(text) @ coefficients + bias)."""

    def __init__(self, encode: OnnxText, coefficients: np.ndarray, bias: np.ndarray):
        self.encode, self.coefficients, self.bias = encode, coefficients, bias

    def log_probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Uncalibrated log probabilities, float32 of shape (texts, categories)."""
        return softmax.log_softmax(self.encode(texts) @ self.coefficients + self.bias)


def fit(rows: Rows, folder: Path, step: Step, earlier: dict) -> Embedding:
    """Encode the rows once, fit the head on their target distributions; ends with the member saved in `folder`."""
    step(0, len(rows.texts), "embedding: preparing the encoder")
    source = prepared(rows.encoder)
    encode = OnnxText(source)
    vectors = encode(rows.texts, progress=lambda done, total: step(done, total, "embedding: reading the assets"))
    coefficients, bias = softmax.fit(
        vectors,
        rows.targets,
        strength=STRENGTH,
        iterations=ITERATIONS,
        step=lambda done, total: step(done, total, "embedding: fitting the head"),
    )
    for name in ("encoder.onnx", "tokenizer.json"):
        link(source / name, folder / name)
    save_file({"coefficients": np.ascontiguousarray(coefficients), "bias": bias}, folder / "head.safetensors")
    return Embedding(encode, coefficients, bias)


def load(folder: Path) -> Embedding:
    """The member saved in `folder`: an ONNX graph and two tables."""
    head = load_file(folder / "head.safetensors")
    return Embedding(OnnxText(folder), head["coefficients"], head["bias"])
