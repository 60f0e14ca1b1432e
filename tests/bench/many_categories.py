"""Training time and memory of the fast student on many categories and assets, each kind in a process of its own.

    python -m tests.bench.many_categories [--categories 500] [--assets 100000] [--words 18]

The assets are made up: words by Zipf's law out of the encoder's vocabulary, some from a list of their category's own; with the
marks at both ends a text of 18 words has 20 tokens. So the agreement says little; time and memory are what is measured.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from core.encoders.encoder import tokenizer
from core.train import students
from core.train.data import Rows, Split
from core.weights import source_folder


def made_up(count: int, categories: int, length: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """`count` texts of about `length` words and their categories; a third of the words come from 40 of the category's own."""
    dice = np.random.default_rng(seed)
    words = np.array(
        sorted(w for w in tokenizer(source_folder()).get_vocab() if w.isascii() and w.isalpha() and len(w) > 2)
    )
    dice.shuffle(words)
    own = dice.integers(0, len(words), (categories, 40))
    answers = dice.integers(0, categories, count)
    common = np.minimum(dice.zipf(1.2, (count, length)) - 1, len(words) - 1)
    special = own[answers[:, None], dice.integers(0, 40, (count, length))]
    chosen = np.where(dice.random((count, length)) < 0.33, special, common)
    return [" ".join(row) for row in words[chosen]], answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--categories", type=int, default=500)
    parser.add_argument("--assets", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=18)
    options = parser.parse_args()
    texts, answers = made_up(options.assets + 2000, options.categories, options.words)
    targets = np.eye(options.categories, dtype=np.float32)[answers]
    parts = slice(0, options.assets), slice(options.assets, None)
    rows = [Rows(texts[part], targets[part], "packaged", False) for part in parts]
    names = [str(number) for number in range(options.categories)]
    spent: dict[str, float] = {}
    seen = [time.perf_counter(), ""]

    def step(done: int, total: int, message: str) -> None:
        now = time.perf_counter()
        spent[seen[1]] = spent.get(seen[1], 0) + now - seen[0]
        seen[:] = [now, message]

    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        started = time.perf_counter()
        split = Split(list(range(options.categories)), *rows)
        made, _ = students.fit("embedding", split, names, Path(folder) / "student", step)
        seconds = time.perf_counter() - started
        step(0, 0, "")
        agreement = (made.answer(rows[1].texts).best == answers[parts[1]]).mean()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{options.assets:,} assets, {options.categories} categories: {seconds:.0f} s, peak {peak:.1f} GB", end="")
    print(f", agreement on 2,000 others {agreement:.3f}")
    for message, took in spent.items():
        if message:
            print(f"  {took:6.1f} s  {message}")


if __name__ == "__main__":
    main()
