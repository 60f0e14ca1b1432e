"""How hard is the sample client? Agreement with its recorded labels on held-out creatives, for two plain students.

    python -m tests.bench.sample_baseline                        # 2,000 and 10,000 rows
    python -m tests.bench.sample_baseline --rows 2000 --no-encoder

tfidf: words and word pairs, logistic regression, C = 20. minilm: the frozen sentence encoder, logistic regression, C = 30.
blend: the geometric mean of the two. Creatives are dealt into five folds, all sizes of one together, and each fold is
predicted from the other four. ceiling: the share of rows whose recorded label is the most probable category given how the row
came about; no student can be expected to pass it.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from core.assets import sample


def texts(assets: pd.DataFrame) -> list[str]:
    """Headline, body and call to action of each row, as one text."""
    return [" ".join(part for part in row if part) for row in zip(assets["headline"], assets["body"], assets["cta"])]


def tfidf(assets: pd.DataFrame, train: np.ndarray, held: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Classes and probabilities (held rows, classes) of TF-IDF and logistic regression trained on the `train` rows."""
    words, labels = np.array(texts(assets), dtype=object), assets["recorded_label"].to_numpy()
    weigh = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=20, max_iter=300).fit(weigh.fit_transform(words[train]), labels[train])
    return list(model.classes_), model.predict_proba(weigh.transform(words[held]))


def _frozen(vectors: np.ndarray, labels: np.ndarray, train: np.ndarray, held: np.ndarray) -> np.ndarray:
    return LogisticRegression(C=30, max_iter=300).fit(vectors[train], labels[train]).predict_proba(vectors[held])


def measure(rows: int, seed: int, folds: int, with_encoder: bool) -> dict[str, float]:
    """Agreement over all held-out rows by student, the ceiling, and the share of rows measured."""
    assets = sample.with_truth(rows, seed)
    labels = assets["recorded_label"].to_numpy()
    vectors = None
    if with_encoder:
        from core.encoders.encoder import encoder

        vectors = np.asarray(encoder()(texts(assets)))
    right: dict[str, list[np.ndarray]] = {}
    dealt = GroupKFold(5, shuffle=True, random_state=0).split(labels, groups=assets["creative"])
    held_rows: list[np.ndarray] = []
    for train, held in list(dealt)[:folds]:
        classes, by_words = tfidf(assets, train, held)
        answers = {"tfidf": by_words}
        if vectors is not None:
            answers["minilm"] = _frozen(vectors, labels, train, held)
            answers["blend"] = np.log(answers["minilm"] + 1e-9) + np.log(by_words + 1e-9)
        for name, scores in answers.items():
            right.setdefault(name, []).append(np.array(classes)[scores.argmax(1)] == labels[held])
        held_rows.append(held)
    seen = assets.iloc[np.concatenate(held_rows)]
    figures = {name: float(np.concatenate(hits).mean()) for name, hits in right.items()}
    return figures | {"ceiling": float((seen["recorded_label"] == seen["expected"]).mean()), "held-out rows": len(seen)}


def main() -> None:
    """Print one line a table size."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, nargs="+", default=[2000, 10000])
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--folds", type=int, default=5, help="how many of the five folds to measure")
    arguments.add_argument("--no-encoder", action="store_true")
    args = arguments.parse_args()
    for rows in args.rows:
        figures = measure(rows, args.seed, args.folds, not args.no_encoder)
        print(f"{rows:>7,} rows  " + "  ".join(f"{k} {v:.3f}" if v <= 1 else f"{k} {v:,}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
