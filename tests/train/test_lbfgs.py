import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from core.train import lbfgs, softmax


@given(st.integers(1, 30), st.integers(0, 99), st.sampled_from([1.0, 30.0, 1e3]))
def test_the_lowest_point_of_a_bowl_is_found(size, seed, stretched):
    dice = np.random.default_rng(seed)
    turned = np.linalg.qr(dice.normal(size=(size, size)))[0]
    bowl = turned @ np.diag(np.geomspace(1, stretched, size)) @ turned.T
    lowest = dice.normal(size=size)
    objective = lambda x: (float((x - lowest) @ bowl @ (x - lowest)) / 2, bowl @ (x - lowest))  # noqa: E731
    found = lbfgs.minimise(objective, np.zeros(size), iterations=500, flat=0, slope=1e-7)
    assert np.allclose(found, lowest, atol=1e-6)


def test_a_bent_valley_is_followed_to_its_end():
    objective = lambda x: (optimize.rosen(x), optimize.rosen_der(x))  # noqa: E731
    found = lbfgs.minimise(objective, np.array([-1.2, 1.0, -1.2, 1.0]), iterations=300, flat=0, slope=1e-8)
    assert np.allclose(found, 1, atol=1e-6)


def logistic(rows=300, width=40, categories=5):
    """The objective of softmax.fit() at a strength that few steps do not bring to its end."""
    dice = np.random.default_rng(1)
    features = dice.normal(size=(rows, width)) * np.geomspace(1, 0.01, width)
    targets = np.eye(categories)[(features @ dice.normal(size=(width, categories)) * 3).argmax(1)]

    def objective(flat):
        coefficients = flat.reshape(width, categories)
        logs = softmax.log_softmax(features @ coefficients)
        slope = 50 * features.T @ (np.exp(logs) - targets) + coefficients
        return -50 * float((targets * logs).sum()) + float((flat**2).sum()) / 2, slope.ravel()

    return objective, np.zeros(width * categories)


@pytest.mark.parametrize("iterations", [3, 20, 60, 400])
def test_after_as_many_steps_it_is_where_scipy_is(iterations):
    objective, start = logistic()
    options = {"maxiter": iterations, "maxcor": lbfgs.MEMORY, "ftol": 1e-9, "gtol": 1e-6}
    theirs = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    ours = lbfgs.minimise(objective, start, iterations=iterations, flat=1e-9, slope=1e-6)
    assert objective(ours)[0] == pytest.approx(theirs.fun, rel=0.02)


def test_few_looks_are_taken_and_each_step_goes_down():
    objective, start = logistic()
    values = []

    def seen(x):
        value, slope = objective(x)
        values.append(value)
        return value, slope

    lbfgs.minimise(seen, start, iterations=50, flat=0, slope=0)
    assert 51 <= len(values) <= 65
    lows = np.minimum.accumulate(values)
    assert np.mean(np.diff(lows) < 0) > 0.75


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_where_there_is_no_way_down_it_stays(value):
    start = np.ones(3)
    found = lbfgs.minimise(
        lambda x: (value if x is start else np.nan, np.ones(3)), start, iterations=5, flat=0, slope=0
    )
    assert np.array_equal(found, start)
