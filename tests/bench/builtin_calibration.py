"""The built-in teacher on public sets with gold labels: accuracy, and the temperature that makes its confidence honest.

    python -m tests.bench.builtin_calibration

TEMPERATURE in core/label/teachers/builtin.py lies in the middle of the fitted ones.
"""

from __future__ import annotations

import os
import tempfile

import numpy as np
import pandas as pd
from scipy.special import softmax

from core.label.teachers.builtin import TEMPERATURE, BuiltIn
from core.taxonomy import StoredCategory
from tests.conftest import SHARED


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["UNDERSTUDY_HOME"] = folder
        print(
            f"{'data':16} {'classes':>7} {'accuracy':>8} {'fitted T':>8} {'confidence at fitted T':>22} {f'at {TEMPERATURE}':>8}"
        )
        for name in ("pitt_image_ads", "banking77"):
            rows = pd.read_csv(SHARED / name / "test.csv")
            labels = sorted(rows.label.unique())
            teacher = BuiltIn([_category(i, label) for i, label in enumerate(labels)], "packaged")
            similarity = teacher.encode(rows.text.tolist()) @ teacher.vectors.T
            gold = rows.label.map({label: i for i, label in enumerate(labels)}).to_numpy()
            teacher.fit_temperature(rows.text.tolist(), gold.tolist())
            sure = [softmax(similarity / t, axis=1).max(1).mean() for t in (teacher.temperature, TEMPERATURE)]
            accuracy = np.mean(similarity.argmax(1) == gold)
            print(
                f"{name:16} {len(labels):7} {accuracy:8.3f} {teacher.temperature:8.3f} {sure[0]:22.3f} {sure[1]:8.3f}"
            )


def _category(number: int, label: str) -> StoredCategory:
    return StoredCategory(
        label=label, name=label, parent=None, description="", examples=(), key=None, assignable=True,
        id=number, parent_id=None, position=number,
    )  # fmt: skip


if __name__ == "__main__":
    main()
