import re
from dataclasses import replace

import numpy as np
import pytest

from core import review, taxonomy
from core.evaluate import doubt, evaluation
from core.evaluate.comparison import comparison, judgement
from core.evaluate.evidence import Rules
from core.evaluate.kept import keep_assumptions
from core.evaluate.next_step import Growth, Merge, Mixed, Plan, merges, plan
from core.money.economics import Assumptions
from tests.evaluate.conftest import insert_assets

PLAN = Plan(
    agreement=0.9, target=0.95, usd_a_label=0.0128, seconds_a_label=1.35, weakest=("Sale", "Offer"), categories=40
)


def test_what_labels_take_is_said_in_money_and_time_as_far_as_it_is_known():
    assert PLAN.cost_of(1800) == "about $23 and 40 min of the teacher's time"
    assert replace(PLAN, usd_a_label=0.0).cost_of(60) == "about 1 min 21 s of the teacher's time"
    assert replace(PLAN, usd_a_label=None, seconds_a_label=None).cost_of(1800) == ""
    assert replace(PLAN, unlabelled=1).label(2200).startswith("Label the 1 asset left and about ")


def test_the_learning_curve_gives_the_number_of_labels():
    text = replace(PLAN, growth=Growth(4000, 0.08, 1800)).reaching
    assert text.startswith(
        "Label about 1,800 more assets in these 2 categories: “Sale”, “Offer”, about $23 and 40 min of the teacher's time; "
    )
    assert "that many should reach 95 % (estimated)" in text


def test_categories_are_merged_where_that_reaches_the_target():
    pair = Merge("Sale", "Offer", 0.951)
    assert replace(PLAN, merges=(pair,)).reaching == (
        "Merge these two categories: “Sale” and “Offer”. That takes agreement to 95.1 %; then train again."
    )
    assert replace(PLAN, merges=(Merge("Sale", "Offer", 0.905),)).merging == ""  # half a point is not worth a category


def test_a_client_is_not_sent_to_label_what_it_does_not_own():
    grown = replace(PLAN, growth=Growth(4000, 0.08, 5300))
    assert replace(grown, unlabelled=0).reaching.startswith(
        "Import about 5,300 more assets in these 2 categories: “Sale”, “Offer” (about $68 and 1 h 59 min of the "
        "teacher's time to label): all there are "
        "have labels; "
    )
    part = replace(grown, unlabelled=300).reaching
    assert part.startswith("Label the 300 assets left and about 5,000 more that you import in these 2")
    assert replace(grown, unlabelled=6000).reaching.startswith("Label about 5,300 more assets")


def test_what_is_not_to_be_merged_is_named_with_its_examples():
    mixed = Mixed("Loyalty programme", "Credit card", 12, ("A-7", "A-12"))
    text = replace(PLAN, growth=Growth(4000, 0.08, 1800), mixed=mixed).reaching
    assert text.endswith(
        "Most of what differs: “Loyalty programme” and “Credit card” (12 test assets, such as A-7, A-12)."
    )
    may = replace(PLAN, growth=Growth(4000, 0.08, 1800), mixed=mixed, merges=(Merge("Sale", "Offer", 0.94),)).reaching
    assert "Most of what differs" not in may and "merge the categories “Sale” and “Offer”" in may


def test_categories_are_merged_only_where_the_teacher_confuses_two_of_one_parent(client):
    insert_assets(client, "test", 120, 4, start=1000)
    categories = taxonomy.load(client.db, 1)
    assert not doubt.mergeable(client.db, client.task, client.run_id, categories)
    sale, offer, brand = client.category_ids
    for asset, other in ((1003, offer), (1006, offer), (1001, brand), (1004, brand)):  # where the teacher said another
        review.decide(client.db, asset, "ana", other, "queue")
    pairs = doubt.confusions(client.db, client.task, client.run_id, categories)
    assert pairs == {(sale, offer): 2, (offer, brand): 2}
    found = doubt.mergeable(client.db, client.task, client.run_id, categories)
    assert found == [[sale, offer]], "Brand stands under no parent with them"


def test_a_student_short_of_its_target_is_offered_the_one_it_meets_today(client):
    insert_assets(client, "calibration", 400, 15, start=100)
    insert_assets(client, "test", 300, 15, start=1000)
    evaluation.evaluate(client.db, client.student_id, target=0.99)
    verdict = judgement(client.db, client.student_id).verdict
    assert verdict.decision == "not_ready"
    offered = re.match(r"At a target of (\d+) % it is ready today, ", verdict.next)
    assert offered and "For 99 %: " in verdict.next and verdict.offers == int(offered[1]) / 100
    evaluation.change_rules(client.db, client.task, Rules(target=int(offered[1]) / 100))
    assert judgement(client.db, client.student_id).verdict.decision != "not_ready"


def test_without_a_curve_it_says_where_to_find_the_number():
    assert "on the Student page finds out" in PLAN.reaching


def test_mergers_count_both_directions_and_add_up():
    pairs = [[1, 1, 80], [1, 2, 6], [2, 1, 4], [3, 1, 3], [4, 1, 7]]
    every = {(1, 2), (1, 3), (1, 4)}
    found = merges(pairs, {1: "a", 2: "b", 3: "c", 4: "d"}, 0.8, 100, every)
    assert [(one.first, one.second) for one in merges(pairs, {1: "a", 2: "b"}, 0.8, 100, {(1, 2)})] == [("a", "b")]
    assert [(one.first, one.second) for one in found] == [("a", "b"), ("a", "d"), ("a", "c")]
    assert [one.agreement for one in found] == pytest.approx([0.9, 0.97, 1.0])


def test_agreement_after_merging_is_what_relabelling_would_give():
    draw = np.random.default_rng(1)
    teacher = draw.integers(1, 6, 500)
    student = np.where(draw.random(500) < 0.7, teacher, draw.integers(1, 6, 500))
    pairs, counts = np.unique(np.stack([teacher, student]), axis=1, return_counts=True)
    best = merges(
        np.vstack([pairs, counts]).T.tolist(),
        dict(enumerate("abcdef")),
        float((teacher == student).mean()),
        500,
        {(one, two) for one in range(6) for two in range(one, 6)},
    )[0]
    one, two = "abcdef".index(best.first), "abcdef".index(best.second)
    merged = [np.where(said == two, one, said) for said in (teacher, student)]
    assert best.agreement == pytest.approx((merged[0] == merged[1]).mean())


def test_the_plan_of_an_evaluation_names_its_weakest_categories_and_its_price(client):
    insert_assets(client, "calibration", 60, 4, start=0)
    insert_assets(client, "test", 300, 4, start=1000)
    found = evaluation.evaluate(client.db, client.student_id)
    made = plan(found, None, 0.0128, 1.35)
    assert set(made.weakest) == {"Sale", "Offer", "Brand"} and made.below == made.categories == 3
    assert sum(made.labels_in.values()) == 360
    assert made.parent > made.agreement
    said = judgement(client.db, client.student_id).verdict.next
    assert said.startswith(
        "At a target of 90 % it is ready today, with a model that you connect behind it: set that if it is enough. For 95 %: "
    )
    assert "Import about" in said and "all there are have labels" in said and "Merge" not in said
    keep_assumptions(client.db, client.task, Assumptions(price_as=None))
    named = judgement(client.db, client.student_id).verdict.next
    assert "$" not in named


def test_changed_rules_judge_the_students_again_without_measuring(client):
    insert_assets(client, "calibration", 400, 25, start=100)
    insert_assets(client, "test", 300, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    asked = len(client.student.asked)
    evaluation.change_rules(client.db, client.task, Rules(target=0.9, guarded_rows=30))
    result = comparison(client.db, client.student_id)
    assert result.figures.target == result.rules.target == 0.9
    assert result.rules.guarded_rows == 30
    assert result.verdict.decision == "replace"
    assert len(client.student.asked) == asked
    strict = evaluation.change_rules(client.db, client.task, Rules(target=0.9, least_handled=1.0, category_floor=0.99))
    assert strict is None and judgement(client.db, client.student_id).rules.category_floor == 0.99
