"""Does the teacher's whole distribution teach more? Students of the built-in teacher on its distributions and on its answers.

    python -m tests.bench.soft_labels [--kinds linear,embedding] [--sizes 500,2000,10000]

Synthetic assets of the sample client's kind, labelled by the built-in teacher; agreement with it on the same test assets. The
difference is paired: its interval is by the exact test on the assets where just one of the two agrees (McNemar).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from core import database, tasks, taxonomy
from core.assets import imports as ingest
from core.assets import previews, sample
from core.label.labelling import label
from core.label.runs import labelled
from core.train import data, students
from core.train.data import Split

HELD = 0.35  # of the assets made: test, and calibration, as the product splits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", default="linear,embedding")
    parser.add_argument("--sizes", default="500,2000,10000")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as home:
        os.environ["UNDERSTUDY_HOME"] = home
        db = database.connect()
        split, texts, answers = labelled_by_the_teacher(db, Path(home), int(max(sizes) / (1 - HELD)))
        print(
            f"{'kind':12}{'assets':>8}{'answers alone':>15}{'distributions':>15}{'difference':>12}{'p':>8}   n = {len(texts):,}"
        )
        for kind in options.kinds.split(","):
            for size in sizes:
                folder = Path(home) / f"{kind}-{size}"
                hard, soft = (
                    right(kind, part, folder / name, texts, answers)
                    for name, part in (("hard", cut(split, size, soft=False)), ("soft", cut(split, size, soft=True)))
                )
                one_only = int((soft & ~hard).sum()), int((hard & ~soft).sum())
                p = binomtest(one_only[0], max(sum(one_only), 1)).pvalue if sum(one_only) else 1.0
                gain = soft.mean() - hard.mean()
                print(
                    f"{kind:12}{size:8,}{hard.mean():15.4f}{soft.mean():15.4f}{100 * gain:+9.2f} pts{p:8.3f}",
                    flush=True,
                )


def labelled_by_the_teacher(db, home: Path, count: int) -> tuple[Split, list[str], np.ndarray]:
    """Training and calibration rows with distributions, and test texts with the teacher's answers as column numbers."""
    files = sample.write(home / "files", count, 7)
    task = tasks.of(db, "bench")
    taxonomy.save(db, task, taxonomy.read(files[0]).categories, "taxonomy.csv")
    ingest.import_assets(db, task, files[1], previews.preview(files[1]).guess)
    run_id = label(db, task, "built-in")
    split = data.load(db, task, run_id)
    frame = labelled(db, run_id)
    test = frame[frame.split == "test"].drop_duplicates("group_id")
    column = {category: i for i, category in enumerate(split.categories)}
    return split, test.text.tolist(), test.category_id.map(column).to_numpy()


def cut(split: Split, size: int, *, soft: bool) -> Split:
    """`size` training rows drawn at random, with distributions or the likeliest answers."""
    kept = np.sort(np.random.default_rng(size).permutation(len(split.train.texts))[:size])
    rows = split.train.take(kept)
    targets = rows.targets if soft else np.eye(rows.targets.shape[1], dtype=np.float32)[rows.answers]
    return replace(split, train=replace(rows, targets=targets, soft=soft))


def right(kind: str, split: Split, folder: Path, texts: list[str], answers: np.ndarray) -> np.ndarray:
    names = [str(category) for category in split.categories]
    made, _ = students.fit(kind, split, names, folder, lambda done, total, message: None)
    return made.answer(texts).best == answers


if __name__ == "__main__":
    main()
