from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.evaluate import weak
from core.evaluate.agreement import Paired, Share, paired
from core.evaluate.cascade import Certificate
from core.evaluate.evidence import DecisionModel, Evidence, Rules, Verdict
from core.evaluate.figures import GoldFigures, Unseen
from core.evaluate.next_step import Growth, Merge, Plan
from core.evaluate.phrases import p_words, percent
from core.evaluate.verdict import RULES, decide, in_words
from core.evaluate.weak import Category


def share(value: float, low: float, high: float, n: int = 1000, groups: int | None = None) -> Share:
    return Share(value, low, high, n, n if groups is None else groups)


CERTIFIED = Certificate(True, 0.6, 0.86, 0.97, 900, 0.95, 0.95, None, "", 900)
REFUSED = Certificate(False, None, 0.0, 0.0, 900, 0.95, 0.95, 300, "", 900)
PLAN = Plan(
    agreement=0.93,
    more=1800,
    usd_a_label=0.0128,
    seconds_a_label=1.35,
    weakest=("Sale", "Offer", "Brand", "Loyalty"),
    below=4,
    categories=40,
    labels_in={"Sale": 120, "Offer": 96},
    merges=(Merge("Sale", "Offer", 0.945), Merge("Brand", "Loyalty", 0.952)),
)
FALLBACK = Evidence(
    agreement=share(0.93, 0.912, 0.945),
    certificate=CERTIFIED,
    handled=share(0.85, 0.83, 0.87),
    agreement_handled=share(0.97, 0.956, 0.98, 850),
    saving={"student": 0.999, "cascade": 0.85},
    plan=PLAN,
)


def _gold(pair: Paired, fallback: Paired | None = None, cascade: Paired | None = None) -> GoldFigures:
    whole = share(0.9, 0.8, 0.95, pair.n)
    return GoldFigures(pair.n, whole, whole, pair, fallback=fallback, cascade_paired=cascade)


def rule(**change) -> str:
    return decide(replace(FALLBACK, **change)).rule


def test_the_whole_table_in_its_order():
    assert [r.name for r in RULES] == [
        "trial",
        "too_few",
        "decision_model",
        "contradicted",
        "does_not_pay",
        "replace",
        "fallback",
        "weak_category",
        "worse_on_gold",
        "handles_little",
        "unproven",
        "below",
    ]


def test_a_decision_model_that_does_the_work_goes_before_a_student_and_one_that_does_not_is_a_note():
    does = DecisionModel("Jev", True, "A decision model does this.", "Let Jev do the work.")
    for change in ({}, {"agreement": Share(0.5, 0.45, 0.55, 400, 400)}):
        told = decide(replace(FALLBACK, decision_model=does, **change))
        assert (told.decision, told.next) == ("decision_model", "Let Jev do the work.")
    assert decide(replace(FALLBACK, decision_model=does, trial=True)).decision == "trial"
    noted = decide(replace(FALLBACK, decision_model=replace(does, does_it=False, words="Jev is worse.")))
    assert noted.decision == "fallback" and "Jev is worse." in noted.reason


def test_the_table_in_words_has_the_numbers_of_the_client():
    given = in_words(Rules(target=0.91, least_handled=0.42, guarded_rows=7, category_floor=0.63, gold_drop=0.03))
    assert len(given) == len(RULES) and all(one.endswith("**.") and one[0] != ":" for one in given)
    text = "\n".join(given)
    for words in ("100 independent", "91 %", "42 %", "7 test assets", "63 %", "3 points"):
        assert words in text, words


def test_fallback_says_the_share_the_promise_and_the_saving():
    verdict = decide(FALLBACK)
    assert verdict.decision == "fallback"
    assert "93.0 % (91.2 % to 94.5 %, n = 1,000)" in verdict.reason
    assert "handles 85.0 % of the assets, and at least 95 % of those as the teacher would (95 % sure)" in verdict.reason
    assert "costs 85.0 % less" in verdict.reason
    assert "merge the categories “Sale” and “Offer”, which alone takes agreement from 93.0 % to 94.5 %" in verdict.next


@pytest.mark.parametrize(
    ("on_batch", "said"), [(0.001, None), (0.0, "costs as much"), (-0.25, "costs 20.0 % less than this"), (None, None)]
)
def test_a_batch_price_that_beats_what_is_proposed_is_told_and_decides_nothing(on_batch, said):
    verdict = decide(replace(FALLBACK, saving_on_batch={"student": 0.99, "cascade": on_batch}))
    assert verdict.decision == "fallback"
    assert (f"at its batch price {said}" in verdict.reason) if said else ("batch" not in verdict.reason)
    alone = replace(FALLBACK, agreement=share(0.98, 0.97, 0.99))
    verdict = decide(replace(alone, saving_on_batch={"student": -0.25, "cascade": 0.5}))
    assert verdict.decision == "replace" and "costs 20.0 % less than this" in verdict.reason


def test_a_student_of_the_built_in_teacher_is_on_trial_however_well_it_agrees():
    for change in ({}, {"agreement": share(0.999, 0.998, 1.0)}, {"agreement": share(0.4, 0.3, 0.5)}):
        verdict = decide(replace(FALLBACK, trial=True, same_encoder=True, **change))
        assert (verdict.decision, verdict.rule) == ("trial", "trial")
        assert "saves nothing" in verdict.reason and "less than the teacher" not in verdict.reason
        assert verdict.next.startswith("Train a student on labels worth having")


def test_where_old_labels_are_the_teacher_a_model_is_to_be_connected_first():
    verdict = decide(replace(FALLBACK, nobody_behind=True))
    assert verdict.decision == "fallback" and verdict.next.startswith("Connect a model first: ")
    assert "Then make the student live, with that model behind it." in verdict.next


def test_replace_at_the_very_edge_of_the_target():
    assert rule(agreement=share(0.965, 0.95, 0.98)) == "replace"
    assert rule(agreement=share(0.965, 0.94999, 0.98)) == "fallback"


def test_a_saving_short_of_everything_never_reads_like_everything():
    verdict = decide(replace(FALLBACK, agreement=share(0.98, 0.97, 0.99), saving={"student": 0.9998, "cascade": 0.9}))
    assert "costs 99.9 % less than the teacher" in verdict.reason


def test_replace_when_every_asset_is_certified():
    everything = replace(CERTIFIED, threshold=0.0, handled=1.0)
    verdict = decide(replace(FALLBACK, certificate=everything, agreement=share(0.96, 0.945, 0.97)))
    assert verdict.decision == "replace"
    assert "over all assets like those it learned from is proven" in verdict.reason


def test_too_few_counts_independent_assets_and_hides_decimals():
    few = share(1.0, 0.963, 1.0, n=5000, groups=99)
    verdict = decide(replace(FALLBACK, agreement=few))
    assert (verdict.decision, verdict.rule) == ("not_ready", "too_few")
    assert "99 independent test assets, too few to say: agreement of 100 %" in verdict.reason
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
    assert "costs as much as the teacher" in even.reason and even.mode == "cascade"
    assert "which is good enough" not in even.reason, "it does not reach the target alone"
    assert verdict.mode == "student" and "which is good enough" in verdict.reason


def test_what_is_live_is_not_told_to_be_made_live_and_an_older_taxonomy_is_named():
    assert decide(FALLBACK).next.startswith("Make it live on the Student page")
    assert decide(replace(FALLBACK, live=True)).next.startswith("It is live: keep the teacher behind it.")
    alone = replace(FALLBACK, agreement=share(0.99, 0.98, 1.0), live=True)
    assert decide(alone).next.startswith("It is live") and decide(alone).mode == "student"
    assert "version 2 is in use since: train again" in decide(replace(FALLBACK, overtaken=(1, 2))).reason


def test_without_a_price_money_decides_nothing():
    unknown = {"student": None, "cascade": None}
    verdict = decide(replace(FALLBACK, saving=unknown))
    assert verdict.decision == "fallback"
    assert "costs" not in verdict.reason
    assert rule(saving=unknown, agreement=share(0.99, 0.98, 1.0)) == "replace"


def test_a_small_handled_share_is_not_worth_a_cascade():
    assert rule(handled=share(Rules().least_handled, 0.2, 0.4)) == "fallback"
    verdict = decide(replace(FALLBACK, handled=share(0.2999, 0.2, 0.4)))
    assert verdict.rule == "handles_little"
    assert "only 29.99 % of the assets" in verdict.reason


def test_unproven_says_how_many_labels_would_do():
    verdict = decide(replace(FALLBACK, certificate=REFUSED, handled=share(0, 0, 0.01), agreement_handled=None))
    assert (verdict.decision, verdict.rule) == ("not_ready", "unproven")
    assert verdict.next.startswith(
        "Label about 1,800 more assets, about $23 and 40 min of the teacher's time; most is to be gained in "
        "these 4 categories: “Sale”"
    )


def test_below_the_target_everywhere_points_at_the_confused_pair():
    hopeless = replace(REFUSED, more_needed=None)
    verdict = decide(replace(FALLBACK, certificate=hopeless, handled=share(0, 0, 0.01), agreement_handled=None))
    assert (verdict.decision, verdict.rule) == ("not_ready", "below")
    assert verdict.next.startswith("Merge these 2 pairs of categories: “Sale” and “Offer”, “Brand” and “Loyalty”.")


def test_the_shared_encoder_is_said():
    assert "read with the same base model" in decide(replace(FALLBACK, same_encoder=True)).reason
    assert "read with the same base model" not in decide(FALLBACK).reason


def gold(only_student: int, only_teacher: int, n: int = 200, falls=None) -> GoldFigures:
    """People settled n assets; both are right on all but the given ones, and these."""
    return _gold(_pair(only_student, only_teacher, n), falls and _pair(*falls))


def _pair(only_student: int, only_teacher: int, n: int) -> Paired:
    right = np.ones((2, n), bool)
    right[1, :only_student] = False
    right[0, only_student : only_student + only_teacher] = False
    return paired(*right)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            (0, 5),
            "No difference is shown: falling back costs money and is not shown to make answers better",
        ),  # p = 0.0625
        ((0, 6), "The teacher is better there: falling back makes answers better"),  # p = 0.031
        ((6, 0), "The student is better there: falling back costs money and makes answers worse"),
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
    verdict = decide(replace(FALLBACK, plan=Plan()))
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


ALONE = replace(FALLBACK, agreement=share(0.98, 0.97, 0.99))  # reaches the target without the teacher
WEAK, FINE = Category("Legal", 40, 15), Category("Legal", 40, 30)


def test_a_weak_category_keeps_a_student_from_replacing_its_teacher():
    assert rule(agreement=ALONE.agreement, categories=(FINE,)) == "replace"
    verdict = decide(replace(ALONE, categories=(WEAK,), categories_handled=(FINE,)))
    assert verdict.rule == "fallback" and "held back alone by “Legal” (15 of 40)" in verdict.reason
    both = decide(
        replace(ALONE, categories=(WEAK,), categories_handled=(WEAK,), plan=replace(PLAN, labels_in={"Legal": 118}))
    )
    assert (both.decision, both.rule) == ("not_ready", "weak_category")
    assert "a guarded category lies below 70 % for certain: “Legal” (15 of 40)" in both.reason
    assert both.next.startswith("Label about 120 more assets in “Legal” (twice what there is), about $1.54 and 3 min")


def test_the_smallest_category_guarded_is_a_rule_of_its_own():
    for guarded, expected in ((40, "weak_category"), (41, "fallback")):
        assert rule(categories_handled=(WEAK,), rules=Rules(guarded_rows=guarded)) == expected
    assert rule(categories_handled=(WEAK,), rules=Rules(category_floor=0.3)) == "fallback"


def test_a_client_of_few_assets_is_guarded_too_and_told_where_it_cannot_be():
    """116 test assets in 12 categories: 2 of 10 is shown to lie below 70 %, 3 of 10 is not; 1 of 4 never could be."""
    ten = [Category(f"C{place}", 10, 10) for place in range(11)]
    assert rule(agreement=ALONE.agreement, categories=(*ten, Category("Loyalty", 10, 2))) == "fallback"
    some = (*ten, Category("Loyalty", 4, 1))
    verdict = decide(replace(ALONE, categories=some))
    assert verdict.decision == "replace" and "Weakest category: “Loyalty”: 1 of 4, 1 % to 81 %." in verdict.reason
    assert weak.guard_words(some, 5, 0.7).startswith("The guard on weak categories watches 11 of 12")
    blind = decide(replace(ALONE, categories=(Category("Loyalty", 4, 1), Category("Sale", 3, 3))))
    assert "The guard on weak categories protects nothing here" in blind.reason


def test_the_weakest_is_named_however_few_it_has_and_one_miss_does_not_outweigh_many():
    found = [Category("Once", 1, 0), Category("Gift", 6, 1), Category("Sale", 50, 20)]
    assert weak.weakest(found).label == "Gift"
    assert weak.weakest([found[0], Category("Brand", 90, 88)]).label == "Once"
    assert weak.weakest([]) is None


def test_counts_are_of_test_assets_and_only_interval_and_tests_know_of_families():
    families = Category("Store opening", 4, 1, 3)
    assert families.words == "“Store opening” (1 of 4)"
    assert families.span.startswith("“Store opening”: 1 of 4, ")
    assert families.span != Category("Store opening", 4, 1).span, "three independent assets say less than four"
    assert not weak.guarded([Category("Sale", 40, 10, 4)], 5, 0.7)
    assert weak.weak([Category("Sale", 40, 10, 20)], 5, 0.7)


def test_among_many_categories_none_is_weak_by_chance():
    """13 of 25 would be shown to lie below 70 % by itself (p = 0.044), and not as one of forty guarded ones."""
    low = Category("Legal", 25, 13)
    assert rule(categories_handled=(low,)) == "weak_category"
    assert rule(categories_handled=(low, *[FINE] * 39)) == "fallback"


@pytest.mark.parametrize(
    ("only_teacher", "tolerated", "expected"), [(8, 0.04, "replace"), (8, 0.0399, "fallback"), (5, 0.0, "replace")]
)
def test_the_drop_against_gold_is_tolerated_up_to_its_edge(only_teacher, tolerated, expected):
    """8 of 200 is a drop of 4 points, p = 0.008; 5 of 200 is not shown to be one at all, p = 0.0625."""
    worse = _gold(_pair(0, only_teacher, 200), None, _pair(0, 0, 200))
    assert rule(agreement=ALONE.agreement, gold=worse, rules=Rules(gold_drop=tolerated)) == expected


def test_student_and_teacher_together_may_not_be_worse_on_gold_either():
    worse = _gold(_pair(0, 9, 200), None, _pair(0, 9, 200))
    verdict = decide(replace(FALLBACK, gold=worse))
    assert (verdict.decision, verdict.rule) == ("not_ready", "worse_on_gold")
    assert "student and teacher together are right 4.5 points less often than the teacher (p = 0.004)" in verdict.reason
    few = _gold(_pair(0, 9, 99), None, _pair(0, 9, 99))
    assert rule(gold=few) == "fallback"


def test_the_least_share_handled_is_the_clients():
    assert rule(handled=share(0.2, 0.1, 0.3), rules=Rules(least_handled=0.2)) == "fallback"
    verdict = decide(replace(FALLBACK, rules=Rules(least_handled=0.9)))
    assert verdict.rule == "handles_little" and "below 90 % the teacher still does most" in verdict.reason


@pytest.mark.parametrize(
    "change", [{"target": 1.0}, {"target": 0.4}, {"guarded_rows": 0}, {"gold_drop": 1.5}, {"least_handled": -0.1}]
)
def test_rules_that_mean_nothing_are_refused(change):
    with pytest.raises(InputError):
        Rules(**change)


def test_a_task_too_broad_to_distil_says_its_evidence():
    stuck = replace(
        PLAN, agreement=0.8, merges=(Merge("Sale", "Offer", 0.82),), growth=Growth(4000, 0.012, None), parent=0.9
    )
    hopeless = replace(REFUSED, more_needed=None)
    verdict = decide(
        replace(FALLBACK, certificate=hopeless, handled=share(0, 0, 0.01), agreement_handled=None, plan=stuck)
    )
    assert verdict.next.startswith(
        "This task is too broad for a small model at 95 %: twice the labels (another 4,000) "
    )
    for said in (
        "and 15.0 are missing",
        "4 of 40 categories lie below it",
        "takes agreement to 82.0 % only",
        "it is 90.0 %",
    ):
        assert said in verdict.next


def test_what_is_lower_on_new_campaigns_decides_and_says_what_it_is():
    seen = share(0.97, 0.96, 0.98)
    assert rule(agreement=seen) == "replace"
    newer = decide(replace(FALLBACK, agreement=share(0.89, 0.86, 0.91), unseen=Unseen("campaigns", seen)))
    assert newer.decision == "fallback"
    assert (
        "of assets of campaigns it had not seen (97.0 % of the test assets, whose campaigns it has seen)"
        in newer.reason
    )
    few = replace(FALLBACK, agreement=share(0.89, 0.86, 0.91), unseen=Unseen("campaigns", share(0.97, 0.9, 1, 60)))
    assert decide(few).rule == "too_few", "whether there are test assets enough is asked of the test assets"


def test_families_of_many_versions_are_as_many_assets_as_they_are_worth():
    families = Share(0.97, 0.955, 0.98, 660, 60, 240.0)
    assert rule(agreement=families) == "replace"
    told = decide(replace(FALLBACK, agreement=Share(0.97, 0.9, 1.0, 660, 60, 60.0), plan=Plan()))
    assert told.rule == "too_few" and "There are 60 independent test assets" in told.reason
    assert told.next.startswith("Label assets of other concepts than these") and "versions of 60 concepts" in told.next
    owned = Plan(labels_in={"a": 2000, "b": 1300}, unlabelled=40)
    told = decide(replace(FALLBACK, agreement=Share(0.97, 0.9, 1.0, 660, 60, 60.0), plan=owned))
    assert told.next.startswith("Label the 40 assets left and about 2,200 more that you import of other concepts; then")
    few = decide(replace(FALLBACK, agreement=share(1.0, 0.9, 1.0, n=50), plan=replace(owned, unlabelled=0)))
    assert few.next.startswith("Import about 3,300 more assets: all there are have labels, until at least 100")
    assert "n = 660 in 60 concepts" in decide(replace(FALLBACK, agreement=families)).reason


def test_a_rule_for_what_is_new_must_name_something():
    assert Rules(new="campaigns").new == "campaigns"
    with pytest.raises(InputError, match="What will be new is empty"):
        Rules(new=" ")
