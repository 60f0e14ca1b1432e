"""Tags by themselves: odds learned, calibrated and cut, also where a tag hardly occurs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.train import odds, softmax
from core.train.data import Rows
from core.train.disk import tensors_of
from core.train.members import embedding, linear
from core.train.students import stages
from core.train.students.neighbours import Neighbours
from core.train.students.reading import Reading


def rows(n=300, tags=4, seed=0):
    """Log odds that are too sure of themselves, and the tags drawn from the true ones."""
    dice = np.random.default_rng(seed)
    true = dice.normal(-1, 2, (n, tags))
    return 3 * true + 1, dice.random((n, tags)) < odds.sigmoid(true)


def test_the_loss_has_the_slope_it_says():
    dice = np.random.default_rng(0)
    logits, wanted = dice.normal(0, 3, (5, 3)), dice.random((5, 3))
    value, slope = odds.loss(logits, wanted)
    for cell in np.ndindex(5, 3):
        moved = logits.copy()
        moved[cell] += 1e-6
        assert (odds.loss(moved, wanted)[0] - value) / 1e-6 == pytest.approx(slope[cell], abs=1e-4)


def test_each_tag_is_learned_as_a_logistic_regression_of_its_own():
    from sklearn.linear_model import LogisticRegression

    features, said = np.random.default_rng(1).normal(0, 1, (200, 5)), rows(200)[1]
    coefficients, bias = softmax.fit(features, said.astype(np.float32), strength=1.0, iterations=500, loss=odds.loss)
    for tag in range(said.shape[1]):
        alone = LogisticRegression(C=1.0, tol=1e-8).fit(features, said[:, tag])
        assert coefficients[:, tag] == pytest.approx(alone.coef_[0], abs=1e-2)
        assert bias[tag] == pytest.approx(alone.intercept_[0], abs=1e-2)


def test_calibration_makes_odds_mean_what_they_say():
    sums, said = rows(4000)
    slope, shift = odds.calibrate(sums, said)
    assert slope == pytest.approx(np.full(4, 1 / 3), abs=0.05) and shift == pytest.approx(np.full(4, -1 / 3), abs=0.2)
    likely = odds.sigmoid(slope * sums + shift)
    assert likely.mean(0) == pytest.approx(said.mean(0), abs=0.01)


@pytest.mark.parametrize("positives", [0, 1, 2])
def test_a_rare_tag_stays_near_what_all_tags_say(positives):
    sums, said = rows(300, tags=1)
    said[:], said[:positives] = False, True
    weights = odds.fit_weights([sums], said)
    slope, shift = odds.calibrate(odds.pooled([sums], weights), said)
    least = odds.thresholds(odds.sigmoid(slope * sums + shift), said)
    assert np.isfinite([*slope, *shift, *least]).all() and abs(least[0] - 0.5) < 0.1
    assert odds.sigmoid(slope * odds.pooled([sums], weights) + shift).mean() < 0.05


@given(st.integers(0, 30), st.integers(1, 5), st.integers(0, 99))
def test_any_rows_make_finite_thresholds_within_reach(n, tags, seed):
    sums, said = rows(n, tags, seed)
    weights = odds.fit_weights([sums, sums / 2], said)
    slope, shift = odds.calibrate(odds.pooled([sums, sums / 2], weights), said)
    least = odds.thresholds(odds.sigmoid(slope * sums + shift), said)
    assert np.isfinite(weights).all() and (slope > 0).all() and ((least > 0.2) & (least < 0.8)).all()


def test_a_student_of_tags_is_as_sure_as_its_least_sure_tag_and_may_give_none():
    sums, said = rows(500)
    readings = {"linear": Reading([sums.astype(np.float32)], np.ones(500, np.float32))}
    made = stages.fit(readings, said)
    again = [stages.from_json(stage.as_json()) for stage in made]
    for some in (made, again):
        answers = stages.walk(some, 500, 4, lambda name, chosen: readings[name].take(chosen))
        sure = np.where(answers.given, answers.probabilities, 1 - answers.probabilities)
        assert (answers.confidence == sure.min(1)).all() and not answers.given.any(1).all()
    assert (answers.given == (answers.probabilities >= made[-1].least)).all()
    assert (answers.given == said).mean() > 0.75


@pytest.mark.parametrize("member", [linear, embedding])
def test_members_learn_tags_that_hardly_occur_and_come_back_the_same(member, tmp_path):
    texts = [f"{'sale ' * (i % 2)}{'warm ' * (i % 3 == 0)}ad number {i % 7}" for i in range(60)]
    said = np.array([[i % 2, i % 3 == 0, i == 5, False] for i in range(60)], bool)
    taught = Rows(texts, said.astype(np.float32), "packaged", False, said=said)
    if member is linear:
        made = linear.learn(taught, lambda *_: None)
        made.save(tmp_path)
        back = linear.load(tmp_path)
        first, second = made.read(texts), back.read(texts)
    else:
        vectors = np.random.default_rng(0).normal(0, 1, (60, 8)).astype(np.float32)
        vectors[:, :2] += 4 * said[:, :2]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        made = embedding.learn(None, vectors, taught.targets, lambda *_: None, several=True)
        made.save(tmp_path)
        head = tensors_of(tmp_path / "head.safetensors")
        near = Neighbours(head["neighbours"].astype(np.float32), head["answers"], 4)
        back = embedding.Encoded(None, head["coefficients"], head["bias"], near, odds.marked(head))
        first, second = made.look(vectors), back.look(vectors)
    assert len(first.tables) == len(second.tables)
    for one, other in zip(first.tables, second.tables):
        assert np.isfinite(one).all() and one == pytest.approx(other, abs=1e-4)
    assert ((first.tables[0] > 0)[:, :2] == said[:, :2]).mean() > 0.8 and (first.tables[0][:, 3] < 0).all()
