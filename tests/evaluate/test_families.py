"""The promise where assets are not independent: one concept in many markets, before and after families are kept together."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from core.evaluate.agreement import design_effect, paired, per_category, share
from core.evaluate.cascade import certify
from core.evaluate.phrases import across_words, new_words
from core.report.answers import across as across_answer
from core.train import new
from core.train.data import Rows
from core.train.folds import FOLDS, deal, held, learned
from core.train.members import linear
from core.train.softmax import log_softmax
from tests import markets

DRAWS, DRAWN = 500, 200  # draws of so many families
TARGET = 0.93


def _answered(rows: Rows, families: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(confidence, whether the teacher's answer) of each row by a student of the other folds."""
    folds = deal(rows.answers, families)
    sure, right = np.empty(len(folds)), np.empty(len(folds), bool)
    for fold in range(FOLDS):
        asked = held(folds, fold)
        table = linear.learn(rows.take(learned(folds, fold)), lambda *_: None).read(rows.take(asked).texts).tables[0]
        sure[asked], right[asked] = np.exp(log_softmax(table)).max(1), table.argmax(1) == rows.answers[asked]
    return sure, right


@pytest.fixture(scope="module")
def world():
    """All families there are, and what students say of each row that had seen its family, and that had not."""
    made = markets.draw(300, 5, 8, seed=3)
    rows = Rows(made.texts, np.eye(8, dtype=np.float32)[made.answers], "packaged", False, families=made.family)
    with threadpool_limits(1):  # small products: more threads would only wait for each other
        return made.family, _answered(rows, None), _answered(rows, made.family)


def _draws(family, told, truth, families):
    """Of DRAWS draws of families: how often something is certified, how often its promise is broken for all assets as new, and
    the share of them handled, on average."""
    chance, order = np.random.default_rng(1), np.argsort(truth[0])
    sure, right = truth[0][order], np.append(np.cumsum(truth[1][order][::-1])[::-1], 0)
    rows_of = [np.flatnonzero(family == one) for one in range(family.max() + 1)]
    certified = broken = handled = 0
    for _ in range(DRAWS):
        rows = np.concatenate([rows_of[one] for one in chance.choice(len(rows_of), DRAWN, replace=False)])
        found = certify(told[0][rows], told[1][rows], TARGET, points=40, families=family[rows] if families else None)
        if found.certified:
            first = int(np.searchsorted(sure, found.threshold))
            certified += 1
            handled += (len(sure) - first) / len(sure)
            broken += right[first] / (len(sure) - first) < TARGET
    return certified / DRAWS, broken / DRAWS, handled / DRAWS


def test_the_promise_is_broken_by_folds_of_rows_and_kept_by_folds_of_families(world):
    family, seen, new = world
    assert seen[1].mean() - new[1].mean() > 0.03, "a student that has seen the concept looks better than it is"
    certified, broken, _ = _draws(family, seen, new, families=False)
    assert certified > 0.9 and broken > 0.9
    certified, broken, handled = _draws(family, new, new, families=True)
    assert broken <= 0.05
    assert certified > 0.3 and handled > 0.25, "kept by handling something, not by refusing"


def _dealt_by_rows(answers: np.ndarray) -> np.ndarray:
    """Folds as they were when every row was its own."""
    order = np.lexsort((np.random.default_rng(0).random(len(answers)), answers))
    folds = np.empty(len(answers), int)
    folds[order] = np.arange(len(answers)) % FOLDS
    return folds


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200), st.randoms())
def test_where_every_row_is_a_family_folds_are_what_they_were(answers, dice):
    answers, names = np.array(answers), list(range(1000, 1000 + len(answers)))
    dice.shuffle(names)
    assert np.array_equal(deal(answers), _dealt_by_rows(answers))
    assert np.array_equal(deal(answers, np.array(names)), _dealt_by_rows(answers))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 25)), min_size=1, max_size=200))
def test_families_share_a_fold_and_folds_are_of_like_size(rows):
    answers, families = np.array(rows).T
    folds = deal(answers, families)
    assert all(len(set(folds[families == one])) == 1 for one in set(families))
    largest = np.bincount(families).max()
    sizes = np.bincount(folds, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= largest * (1 + len(set(answers)))
    assert np.array_equal(folds, deal(answers, families + 7))


rows = st.lists(st.tuples(st.floats(0, 1, width=16), st.booleans()), min_size=1, max_size=150)


@given(rows, st.sampled_from([0.8, 0.9, 0.95]))
@settings(max_examples=60)
def test_where_every_row_is_a_family_the_certificate_is_what_it_was(pairs, target):
    confidence, correct = (np.array(column) for column in zip(*pairs, strict=True))
    assert certify(confidence, correct, target, families=np.arange(len(pairs))[::-1]) == certify(
        confidence, correct, target
    )


def test_families_whose_rows_are_all_alike_count_once():
    chance = np.random.default_rng(0)
    sure = np.repeat(chance.random(200), 5)
    right, family = np.repeat(np.arange(200) % 45 > 0, 5), np.repeat(np.arange(200), 5)
    assert design_effect(right.astype(float), family) == pytest.approx(5, rel=0.05)
    assert design_effect((chance.random(1000) < 0.9).astype(float), family) < 1.5
    once = certify(sure[::5], right[::5], 0.95)
    assert certify(sure, right, 0.95).certified and not once.certified
    assert not certify(sure, right, 0.95, families=family).certified


def test_a_refusal_counts_families():
    chance = np.random.default_rng(2)
    family = np.repeat(np.arange(60), 10)
    found = certify(chance.random(600), np.repeat(np.arange(60) % 25 > 0, 10), 0.95, families=family)
    assert not found.certified and found.families == 60
    assert "600 trial assets in 60 concepts" in found.reason and "more concepts" in found.reason


def test_intervals_and_paired_tests_widen_with_families_and_are_else_as_they_were():
    chance = np.random.default_rng(4)
    family = np.repeat(np.arange(80), 6)
    hit, other = np.repeat(chance.random(80) < 0.9, 6), np.repeat(chance.random(80) < 0.75, 6)
    alone, each = share(hit), share(hit, family, np.arange(480))
    assert each.high - each.low > 2 * (alone.high - alone.low)
    assert (each.n, each.groups) == (480, 80) and each.independent == pytest.approx(80, rel=0.01)
    loose = share(chance.random(480) < 0.9, family, np.arange(480))
    assert loose.independent > 200, "rows that differ within a family count for more than it"
    assert paired(hit, other, families=family).p > paired(hit, other).p
    assert paired(hit, other, families=np.arange(480)) == paired(hit, other)
    first, second = int((hit & ~other).sum()), int((other & ~hit).sum())
    assert paired(hit, other).p == binomtest(first, first + second).pvalue
    teacher, student = chance.integers(0, 3, 480), chance.integers(0, 3, 480)
    one = np.arange(480)
    assert per_category(teacher, student, one, one).equals(per_category(teacher, student, one))


def test_small_families_tell_how_alike_rows_of_large_ones_are():
    """Small families right or wrong as a whole, and two large ones that by luck are right: luck does not lower the effect."""
    sizes = np.append(np.full(100, 3), [60, 60])
    family = np.repeat(np.arange(102), sizes)
    whole = (family % 20 > 0) | (family >= 100)
    loose = np.ones(len(family))
    loose[np.random.default_rng(0).choice(len(family), int((~whole).sum()), replace=False)] = 0
    most = float((sizes**2).sum() / sizes.sum())
    assert design_effect(whole.astype(float), family) > 0.8 * most
    assert design_effect(loose, family) < 0.5 * most


def test_what_a_student_of_one_market_does_in_another_is_said_with_what_own_labels_bring():
    pairs = {("UK", "UK"): 0.93, ("UK", "DE"): 0.61, ("UK", "FR"): 0.70, ("DE", "DE"): 0.90, ("FR", "FR"): 0.91}
    across = tuple(
        new.Across("market", a, b, 240, 300, value, value - 0.05, value + 0.05) for (a, b), value in pairs.items()
    )
    found = new.New(new.LOWEST, None, (), across, 1.0)
    said = across_words(found)
    assert said == (
        "DE needs labels of its own: taught on UK alone, a student agrees on 61.0 % there, taught on DE's own 240 labels on 90.0 %."
    )
    serves = replace(found, across=tuple(replace(one, agreement=0.9, low=0.85, high=0.95) for one in across))
    assert across_words(serves).startswith("Labels from UK serve elsewhere: taught on UK alone")
    answer = across_answer(SimpleNamespace(new=found))
    assert answer is not None and answer.title == said and len(answer.table) == len(pairs)


def test_what_new_campaigns_cost_is_said_as_what_to_expect():
    def left_out(many: str, seen: float, unseen: float, error: float = 0.02) -> new.LeftOut:
        return new.LeftOut("x", many[:-1], many, True, False, 9, 300, seen, unseen, unseen - 0.05, unseen + 0.05, error)

    campaigns, months = left_out("campaigns", 0.95, 0.89), left_out("months", 0.95, 0.945)

    def said(*some: new.LeftOut) -> str:
        return new_words(new.New(new.LOWEST, None, some, (), 1.0))

    lower, same = "new campaigns (89.0 %, on known ones 95.0 %)", "new months (94.5 %, on known ones 95.0 %)"
    assert said(campaigns, months) == f"Expect less agreement on {lower}; on {same} no difference is shown."
    assert said(campaigns) == f"Expect less agreement on {lower}."
    assert said(months) == f"No less agreement is shown on {same}."
