from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from core.evaluate.cascade import METHOD, TEST, _loosest, certify, confirm, curve, end_to_end

rows = st.lists(st.tuples(st.floats(0, 1, width=16), st.booleans()), min_size=1, max_size=120)


def columns(pairs):
    return tuple(np.array(column) for column in zip(*pairs, strict=True))


def population(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = np.where(rng.random(n) < 0.8, rng.beta(40, 0.6, n), rng.beta(3, 1.2, n))
    return confidence, rng.random(n) < confidence


@given(rows)
def test_curve_loosens_step_by_step_to_every_row(pairs):
    confidence, correct = columns(pairs)
    table = curve(confidence, correct)
    assert (np.diff(table["threshold"]) < 0).all()
    assert (np.diff(table["handled"]) > 0).all()
    assert table["handled"].iloc[-1] == 1.0
    assert table["agreement"].iloc[-1] == pytest.approx(correct.mean())
    for point in table.itertuples():
        handled = confidence >= point.threshold
        assert point.handled == pytest.approx(handled.mean())
        assert point.agreement == pytest.approx(correct[handled].mean())


def test_curve_of_many_rows_has_at_most_the_points_asked_for():
    assert len(curve(*population(50_000))) == 200
    assert len(curve(np.array([]), np.array([], bool))) == 0


@given(rows, st.floats(0.5, 0.95))
@settings(max_examples=60)
def test_a_certificate_never_promises_more_than_it_saw(pairs, target):
    confidence, correct = columns(pairs)
    certificate = certify(confidence, correct, target)
    if certificate.certified:
        handled = confidence >= certificate.threshold
        assert certificate.handled == pytest.approx(handled.mean())
        assert certificate.agreement == pytest.approx(correct[handled].mean())
        assert certificate.agreement >= target
        # the exact test, recomputed from the rows themselves: never more than the whole budget
        assert binom.sf(correct[handled].sum() - 1, handled.sum(), target) <= 0.05
    else:
        assert certificate.threshold is None
        assert certificate.handled == 0.0


def test_a_student_that_is_always_right_handles_everything():
    confidence = np.linspace(0.2, 1, 400)
    certificate = certify(confidence, np.ones(400, bool))
    assert (certificate.threshold, certificate.handled) == (0.0, 1.0)


def test_equal_confidences_are_handled_together():
    confidence = np.repeat([0.9, 0.6], [300, 300])
    correct = np.repeat([True, False], [300, 300])
    certificate = certify(confidence, correct)
    assert certificate.handled == 0.5
    assert 0.6 < certificate.threshold <= 0.9


def test_the_threshold_is_found_between_the_sure_and_the_unsure():
    confidence, correct = population(3000)
    certificate = certify(confidence, correct)
    assert certificate.certified
    assert 0.8 < certificate.handled < 1
    assert ", 95 % sure (" in certificate.reason


def test_budgets_add_up_along_a_walk_and_are_lost_where_it_fails():
    p = np.full(101, 0.005)  # starts at candidates 0, 25, 50, 75 and 100, a hundredth each
    assert _loosest(p, 5, 0.01) == 100
    p[60:75] = 0.025  # passes only on what three starts have gathered by then
    assert _loosest(p, 5, 0.01) == 100
    p[10] = 1.0  # the first start's budget is lost: from candidate 60 on, two hundredths are too little
    p[75:] = 0.015
    assert _loosest(p, 5, 0.01) == 59
    assert _loosest(np.full(101, 0.02), 5, 0.01) is None


def test_too_few_rows_are_refused_with_the_number_missing():
    certificate = certify(np.linspace(0, 1, 40), np.ones(40, bool))
    assert not certificate.certified
    assert certificate.more_needed == 90 - 40  # 0.95 ** 90 < 0.01 <= 0.95 ** 89
    assert "at least 90" in certificate.reason
    assert certify(np.array([]), np.array([], bool)).more_needed == 90


def test_a_near_miss_says_how_many_more_rows_would_do_and_they_do():
    rng = np.random.default_rng(3)
    confidence = rng.random(150)
    correct = np.arange(150) % 33 > 0  # 97 % everywhere: above the target, but not proven by 150 rows
    certificate = certify(confidence, correct)
    assert not certificate.certified
    assert 50 < certificate.more_needed < 2000
    assert f"about {certificate.more_needed:,} more trial assets" in certificate.reason
    more = 150 + certificate.more_needed
    certified = [certify(rng.random(more), rng.random(more) < 0.97).certified for _ in range(40)]
    assert sum(certified) >= 24


def test_no_number_of_rows_is_named_where_none_would_do():
    confidence = np.linspace(0, 1, 1000)
    certificate = certify(confidence, np.arange(1000) % 2 == 0)
    assert not certificate.certified
    assert certificate.more_needed is None
    assert "95 % could not be proven, however sure" in certificate.reason


def test_an_agreement_on_a_par_with_the_target_names_no_astronomical_number():
    confidence = np.linspace(0, 1, 280)
    certificate = certify(confidence, np.arange(280) % 23 > 0)  # 95.7 % everywhere
    assert not certificate.certified
    assert certificate.more_needed is None


@pytest.mark.parametrize(("target", "delta"), [(0, 0.05), (1, 0.05), (0.95, 0), (0.95, 1)])
def test_a_target_outside_zero_and_one_is_a_bug(target, delta):
    with pytest.raises(ValueError, match="between 0 and 1"):
        certify(np.ones(200), np.ones(200, bool), target, delta)


def test_the_promise_holds_against_the_population():
    """300 draws of 500 calibration rows; 5 % may break the promise, and a sound walk breaks far fewer."""
    confidence, correct = population(20_000)
    rng = np.random.default_rng(5)
    broken = 0
    for _ in range(300):
        picked = rng.integers(0, len(confidence), 500)
        certificate = certify(confidence[picked], correct[picked])
        if certificate.certified:
            broken += correct[confidence >= certificate.threshold].mean() < 0.95
    assert broken <= 15


def test_confirm_measures_the_threshold_on_other_rows():
    confidence, correct = population(3000)
    certificate = certify(confidence, correct)
    other, right = population(2000, seed=1)
    handled, agreed = confirm(certificate, other, right, np.arange(2000))
    assert handled.value == pytest.approx((other >= certificate.threshold).mean())
    assert agreed.n == round(handled.value * 2000)
    assert agreed.value == pytest.approx(right[other >= certificate.threshold].mean())


def test_confirm_without_a_certificate_hands_everything_to_the_teacher():
    refused = certify(np.linspace(0, 1, 40), np.ones(40, bool))
    handled, agreed = confirm(refused, np.ones(50), np.ones(50, bool))
    assert (handled.value, handled.n, agreed) == (0.0, 50, None)


def test_end_to_end_counts_the_teachers_answers_as_its_own():
    assert end_to_end(0.8, 0.95) == pytest.approx(0.96)
    assert end_to_end(0.0, 0.0) == 1.0


def test_the_readme_says_what_the_certificate_is_in_the_words_of_the_report():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert TEST in " ".join(readme.split()) and TEST in METHOD
