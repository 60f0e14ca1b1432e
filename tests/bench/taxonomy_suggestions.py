"""How often a category that is two is noticed, and one that is one is taken for two: Banking77's categories, and pairs of them
merged at random, up to 100 assets a category. The gap that the page asks for (suggestions.GAP) was chosen with all of these
categories in view, so the figures flatter it; no second data set has judged it. Run: python -m tests.bench.taxonomy_suggestions
FOLDER-OF-DATA
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from core.encoders.encoder import encoder
from core.evaluate.suggestions import ALPHA, GAP, two_groups


def main(folder: Path) -> None:
    """Print the share of single categories and of merged pairs that the test calls two, at the level the page uses."""
    table = pd.concat([pd.read_csv(file) for file in sorted((folder / "banking77").glob("*.csv"))])
    text, label = (next(c for c in table.columns if c in names) for names in (("text",), ("category", "label")))
    by = {name: group[text].drop_duplicates().head(100).tolist() for name, group in table.groupby(label)}
    by = {name: texts for name, texts in by.items() if len(texts) >= 40}
    encode = encoder()
    vectors = {name: encode(texts) for name, texts in by.items()}
    draw, names = np.random.default_rng(0), list(vectors)
    single = [two_groups(one) for one in vectors.values()]
    pairs = [draw.choice(len(names), 2, replace=False) for _ in range(200)]
    merged = [two_groups(np.vstack([vectors[names[one]], vectors[names[other]]])) for one, other in pairs]
    for what, found in ((f"{len(names)} single categories", single), ("200 merged pairs", merged)):
        called = np.mean([left < GAP and p < ALPHA / len(names) for p, left in found])
        alone = np.mean([p < ALPHA / len(names) for p, _ in found])
        print(f"of {what} {called:.1%} are called two ({alone:.1%} by the test alone, without asking for a gap)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder that holds banking77")
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("UNDERSTUDY_HOME", home)
        main(parser.parse_args().folder)
