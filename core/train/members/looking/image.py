"""The image member: a frozen image encoder that a setting names (core/images/encoder.py), a logistic head and the nearest images,
and where the image model reads words as well, how near the categories' names are to an image (Radford et al. 2021, "zero-shot").

A text without an image gets tables that say nothing, and is not strange for it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from core.images import encoder
from core.images.encoder import OnnxImages
from core.images.seen import Sight, sight_of
from core.train import softmax
from core.train.disk import EXACT, SMALL, link, tensors_of
from core.train.members import Encode, Export, Member, Model, embedding
from core.train.students import crossfit
from core.train.students.reading import Reading

if TYPE_CHECKING:
    from core.train.data import Rows, Step

FEWEST = 30  # images to learn from, at the least
Names = tuple[np.ndarray, float]  # unit vectors (categories, dimensions), and what cosines are multiplied by


class Looks:
    """Two tables or three of each text: head, neighbours, and names where there are any. `graph` gives vectors of images."""

    def __init__(self, graph: OnnxImages | None, head: embedding.Encoded, names: Names | None):
        self.graph, self.head, self.names = graph, head, names

    def read(self, texts: Sequence[str]) -> Reading:
        """The tables of `texts`, and how near their images are to those learned from; NaN where there is none."""
        sights = [sight_of(text) for text in texts]
        there = np.array([one is not None for one in sights], bool)
        return self.look(
            there, self.graph([one for one in sights if one]) if there.any() else np.zeros((0, 0), np.float32)
        )

    def look(self, there: np.ndarray, vectors: np.ndarray) -> Reading:
        """The same, of which texts have an image, bool (texts), and the `vectors` of these, (images, dimensions)."""
        categories = len(self.head.bias)
        silent = 0.0 if self.head.several else -np.log(categories)
        tables = [np.full((len(there), categories), silent, np.float32) for _ in range(2 + (self.names is not None))]
        nearness = np.full(len(there), np.nan, np.float32)
        if there.any():
            seen = self.head.look(vectors)
            nearness[there] = seen.nearness
            for table, part in zip(tables, [*seen.tables, *self._named(vectors)]):
                table[there] = part
        return Reading(tables, nearness)

    def _named(self, vectors: np.ndarray) -> list[np.ndarray]:
        if self.names is None:
            return []
        cosines = vectors @ self.names[0].T
        odds = self.names[1] * (cosines - cosines.mean(1, keepdims=True))  # of tags: against the others
        return [odds if self.head.several else softmax.log_softmax(odds)]

    def save(self, folder: Path) -> None:
        """Head, neighbours and names (the encoder's own files are the caller's)."""
        self.head.save(folder)
        if self.names is not None:
            vectors, scale = self.names
            save_file(
                {"names": np.ascontiguousarray(vectors), "scale": np.array([scale], np.float32)},
                folder / "names.safetensors",
            )


def fit(rows: Rows, folder: Path, step: Step, earlier: dict[str, Model], folds: np.ndarray | None = None) -> Looks:
    """Look at the rows' images once, fit the head on their target distributions; ends with the member saved in `folder`, and with
    what models of the other `folds` make of each row where there are any."""
    step(0, len(rows.texts), "image: preparing the image model")
    source = encoder.prepared(rows.image_encoder)
    graph = OnnxImages(source)
    there, vectors, names = _looked(rows, source, step)
    member = crossfit.fitted(
        len(rows.texts),
        folds,
        lambda chosen, step: _learn(graph, there, vectors, rows, chosen, names, step),
        lambda member, held: member.look(there[held], vectors[held][there[held]]),
        folder,
        step,
    )
    for file in (encoder.SMALL, encoder.EXACT, encoder.PLAN):
        link(source / file, folder / file)
    member.save(folder)
    return member


def learn(rows: Rows, step: Step) -> Looks:
    """The member of `rows`; nothing is written."""
    source = encoder.prepared(rows.image_encoder)
    there, vectors, names = _looked(rows, source, step)
    return _learn(OnnxImages(source), there, vectors, rows, np.arange(len(rows.texts)), names, step)


def _looked(rows: Rows, source: Path, step: Step) -> tuple[np.ndarray, np.ndarray, Names | None]:
    """Which rows have an image, bool (rows), their vectors, (rows, dimensions) with zeros where there is none, and the names'."""
    sights: list[Sight | None] = [sight_of(text) for text in rows.texts]
    there = np.array([one is not None for one in sights], bool)
    seen = encoder.vectors(
        source, [one for one in sights if one], lambda done, total: step(done, total, "image: looking at the images")
    )
    vectors = np.zeros((len(sights), seen.shape[1]), np.float32)
    vectors[there] = seen
    return there, vectors, encoder.of_names(source, rows.names) if rows.names else None


def _learn(
    graph: OnnxImages,
    there: np.ndarray,
    vectors: np.ndarray,
    rows: Rows,
    chosen: np.ndarray,
    names: Names | None,
    step: Callable[..., None],
) -> Looks:
    """The member of the `chosen` rows; of those without images alone (families may fall so) it knows what is usual."""
    seen = chosen[there[chosen]] if there[chosen].any() else chosen
    report = lambda done, total: step(done, total, "image: fitting the head")  # noqa: E731
    return Looks(graph, embedding.learn(graph, vectors[seen], rows.targets[seen], report, rows.several), names)


def load(folder: Path) -> Looks:
    """The member saved in `folder`: an ONNX graph and tables."""
    head = embedding.head_of(folder, None)
    names = tensors_of(folder / "names.safetensors") if (folder / "names.safetensors").exists() else None
    return Looks(OnnxImages(folder), head, names and (names["names"], float(names["scale"][0])))


def write(source: Path, folder: Path, base: str | None) -> None:
    """An export's files, of the member saved in `source`."""
    shutil.copyfile(source / encoder.EXACT, folder / EXACT)
    shutil.copyfile(source / encoder.SMALL, folder / SMALL)
    shutil.copyfile(source / encoder.PLAN, folder / encoder.PLAN)
    (folder / "output.json").write_text(json.dumps(OnnxImages(source).output), encoding="utf-8")
    embedding.write_head(source, folder)
    if (source / "names.safetensors").exists():
        np.savez(folder / "names.npz", **tensors_of(source / "names.safetensors"))


def _quick(rows: Rows, encode: Encode | None, step: Step) -> Looks:
    return learn(rows, step)


MEMBER = Member(
    name="Image",
    caption="Looks at the image itself with the image model chosen in Settings. A minute to train for each thousand images or so.",
    made_of="a frozen image model (ONNX int8) with a logistic head, the nearest images and the categories' names",
    alone="the images alone settle",
    beside="the image model looks at",
    keeps="vectors and labels of the images it learned from",
    needs=(),
    minutes=5,
    milliseconds=30,  # a base-size encoder of 224 pixels; after all that read words
    judges=3,
    base="image_encoder",
    tunes=False,
    fit=fit,
    load=load,
    quick=_quick,
    export=Export("images", write),
    joins=lambda rows: bool(rows.image_encoder) and sum(sight_of(text) is not None for text in rows.texts) >= FEWEST,
)
