"""Students: small models that answer like the teacher. One file a member; a new kind is a file and a line in KINDS.

A student is a blend of members, from the cheapest on. Each makes one table or more of a text, log probabilities over the
categories; the student's answer is the log-linear pool of all tables (Heskes 1998)

    p(category | text)  ∝  exp( sum_t weight_t * log p_t(category | text) )

whose weights are fitted on calibration rows, which is temperature scaling (Guo et al. 2017) and blending in one step. Where no
rows are set aside for it, the training rows calibrate, each answered by members that did not learn from it (crossfit.py).
A text is strange where one member, the judge, finds it less near to the training assets than all but the farthest
STRANGE of the calibration rows: a threshold that needs no labels and costs at most that share of ordinary assets.
A student folder holds config.json and a folder for each member, and nothing in it runs when it is loaded.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from safetensors.numpy import load_file, save_file

from core.errors import InputError
from core.train import softmax
from core.train.disk import UNSEEN, link, write
from core.train.students import crossfit
from core.train.students.reading import Reading
from core.train.vectors import keys

if TYPE_CHECKING:
    from core.train.data import Split, Step

# kind -> its members in training order
KINDS = {
    "linear": ("linear",),
    "embedding": ("linear", "embedding"),
    "large": ("linear", "embedding", "large"),
    "transformer": ("linear", "embedding", "large", "transformer"),
}
# The small frozen encoder judges where there is one; see transformer.py.
JUDGES = {"linear": "linear", "embedding": "embedding", "large": "embedding", "transformer": "embedding"}
STRANGE = 0.01
FORMAT = (
    2  # of a student folder, and of the recipe: raised when students made of the same rows would come out different
)


class Member(Protocol):
    """One model of a blend."""

    def read(self, texts: Sequence[str]) -> Reading:
        """What it makes of `texts`."""


@dataclass(frozen=True)
class Answers:
    """What a student says of n texts: `probabilities`, float32 (n, categories), rows summing to 1; and `strange`, bool (n):
    texts unlike anything it learned from, on which its probabilities mean nothing."""

    probabilities: np.ndarray
    strange: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The most probable category of each text, as a column number."""
        return self.probabilities.argmax(1)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable category of each text."""
        return self.probabilities.max(1)

    def handled(self, threshold: float | None) -> np.ndarray:
        """Whether the student answers by itself, bool (n): sure enough, and not strange. Without a threshold it never does."""
        if threshold is None:
            return np.zeros(len(self.strange), bool)
        return (self.confidence >= threshold) & ~self.strange


class Student:
    """A trained blend: `categories` are category ids in column order, `labels` their names, `members` by name, `weights` of their
    tables in order; a text with a nearness below `cut` by the judge is strange."""

    def __init__(
        self,
        kind: str,
        categories: list[int],
        labels: list[str],
        members: dict[str, Member],
        weights: np.ndarray,
        cut: float,
    ):
        self.kind, self.categories, self.labels = kind, categories, labels
        self.members, self.weights, self.cut = members, weights, cut

    def answer(self, texts: Sequence[str]) -> Answers:
        """Calibrated probabilities of each text, and whether it is unlike anything the student learned from."""
        readings = {name: member.read(texts) for name, member in self.members.items()}
        tables = [table for reading in readings.values() for table in reading.tables]
        return Answers(blend(tables, self.weights), readings[JUDGES[self.kind]].nearness < self.cut)

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """The probabilities of answer() alone, float32 of shape (texts, categories)."""
        return self.answer(texts).probabilities


def blend(log_probabilities: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The weighted log-linear pool of several (texts, categories) tables, as probabilities."""
    pooled = sum(float(w) * table for w, table in zip(weights, log_probabilities))
    return np.exp(softmax.log_softmax(pooled))


def fit_weights(log_probabilities: Sequence[np.ndarray], answers: np.ndarray) -> np.ndarray:
    """Weights >= 0 that make the teacher's `answers` (column numbers) most likely under the pool, by L-BFGS-B."""
    from scipy.optimize import minimize  # a second that a process which only answers need not pay

    count = len(log_probabilities)
    if not len(answers):
        return np.full(count, 1 / count)
    rows = np.arange(len(answers))

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        log_pool = softmax.log_softmax(sum(w * table for w, table in zip(weights, log_probabilities)))
        pool = np.exp(log_pool)
        gradient = [((pool * table).sum(1) - table[rows, answers]).mean() for table in log_probabilities]
        return float(-log_pool[rows, answers].mean()), np.array(gradient, float)

    return minimize(objective, np.full(count, 1 / count), jac=True, method="L-BFGS-B", bounds=[(0, 10)] * count).x


def fit(
    kind: str, split: Split, labels: list[str], folder: Path, step: Step, earlier: Path | None = None
) -> tuple[Student, Answers]:
    """Train a student of `kind` into `folder`; returns it, and its answers to the rows that calibrate (split.judging): where those
    are training rows, answers of members that did not learn from them, which unseen() finds again.

    Members found complete in `folder` (an interrupted training) or in `earlier`, the folder of a cheaper student trained on the
    same rows, are taken over. config.json is written last: a folder without it is not a student yet.
    """
    members: dict[str, Member] = {}
    folds = crossfit.deal(split.train.answers) if split.crossfit else None
    for name in KINDS[kind]:
        members[name] = _member(name, split, folds, folder / name, step, members, earlier and earlier / name)
    step(0, 1, f"{kind}: calibrating")
    if split.crossfit:
        readings = {name: crossfit.load(folder / name) for name in members}
    else:
        readings = {name: member.read(split.calibration.texts) for name, member in members.items()}
    tables = [table for reading in readings.values() for table in reading.tables]
    weights = fit_weights(tables, split.judging.answers)
    nearness = readings[JUDGES[kind]].nearness
    cut = (
        float(np.quantile(nearness, STRANGE, method="lower")) if len(nearness) else -1.0
    )  # below any nearness: nothing is
    student = Student(kind, split.categories, labels, members, weights, cut)
    held = Answers(blend(tables, weights), nearness < cut)
    if split.crossfit:
        tensors = {"probabilities": held.probabilities, "strange": held.strange, "keys": keys(split.train.texts)}
        save_file(tensors, folder / UNSEEN)
    config = {
        "format": FORMAT,
        "kind": kind,
        "categories": split.categories,
        "labels": labels,
        "members": list(members),
        "weights": [float(w) for w in weights],
        "cut": cut,
    }
    write(folder / "config.json", json.dumps(config, ensure_ascii=False, indent=1))
    return student, held


def unseen(folder: Path, texts: Sequence[str]) -> tuple[np.ndarray, Answers]:
    """Which of `texts` the student in `folder` was calibrated on by cross-fitting, as row numbers, and what members said of them
    that had not learnt from them. None of them where rows were set aside for calibration."""
    if not (folder / UNSEEN).exists():
        return np.zeros(0, int), Answers(np.zeros((0, 1), np.float32), np.zeros(0, bool))
    kept = load_file(folder / UNSEEN)
    place = {key: row for row, key in enumerate(kept["keys"].tolist())}
    found = np.array([place.get(key, -1) for key in keys(texts).tolist()], int)
    rows = np.flatnonzero(found >= 0)
    return rows, Answers(kept["probabilities"][found[rows]], kept["strange"][found[rows]])


def load(folder: Path) -> Student:
    """The student saved in `folder`. InputError when the folder is gone, not whole, or of an earlier format."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"The student's folder {folder} is missing or incomplete.", "Train the student again."
        ) from None
    if config["format"] != FORMAT:
        raise InputError(
            "This student was made by an earlier version of Understudy.", "Train it again: labels are kept."
        )
    members = {name: _module(name).load(folder / name) for name in config["members"]}
    weights = np.array(config["weights"])
    return Student(config["kind"], config["categories"], config["labels"], members, weights, config["cut"])


def _member(
    name: str,
    split: Split,
    folds: np.ndarray | None,
    folder: Path,
    step: Step,
    before: dict[str, Member],
    earlier: Path | None,
) -> Member:
    """The member `name`: loaded if `folder` holds it whole (marked by `done`), copied from `earlier`, or trained."""
    module = _module(name)
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if not (earlier and (earlier / "done").exists()):
            member = module.fit(split.train, folder, step, before, folds)
            (folder / "done").touch()
            return member
        for file in sorted(earlier.iterdir(), key=lambda file: file.name == "done"):
            link(file, folder / file.name)
    return module.load(folder)


def _module(name: str):
    return importlib.import_module(f"core.train.students.{name}")
