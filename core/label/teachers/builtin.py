"""The built-in teacher: zero-shot, the sentence encoder against each category's name, description and examples.

Needs no key and no network. A frontier model labels better, and this teacher shares its encoder with the embedding student,
so the agreement of those two says little.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import log_softmax, softmax
from sqlite_utils import Database

from core import settings
from core.encoders.encoder import encoder
from core.errors import InputError
from core.label.gold import gold
from core.label.teachers import Answer, Asset, lacking
from core.tasks import Task
from core.taxonomy import StoredCategory

# Softmax temperature over cosine similarities. tests/bench/builtin_calibration.py fits it on two public sets with gold labels;
# with gold of the client's own it is fitted on that instead.
TEMPERATURE = 0.05
GOLD_NEEDED, GOLD_USED = 100, 2000


class BuiltIn:
    """Cosine similarity to category vectors, softmax at a fitted temperature."""

    name = "built-in"

    def __init__(self, categories: list[StoredCategory], encoder_name: str):
        self.ids = [c.id for c in categories]
        self.encode = encoder(encoder_name)
        texts = [describe(c) for c in categories]
        self.fingerprint = hashlib.sha256("\x1e".join([encoder_name, *texts]).encode()).hexdigest()
        self.vectors = category_vectors(categories, self.encode)
        self.temperature = TEMPERATURE

    def fit_temperature(self, texts: Sequence[str], category_ids: Sequence[int]) -> None:
        """Temperature scaling (Guo et al. 2017) on gold: the temperature that makes the gold answers most likely."""
        from scipy.optimize import minimize_scalar  # a long import; prompts want the vectors alone

        similarity = self.encode(texts) @ self.vectors.T
        column = {category: i for i, category in enumerate(self.ids)}
        gold = np.array([column[c] for c in category_ids])
        rows = np.arange(len(gold))

        def loss(log_temperature: float) -> float:
            return -log_softmax(similarity / np.exp(log_temperature), axis=1)[rows, gold].mean()

        self.temperature = float(np.exp(minimize_scalar(loss, bounds=(-6, 1), method="bounded").x))

    def pending(self, db: Database, run_id: int) -> Iterator[list[Asset]]:
        return lacking(db, run_id)

    def answer(self, assets: Sequence[Asset]) -> list[Answer]:
        started = time.perf_counter()
        similarity = self.encode([a.text for a in assets]) @ self.vectors.T
        distributions = softmax(similarity / self.temperature, axis=1)
        each = (time.perf_counter() - started) * 1000 / len(assets)
        best = distributions.argmax(1)
        return [
            Answer(
                asset.id,
                self.ids[top],
                confidence=float(row[top]),
                confidence_kind="zero-shot",
                distribution=row,
                latency_ms=each,
                cost_usd=0.0,
            )
            for asset, row, top in zip(assets, distributions, best)
        ]


def describe(category: StoredCategory) -> str:
    """A category as the encoder reads it: its path, then what it is."""
    name = (
        category.name
        if not category.parent or category.parent in category.label
        else f"{category.parent}: {category.label}"
    )
    return f"{name}. {category.description}".strip()


def category_vectors(categories: Sequence[StoredCategory], encode) -> np.ndarray:
    """One vector of length 1 a category, shape (categories, dimensions): the mean of name, description and examples."""
    texts, owner = [], []
    for row, category in enumerate(categories):
        mine = [category.name.replace("_", " "), describe(category).replace("_", " "), *category.examples]
        texts += mine
        owner += [row] * len(mine)
    encoded = encode(texts)
    vectors = np.zeros((len(categories), encoded.shape[1]), np.float32)
    np.add.at(vectors, owner, encoded)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def make(db: Database, task: Task, spec: str, categories: list[StoredCategory]) -> BuiltIn:
    """The built-in teacher, its temperature fitted on the client's gold labels where there are enough (GOLD_NEEDED)."""
    if detail := spec.partition(":")[2]:
        raise InputError(f"The built-in teacher takes no detail (got '{detail}').", "Write: built-in.")
    assignable = [c for c in categories if c.assignable]
    teacher = BuiltIn(assignable, settings.get(db, "encoder"))
    decided = gold(db, task, assignable)
    if len(decided) >= GOLD_NEEDED:
        some = sorted(decided)[:GOLD_USED]
        texts = dict(db.execute(f"select id, text from assets where id in ({','.join('?' * len(some))})", some))
        teacher.fit_temperature([texts[asset] for asset in some], [decided[asset] for asset in some])
    return teacher
