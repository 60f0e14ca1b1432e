"""How well the learning curve foretells: the law is fitted on all sizes but the largest, which it then has to predict.

    python -m tests.bench.learning_curve banking77 pitt_image_ads [--kind embedding]

The largest size has twice the rows of the one before: just what the product extrapolates to. Gold labels of the public sets
stand in for recorded teacher labels; the sets' own test rows are the test.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time

import numpy as np

from core.evaluate import learning_curve as curves
from core.train import members, subsets
from tests.bench import public


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", nargs="+")
    options.add_argument("--kind", default="embedding", choices=members.quick_kinds())
    given = options.parse_args()
    for name in given.sets:
        data = public.load(name)
        split, truth = data.split, data.answers
        points = curves.sizes(len(split.train.texts), len(split.categories))
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            os.environ["UNDERSTUDY_HOME"] = folder
            found = subsets.answers(split, data.texts, given.kind, points, lambda *_: None)
            hits = np.array([said.best == truth for said in found])
        print(f"{name}: {given.kind}, five sizes in {time.perf_counter() - started:.0f} s")
        for size, hit in zip(points, hits):
            print(f"  {size:>7,} assets  agreement {hit.mean():.4f}")
        _hold_out(points, hits)


def _hold_out(points: list[int], hits: np.ndarray) -> None:
    """Print the largest size's agreement beside what the smaller ones foretell."""
    law, draws = curves.laws(points[:-1], hits[:-1], np.arange(hits.shape[1]))
    times = points[-1] / points[-2]
    foretold = 1 - curves.error(law, times)
    low, high = np.quantile(1 - curves.error(draws, times), [0.025, 0.975])
    print(f"  {points[-1]:,} foretold from the others: {foretold:.4f} ({low:.4f} to {high:.4f})", flush=True)


if __name__ == "__main__":
    main()
