from dataclasses import replace

import numpy as np
import pytest

from core.evaluate.agreement import Paired, Share, paired
from core.evaluate.cascade import Certificate
from core.evaluate.verdict import LEAST_HANDLED, RULES, Evidence, Gold, Verdict, decide, p_words, percent


def share(value: float, low: float, high: float, n: int = 1000, groups: int | None = None) -> Share:
    return Share(value, low, high, n, n if groups is None else groups)


CERTIFIED = Certificate(True, 0.6, 0.86, 0.97, 900, 0.95, 0.95, None, "")
REFUSED = Certificate(False, None, 0.0, 0.0, 900, 0.95, 0.95, 300, "")
FALLBACK = Evidence(
    agreement=share(0.93, 0.912, 0.945),
    target=0.95,
    certificate=CERTIFIED,
    handled=share(0.85, 0.83, 0.87),
    agreement_handled=share(0.97, 0.956, 0.98, 850),
    saving={"student": 0.999, "cascade": 0.85},
    labels_a_row=6.0,
    confused=("Sale", "Offer", 0.2),
)


def rule(**change) -> str:
    return decide(replace(FALLBACK, **change)).rule


def test_the_whole_table_in_its_order():
    assert [r.name for r in RULES] == [
        "too_few",
        "contradicted",
        "does_not_pay",
        "replace",
        "fallback",
        "handles_little",
        "unproven",
        "below",
    ]


def test_fallback_says_the_share_the_promise_and_the_saving():
    verdict = decide(FALLBACK)
    assert verdict.decision == "fallback"
    assert "93.0 % (91.2 % to 94.5 %, n = 1,000)" in verdict.reason
    assert "handles 85.0 % of the assets, certified for 95 % with 95 % confidence" in verdict.reason
    assert "costs 85.0 % less" in verdict.reason
    assert "“Sale” answered as “Offer”: 20.0 % of all disagreements" in verdict.next


def test_replace_at_the_very_edge_of_the_target():
    assert rule(agreement=share(0.965, 0.95, 0.98)) == "replace"
    assert rule(agreement=share(0.965, 0.94999, 0.98)) == "fallback"


def test_a_saving_short_of_everything_never_reads_like_everything():
    verdict = decide(replace(FALLBACK, agreement=share(0.98, 0.97, 0.99), saving={"student": 0.9998, "cascade": 0.9}))
    assert "costs 99.98 % less than the teacher" in verdict.reason


def test_replace_when_every_asset_is_certified():
    everything = replace(CERTIFIED, threshold=0.0, handled=1.0)
    verdict = decide(replace(FALLBACK, certificate=everything, agreement=share(0.96, 0.945, 0.97)))
    assert verdict.decision == "replace"
    assert "over all assets like those it learned from is certified" in verdict.reason


def test_too_few_counts_independent_assets_and_hides_decimals():
    few = share(1.0, 0.963, 1.0, n=5000, groups=99)
    verdict = decide(replace(FALLBACK, agreement=few))
    assert (verdict.decision, verdict.rule) == ("not_ready", "too_few")
    assert "99 independent test assets, too few rows to say: agreement of 100 %" in verdict.reason
    assert rule(agreement=replace(few, groups=100)) == "replace"


def test_a_promise_that_test_contradicts_is_not_kept():
    assert rule(agreement_handled=share(0.93, 0.91, 0.9499)) == "contradicted"
    assert rule(agreement_handled=share(0.94, 0.92, 0.95)) == "fallback"  # the interval still reaches the target


@pytest.mark.parametrize(("saving", "expected"), [(0.001, "fallback"), (0.0, "does_not_pay"), (-0.2, "does_not_pay")])
def test_fallback_must_save_money(saving, expected):
    assert rule(saving={"student": 0.9, "cascade": saving}) == expected


def test_a_student_dearer_than_its_teacher_does_not_replace_it():
    verdict = decide(replace(FALLBACK, agreement=share(0.99, 0.98, 1.0), saving={"student": -0.896, "cascade": -0.9}))
    assert (verdict.decision, verdict.rule) == ("not_ready", "does_not_pay")
    assert "costs 89.6 % more than the teacher" in verdict.reason
    even = decide(replace(FALLBACK, saving={"student": 0.9, "cascade": 0.0}))
    assert "costs as much as the teacher" in even.reason


def test_without_a_price_money_decides_nothing():
    unknown = {"student": None, "cascade": None}
    verdict = decide(replace(FALLBACK, saving=unknown))
    assert verdict.decision == "fallback"
    assert "costs" not in verdict.reason
    assert rule(saving=unknown, agreement=share(0.99, 0.98, 1.0)) == "replace"


def test_a_small_handled_share_is_not_worth_a_cascade():
    assert rule(handled=share(LEAST_HANDLED, 0.2, 0.4)) == "fallback"
    verdict = decide(replace(FALLBACK, handled=share(0.2999, 0.2, 0.4)))
    assert verdict.rule == "handles_little"
    assert "only 29.99 % of the assets" in verdict.reason


def test_unproven_says_how_many_labels_would_do():
    verdict = decide(replace(FALLBACK, certificate=REFUSED, handled=share(0, 0, 0.01), agreement_handled=None))
    assert (verdict.decision, verdict.rule) == ("not_ready", "unproven")
    assert "Label about 1,800 more assets" in verdict.next  # 300 calibration rows at 6 labels a row


def test_below_the_target_everywhere_points_at_the_confused_pair():
    hopeless = replace(REFUSED, more_needed=None)
    verdict = decide(replace(FALLBACK, certificate=hopeless, handled=share(0, 0, 0.01), agreement_handled=None))
    assert (verdict.decision, verdict.rule) == ("not_ready", "below")
    assert "“Sale” answered as “Offer”" in verdict.next


def test_the_shared_encoder_is_said():
    assert "share their sentence encoder" in decide(replace(FALLBACK, same_encoder=True)).reason
    assert "share their sentence encoder" not in decide(FALLBACK).reason


def gold(only_student: int, only_teacher: int, n: int = 200, falls=None) -> Gold:
    """People settled n assets; both are right on all but the given ones, and these."""
    return Gold(_pair(only_student, only_teacher, n), falls and _pair(*falls))


def _pair(only_student: int, only_teacher: int, n: int) -> Paired:
    right = np.ones((2, n), bool)
    right[1, :only_student] = False
    right[0, only_student : only_student + only_teacher] = False
    return paired(*right)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((0, 5), "No difference is shown: falling back costs money and is not shown to gain accuracy"),  # p = 0.0625
        ((0, 6), "The teacher is better there: falling back gains accuracy"),  # p = 0.031
        ((6, 0), "The student is better there: falling back costs money and loses accuracy"),
        ((4, 4), "No difference is shown"),
        ((0, 0), "No difference is shown"),
        ((3, 6, 200, (0, 6, 30)), "The teacher is better on the 30 of them that fall back"),
        ((0, 9, 200, (0, 5, 30)), "The teacher is better there"),  # too few fall back to tell: all of them do
        ((9, 9, 200, (7, 0, 30)), "The student is better on the 30 of them that fall back"),
    ],
)
def test_whether_falling_back_pays_against_gold(counts, said):
    reason = decide(replace(FALLBACK, gold=gold(*counts))).reason
    assert said in reason
    assert f"only the student on {counts[0]}, only the teacher on {counts[1]}; p " in reason
    assert "On 200 test assets settled by people" in reason


def test_gold_on_fewer_than_100_independent_assets_decides_nothing():
    assert "settled by people" in decide(replace(FALLBACK, gold=gold(6, 0, n=100))).reason
    assert "settled by people" not in decide(replace(FALLBACK, gold=gold(6, 0, n=99))).reason


def test_gold_tells_a_student_that_is_not_ready_whose_error_a_difference_is():
    not_ready = replace(FALLBACK, certificate=REFUSED, handled=share(0, 0, 0.01), agreement_handled=None)
    for counts, said in {
        (0, 9): "The teacher is better: where the two differ",
        (5, 4): "No difference is shown: where the two differ, the teacher is not shown",
        (9, 0): "much of what it differs on is the teacher's error",
    }.items():
        assert said in decide(replace(not_ready, gold=gold(*counts))).reason
    dear = replace(FALLBACK, saving={"student": -1.0, "cascade": -1.0}, gold=gold(9, 0))
    assert "settled by people" not in decide(dear).reason  # it is the price that decides there


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "p < 0.001"),
        (0.0351, "p = 0.035"),
        (0.04999, "p = 0.04999"),
        (0.0501, "p = 0.0501"),
        (0.62, "p = 0.62"),
    ],
)
def test_a_p_value_stays_on_its_side(p, text):
    assert p_words(p) == text


def test_every_verdict_has_a_reason_and_a_next_step():
    verdict = decide(replace(FALLBACK, confused=None))
    assert isinstance(verdict, Verdict)
    assert verdict.reason.endswith(".")
    assert verdict.next.endswith(".")
    assert "(" not in verdict.next


@pytest.mark.parametrize(
    ("value", "beside", "text"),
    [(0.9412, None, "94.1 %"), (0.9497, 0.95, "94.97 %"), (0.95, 0.95, "95.0 %"), (0.94996, 0.95, "94.996 %")],
)
def test_a_share_below_the_target_never_reads_like_the_target(value, beside, text):
    assert percent(value, beside) == text
