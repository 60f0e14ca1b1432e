"""A promise is watched without being worn out: false alarms over whole lives, what is noticed and when, a band that holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.watch import sequence

ERROR = 0.05


def lives(chances: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((count, len(chances))) < chances).astype(float)


def surely_below(hits: int, of: int, most: float) -> bool:
    """Whether a share of `most` is not contradicted by so many hits."""
    return binomtest(hits, of, most, alternative="greater").pvalue > 0.001


@pytest.mark.parametrize("promise", [0.8, 0.95, 0.99])
def test_looking_after_every_audit_of_a_long_life_seldom_alarms_falsely(promise):
    broken = sequence.broken_at(lives(np.full(1500, promise), 600), promise, ERROR)
    assert surely_below((broken > 0).sum(), 600, ERROR)


def test_agreement_that_wanders_but_never_below_the_promise_does_not_alarm_either():
    chances = np.where(np.arange(1500) % 400 < 200, 0.95, 0.99)
    assert surely_below((sequence.broken_at(lives(chances, 600), 0.95, ERROR) > 0).sum(), 600, ERROR)


@pytest.mark.parametrize(("then", "within"), [(0.85, 250), (0.90, 800)])
def test_a_promise_that_breaks_after_it_held_for_long_is_noticed(then, within):
    chances = np.concatenate([np.full(600, 0.965), np.full(within, then)])
    broken = sequence.broken_at(lives(chances, 200), 0.95, ERROR)
    assert (broken > 600).mean() > 0.9


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.floats(0.5, 0.99))
def test_capital_is_never_negative_and_an_agreement_never_raises_it(agreed, promise):
    agreed = np.array(agreed, float)
    capital = sequence.evidence(agreed, promise).capital
    assert (capital > 0).all()
    before = np.concatenate([[1.0], capital[:-1]])
    assert (capital[agreed == 1] <= before[agreed == 1] + 1e-9).all()


def test_many_lives_at_once_end_as_each_alone():
    some = lives(np.full(400, 0.85), 5)
    alone = [sequence.evidence(one, 0.95).broken_at or 0 for one in some]
    assert sequence.broken_at(some, 0.95).tolist() == alone and any(alone)


def test_the_shares_of_all_beginnings_come_to_one():
    begin, left = sequence.weights(500)
    assert begin.sum() + left[-1] == pytest.approx(1) and (begin > 0).all() and (np.diff(left) < 0).all()


@pytest.mark.parametrize("agreement", [0.5, 0.9, 0.98])
def test_the_band_holds_the_true_agreement_at_every_look_at_once(agreement):
    looks = np.arange(1, 801, 13)
    missed = 0
    for life in lives(np.full(801, agreement), 200, seed=4):
        low, high = sequence.band(life, looks)
        missed += bool(((low > agreement) | (high < agreement)).any())
        assert (low <= high).all()
    assert surely_below(missed, 200, ERROR)


def test_the_band_narrows_with_the_root_of_the_audits():
    life = lives(np.full(6400, 0.95), 1)[0]
    low, high = sequence.band(life, np.array([400, 6400]))
    assert high[0] - low[0] < 0.09 and high[1] - low[1] < 0.025


def test_a_share_between_0_and_1_counts_as_such():
    halves = sequence.evidence(np.full(200, 0.5), 0.95)
    assert halves.broken_at and sequence.evidence(np.full(200, 0.96), 0.95).broken_at is None


def test_the_fewest_audits_are_those_that_could_prove_the_promise():
    assert sequence.fewest(0.95) == 59 and 0.95**59 < 0.05 < 0.95**58
