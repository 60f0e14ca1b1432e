"""The linear member: TF-IDF over words (1-2) and characters (2-5), multinomial logistic regression. Microseconds an asset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer

from core.train import softmax
from core.train.data import Rows, Step

SHAPES = {"word": (1, 2), "char_wb": (2, 5)}
MOST_FEATURES = {"word": 60_000, "char_wb": 60_000}
STRENGTH, ITERATIONS = 20.0, 40


class Linear:
    """log_probabilities = log_softmax(tfidf(text) @ coefficients + bias)."""

    def __init__(self, vectorizers: list[TfidfVectorizer], coefficients: np.ndarray, bias: np.ndarray):
        self.vectorizers, self.coefficients, self.bias = vectorizers, coefficients, bias

    def log_probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Uncalibrated log probabilities, float32 of shape (texts, categories)."""
        return softmax.log_softmax(features(self.vectorizers, texts) @ self.coefficients + self.bias)

    def save(self, folder: Path) -> None:
        """Two files: vocabulary.json and linear.safetensors."""
        vocabulary = {v.analyzer: sorted(v.vocabulary_, key=v.vocabulary_.get) for v in self.vectorizers}
        (folder / "vocabulary.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
        tensors = {"coefficients": np.ascontiguousarray(self.coefficients), "bias": self.bias}
        tensors |= {f"idf.{v.analyzer}": v.idf_.astype(np.float32) for v in self.vectorizers}
        save_file(tensors, folder / "linear.safetensors")


def fit(rows: Rows, folder: Path, step: Step, earlier: dict) -> Linear:
    """Learn from rows of text and target distributions; ends with the member saved in `folder`."""
    step(0, 1, "linear: counting words")
    vectorizers = [_vectorizer(analyzer) for analyzer in SHAPES]
    table = sp.hstack([v.fit_transform(rows.texts) for v in vectorizers], format="csr", dtype=np.float32)
    coefficients, bias = softmax.fit(
        table,
        rows.targets,
        strength=STRENGTH,
        iterations=ITERATIONS,
        step=lambda done, total: step(done, total, "linear: fitting"),
    )
    member = Linear(vectorizers, coefficients, bias)
    member.save(folder)
    return member


def load(folder: Path) -> Linear:
    """The member saved in `folder`; reads tables only."""
    tensors = load_file(folder / "linear.safetensors")
    vectorizers = []
    for analyzer, words in json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")).items():
        vectorizer = _vectorizer(analyzer, {word: i for i, word in enumerate(words)})
        vectorizer.idf_ = tensors[f"idf.{analyzer}"]
        vectorizers.append(vectorizer)
    return Linear(vectorizers, tensors["coefficients"], tensors["bias"])


def features(vectorizers: Sequence[TfidfVectorizer], texts: Sequence[str]) -> sp.csr_matrix:
    """TF-IDF of `texts`, float32 CSR of shape (texts, features)."""
    return sp.hstack([v.transform(texts) for v in vectorizers], format="csr", dtype=np.float32)


def _vectorizer(analyzer: str, vocabulary: dict[str, int] | None = None) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=analyzer,
        ngram_range=SHAPES[analyzer],
        # Keep one-letter words and digits: sizes, prices and "5 %" tell categories apart.
        token_pattern=r"(?u)\w+" if analyzer == "word" else None,
        sublinear_tf=True,
        min_df=1 if vocabulary else 2,
        max_features=None if vocabulary else MOST_FEATURES[analyzer],
        vocabulary=vocabulary,
        dtype=np.float32,
    )
