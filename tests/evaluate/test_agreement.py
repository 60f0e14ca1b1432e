import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from core.evaluate import agreement as ag

labels = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=60)


def columns(rows):
    return tuple(np.array(column) for column in zip(*rows, strict=True))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(94, 100, 0.8740, 0.9777), (0, 20, 0.0, 0.1684), (20, 20, 0.8316, 1.0), (0, 0, 0.0, 1.0)],
)
def test_interval_is_clopper_pearsons(k, n, low, high):
    assert ag.interval(k, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("k", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0)])
def test_interval_refuses_what_is_no_share(k, n, confidence):
    with pytest.raises(ValueError, match="interval needs"):
        ag.interval(k, n, confidence)


@given(st.floats(1, 5000), st.floats(0, 1))
def test_interval_contains_the_share_also_for_real_counts(n, value):
    low, high = ag.interval(value * n, n)
    assert 0 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 1


@given(st.integers(1, 200), st.floats(0.01, 0.99), st.integers(2, 10))
def test_interval_narrows_with_more_rows(n, value, times):
    few, many = ag.interval(value * n, n), ag.interval(value * n * times, n * times)
    assert many[1] - many[0] < few[1] - few[0]


def test_without_copies_groups_change_nothing():
    teacher = np.array([0] * 94 + [1] * 6)
    student = np.zeros(100, int)
    assert ag.agreement(teacher, student, np.arange(100)) == ag.agreement(teacher, student)
    assert ag.agreement(teacher, student).low == pytest.approx(0.8740, abs=5e-5)


def test_copies_are_no_independent_evidence():
    teacher, student = np.array([0] * 94 + [1] * 6), np.zeros(100, int)
    once = ag.agreement(teacher, student)
    copied = ag.agreement(np.repeat(teacher, 7), np.repeat(student, 7), np.repeat(np.arange(100), 7))
    assert (copied.n, copied.groups) == (700, 100)
    assert (copied.value, copied.low, copied.high) == pytest.approx((once.value, once.low, once.high))


def test_one_large_group_counts_for_little_when_all_agree():
    groups = np.array([0] * 900 + list(range(1, 11)))
    hit = np.ones(910, bool)
    assert ag.share(hit, groups).low < ag.interval(10, 10)[0]
    assert ag.share(hit, groups).high == 1.0


@given(labels)
def test_share_lies_in_its_interval_and_groups_never_narrow_it(rows):
    teacher, student, groups = columns(rows)
    grouped, plain = ag.agreement(teacher, student, groups), ag.agreement(teacher, student)
    assert grouped.low <= grouped.value <= grouped.high
    assert grouped.high - grouped.low >= plain.high - plain.low - 1e-9


def test_no_rows_say_nothing():
    none = np.array([], int)
    assert ag.agreement(none, none, none) == ag.Share(0.0, 0.0, 1.0, 0, 0)
    assert ag.macro_f1(none, none) == 0.0
    assert ag.cohen_kappa(none, none) is None
    assert ag.gwet_ac1(none, none) is None
    assert ag.per_category(none, none).empty
    assert ag.confusions(none, none).empty
    assert ag.ece(none, none) == 0.0


@given(labels)
def test_kappa_is_scikit_learns_and_in_range(rows):
    teacher, student, _ = columns(rows)
    kappa, ac1 = ag.cohen_kappa(teacher, student), ag.gwet_ac1(teacher, student)
    if kappa is not None:
        assert kappa == pytest.approx(cohen_kappa_score(teacher, student), abs=1e-9)
        assert -1 - 1e-9 <= kappa <= 1 + 1e-9
    if ac1 is not None:
        assert -1 - 1e-9 <= ac1 <= 1 + 1e-9
        assert (ac1 == pytest.approx(1)) == bool((teacher == student).all())


def test_ac1_stands_where_one_category_dominates_and_kappa_falls():
    # 2 x 2 table 118, 5, 2, 0: kappa near zero although 94 % agree (the paradox Gwet 2008 answers).
    teacher, student = np.repeat([0, 0, 1], [118, 5, 2]), np.repeat([0, 1, 0], [118, 5, 2])
    assert ag.cohen_kappa(teacher, student) == pytest.approx(-0.0234, abs=5e-4)
    assert ag.gwet_ac1(teacher, student) == pytest.approx(0.9406, abs=5e-4)


def test_macro_f1_counts_a_small_category_as_much_as_a_large_one():
    teacher, student = np.array([0] * 98 + [1] * 2), np.zeros(100, int)
    assert ag.macro_f1(teacher, student) == pytest.approx((2 * 98 / (98 + 100)) / 2)


def test_parent_agreement_forgives_siblings():
    teacher, student = np.array([1, 1, 2, 3]), np.array([1, 2, 3, 3])
    assert ag.parent_agreement(teacher, student, {1: 10, 2: 10, 3: 30}).value == 0.75
    assert ag.agreement(teacher, student).value == 0.5


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_reliability_covers_every_row_and_ece_is_a_mean_gap(rows):
    confidence, correct = columns(rows)
    table = ag.reliability(confidence, correct)
    assert table["n"].sum() == len(rows)
    assert ((table["low"] <= table["agreement"] + 1e-9) & (table["agreement"] <= table["high"] + 1e-9)).all()
    assert 0 <= ag.ece(confidence, correct) <= 1


def test_ece_of_a_boaster():
    assert ag.ece(np.full(100, 0.99), np.arange(100) < 60) == pytest.approx(0.39)


def test_per_category_counts_and_intervals():
    teacher, student = np.array([5, 5, 5, 5, 7, 7, 9]), np.array([5, 5, 5, 7, 7, 7, 4])
    table = ag.per_category(teacher, student).set_index("category")
    assert list(table.index) == [5, 7, 9, 4]  # most frequent first, then those only the student used
    assert table.loc[5, ["n", "predicted", "agreed"]].tolist() == [4, 3, 3]
    assert table.loc[5, "precision"] == 1.0
    assert table.loc[5, "recall"] == 0.75
    assert (table.loc[5, "low"], table.loc[5, "high"]) == pytest.approx(ag.interval(3, 4))
    assert table.loc[7, "f1"] == pytest.approx(0.8)
    assert np.isnan(table.loc[9, "precision"])
    assert np.isnan(table.loc[4, "recall"])


def test_per_category_intervals_count_groups():
    teacher = np.array([1] * 40)
    student = np.array([1] * 30 + [2] * 10)
    table = ag.per_category(teacher, student, np.repeat(np.arange(4), 10)).set_index("category")
    assert (table.loc[1, "low"], table.loc[1, "high"]) == pytest.approx(ag.interval(3, 4))


def test_confusions_name_the_pairs_most_frequent_first():
    teacher, student = np.array([1, 1, 1, 2, 2, 3]), np.array([2, 2, 1, 1, 2, 3])
    table = ag.confusions(teacher, student, top=1)
    assert table.to_dict("records") == [
        {"teacher": 1, "student": 2, "count": 2, "share": pytest.approx(2 / 3), "of_teacher": pytest.approx(2 / 3)}
    ]
    assert len(ag.confusions(teacher, student)) == 2


@given(labels)
@settings(max_examples=30)
def test_tables_add_up(rows):
    teacher, student, groups = columns(rows)
    table = ag.per_category(teacher, student, groups)
    wrong = int((teacher != student).sum())
    assert table["n"].sum() == table["predicted"].sum() == len(rows)
    assert len(rows) - table["agreed"].sum() == wrong == ag.confusions(teacher, student)["count"].sum()


def test_a_hundred_thousand_rows_and_five_hundred_categories_are_quick():
    rng = np.random.default_rng(0)
    teacher = rng.integers(0, 500, 100_000)
    student = np.where(rng.random(100_000) < 0.9, teacher, rng.integers(0, 500, 100_000))
    groups = rng.integers(0, 80_000, 100_000)
    assert 0.89 < ag.agreement(teacher, student, groups).value < 0.91
    assert len(ag.per_category(teacher, student, groups)) == 500
    assert ag.confusions(teacher, student, top=20)["count"].iloc[0] >= 1
    assert 0.89 < ag.cohen_kappa(teacher, student) < 0.91


@given(st.integers(0, 60), st.integers(0, 12), st.integers(0, 12), st.integers(0, 60))
def test_a_paired_difference_its_interval_and_its_test_say_the_same(both, only_first, only_second, neither):
    counts = [both, only_first, only_second, neither]
    if not sum(counts):
        return
    first, second = np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)
    found, turned = ag.paired(first, second), ag.paired(second, first)
    assert found.difference == pytest.approx(second.mean() - first.mean())
    assert -1 <= found.low <= found.difference + 1e-12 and found.difference <= found.high + 1e-12 <= 1 + 1e-9
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert (found.low <= 0 <= found.high) == (found.better is None)
    expected = binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1
    assert found.p == pytest.approx(expected)


def test_the_edge_of_the_exact_test():
    assert ag.paired(*_only(0, 5)).better is None  # p = 0.0625
    assert ag.paired(*_only(0, 6)).better == "second"  # p = 0.031
    assert ag.paired(*_only(6, 0)).better == "first"


def _only(first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [90, first, second]
    return np.repeat([True, True, False], counts), np.repeat([True, False, True], counts)


def test_copies_of_a_creative_are_one_piece_of_evidence():
    first, second = _only(0, 6)
    copies = np.repeat(np.arange(96), 2)
    assert ag.paired(first.repeat(2), second.repeat(2), copies) == ag.paired(first, second)
    assert ag.paired(np.array([], bool), np.array([], bool)).better is None


def test_newcombes_own_example():
    """Newcombe 1998, table II: a, b, c, d = 36, 12, 2, 0 gives 0.2 (0.0569 to 0.3404) by method 10."""
    counts = [36, 12, 2, 0]
    second, first = np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)
    found = ag.paired(first, second)
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=5e-4)


def test_a_slice_that_is_weak_stands_out_and_luck_does_not():
    draw = np.random.default_rng(4)
    n = 2000
    market = draw.choice(["NL", "DE", "FR", "SE"], n)
    hit = draw.random(n) < np.where(market == "SE", 0.75, 0.95)
    values = pd.DataFrame(
        {"market": market, "desk": draw.integers(0, 12, n).astype(str), "file": [f"{i}.jpg" for i in range(n)]}
    )
    table = ag.slices(hit, np.arange(n), values)
    assert set(table["column"]) == {"market", "desk"}  # a file name a row is no slice
    shown = table[table["p"] < 0.05]
    assert "SE" in set(shown["value"]) and set(shown["column"]) == {"market"}
    weak = table.set_index("value").loc["SE"]
    assert (weak["n"], weak["agreement"]) == ((market == "SE").sum(), pytest.approx(hit[market == "SE"].mean()))
    assert weak["low"] < weak["agreement"] < weak["high"] < weak["rest"]


def test_slices_of_pure_chance_are_rarely_called_weak():
    """Holm's correction holds the share of runs with any false alarm to 5 %."""
    alarms = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        values = pd.DataFrame({"a": draw.integers(0, 10, 300).astype(str), "b": draw.integers(0, 10, 300).astype(str)})
        alarms += bool((ag.slices(draw.random(300) < 0.9, np.arange(300), values)["p"] < 0.05).any())
    assert alarms <= 10


def test_slices_count_copies_once_and_leave_gaps_out():
    values = pd.DataFrame({"channel": ["TV"] * 40 + ["Web"] * 40 + [None] * 20, "rare": ["x"] * 30 + [None] * 70})
    hit = np.array([True] * 40 + [False] * 40 + [True] * 20)
    table = ag.slices(hit, np.repeat(np.arange(25), 4), values)
    assert list(table["value"]) == ["TV", "Web"]  # "rare" has a value on less than half of the rows
    assert list(table["groups"]) == [10, 10]
    assert ag.slices(hit, np.arange(100), pd.DataFrame(index=range(100))).empty
