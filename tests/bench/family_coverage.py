"""Does the promise hold where assets come in families (one concept in many markets, sizes, lines)?

    python -m tests.bench.family_coverage certificate [--draws 500]     # the test alone, on drawn answers
    python -m tests.bench.family_coverage students [--kind linear embedding] [--draws 40]     # trained anew at each draw

`certificate` draws families of answers: their sizes equal, skewed or mostly one; answers of a family alike to a degree (rho), in
confidence and in being right; a share of families, and of rows, wrong however sure (noise). The threshold is certified by
rows as if independent, by one row a family, and by the design effect, and checked on 30,000 families more: handled share, on
average, and how often broken. `students` draws concepts of tests/markets.py, trains with folds of rows and with folds of families,
certifies, and asks a student of all of them about 400 new concepts. Budget 5 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.stats import beta, norm

from core.evaluate.cascade import certify, effective
from core.train import members
from core.train.folds import deal
from core.train.students import crossfit, stages
from tests import markets
from tests.bench.crossfit_coverage import MEMBERS

TARGETS = (0.90, 0.95, 0.98)
POPULATION = 30_000
Sizes = Callable[[np.random.Generator, int], np.ndarray]
Answers = tuple[np.ndarray, np.ndarray, np.ndarray]  # confidence, right, family

GRID = np.linspace(1e-6, 1 - 1e-6, 20_001)
SURE = np.where(  # quantiles of a calibrated student's confidence: most rows easy, a tail of hard ones
    GRID < 0.8,
    beta.ppf(np.minimum(GRID / 0.8, 1 - 1e-9), 40, 0.6),
    beta.ppf(np.clip((GRID - 0.8) / 0.2, 1e-9, 1), 3, 1.2),
)
SIZES: dict[str, Sizes] = {
    "equal 11": lambda chance, n: np.full(n, 11),
    "skewed": lambda chance, n: (
        1 + chance.geometric(0.08, n) * (chance.random(n) < 0.5) + 60 * (chance.random(n) < 0.02)
    ),
    "mostly one": lambda chance, n: np.where(chance.random(n) < 0.8, 1, chance.integers(2, 20, n)),
    "all one": lambda chance, n: np.ones(n, int),
}
SETTINGS = [(rho, (0.0, 0.0)) for rho in (0.0, 0.6, 0.9)] + [(0.3, (0.02, 0.01))]


def answers(
    chance: np.random.Generator, families: int, sizes: Sizes, rho: float, noise: tuple[float, float]
) -> Answers:
    """Answers to so many families."""
    family = np.repeat(np.arange(families), sizes(chance, families))
    n = len(family)

    def alike() -> np.ndarray:
        return norm.cdf(np.sqrt(rho) * chance.normal(size=families)[family] + np.sqrt(1 - rho) * chance.normal(size=n))

    place = alike()
    sure = SURE[(place * 20_000).astype(int)] + 1e-7 * place
    wrong = (chance.random(families)[family] < noise[0]) | (chance.random(n) < noise[1])
    return sure, (alike() < sure) & ~wrong, family


def certificate(draws: int, counts: list[int]) -> None:
    """The table of the certificate alone: handled share and how often broken, by each way of counting."""
    print(
        f"{'families':11}{'n':>5}{'rho':>5}{'noise':>7}{'target':>8}   by rows        one a family   by design effect"
    )
    for name, sizes in SIZES.items():
        for rho, noise in SETTINGS if name != "all one" else SETTINGS[:1]:
            truth = _at_least(*answers(np.random.default_rng(5), POPULATION, sizes, rho, noise)[:2])
            for count in counts:
                for target in TARGETS:
                    found = [_kept(draws, count, sizes, rho, noise, target, way, truth) for way in WAYS]
                    told = "   ".join(f"{handled:.3f} {broken:6.3f}" for handled, broken in found)
                    print(f"{name:11}{count:5}{rho:5.1f}{noise[0]:7.2f}{target:8.2f}   {told}", flush=True)


def _by_rows(sure: np.ndarray, right: np.ndarray, family: np.ndarray) -> tuple[np.ndarray, ...]:
    return sure, right, np.arange(len(sure))


def _one_each(sure: np.ndarray, right: np.ndarray, family: np.ndarray) -> tuple[np.ndarray, ...]:
    _, first = np.unique(family, return_index=True)
    return sure[first], right[first], family[first]


WAYS = (_by_rows, _one_each, lambda *answers: answers)


def _at_least(sure: np.ndarray, right: np.ndarray) -> Callable[[float], tuple[float, float]]:
    """What gives, for a threshold, the handled share and the agreement on it."""
    order = np.argsort(sure)
    sure, above = sure[order], np.append(np.cumsum(right[order][::-1])[::-1], 0)

    def at(threshold: float) -> tuple[float, float]:
        first = int(np.searchsorted(sure, threshold))
        count = len(sure) - first
        return count / len(sure), above[first] / count if count else 1.0

    return at


def _kept(draws, count, sizes, rho, noise, target, way, truth) -> tuple[float, float]:
    chance, handled, broken = np.random.default_rng(9), 0.0, 0
    for _ in range(draws):
        sure, right, family = way(*answers(chance, count, sizes, rho, noise))
        found = certify(sure, right, target, families=family)
        if found.certified:
            share, agrees = truth(found.threshold)
            handled, broken = handled + share, broken + (agrees < target)
    return handled / draws, broken / draws


def trained(kinds: list[str], draws: int, shape: tuple[int, int, int]) -> None:
    """The table of students trained anew: what was promised and what new concepts get."""
    concepts, versions, categories = shape
    print(f"{concepts} concepts in {versions} markets, {categories} categories, {draws} draws; 400 new concepts")
    head = f"{'student':11}{'folds of':10}{'claims':>8}{'new':>7}{'target':>8}{'certified':>11}{'promised':>10}{'handled':>9}"
    print(f"{head}{'agrees':>8}{'broken':>8}")
    found = [_one(kinds, concepts, versions, categories, seed) for seed in range(draws)]
    for kind, folds, target in found[0]:
        claims, new, promised, handled, agrees = np.array([one[kind, folds, target] for one in found]).T
        some = handled > 0
        agreed = f"{agrees[some].mean():8.3f}" if some.any() else f"{'–':>8}"
        line = f"{kind:11}{folds:10}{claims.mean():8.3f}{new.mean():7.3f}{target:8.2f}{(promised > 0).mean():11.2f}"
        line += f"{promised.mean():10.3f}{handled.mean():9.3f}{agreed}{(some & (agrees < target)).mean():8.3f}"
        print(line, flush=True)


def _one(kinds: list[str], concepts: int, versions: int, categories: int, seed: int) -> dict[tuple, tuple]:
    """For each kind, way of dealing and target: (cross-fitted agreement, agreement on new concepts, handled share of calibrating
    rows, of new concepts, agreement on the latter)."""
    known = markets.draw(concepts, versions, categories, seed=2 * seed)
    fresh = markets.draw(400, versions, categories, seed=2 * seed + 1)
    texts, truth = known.texts + fresh.texts, np.concatenate([known.answers, fresh.answers])
    targets, old = np.eye(categories, dtype=np.float32)[truth], np.arange(len(known.texts))
    later = np.arange(len(old), len(texts))
    vectors = np.zeros((len(texts), 1), np.float32)
    if kinds != ["linear"]:
        from core.encoders.encoder import encoder

        vectors = encoder()(texts)
    names = sorted({name for kind in kinds for name in members.blend(kind)})
    final = {name: MEMBERS[name](texts, targets, vectors, old, later) for name in names}
    found = {}
    for dealt, families in (("rows", None), ("families", known.family)):
        folds = deal(known.answers, families)
        unseen = {
            name: crossfit.unseen(
                folds, lambda learn, held, name=name: MEMBERS[name](texts, targets, vectors, learn, held)
            )
            for name in names
        }
        for kind in kinds:
            made = stages.fit({name: unseen[name] for name in members.blend(kind)}, known.answers)
            sides = []
            for readings, rows in ((unseen, old), (final, later)):
                said = stages.walk(
                    made, len(rows), categories, lambda name, some, readings=readings: readings[name].take(some)
                )
                sides.append((effective(said.confidence, said.strange), said.best == truth[rows]))
            (sure, right), (new_sure, new_right) = sides
            for target in TARGETS:
                promise = certify(sure, right, target, families=families)
                handled = new_sure >= promise.threshold if promise.certified else np.zeros(len(later), bool)
                agrees = new_right[handled].mean() if handled.any() else 1.0
                shown = right.mean(), new_right.mean(), promise.handled, handled.mean(), agrees
                found[kind, dealt, target] = shown
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("certificate", "students"))
    parser.add_argument("--draws", type=int)
    parser.add_argument("--families", type=int, nargs="+", default=[150, 400])
    parser.add_argument("--kind", nargs="+", default=["linear"], choices=("linear", "embedding"))
    parser.add_argument(
        "--shape", type=int, nargs=3, default=(300, 11, 15), metavar=("CONCEPTS", "MARKETS", "CATEGORIES")
    )
    options = parser.parse_args()
    if options.what == "certificate":
        certificate(options.draws or 500, options.families)
    else:
        trained(options.kind, options.draws or 40, tuple(options.shape))


if __name__ == "__main__":
    main()
