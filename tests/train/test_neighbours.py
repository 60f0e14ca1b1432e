import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.train.students import neighbours
from core.train.students.neighbours import gather


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def some(n, categories, seed=0):
    random = np.random.default_rng(seed)
    answers = random.integers(0, categories, n)
    centres = unit(random.normal(size=(categories, 16)))
    return unit(centres[answers] + 0.2 * random.normal(size=(n, 16))), answers


def test_neighbours_answer_what_lies_nearest_and_say_how_near():
    vectors, answers = some(260, 4)
    found = gather(vectors[:200], np.eye(4, dtype=np.float32)[answers[:200]])
    logs, nearness = found.look(vectors[200:])
    assert (logs.argmax(1) == answers[200:]).mean() > 0.95
    assert np.allclose(np.exp(logs).sum(1), 1, atol=1e-5)
    far = unit(np.random.default_rng(5).normal(size=(20, 16)))
    assert found.look(far)[1].mean() < nearness.mean() - 0.2


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), categories=st.integers(1, 8), queries=st.integers(0, 300))
def test_any_number_of_rows_gives_finite_tables(n, categories, queries):
    vectors, answers = some(n, categories)
    logs, nearness = gather(vectors, np.eye(categories, dtype=np.float32)[answers]).look(some(queries, categories)[0])
    assert logs.shape == (queries, categories) and np.isfinite(logs).all() and np.isfinite(nearness).all()


def test_at_most_so_many_rows_are_kept(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST", 50)
    vectors, answers = some(200, 4)
    kept = gather(vectors, np.eye(4, dtype=np.float32)[answers])
    assert kept.vectors.shape == (50, 16) and kept.answers.shape == (50,)


@given(st.integers(41, 5000), st.integers(1, 40), st.integers(0, 9))
def test_the_nearest_are_those_a_sort_would_find(columns, count, seed):
    cosine = np.random.default_rng(seed).random((5, columns)).astype(np.float32)
    found = neighbours.nearest(cosine, count)
    assert all(len(set(row)) == count for row in found.tolist())
    assert np.array_equal(np.sort(np.take_along_axis(cosine, found, axis=1)), np.sort(cosine)[:, -count:])
