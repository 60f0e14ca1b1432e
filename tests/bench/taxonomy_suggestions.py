"""How often a category that is two is noticed, and one that is one is taken for two: Banking77's categories, and pairs of them
merged at random (100 of each kind, up to 100 assets a category). Run: python -m tests.bench.taxonomy_suggestions FOLDER-OF-DATA
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from core.encoder import encoder
from core.evaluate.suggestions import ALPHA, one_group


def main(folder: Path) -> None:
    """Print the share of single categories and of merged pairs that the test calls two, at the level the page uses."""
    table = pd.concat([pd.read_csv(file) for file in sorted((folder / "banking77").glob("*.csv"))])
    text, label = (next(c for c in table.columns if c in names) for names in (("text",), ("category", "label")))
    by = {name: group[text].drop_duplicates().head(100).tolist() for name, group in table.groupby(label)}
    by = {name: texts for name, texts in by.items() if len(texts) >= 40}
    encode = encoder()
    vectors = {name: encode(texts) for name, texts in by.items()}
    level = ALPHA / len(by)
    single = np.array([one_group(one) for one in vectors.values()])
    draw, names = np.random.default_rng(0), list(vectors)
    merged = []
    for _ in range(100):
        one, other = draw.choice(len(names), 2, replace=False)
        merged.append(one_group(np.vstack([vectors[names[one]], vectors[names[other]]])))
    print(f"{len(by)} single categories called two: {(single < level).mean():.1%}")
    print(f"100 merged pairs called two: {(np.array(merged) < level).mean():.1%}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        import os

        os.environ.setdefault("UNDERSTUDY_HOME", home)
        main(Path(sys.argv[1]))
