"""One student and several at once on the same assets: seconds to load, rows a second of a file, and the time of one asset.

    .venv/bin/python -m tests.bench.facets_speed [--kind embedding] [--facets 1,2,4,8] [--rows 2000]

Trains a student a facet on made-up assets in a workspace of its own: the sample's 40 categories, and coarser questions about the
same copy. Seconds are those of the processor.
Beside each figure of several facets stands what as many students take one after the other.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from core.assets.rows import join_text

TEXT = ("headline", "body", "cta")
CALLS = 300


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kind", default="embedding")
    options.add_argument("--facets", default="1,2,4,8")
    options.add_argument("--rows", type=int, default=2000)
    options.add_argument("--home", type=Path, help="a workspace to keep the students in, or to take them from")
    given = options.parse_args()
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    counts = [int(count) for count in given.facets.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        home = given.home or Path(scratch)
        os.environ["UNDERSTUDY_HOME"] = str(home)
        folders, texts = made(home, given.kind, max(counts), given.rows)
        print(f"{'facets':>6} {'load s':>8} {'rows/s':>8} {'of one':>7} {'p50 ms':>8} {'p95 ms':>8} {'of one':>7}"
              f" {'apart: rows/s':>14} {'p95 ms':>8}")  # fmt: skip
        first = None
        for count in counts:
            loaded, rate, middle, slow = together(folders[:count], texts)
            first = first or (rate, slow)
            alone_rate, alone_slow = apart(folders[:count], texts)
            print(f"{count:>6} {loaded:>8.2f} {rate:>8.0f} {rate / first[0]:>7.0%} {middle:>8.2f} {slow:>8.2f}"
                  f" {slow / first[1]:>7.2f} {alone_rate:>14.0f} {alone_slow:>8.2f}", flush=True)  # fmt: skip


def made(home: Path, kind: str, facets: int, rows: int) -> tuple[list[Path], list[str]]:
    """The folder of a student a facet, and texts that none of them learned from."""
    from core import database, distil, tasks
    from core.assets import sample
    from core.train import registry

    table = sample.generate(rows, seed=3)[1]
    names = labelled(table, facets)
    home.mkdir(parents=True, exist_ok=True)
    table.to_csv(home / "assets.csv", index=False)
    lines = [f"{name},{label}" for name in names for label in sorted(set(table[name]))]
    (home / "facets.csv").write_text("\n".join(["facet,name", *lines]) + "\n", encoding="utf-8")
    db = database.connect()
    if not db["students"].count:
        how = {"client": "Bench", "teacher": "recorded", "student": kind, "text_columns": list(TEXT), "go_live": True}
        started = time.perf_counter()
        distil.distil(db, taxonomy=home / "facets.csv", assets=home / "assets.csv", id_column="asset_id", **how)
        print(f"{facets} students of the kind {kind}, {rows:,} assets: made in {time.perf_counter() - started:.0f} s")
    every = tasks.of_client(db, tasks.client_named(db, "Bench"))
    folders = [registry.folder_of(db, registry.find(db, task)["id"]) for task in every]
    fresh = sample.generate(rows, seed=4)[1]
    return folders, [join_text(cells) for cells in fresh[list(TEXT)].fillna("").itertuples(index=False)]


def labelled(table: pd.DataFrame, facets: int) -> list[str]:
    """A column of labels a facet added to `table`: the recorded ones, then questions whose answers are groups of categories, four
    to nineteen of them, one label in thirty drawn at random."""
    random = np.random.default_rng(0)
    codes, categories = pd.factorize(table["recorded_label"])
    table["Facet 1"] = table["recorded_label"]
    for number in range(2, facets + 1):
        size = int(random.integers(4, 20))
        groups = random.permutation(np.arange(len(categories)) % size)[codes]
        astray = random.random(len(groups)) < 1 / 30
        groups[astray] = random.integers(0, size, astray.sum())
        table[f"Facet {number}"] = [f"Value {group + 1} of {size}" for group in groups]
    return [f"Facet {number}" for number in range(1, facets + 1)]


def together(folders: list[Path], texts: list[str]) -> tuple[float, float, float, float]:
    """Seconds to load the students, rows a second of a file, p50 and p95 milliseconds of one asset, each asset read once."""
    from core.train.students import Together

    started = time.perf_counter()
    students = Together(folders)
    loaded = time.perf_counter() - started
    students.warm_up()
    return loaded, *measured(students.answer, texts)


def apart(folders: list[Path], texts: list[str]) -> tuple[float, float]:
    """Rows a second and p95 milliseconds of the students asked one after the other, each reading for itself."""
    from core.train import students

    loaded = [students.load(folder) for folder in folders]
    for one in loaded:
        one.warm_up()
    rate, _, slow = measured(lambda some: [one.answer(some) for one in loaded], texts)
    return rate, slow


def measured(ask, texts: list[str]) -> tuple[float, float, float]:
    """Rows a second, all texts at once (the best of three), and p50 and p95 milliseconds of a text alone: of the processor's time,
    which does not turn with what else the machine does."""
    rates = []
    for _ in range(3):
        started = time.process_time()
        ask(list(texts))
        rates.append(len(texts) / (time.process_time() - started))
    times = []
    for text in texts[:CALLS]:
        started = time.process_time()
        ask([text])
        times.append(1000 * (time.process_time() - started))
    return max(rates), *np.quantile(times, (0.5, 0.95))


if __name__ == "__main__":
    main()
