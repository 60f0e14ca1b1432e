"""Students of the same assets that learn together are to the last bit those that learn alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.train import students
from core.train.data import Rows, Split
from core.train.students import tfidf
from core.train.students.counted import learning_together
from tests import small
from tests.train.test_tfidf import ODD, PIECES, TEXTS


def same(one: tfidf.Tfidf, other: tfidf.Tfidf, texts: list[str]) -> None:
    """The same features, of the same bits, in the same order within each row."""
    assert one.features == other.features
    assert all(np.array_equal(one.idf[kind], other.idf[kind]) for kind in tfidf.KINDS)
    (ours, known), (theirs, also) = one.read(texts), other.read(texts)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    for part in ("data", "indices", "indptr"):
        assert getattr(ours, part).tobytes() == getattr(theirs, part).tobytes(), part
    assert known.tobytes() == also.tobytes()


def test_words_are_counted_once_for_any_part_of_the_texts(monkeypatch):
    monkeypatch.setattr(tfidf, "CHUNK", 150)
    every, dice = TEXTS + 2 * ODD, np.random.default_rng(0)
    parts = [[every[at] for at in dice.permutation(len(every))[: dice.integers(50, 350)]] for _ in range(4)]
    alone = [tfidf.learn(part, most) for part in parts for most in (tfidf.MOST_FEATURES, 40)]
    with learning_together():
        counted = [tfidf.learn(part, most) for part in parts for most in (tfidf.MOST_FEATURES, 40)]
        for one, other in zip(counted, alone):
            same(one, other, parts[0])
            same(one, other, every[::-1])
    for one, other in zip(counted, alone):
        same(one, other, ["never seen before", *parts[1]])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.lists(PIECES, max_size=8).map("".join), min_size=1, max_size=4), min_size=1, max_size=3))
def test_any_texts_in_any_order(lists):
    with learning_together():
        counted = [tfidf.learn(texts + TEXTS[:5] * 2) for texts in lists]
        for one, texts in zip(counted, lists):
            same(one, tfidf.Tfidf(one.features, one.idf), texts)


@pytest.fixture(scope="module")
def splits() -> list[Split]:
    """Three questions about the same texts, each dealt into folds of its own."""
    made, dice = small.rows(150), np.random.default_rng(0)
    topics = np.array([list(small.WORDS).index(row["label"]) for row in made])
    texts = [row["text"] for row in made]
    splits = []
    for answers in (topics, topics // 2, dice.integers(0, 3, len(made))):
        width = int(answers.max()) + 1
        rows = Rows(texts, np.eye(width, dtype=np.float32)[answers], "packaged", False, "packaged")
        splits.append(Split(list(range(width)), rows, rows.take(np.zeros(0, int))))
    several = splits[0].train
    said = several.targets > 0
    said[::3, 1] = True
    rows = replace(several, targets=said.astype(np.float32), said=said)
    return [*splits, Split([0, 1, 2, 3], rows, rows.take(np.zeros(0, int)))]


def test_students_that_learn_together_are_those_that_learn_alone(splits, tmp_path, encoders):
    def made(at: int, split: Split, way: str) -> list[bytes]:
        labels = [str(one) for one in split.categories]
        student, held = students.fit("embedding", split, labels, tmp_path / way / str(at), lambda *_: None)
        asked = [*split.train.texts[:40], "a text that none has seen", ""]
        return [student.answer(asked).probabilities.tobytes(), held.probabilities.tobytes(), held.strange.tobytes()]

    alone = [made(at, split, "alone") for at, split in enumerate(splits)]
    with learning_together():
        together = [made(at, split, "together") for at, split in enumerate(splits)]
    assert together == alone
    for way in (tmp_path / "alone", tmp_path / "together"):
        assert len(list(way.glob("*/config.json"))) == len(splits)
    for file in (tmp_path / "alone").rglob("*.safetensors"):
        assert file.read_bytes() == (tmp_path / "together" / file.relative_to(tmp_path / "alone")).read_bytes()
