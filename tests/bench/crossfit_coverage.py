"""Does the promise hold for cross-fitted students? Draw training rows, train, certify, and check on all rows not drawn.

    python -m tests.bench.crossfit_coverage banking77 pitt_image_ads [--rows 1000 2500] [--draws 100]

tests.bench.certificate_coverage asks whether the test of a threshold keeps its error budget for one student. Here every draw trains
anew: the certificate comes of answers of members that had not seen a row, the student it is given to learned from all of them.
Budget 5 %. Handled: share of the rows not drawn, on average; agrees: agreement on those, on average; broken: how often it is below
the target.
"""

from __future__ import annotations

import argparse

import numpy as np

from core.encoders.encoder import encoder
from core.evaluate.cascade import certify, effective
from core.train.data import Rows
from core.train.folds import deal
from core.train.members import blend, embedding, linear
from core.train.students import crossfit, stages
from core.train.students.reading import Reading
from tests.bench import public

KINDS = ("linear", "embedding")
TARGETS = (0.90, 0.95, 0.98)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=public.SETS)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 2500])
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    print(f"{'data':15}{'student':11}{'rows':>6}{'target':>8}{'certified':>11}{'handled':>9}{'agrees':>8}{'broken':>8}")
    for name in options.sets:
        data = public.load(name)
        texts = data.split.train.texts + data.texts
        targets = np.concatenate([data.split.train.targets, np.eye(len(data.labels), dtype=np.float32)[data.answers]])
        vectors = encoder()(texts)
        for count in options.rows:
            drawn = [draw(texts, targets, vectors, count, seed) for seed in range(options.draws)]
            for kind in KINDS:
                for target in TARGETS:
                    line(name, kind, count, target, [one[kind, target] for one in drawn])


def draw(
    texts: list[str], targets: np.ndarray, vectors: np.ndarray, count: int, seed: int
) -> dict[tuple[str, float], tuple[float, float]]:
    """Of `count` rows drawn at random, and for each kind and target: (handled share of the others, agreement on those)."""
    order = np.random.default_rng(seed).permutation(len(texts))
    chosen, others = order[:count], order[count:]
    answers = targets.argmax(1)
    folds = deal(answers[chosen])
    unseen = {
        name: crossfit.unseen(
            folds, lambda learn, held, ask=ask: ask(texts, targets, vectors, chosen[learn], chosen[held])
        )
        for name, ask in MEMBERS.items()
    }
    final = {name: ask(texts, targets, vectors, chosen, others) for name, ask in MEMBERS.items()}
    found = {}
    for kind in KINDS:
        made = stages.fit({name: unseen[name] for name in blend(kind)}, answers[chosen])
        sure, right = [], []
        for readings, rows in ((unseen, chosen), (final, others)):
            said = stages.walk(
                made, len(rows), targets.shape[1], lambda name, these, readings=readings: readings[name].take(these)
            )
            sure.append(effective(said.confidence, said.strange))
            right.append(said.best == answers[rows])
        for target in TARGETS:
            threshold = certify(sure[0], right[0], target).threshold
            handled = sure[1] >= threshold if threshold is not None else np.zeros(len(others), bool)
            found[kind, target] = float(handled.mean()), float(right[1][handled].mean()) if handled.any() else 1.0
    return found


def words(texts: list[str], targets: np.ndarray, vectors: np.ndarray, learn: np.ndarray, ask: np.ndarray) -> Reading:
    """What the linear member of the rows `learn` makes of the rows `ask`."""
    rows = Rows([texts[i] for i in learn], targets[learn], "packaged", False)
    return linear.learn(rows, lambda *_: None).read([texts[i] for i in ask])


def meaning(texts: list[str], targets: np.ndarray, vectors: np.ndarray, learn: np.ndarray, ask: np.ndarray) -> Reading:
    """What the embedding member of the rows `learn` makes of the rows `ask`."""
    return embedding.learn(None, vectors[learn], targets[learn], lambda *_: None).look(vectors[ask])


MEMBERS = {"linear": words, "embedding": meaning}


def line(name: str, kind: str, count: int, target: float, found: list[tuple[float, float]]) -> None:
    handled, agrees = np.array(found).T
    given = handled > 0
    agreed = f"{agrees[given].mean():8.3f}" if given.any() else f"{'–':>8}"
    broken = (given & (agrees < target)).mean()
    print(
        f"{name:15}{kind:11}{count:6,}{target:8.2f}{given.mean():11.2f}{handled.mean():9.3f}{agreed}{broken:8.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
