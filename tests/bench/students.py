"""Agreement, training time and speed of our students beside scikit-learn's TF-IDF + logistic regression, in the same run.

    python -m tests.bench.students banking77 [pitt_image_ads] [--kinds linear,embedding,transformer]

Gold labels of the public sets stand in for recorded teacher labels; the sets' own test rows are the test. Calibration rows are
taken out of the training rows, as the product does.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core.train import students
from core.train.data import Rows, Split
from tests.conftest import SHARED


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", nargs="+")
    options.add_argument("--kinds", default="linear,embedding,transformer")
    options.add_argument("--calibration", type=float, default=0.1)
    given = options.parse_args()
    print(f"{'data':16} {'model':28} {'agreement':>9} {'train s':>8} {'assets/s':>9} {'ms one':>7} {'peak GB':>8}")
    for name in given.sets:
        train, test = (pd.read_csv(SHARED / name / f"{part}.csv") for part in ("train", "test"))
        _baseline(name, train, test)
        with tempfile.TemporaryDirectory() as folder:
            os.environ["UNDERSTUDY_HOME"] = folder  # a cold start: the encoder is exported within the time shown
            split = split_rows(train, given.calibration)
            for kind in given.kinds.split(","):
                started = time.perf_counter()
                made = students.fit(kind, split, split_labels(train), Path(folder) / kind, _quiet)
                _row(name, f"ours: {kind}", made.predict_proba, time.perf_counter() - started, train, test)


def split_labels(train: pd.DataFrame) -> list[str]:
    return sorted(train.label.unique())


def split_rows(train: pd.DataFrame, share: float) -> Split:
    labels = split_labels(train)
    targets = np.eye(len(labels), dtype=np.float32)[train.label.map({c: i for i, c in enumerate(labels)})]
    held = np.random.default_rng(0).permutation(len(train)) < share * len(train)

    def rows(which: np.ndarray) -> Rows:
        return Rows(train.text[which].tolist(), targets[which], "packaged", False)

    return Split(list(range(len(labels))), rows(~held), rows(held))


def _baseline(name: str, train: pd.DataFrame, test: pd.DataFrame) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    started = time.perf_counter()
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=20, max_iter=300)
    )
    model.fit(train.text, train.label)
    _row(name, "scikit-learn TF-IDF + LR", model.predict_proba, time.perf_counter() - started, train, test)


def _row(name: str, model: str, predict, seconds: float, train: pd.DataFrame, test: pd.DataFrame) -> None:
    labels = np.array(split_labels(train))
    started = time.perf_counter()
    answers = labels[predict(test.text.tolist()).argmax(1)]
    rate = len(test) / (time.perf_counter() - started)
    single = []
    for text in test.text[:200]:
        started = time.perf_counter()
        predict([text])
        single.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    agreement = (answers == test.label.to_numpy()).mean()
    one = np.median(single) * 1000
    print(f"{name:16} {model:28} {agreement:9.4f} {seconds:8.1f} {rate:9.0f} {one:7.2f} {peak:8.2f}", flush=True)


def _quiet(done: int, total: int, message: str) -> None:
    pass


if __name__ == "__main__":
    main()
