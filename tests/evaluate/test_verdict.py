from dataclasses import replace

import pytest

from core.evaluate.agreement import Share
from core.evaluate.cascade import Certificate
from core.evaluate.verdict import LEAST_HANDLED, RULES, Evidence, Verdict, decide, percent


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


def test_a_teacher_no_better_than_the_student_against_gold_is_said():
    assert "no better than the student" in decide(replace(FALLBACK, gold=(200, 0.91, 0.91))).reason
    assert "no better" not in decide(replace(FALLBACK, gold=(200, 0.90, 0.91))).reason
    assert "no better" not in decide(replace(FALLBACK, gold=(99, 0.95, 0.91))).reason


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
