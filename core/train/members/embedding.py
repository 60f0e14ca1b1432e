"""The embedding member: the frozen int8 sentence encoder, a logistic head, the nearest neighbours. About a minute of training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save_file

from core.encoders.encoder import OnnxText, export, layers_of, prepared, torch_encoder
from core.train import odds, softmax
from core.train.disk import EXACT, SMALL, digest, link, tensors_of
from core.train.members import SMALL_BASE, Encode, Export, Member, Model
from core.train.students import crossfit, neighbours
from core.train.students.neighbours import Neighbours, gather
from core.train.students.reading import Reading
from core.train.students.together import OneGraph, OneSearch, Readings, SharedNeighbours, mark
from core.weights import opened

if TYPE_CHECKING:
    from core.train.data import Rows, Step

STRENGTH, ITERATIONS = 30.0, 15


class Encoded:
    """A member that reads a text as a vector: head and neighbours each make a table of it. `graph` gives unit vectors."""

    def __init__(
        self,
        graph: Encode,
        coefficients: np.ndarray,
        bias: np.ndarray,
        neighbours: Neighbours,
        several: bool = False,
    ):
        self.graph, self.coefficients, self.bias, self.neighbours = graph, coefficients, bias, neighbours
        self.several = several

    def read(self, texts: Sequence[str]) -> Reading:
        """Two tables: log_softmax(vector @ coefficients + bias), of tags the log odds as they are, and what the nearest training
        assets were labelled."""
        return self.look(self.graph(texts))

    def look(self, vectors: np.ndarray) -> Reading:
        """The same of texts whose vectors are known."""
        near, nearness = self.neighbours.look(vectors)
        table = vectors @ self.coefficients + self.bias
        return Reading([table if self.several else softmax.log_softmax(table), near], nearness)

    def save(self, folder: Path) -> None:
        """Head and neighbours into head.safetensors (the encoder's own files are the caller's)."""
        tensors = {"coefficients": np.ascontiguousarray(self.coefficients), "bias": self.bias}
        tensors |= {"neighbours": self.neighbours.vectors.astype(np.float16), "answers": self.neighbours.answers}
        save_file(tensors | odds.mark(self.several), folder / "head.safetensors")


def fit(
    rows: Rows,
    folder: Path,
    step: Step,
    earlier: dict[str, Model],
    folds: np.ndarray | None = None,
    *,
    name: str = "embedding",
) -> Encoded:
    """Encode the rows once, fit the head on their target distributions; ends with the member saved in `folder`, and with what
    models of the other `folds` make of each row where there are any. Progress is told of under `name`."""
    step(0, len(rows.texts), f"{name}: preparing the base model")
    source = prepared(rows.encoder)
    encode = OnnxText(source)
    vectors = encode(rows.texts, progress=lambda done, total: step(done, total, f"{name}: reading the assets"))
    member = crossfit.fitted(
        len(rows.texts),
        folds,
        lambda chosen, step: learn(
            encode,
            vectors[chosen],
            rows.targets[chosen],
            lambda done, total: step(done, total, f"{name}: fitting the head"),
            rows.several,
        ),
        lambda member, held: member.look(vectors[held]),
        folder,
        step,
    )
    for name in ("encoder.onnx", "tokenizer.json"):
        link(source / name, folder / name)
    member.save(folder)
    return member


def learn(
    encode: Encode,
    vectors: np.ndarray,
    targets: np.ndarray,
    step: Callable[[int, int], None],
    several: bool = False,
) -> Encoded:
    """The member of rows whose `vectors` (n, d) are known, with target distributions (n, categories), or with `several` how likely
    each tag is by itself."""
    loss = odds.loss if several else softmax.cross_entropy
    fitted = softmax.fit(vectors, targets, strength=STRENGTH, iterations=ITERATIONS, step=step, loss=loss)
    return Encoded(encode, *fitted, gather(vectors, targets, several), several)


def load(folder: Path) -> Encoded:
    """The member saved in `folder`: an ONNX graph and four tables."""
    return head_of(folder, OnnxText(folder))


def head_of(folder: Path, graph: Encode | None) -> Encoded:
    """Head and neighbours saved in `folder`, over the vectors that `graph` gives."""
    head = tensors_of(folder / "head.safetensors")
    near = Neighbours(head["neighbours"].astype(np.float32), head["answers"], head["coefficients"].shape[1])
    return Encoded(graph, head["coefficients"], head["bias"], near, odds.marked(head))


def share(model: Encoded, folder: Path, readings: Readings) -> None:
    """Read with the encoder, and look for the nearest among the assets, that other students have as well."""
    encoder = digest(folder / "encoder.onnx"), digest(folder / "tokenizer.json")
    near = model.neighbours
    model.graph = readings.part(encoder, lambda: OneGraph(model.graph))
    search = readings.part(mark(near.vectors), lambda: OneSearch(near.vectors))
    model.neighbours = SharedNeighbours(search, near.answers, near.categories)


def write(source: Path, folder: Path, base: str | None) -> None:
    """An export's files, of the member saved in `source`, which reads with the encoder `base`."""
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(source / "encoder.onnx", folder / SMALL)
    with opened(base) as weights:
        export(torch_encoder(weights), folder / EXACT, layers=layers_of(base))
    write_head(source, folder)


def write_head(source: Path, folder: Path) -> None:
    """Head and neighbours of the member saved in `source`, as an export has them."""
    np.savez(folder / "head.npz", **tensors_of(source / "head.safetensors"))
    hood = {
        "neighbours": neighbours.NEIGHBOURS,
        "sharpness": neighbours.SHARPNESS,
        "floor": neighbours.FLOOR,
        "prior": neighbours.PRIOR,
        "nearest": neighbours.NEAREST,
    }
    (folder / "neighbours.json").write_text(json.dumps(hood, indent=1) + "\n", encoding="utf-8")


MEMBER = Member(
    name="Embedding",
    caption="Reads meaning with a small base model. About a minute to train, milliseconds an asset.",
    made_of="a frozen sentence encoder (MiniLM-L6, ONNX int8) with a logistic head and the nearest training assets",
    alone="the small base model alone settles",
    beside="the small base model reads",
    keeps="vectors and labels of the assets it learned from",
    needs=("linear",),
    minutes=1,
    milliseconds=1.6,
    judges=2,
    base=SMALL_BASE,
    tunes=False,
    fit=fit,
    load=load,
    quick=lambda rows, encode, step: learn(encode, encode(rows.texts), rows.targets, step, rows.several),
    export=Export("graph", write),
    share=share,
)
