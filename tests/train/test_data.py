"""What people decided goes before the teacher's answers in training, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from core import review
from core.label.labelling import label
from core.label.runs import labelled
from core.tasks import Task
from core.train import data
from tests import small


@pytest.fixture
def client(db, tmp_path) -> tuple[Task, int]:
    task = small.fill(db, tmp_path)
    run_id = label(db, task, "recorded:label")
    data.load(db, task, run_id)  # gives the assets their splits
    return task, run_id


def other(frame, row: int) -> int:
    """A category that is not the teacher's."""
    return int(frame.category_id[row] % 4 + 1)


def rows_of(db, run_id: int, split: str):
    frame = labelled(db, run_id)
    return frame[frame.split == split].reset_index(drop=True)


def target(rows: data.Rows, text: str) -> np.ndarray:
    return rows.targets[rows.texts.index(text)]


def test_a_training_row_learns_what_people_decided(db, client):
    task, run_id = client
    train, before = rows_of(db, run_id, "train"), data.load(db, task, run_id)
    review.decide(db, int(train.asset_id[0]), "ana", other(train, 0), "queue")
    split = data.load(db, task, run_id)
    assert target(split.train, train.text[0])[split.categories.index(other(train, 0))] == 1
    assert (split.train.targets != before.train.targets).any(axis=1).sum() == 1
    assert split.fingerprint() != before.fingerprint(), "so that a new student is trained"


def test_an_open_conflict_leaves_the_teachers_answer(db, client):
    task, run_id = client
    train, before = rows_of(db, run_id, "train"), data.load(db, task, run_id).fingerprint()
    for reviewer, category in (("ana", 1), ("ben", 2)):
        review.decide(db, int(train.asset_id[0]), reviewer, category, "queue")
    assert data.load(db, task, run_id).fingerprint() == before


def test_no_decision_on_held_out_assets_reaches_training(db, client):
    task, run_id = client
    before = data.load(db, task, run_id)
    for split in ("test", "calibration"):
        held = rows_of(db, run_id, split)
        for row in range(len(held)):
            review.decide(db, int(held.asset_id[row]), "ana", other(held, row), "queue")
    after = data.load(db, task, run_id)
    assert after.fingerprint() == before.fingerprint()
    assert not set(after.train.texts) & set(rows_of(db, run_id, "test").text)


def test_distributions_give_way_as_well(db, client):
    task, run_id = client
    shares = np.array([0.4, 0.3, 0.2, 0.1], np.float16).tobytes()
    db.execute("update labels set distribution = ?", [shares])
    train = rows_of(db, run_id, "train")
    review.decide(db, int(train.asset_id[3]), "ana", 4, "queue")
    split = data.load(db, task, run_id)
    assert split.train.soft
    assert target(split.train, train.text[3]).tolist() == [0, 0, 0, 1]
    assert target(split.train, train.text[4]) == pytest.approx([0.4, 0.3, 0.2, 0.1], abs=1e-3)


def test_copies_that_nobody_looked_at_do_not_teach_what_was_put_right(db, client):
    task, run_id = client
    train = rows_of(db, run_id, "train")
    first, second = int(train.asset_id[0]), int(train.asset_id[1])
    db.execute("update assets set group_id = ? where id in (?, ?)", [first, first, second])
    review.decide(db, second, "ana", other(train, 1), "queue")
    split = data.load(db, task, run_id)
    assert train.text[0] not in split.train.texts
    assert target(split.train, train.text[1])[split.categories.index(other(train, 1))] == 1


def test_a_category_that_only_people_use_is_learned(db, client):
    task, run_id = client
    db.execute("update labels set category_id = 1 where category_id = 4")
    train = rows_of(db, run_id, "train")
    assert 4 not in data.load(db, task, run_id).categories
    review.decide(db, int(train.asset_id[0]), "ana", 4, "queue")
    assert 4 in data.load(db, task, run_id).categories
