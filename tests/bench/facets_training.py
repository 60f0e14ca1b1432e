"""What several facets of the same assets take to train together, against one: seconds of the clock and of the processor.

    .venv/bin/python -m tests.bench.facets_training [--facets 1,2,4,8] [--student embedding] [--rows 10003] [--values alike|fewer]

The assets are Banking77's training rows, the first facet its 77 intents. The others ask the same texts something else: `alike`,
each of 77 values again, intents numbered anew and one asset in ten moved to another; `fewer`, groups of intents, five to nineteen
values each, as facets mostly have. Every student is cross-fitted, calibrated and written as ever. With --alone each is trained by
itself as well, and what it says has to be the same to the last bit.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.bench.public import load


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--facets", default="1,2,4,8")
    options.add_argument("--student", default="embedding")
    options.add_argument("--rows", type=int, default=10_003)
    options.add_argument("--values", choices=("alike", "fewer"), default="alike")
    options.add_argument("--alone", action="store_true", help="train each by itself as well, and compare")
    given = options.parse_args()
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    counts = [int(count) for count in given.facets.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["UNDERSTUDY_HOME"] = scratch
        from core.encoders.encoder import prepared

        prepared()  # the encoder is exported once in a workspace, whatever is trained
        splits, texts = facets(max(counts), given.rows, given.values)
        print(f"{'facets':>6} {'clock s':>8} {'of one':>7} {'processor s':>12} {'of one':>7} {'categories':>11}")
        hashes, first = [], None
        for count, (clock, busy, said) in enumerate(
            together(splits, given.student, Path(scratch) / "together", texts), 1
        ):
            hashes.append(said)
            first = first or (clock, busy)
            if count in counts:
                categories = sum(len(split.categories) for split in splits[:count])
                print(f"{count:>6} {clock:>8.1f} {clock / first[0]:>7.2f} {busy:>12.1f} {busy / first[1]:>7.2f}"
                      f" {categories:>11}", flush=True)  # fmt: skip
        if given.alone:
            apart = [next(together([split], given.student, Path(scratch) / f"alone-{at}", texts))
                     for at, split in enumerate(splits)]  # fmt: skip
            same = [one[2] for one in apart] == hashes
            busy = sum(one[1] for one in apart)
            print(f"one after the other: {busy:.1f} s of the processor; students {'the same' if same else 'DIFFERENT'}")


def facets(count: int, rows: int, values: str) -> tuple[list, list[str]]:
    """The rows of each facet, cross-fitted, and texts to ask about."""
    public = load("banking77")
    chosen = np.sort(np.random.default_rng(0).permutation(len(public.split.train.texts))[:rows])
    train = public.split.train.take(chosen)
    empty = train.take(np.zeros(0, int))
    intents, random, splits = train.answers, np.random.default_rng(1), []
    for number in range(count):
        answers = intents
        if number and values == "alike":
            answers = random.permutation(77)[intents]
            answers = np.where(random.random(len(answers)) < 0.1, (answers + 1) % 77, answers)
        elif number:
            size = int(random.integers(5, 20))
            answers = random.permutation(np.arange(77) % size)[intents]
        width = int(answers.max()) + 1
        targets = np.eye(width, dtype=np.float32)[answers]
        of = replace(public.split, categories=list(range(width)), train=replace(train, targets=targets))
        splits.append(replace(of, calibration=replace(empty, targets=targets[:0])))
    return splits, public.texts[:500]


def together(splits: list, kind: str, folder: Path, texts: list[str]) -> Iterator[tuple[float, float, str]]:
    """Train a student of each split after the other; after each, the seconds of the clock and of the processor that all so far have
    taken, and a hash of what it says of `texts`."""
    import hashlib

    from core.train import students
    from core.train.students.counted import learning_together

    clock = busy = 0.0
    with learning_together():
        for at, split in enumerate(splits):
            labels = [str(one) for one in split.categories]
            started = time.perf_counter(), time.process_time()
            made, _ = students.fit(kind, split, labels, folder / str(at), lambda *_: None)
            clock, busy = clock + time.perf_counter() - started[0], busy + time.process_time() - started[1]
            yield clock, busy, hashlib.sha256(made.answer(texts).probabilities.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
