"""Do assets unlike anything seen fall back, and at what cost? Students of the public sets answer texts from elsewhere.

    python -m tests.bench.strange FOLDER          # the students that tests.bench.field --students FOLDER left there

For each student: the handled share of its own test rows at a certified target of 95 %, what the strangeness rule takes off it,
and the share that falls back of dialogues, their summaries, the other public set, and a few oddities.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from core.evaluate.cascade import certify, effective
from core.train import students
from tests.bench import public
from tests.conftest import SHARED

TARGET = 0.95
ODD = (
    "",
    "asdf qwer zxcv",
    "123456 789",
    "!!! ???",
    "Le chat dort toute la journ\u00e9e sur le canap\u00e9.",
    "Der Vertrag endet mit Ablauf des Monats.",
    "\u3053\u308c\u306f\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "All rights reserved. No part of this publication may be reproduced without prior written permission.",
    "Terms and conditions apply. Void where prohibited by law. See the website for details.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    frames = [pd.read_csv(SHARED / "dialogsum" / f"{part}.csv") for part in ("dev", "test")]
    dialogues, summaries = (pd.concat(frames)[column].astype(str).tolist() for column in ("source", "target"))
    print(f"{'student':28}{'handled':>9}{'rule costs':>12}   fall back: dialogues  summaries  other set  oddities")
    for folder in sorted(options.folder.glob("*/*")):
        name = folder.parent.name
        if name not in public.SETS:
            continue
        data, student = public.load(name), students.load(folder)
        rows, held = students.unseen(folder, data.split.train.texts)
        right = held.best == data.split.train.answers[rows]
        threshold = certify(effective(held.confidence, held.strange), right, TARGET).threshold
        said = student.answer(data.texts)
        handled = said.handled(threshold)
        # Without the rule the threshold would be another one, certified on all calibration rows.
        free = certify(held.confidence, right, TARGET).threshold
        cost = np.mean(said.confidence >= free) - handled.mean() if free is not None else 0.0
        other = public.load(next(one for one in public.SETS if one != name)).texts
        shares = [
            1 - student.answer(list(texts)).handled(threshold).mean() for texts in (dialogues, summaries, other, ODD)
        ]
        cells = "".join(f"{share:11.3f}" for share in shares)
        print(f"{name + ' ' + folder.name:28}{handled.mean():9.3f}{100 * cost:8.2f} pts {'':11}{cells}", flush=True)


if __name__ == "__main__":
    main()
