"""Is agreement over all answers told without bias by the answers that work has put to the teacher?

    python -m tests.bench.learning_from_work [--set banking77] [--draws 200] [--train 3000]

A linear student of so many of a set's training rows answers its test rows as traffic. It handles what it is sure of; what falls
back is asked about, and of what is handled a share is audited, drawn anew each time. Each draw is told as fallbacks and audits
come, and weighed by the chance of having been asked (core/watch/weighted.py). The truth is its agreement on all test rows. Bias
and spread are in points, over the draws; "covers": how many of the 95 % intervals hold the truth.

Then the same for traffic in which texts repeat (each comes up to 40 times), and for the difference of two students: a second one of
all the training rows, met on what was asked in the first one's work (core/watch/meeting.py).
"""

from __future__ import annotations

import argparse
import random
from contextlib import closing

import numpy as np

from core import settings
from core.evaluate.cascade import certify, effective
from core.train import subsets
from core.train.data import Rows, Split
from core.watch import meeting, served, weighted
from core.watch.served import LIVE, Audit, Row
from tests.bench import public

RATES = (0.02, 0.05, 0.2)


def student(split: Split, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """What a linear student of the split says of texts, as column numbers, and how sure it is."""
    answers = subsets.learn(split, "linear", None, lambda *_: None)(texts)
    return answers.best, answers.confidence


def threshold_of(split: Split) -> float:
    """Certified at 90 %, by a student of four fifths of the rows on the rest."""
    rows = split.train
    held = np.random.default_rng(1).permutation(len(rows.texts)) < len(rows.texts) // 5
    part = Split(split.categories, rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held)))
    best, sure = student(part, part.calibration.texts)
    found = certify(effective(sure, np.zeros(len(sure), bool)), best == part.calibration.answers, 0.9)
    return found.threshold if found.threshold is not None else float(np.median(sure))


def part_of(rows: Rows, count: int) -> Split:
    """A split of so many training rows, drawn by chance; cross-fitted."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows.texts))[:count])
    return Split(list(range(rows.targets.shape[1])), rows.take(chosen), rows.take(np.zeros(0, int)))


class Traffic:
    """What is asked, in order (places of `texts`), and what student and teacher say of each text."""

    def __init__(
        self, texts: list[str], order: np.ndarray, said: np.ndarray, sure: np.ndarray, truth: np.ndarray, at: float
    ):
        self.texts, self.order, self.said, self.truth = texts, order, said, truth
        self.handled = sure >= at
        self.hashes = [served.hash_of(text) for text in texts]

    def serve(self, share: float) -> None:
        """Write down what a server would have of all answers, `share` of the handled ones to be audited."""
        served.erase(1)
        rows = [
            Row(
                at,
                1,
                1,
                self.hashes[place],
                str(self.said[place]),
                1.0,
                handled,
                False,
                "student",
                0.0,
                chance,
                LIVE,
                None,
            )
            for at, place in enumerate(self.order.tolist())
            for handled in [bool(self.handled[place])]
            for chance in [share if handled else 1.0]
        ]
        with closing(served.answers(1)) as file:
            served.write(file, rows)

    def audit(self, share: float, seed: int) -> weighted.Asked:
        """Drawn as a server draws, each text audited once; written, and read back."""
        dice, audits, known = random.Random(seed), [], set()
        for at, place in enumerate(self.order.tolist()):
            handled = bool(self.handled[place])
            chance = share if handled else 1.0
            if dice.random() < chance and place not in known:
                known.add(place)
                of = (at, 1, 1, self.hashes[place], chance, LIVE, handled)
                audits.append(Audit(*of, str(self.said[place]), str(self.truth[place]), 1.0, 0.0, None))
        with closing(served.answers(1)) as file:
            file.execute("delete from audits")
            served.write(file, [], audits)
            return weighted.asked(file, 1, 1)


def row(name: str, values: list[float], truth: float, covers: str = "") -> None:
    points = 100 * (np.array(values) - truth)
    error = points.std(ddof=1) / len(points) ** 0.5
    print(f"  {name:34}{points.mean():>+9.2f} ±{1.96 * error:5.2f}{points.std(ddof=1):>9.2f}{covers:>9}")


def agreement(title: str, traffic: Traffic, draws: int) -> None:
    truth = float((traffic.said == traffic.truth)[traffic.order].mean())
    handled = float(traffic.handled[traffic.order].mean())
    print(f"\n{title}: {len(traffic.order):,} answers, {handled:.1%} handled, truth {truth:.2%}")
    print(f"  {'':34}{'bias':>9}{'':7}{'spread':>9}{'covers':>9}")
    for share in RATES:
        naive, weighed, worth, covers, asked = [], [], [], 0, []
        traffic.serve(share)
        for seed in range(draws):
            found = traffic.audit(share, seed)
            right = np.array([one == two for one, two in zip(found.student, found.teacher)], float)
            told = weighted.estimate(right, found.weights, found.handled, found.totals)
            if told is None:
                continue
            naive.append(told.naive)
            weighed.append(told.value)
            worth.append(told.effective)
            asked.append(told.n)
            covers += told.low <= truth <= told.high
        print(f"  audits {share:.0%}: {np.mean(asked):,.0f} asked about, worth {np.mean(worth):,.0f} drawn alike")
        row("as they come", naive, truth)
        row("weighed", weighed, truth, f"{covers / len(weighed):.1%}")
    hard = float((traffic.said == traffic.truth)[traffic.order][~traffic.handled[traffic.order]].mean())
    print(f"  {'fallbacks alone':34}{100 * (hard - truth):>+9.2f}")


def difference(traffic: Traffic, other: np.ndarray, draws: int) -> None:
    first, second = traffic.said == traffic.truth, other == traffic.truth
    truth = float(second.mean() - first.mean())
    print(f"\nchampion {first.mean():.2%}, challenger {second.mean():.2%}: difference {100 * truth:+.2f} points")
    print(f"  {'':34}{'bias':>9}{'':7}{'spread':>9}{'covers':>9}")
    place = {hash: at for at, hash in enumerate(traffic.hashes)}
    for share in RATES:
        naive, weighed, covers = [], [], 0
        traffic.serve(share)
        for seed in range(draws):
            found = traffic.audit(share, seed)
            at = np.array([place[hash] for hash in found.hashes])
            told = meeting._difference(first[at], second[at], found.handled, found.weights, found.totals)
            if told is None:
                continue
            naive.append(float(second[at].mean() - first[at].mean()))
            weighed.append(told[0])
            covers += told[1] <= truth <= told[2]
        print(f"  audits {share:.0%}")
        row("as they come", naive, truth)
        row("weighed", weighed, truth, f"{covers / len(weighed):.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="banking77", choices=public.SETS)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--train", type=int, default=3000)
    options = parser.parse_args()
    print(f"answers are written to {settings.subfolder('served')}")
    data = public.load(options.set)
    split = part_of(data.split.train, options.train)
    said, sure = student(split, data.texts)
    at = threshold_of(split)
    once = Traffic(data.texts, np.arange(len(data.texts)), said, sure, data.answers, at)
    agreement("each text once", once, options.draws)
    often = np.repeat(np.arange(len(data.texts)), np.random.default_rng(2).zipf(2.0, len(data.texts)).clip(max=40))
    agreement("texts repeat", Traffic(data.texts, often, said, sure, data.answers, at), options.draws)
    whole = part_of(data.split.train, len(data.split.train.texts))
    difference(once, student(whole, data.texts)[0], options.draws)


if __name__ == "__main__":
    main()
