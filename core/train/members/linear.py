"""The linear member: TF-IDF over words (1-2) and characters (2-5), multinomial logistic regression. Microseconds an asset."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from core.train import odds, softmax
from core.train.disk import digest, tensors_of
from core.train.members import Export, Member, Model
from core.train.students import crossfit, tfidf
from core.train.students.reading import Reading
from core.train.students.together import OneCount, Readings, mark

if TYPE_CHECKING:
    from core.train.data import Rows, Step

STRENGTH, ITERATIONS = 20.0, 15
MOST_COEFFICIENTS = (
    10_000_000  # fitting takes some 200 bytes for each: at 500 categories fewer n-grams get some, the most frequent
)


class Linear:
    """One table, log_softmax(features(text) @ coefficients + bias), of tags the log odds as they are; nearness is the share of a
    text's words that are known."""

    def __init__(
        self,
        features: tfidf.Tfidf | OneCount,
        coefficients: np.ndarray,
        bias: np.ndarray,
        several: bool = False,
    ):
        self.features, self.coefficients, self.bias, self.several = features, coefficients, bias, several

    def read(self, texts: Sequence[str]) -> Reading:
        """The table and the nearness of `texts`."""
        features, known = self.features.read(texts)
        table = features @ self.coefficients + self.bias
        return Reading([table if self.several else softmax.log_softmax(table)], known)

    def save(self, folder: Path) -> None:
        """Two files: vocabulary.json, the words and character n-grams in column order, and linear.safetensors."""
        (folder / "vocabulary.json").write_text(
            json.dumps(self.features.features, ensure_ascii=False), encoding="utf-8"
        )
        tensors = {"coefficients": np.ascontiguousarray(self.coefficients), "bias": self.bias}
        tensors |= {f"idf.{kind}": idf for kind, idf in self.features.idf.items()}
        tensors |= odds.mark(self.several)
        save_file(tensors, folder / "linear.safetensors")


def fit(rows: Rows, folder: Path, step: Step, earlier: dict[str, Model], folds: np.ndarray | None = None) -> Linear:
    """Learn from rows of text and target distributions; ends with the member saved in `folder`, and with what models of the
    other `folds` make of each row where there are any."""
    return crossfit.of_rows(rows, folds, learn, folder, step)


def learn(rows: Rows, step: Step) -> Linear:
    """The member of `rows`; nothing is written."""
    step(0, 1, "linear: counting words")
    features = tfidf.learn(rows.texts, min(tfidf.MOST_FEATURES, MOST_COEFFICIENTS // (2 * rows.targets.shape[1])))
    coefficients, bias = softmax.fit(
        features(rows.texts),
        rows.targets,
        strength=STRENGTH,
        iterations=ITERATIONS,
        step=lambda done, total: step(done, total, "linear: fitting"),
        loss=odds.loss if rows.several else softmax.cross_entropy,
    )
    return Linear(features, coefficients, bias, rows.several)


def load(folder: Path) -> Linear:
    """The member saved in `folder`; reads tables only."""
    tensors = tensors_of(folder / "linear.safetensors")
    features = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    idf = {kind: tensors[f"idf.{kind}"] for kind in features}
    return Linear(tfidf.Tfidf(features, idf), tensors["coefficients"], tensors["bias"], odds.marked(tensors))


def share(model: Linear, folder: Path, readings: Readings) -> None:
    """Count words once, where other students learned from the same assets."""
    features = model.features
    key = digest(folder / "vocabulary.json"), mark(*features.idf.values())
    model.features = readings.part(key, lambda: OneCount(features))


def write(source: Path, folder: Path, base: str | None) -> None:
    """An export's files, of the member saved in `source`."""
    shutil.copyfile(source / "vocabulary.json", folder / "vocabulary.json")
    vocabulary = json.loads((source / "vocabulary.json").read_text(encoding="utf-8"))
    tensors = tensors_of(source / "linear.safetensors")
    idf = np.concatenate([tensors[f"idf.{analyzer}"] for analyzer in vocabulary])
    np.savez(folder / "tables.npz", idf=idf, coefficients=tensors["coefficients"], bias=tensors["bias"])


MEMBER = Member(
    name="Linear",
    caption="Counts words and letter groups. Seconds to train, half a millisecond an asset: what the others must beat.",
    made_of="word and character TF-IDF with multinomial logistic regression",
    alone="word counts alone settle",
    beside="word counts settle",
    keeps="the words it learned from",
    needs=(),
    minutes=0.5,
    milliseconds=0.05,
    judges=1,
    base=None,
    tunes=False,
    fit=fit,
    load=load,
    quick=lambda rows, encode, step: learn(rows, step),
    export=Export("words", write),
    share=share,
)
