"""The small client's assets with images: which of two shapes an image has tells two of the categories apart, which words do not."""

from __future__ import annotations

import random

from sqlite_utils import Database

from core.images import kept
from core.tasks import Task
from tests import small
from tests.images.pictures import drawn, saved

SHAPES = {"Sale": (300, 250), "Opening": (728, 90), "Hiring": (160, 600), "Travel": (320, 320)}


def rows(count: int = 240, seed: int = 1) -> list[dict]:
    """As small.rows(), but that the words of Opening are those of Sale."""
    dice, made = random.Random(seed), small.rows(count, seed)
    for row in made:
        if row["label"] == "Opening":
            row["text"] = " ".join([*dice.sample(small.WORDS["Sale"], 3), *dice.sample(small.COMMON, 4), row["id"]])
    return made


def give(db: Database, task: Task, labels: dict[str, str], without: int = 0) -> None:
    """Each asset (its external id and label) an image of its label's shape, but for the first `without`."""
    images = {label: [saved(drawn(size=size, seed=seed)) for seed in range(3)] for label, size in SHAPES.items()}
    kept.enter(db, [kept.keep(task.client_id, data) for every in images.values() for data in every])
    for number, (asset, label) in enumerate(labels.items()):
        if number >= without:
            db["assets"].update(
                db.execute(
                    "select id from assets where client_id = ? and external_id = ?", [task.client_id, asset]
                ).fetchone()[0],
                {"image": kept.sha256(images[label][number % 3])},
            )


def fill(db: Database, folder, made: list[dict] | None = None, without: int = 0) -> Task:
    """The small client with images."""
    made = made or rows()
    task = small.fill(db, folder, made)
    give(db, task, {row["id"]: row["label"] for row in made}, without)
    return task
