"""How many labels until the student agrees: chosen in rounds against drawn at random, on the public sets.

    python -m tests.bench.rounds [banking77 pitt_image_ads] [--seeds 3] [--keep FOLDER]

Gold labels stand in for a teacher's; agreement is on the sets' own test rows, which nothing here learns from, chooses among or
is calibrated on. Each seed sets a fifth of the training file aside at random; of these as many are calibration rows as the product
would have labelled by then (20 % of all labels, another 20 % being test rows, which the sets bring along). The chooser sees texts,
the labels bought so far and the student made of them, as core/rounds.py does, with the same functions. The student is the
embedding kind. "Labels needed" is read off a straight line between the sizes before and after.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from core.train import members, selection, subsets
from core.train.data import Rows, Split
from core.train.vectors import StoredVectors
from tests.conftest import SHARED

TARGETS = {"banking77": 0.90, "pitt_image_ads": 0.85}
STEP, MOST = 150, 6000  # training labels a round, and at most
RANDOM = np.arange(600, MOST + 1, 300)  # sizes at which the random arm is judged
SHARES = {"train": 0.6, "calibration": 0.2, "test": 0.2}  # of the labels bought


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", nargs="*", default=list(TARGETS))
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where to keep the texts' vectors for the next time"
    )
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in given.sets:
            needed = {arm: [] for arm in ("random", "rounds")}
            for seed in range(given.seeds):
                data = _Data(name, seed, given.keep or Path(folder))
                for arm, found in needed.items():
                    found.append(_needed(data, arm, seed, TARGETS[name]))
            _table(name, TARGETS[name], needed)


class _Data:
    """A set, with a fifth of its training rows set aside to calibrate on."""

    def __init__(self, name: str, seed: int, folder: Path):
        train, test = (pd.read_csv(SHARED / name / f"{part}.csv") for part in ("train", "test"))
        labels = {label: i for i, label in enumerate(sorted(train.label.unique()))}
        order = np.random.default_rng(seed).permutation(len(train))
        aside, pool = np.split(order, [len(train) // 5])
        self.name, self.categories = name, len(labels)
        self.kept = StoredVectors(folder / f"{name}.npz", "packaged")
        self.kept.add([*train.text, *test.text], lambda *_: None)
        (self.aside, self.aside_labels), (self.texts, self.labels), (self.test, self.truth) = (
            (rows.text.tolist(), rows.label.map(labels).to_numpy())
            for rows in (train.iloc[aside], train.iloc[pool], test)
        )
        self.vectors = self.kept(self.texts)

    def student(self, bought: np.ndarray):
        """A student of the pool's rows `bought`: texts -> probabilities."""
        aside = min(round(len(bought) * SHARES["calibration"] / SHARES["train"]), len(self.aside))
        # Only categories that have been seen, as in the product: nobody knows yet that there are others.
        self.seen = np.unique(self.labels[bought])
        known = np.flatnonzero(np.isin(self.aside_labels[:aside], self.seen))
        parts = [
            ([self.texts[i] for i in bought], self.labels[bought]),
            ([self.aside[i] for i in known], self.aside_labels[known]),
        ]
        rows = [
            Rows(texts, np.eye(len(self.seen), dtype=np.float32)[np.searchsorted(self.seen, labels)], "packaged", False)
            for texts, labels in parts
        ]
        return subsets.learn(Split(self.seen.tolist(), *rows), members.QUICK, self.kept, lambda *_: None)


def _sizes(data: _Data, arm: str, seed: int) -> Iterator[tuple[int, float]]:
    """Training labels bought and agreement on the test rows, size by size."""
    if arm == "random":
        order = np.random.default_rng(seed).permutation(len(data.texts))
        for size in RANDOM:
            yield size, _agreement(data, data.student(order[:size]))
        return
    bought = selection.spread(data.vectors, STEP, seed)
    while len(bought) <= MOST:
        student = data.student(bought)
        yield len(bought), _agreement(data, student)
        left = np.setdiff1d(np.arange(len(data.texts)), bought)
        doubted = student([data.texts[i] for i in left]).probabilities
        bought = np.append(bought, left[selection.doubtful(data.vectors[left], doubted, STEP, seed)])


def _agreement(data: _Data, student) -> float:
    return float((data.seen[student(data.test).best] == data.truth).mean())


def _needed(data: _Data, arm: str, seed: int, target: float) -> float:
    """Training labels until `target`: the first crossing that the next size confirms."""
    started, curve = time.perf_counter(), []
    for size, agreement in _sizes(data, arm, seed):
        curve.append((size, agreement))
        print(f"{data.name} seed {seed} {arm}: {size:,} {agreement:.4f}", flush=True)
        if len(curve) > 1 and min(curve[-1][1], curve[-2][1]) >= target:
            break
    sizes, agreements = np.array(curve).T
    above = np.flatnonzero((agreements[:-1] >= target) & (agreements[1:] >= target))
    if not len(above):
        return np.inf
    first = above[0]
    found = sizes[first] if not first else np.interp(target, agreements[[first - 1, first]], sizes[[first - 1, first]])
    print(f"{data.name} seed {seed} {arm}: {found:,.0f} labels, {time.perf_counter() - started:.0f} s", flush=True)
    return float(found)


def _table(name: str, target: float, needed: dict[str, list[float]]) -> None:
    print(f"\n{name}: labels to reach {target:.2f} agreement on its test rows, {len(needed['random'])} seeds")
    print(
        "| chosen | training labels, median | range | with calibration rows | with test rows as well |\n|---|---|---|---|---|"
    )
    for arm, found in needed.items():
        middle = np.median(found)
        every = [middle * (1 + SHARES["calibration"] / SHARES["train"]), middle / SHARES["train"]]
        cells = [f"{middle:,.0f}", f"{min(found):,.0f} to {max(found):,.0f}", *(f"{count:,.0f}" for count in every)]
        print("|", " | ".join([arm, *cells]), "|")
    print(f"saved: {1 - np.median(needed['rounds']) / np.median(needed['random']):.0%}\n", flush=True)


if __name__ == "__main__":
    main()
