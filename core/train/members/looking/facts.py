"""The facts member: what is known of an asset's image without reading it (size, shape, placement, colours, whether it moves), and
a logistic regression on it. Microseconds an asset; where there is no image it says what is usual.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from core.images import features, looking
from core.images.seen import sight_of
from core.train import odds, softmax
from core.train.disk import tensors_of
from core.train.members import Export, Member, Model
from core.train.students import crossfit
from core.train.students.reading import Reading

if TYPE_CHECKING:
    from core.train.data import Rows, Step

STRENGTH, ITERATIONS = 0.1, 40
PLACEMENTS = [*sorted(looking.RATIOS), *sorted(f"display {width}x{height}" for width, height in looking.DISPLAY)]


class FromFacts:
    """One table, log_softmax(numbers @ coefficients + bias), of tags the log odds as they are: the numbers are those of
    features.table() by `spec`, scaled by `mean` and `scale`."""

    def __init__(self, spec: dict[str, Any], tables: dict[str, np.ndarray], several: bool):
        self.spec, self.tables, self.several = spec, tables, several

    def read(self, texts: Sequence[str]) -> Reading:
        """The table of `texts`."""
        numbers = features.scaled(_numbers(texts, self.spec), self.tables["mean"], self.tables["scale"])
        table = numbers @ self.tables["coefficients"] + self.tables["bias"]
        return Reading([table if self.several else softmax.log_softmax(table)], None)

    def save(self, folder: Path) -> None:
        """Two files: facts.json, what is made numbers of, and facts.safetensors."""
        (folder / "facts.json").write_text(json.dumps(self.spec, indent=1), encoding="utf-8")
        save_file(self.tables | odds.mark(self.several), folder / "facts.safetensors")


def _numbers(texts: Sequence[str], spec: dict[str, Any]) -> np.ndarray:
    sights = [sight_of(text) for text in texts]
    return features.table([sight and sight.facts for sight in sights], spec)


def fit(rows: Rows, folder: Path, step: Step, earlier: dict[str, Model], folds: np.ndarray | None = None) -> FromFacts:
    """Learn from rows whose texts carry images; ends with the member saved in `folder`, and with what models of the other `folds`
    make of each row where there are any."""
    return crossfit.of_rows(rows, folds, learn, folder, step)


def learn(rows: Rows, step: Step) -> FromFacts:
    """The member of `rows`; nothing is written."""
    spec = features.spec(PLACEMENTS, list(looking.COLOURS))
    numbers = _numbers(rows.texts, spec)
    there = np.isfinite(numbers)
    count = np.maximum(there.sum(0), 1)
    mean = np.where(there, numbers, 0).sum(0) / count
    spread = np.sqrt(np.where(there, (numbers - mean) ** 2, 0).sum(0) / count)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)  # what never differs tells nothing
    coefficients, bias = softmax.fit(
        features.scaled(numbers, mean, scale),
        rows.targets,
        strength=STRENGTH,
        iterations=ITERATIONS,
        step=lambda done, total: step(done, total, "facts: fitting"),
        loss=odds.loss if rows.several else softmax.cross_entropy,
    )
    tables = {"mean": mean, "scale": scale, "coefficients": np.ascontiguousarray(coefficients), "bias": bias}
    return FromFacts(spec, tables, rows.several)


def load(folder: Path) -> FromFacts:
    """The member saved in `folder`; reads tables only."""
    tensors = tensors_of(folder / "facts.safetensors")
    several = odds.marked(tensors)
    tensors.pop("several", None)
    return FromFacts(json.loads((folder / "facts.json").read_text(encoding="utf-8")), tensors, several)


def write(source: Path, folder: Path, base: str | None) -> None:
    """An export's files, of the member saved in `source`."""
    shutil.copyfile(source / "facts.json", folder / "facts.json")
    np.savez(folder / "facts.npz", **tensors_of(source / "facts.safetensors"))


MEMBER = Member(
    name="Facts",
    caption="Weighs what is known of an image without reading it: size, shape, placement, colours.",
    made_of="the facts of images (size, shape, placement, colours) with logistic regression",
    alone="the facts of images alone settle",
    beside="the facts of their images are weighed for",
    keeps="",
    needs=(),
    minutes=0.1,
    milliseconds=0.06,  # after the words, which can say what is strange
    judges=0,
    base=None,
    tunes=False,
    fit=fit,
    load=load,
    quick=lambda rows, encode, step: learn(rows, step),
    export=Export("facts", write),
    joins=lambda rows: rows.seen,
)
