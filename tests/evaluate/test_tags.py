"""Figures and promises of sets of tags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluate import tags
from core.evaluate.agreement import per_category, per_tag
from tests.bench import several

MEMBERS = {1: (1,), 2: (2,), 3: (3,), 10: (), 11: (1, 2), 12: (2, 3)}
SETS = tags.Sets(MEMBERS, [1, 2, 3])


def frame(teacher, student, sure=None):
    n = len(teacher)
    made = {
        "asset_id": range(n),
        "group_id": range(n),
        "family_id": range(n),
        "category_id": teacher,
        "predicted": student,
    }
    table = pd.DataFrame(made | {"sure": np.ones(n) if sure is None else sure})
    return table.assign(correct=table["category_id"] == table["predicted"])


def test_the_figures_of_a_few_assets_by_hand():
    seen = tags.figures(SETS, frame([11, 10, 3, 12], [1, 10, 12, 10]))
    assert (seen.right.value, seen.right.n, seen.found.value, seen.found.n) == (2 / 3, 3, 2 / 5, 5)
    assert seen.micro_f1 == pytest.approx(4 / 8) and seen.jaccard == pytest.approx((1 / 2 + 1 + 1 / 2 + 0) / 4)
    assert (seen.of_teacher, seen.of_student, seen.none_of_teacher, seen.none_of_student) == (1.25, 0.75, 1, 2)


answers = st.lists(st.sampled_from(sorted(MEMBERS)), min_size=1, max_size=40)


@settings(max_examples=25)
@given(answers, answers)
def test_each_tag_by_itself_is_its_precision_and_recall(teacher, student):
    teacher, student = zip(*zip(teacher, student))
    rows = tags.table(SETS, frame(teacher, student))
    for row in rows.itertuples():
        said = [row.category in MEMBERS[one] for one in teacher]
        given_ = [row.category in MEMBERS[one] for one in student]
        both = sum(one and other for one, other in zip(said, given_))
        assert (row.n, row.predicted, row.agreed) == (sum(said), sum(given_), both)
        assert row.f1 == pytest.approx(2 * both / (sum(said) + sum(given_)))
        assert not sum(said) or row.low <= row.recall <= row.high


@settings(max_examples=25)
@given(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=40), st.integers(0, 9))
def test_of_single_tags_it_is_what_it_is_of_categories(teacher, seed):
    student = np.random.default_rng(seed).permutation(teacher)
    every = np.arange(len(teacher))
    tables = [SETS.said(pd.Series(one)) for one in (teacher, student)]
    alike = per_tag(*tables, np.array(SETS.columns), every, every)
    pd.testing.assert_frame_equal(alike, per_category(np.array(teacher), student, every, every), check_dtype=False)


def test_a_promise_of_tags_counts_tags_and_handles_assets():
    dice = np.random.default_rng(0)
    teacher = dice.choice([1, 2, 11, 12], 800)
    wrong = dice.random(800) < 0.15
    student = np.where(wrong, 3, teacher)
    held = frame(teacher, student, np.where(wrong, 0.6, 0.9) + 0.05 * dice.random(800))
    certificate, handled, agreed = tags.certified(SETS, held[:500], held[500:], 0.95, 0.95)
    assert certificate.certified and certificate.n == 500 and 0.8 < certificate.handled < 0.97
    assert handled.n == 300 and agreed.n > handled.n and agreed.value > 0.95
    refused, none, nothing = tags.certified(SETS, held[:40], held[40:60], 0.999, 0.95)
    assert (
        not refused.certified and none.value == 0 and nothing is None and "tags given to trial assets" in refused.reason
    )


@pytest.mark.parametrize("promised", [tags.SET, tags.TAGS])
def test_a_promise_is_broken_at_most_once_in_twenty(promised):
    population = several.synthetic(8000)
    how = {"rows": 250, "target": 0.8, "promised": promised, "draws": 80}
    handled, certified, broken = several.cover(*population, **how)
    assert (
        broken <= 0.10 and certified > 0.5 and handled > 0.1
    )  # of 80 draws at 5 %, more than 8 are one chance in forty
