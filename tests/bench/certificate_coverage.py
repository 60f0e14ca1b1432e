"""Does the promise hold? Draw calibration rows many times, certify, and check against the whole population.

    python -m tests.bench.certificate_coverage                                # a synthetic population
    python -m tests.bench.certificate_coverage --npz rows.npz                 # arrays `confidence` and `correct`
    python -m tests.bench.certificate_coverage --student 3                    # test rows of a student of the workspace
    python -m tests.bench.certificate_coverage --students FOLDER              # test rows of public sets, see tests.bench.field

The promise is checked against all rows, not against the half that was not drawn: a lucky calibration half leaves an
unlucky other half, so that such a check calls good thresholds broken.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core import database
from core.evaluate.cascade import certify, effective
from core.train import students
from tests.bench import public


def synthetic(rows: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of a calibrated student that agrees on about 94 %: most rows easy, a tail of hard ones."""
    rng = np.random.default_rng(seed)
    confidence = np.where(rng.random(rows) < 0.8, rng.beta(40, 0.6, rows), rng.beta(3, 1.2, rows))
    return confidence, rng.random(rows) < confidence


def held_out(student_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and agreement of a student's stored predictions on test rows."""
    db = database.connect()
    rows = db.execute(
        "select p.confidence, p.strange, p.category_id = p.teacher_category_id from predictions p"
        " join assets a on a.id = p.asset_id where p.student_id = ? and a.split = 'test'",
        [student_id],
    ).fetchall()
    table = np.array(rows, float)
    return effective(table[:, 0], table[:, 1] > 0), table[:, 2] > 0


def on_public(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and agreement on a public set's test rows of the student in `folder`."""
    data = public.load(name)
    said = students.load(folder).answer(data.texts)
    return effective(said.confidence, said.strange), said.best == data.answers


def cover(
    confidence: np.ndarray, correct: np.ndarray, *, rows: int, target: float, draws: int, starts: int, seed: int = 1
) -> tuple[float, float, float]:
    """(mean handled share of the population, share of draws that certified, share whose promise was broken)."""
    rng = np.random.default_rng(seed)
    order = np.argsort(confidence)
    sure, right = confidence[order], np.append(np.cumsum(correct[order][::-1])[::-1], 0)  # right[i]: agreed from i up
    handled, broken = np.zeros(draws), np.zeros(draws, bool)
    for draw in range(draws):
        picked = rng.integers(0, len(confidence), rows)
        certificate = certify(confidence[picked], correct[picked], target, starts=starts)
        if certificate.certified:
            first = int(np.searchsorted(sure, certificate.threshold))
            count = len(sure) - first
            handled[draw] = count / len(sure)
            broken[draw] = count > 0 and right[first] / count < target
    return float(handled.mean()), float((handled > 0).mean()), float(broken.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--npz", type=Path)
    source.add_argument("--student", type=int)
    source.add_argument("--students", type=Path, metavar="FOLDER")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--rows", type=int, nargs="+", default=[500, 1500])
    parser.add_argument("--targets", type=float, nargs="+", default=[0.90, 0.95, 0.98])
    parser.add_argument("--starts", type=int, nargs="+", default=[1, 5])
    options = parser.parse_args()
    if options.students:
        for folder in sorted(options.students.glob("*/*")):
            if folder.parent.name in public.SETS:
                print(f"\n{folder.parent.name}, {folder.name}")
                table(*on_public(folder.parent.name, folder), options)
    elif options.npz:
        with np.load(options.npz) as arrays:
            table(arrays["confidence"].astype(float), arrays["correct"].astype(bool), options)
    elif options.student:
        table(*held_out(options.student), options)
    else:
        table(*synthetic(20_000), options)


def table(confidence: np.ndarray, correct: np.ndarray, options: argparse.Namespace) -> None:
    print(f"population: {len(confidence):,} rows, agreement {correct.mean():.4f}, {options.draws} draws, budget 5 %")
    print("target  rows  starts  handled  certified  broken")
    for target in options.targets:
        for rows in options.rows:
            for starts in options.starts:
                handled, certified, broken = cover(
                    confidence, correct, rows=rows, target=target, draws=options.draws, starts=starts
                )
                print(f"{target:6.2f} {rows:5d} {starts:7d} {handled:8.3f} {certified:10.3f} {broken:7.3f}")


if __name__ == "__main__":
    main()
