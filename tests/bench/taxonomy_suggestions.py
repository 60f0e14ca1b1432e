"""How often a category that is two is noticed, and one that is one is taken for two: Banking77's categories, and pairs of them
merged at random, up to 100 assets a category. The gap that the page asks for (suggestions.GAP) was chosen on every other category;
the figures on the rest are the ones to go by. Run: python -m tests.bench.taxonomy_suggestions FOLDER-OF-DATA
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from core.encoder import encoder
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
    for words, half in (("on which the gap was chosen", names[::2]), ("the rest", names[1::2])):
        single = [two_groups(vectors[name]) for name in half]
        pairs = [draw.choice(len(half), 2, replace=False) for _ in range(100)]
        merged = [two_groups(np.vstack([vectors[half[one]], vectors[half[other]]])) for one, other in pairs]
        for what, found in ((f"{len(half)} single categories", single), ("100 merged pairs", merged)):
            called = np.mean([left < GAP and p < ALPHA / len(half) for p, left in found])
            clear = np.mean([p < ALPHA / len(half) for p, _ in found])
            print(f"{words}: of {what} {called:.1%} are called two ({clear:.1%} without asking for a gap)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder that holds banking77")
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("UNDERSTUDY_HOME", home)
        main(parser.parse_args().folder)
