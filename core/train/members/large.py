"""The large member: what the embedding member is, with an encoder of five times the parameters. Two minutes more of training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.train.members import Export, Member, Model, embedding

if TYPE_CHECKING:
    from core.train.data import Rows, Step


def fit(
    rows: Rows, folder: Path, step: Step, earlier: dict[str, Model], folds: np.ndarray | None = None
) -> embedding.Encoded:
    """As embedding.fit, by the large encoder of the rows."""
    return embedding.fit(replace(rows, encoder=rows.large_encoder), folder, step, earlier, folds, name="large")


MEMBER = Member(
    name="Large",
    caption="Reads what the others doubt with a base model five times as large. "
    "Two more minutes to train, some 20 ms where asked.",
    made_of="a frozen encoder five times as large (all-mpnet-base-v2, ONNX int8) with a head and nearest assets of its own",
    alone="the large base model alone settles",
    beside="the large one",
    keeps="vectors and labels of the assets it learned from",
    needs=("linear", "embedding"),
    minutes=3,
    milliseconds=10,
    judges=0,  # it could, but is asked too late
    base="large_encoder",
    tunes=False,
    fit=fit,
    load=embedding.load,
    quick=None,
    export=Export("graph", embedding.write),
    share=embedding.share,
)
