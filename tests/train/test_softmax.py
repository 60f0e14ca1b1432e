import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from core.train import softmax


def problem(rows=200, width=12, categories=4):
    dice = np.random.default_rng(0)
    features = dice.normal(size=(rows, width)).astype(np.float32)
    answers = (features @ dice.normal(size=(width, categories)) + dice.normal(size=(rows, categories))).argmax(1)
    return features, answers, np.eye(categories, dtype=np.float32)[answers]


def test_it_finds_what_scikit_learn_finds_on_hard_targets():
    features, answers, targets = problem()
    coefficients, bias = softmax.fit(features, targets, strength=2.0, iterations=500)
    theirs = LogisticRegression(C=2.0, max_iter=2000, tol=1e-8).fit(features, answers)
    ours = np.exp(softmax.log_softmax(features @ coefficients + bias))
    assert np.abs(ours - theirs.predict_proba(features)).max() < 0.01


def test_sparse_and_dense_features_agree():
    features, _, targets = problem()
    dense = softmax.fit(features, targets, strength=1.0, iterations=100)
    sparse = softmax.fit(sp.csr_matrix(features), targets, strength=1.0, iterations=100)
    assert np.allclose(dense[0], sparse[0], atol=0.01)


def test_a_fit_takes_no_threads_but_its_own_and_gives_them_back():
    """Those of numpy and scipy, beside ours, would spend several times the processor's time waiting for each other."""
    features, _, targets = problem()
    threads = lambda: {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}  # noqa: E731
    seen = []
    with threadpool_limits(2, "blas"):
        before = threads()
        softmax.fit(features, targets, strength=1.0, iterations=5, step=lambda *_: seen.append(threads()))
        assert threads() == before
    assert seen and all(one == {1} for one in seen)


def test_a_soft_target_is_as_good_as_the_same_rows_repeated():
    features, _, targets = problem(80)
    soft = 0.75 * targets + 0.25 * np.roll(targets, 1, axis=1)
    once = softmax.fit(features, soft, strength=4.0, iterations=500)
    rows = np.concatenate([features] * 4)
    hard = np.concatenate([targets] * 3 + [np.roll(targets, 1, axis=1)])
    repeated = softmax.fit(rows, hard, strength=1.0, iterations=500)
    assert np.allclose(once[0], repeated[0], atol=0.02)


def test_it_can_be_stopped_at_any_step():
    class Stop(Exception):
        pass

    def step(done, total):
        assert total == 10
        if done == 3:
            raise Stop

    features, _, targets = problem()
    with pytest.raises(Stop):
        softmax.fit(features, targets, strength=1.0, iterations=10, step=step)


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32)))
def test_probabilities_sum_to_one_however_large_the_logits(logits):
    assert np.allclose(np.exp(softmax.log_softmax(logits)).sum(axis=1), 1, atol=1e-5)
