from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.money.economics import Assumptions, Measured, described, economics, saving_on_batch
from core.money.prices import Price

PRICE = Price("openai:gpt-6.1-sol", "openai", 2.0, 10.0, 0.1, 1.0, 5.0, "genai-prices 0.2.3", "2026-11-03")
FOUND = Measured(
    assets_per_second=500.0,
    student_ms=4.0,
    teacher_ms=None,
    tokens_in=1850.4,
    tokens_out=None,
    tokens_basis="estimated",
    handled=0.9,
    labels=4000,
    teacher="recorded:label",
    spent_usd=0.0,
    train_seconds=90.0,
    reviews=120,
)


def arithmetic(formula: str) -> float:
    """A line's formula worked out from what it says."""
    return eval(formula.replace(",", "").replace("×", "*").replace("−", "-"))


CLOSE = {"USD": 0.005 + 1e-9, "share": 1e-5, "times": 0.0051, "months": 0.00005 + 1e-9}


def check(line) -> None:
    worked = arithmetic(line.formula)
    if line.unit == "assets":
        assert worked <= line.value < worked + 1 + 1e-6
    else:
        assert worked == pytest.approx(line.value, abs=CLOSE[line.unit])


def test_a_sheet_worked_by_hand():
    sheet = economics(FOUND, Assumptions(), PRICE)
    # teacher: (1,850 x $2 + 15 x $10) per million, x 1,000; student: $0.10 an hour over 900,000 assets an hour
    assert sheet.per_1000["teacher"] == pytest.approx(3.85)
    assert sheet.per_1000["student"] == pytest.approx(0.10 / 900, abs=1e-6)
    assert sheet.per_1000["cascade"] == pytest.approx(0.385 + 0.10 / 900, abs=1e-6)
    assert sheet.monthly == {"teacher": 38.5, "student": 0.0, "cascade": 3.85}
    assert [item.value for item in sheet.upfront] == [15.4, 0.0, 40.0]  # 4,000 labels, 90 s, 120 x 0.5 min at $40/h
    assert sheet.upfront_usd == 55.4
    assert sheet.saving["cascade"] == pytest.approx(0.9, abs=1e-4)
    assert sheet.break_even_assets["cascade"] == 15_989  # 55.4 / (3.85 - 0.385111) x 1,000 = 15,988.97
    assert sheet.speed_up["student"] == 625.0  # 2.5 s assumed over 4 ms
    assert sheet.speed_up["cascade"] == pytest.approx(2500 / 254, abs=0.01)


measured = st.builds(
    Measured,
    assets_per_second=st.floats(0.5, 50_000),
    student_ms=st.floats(0.02, 500),
    teacher_ms=st.none() | st.floats(1, 10_000),
    tokens_in=st.floats(0, 20_000),
    tokens_out=st.none() | st.floats(0, 400),
    tokens_basis=st.sampled_from(["measured", "estimated"]),
    handled=st.none() | st.floats(0, 1),
    labels=st.integers(0, 500_000),
    teacher=st.sampled_from(["built-in", "recorded:label", "openai:gpt-4o-mini"]),
    spent_usd=st.sampled_from([0.0, 0.004, 12.345, 870.0]),
    train_seconds=st.floats(0, 10_000),
    reviews=st.integers(0, 5000),
)
assumptions = st.builds(
    Assumptions,
    batch=st.booleans(),
    volume_per_month=st.integers(1, 50_000_000),
    cached_share=st.floats(0, 1),
    machine_usd_hour=st.sampled_from([0.0, 0.1, 0.0832, 4.0]),
    utilisation=st.sampled_from([0.05, 0.5, 1.0]),
    always_on=st.booleans(),
    reviewer_usd_hour=st.sampled_from([0.0, 40.0, 62.5]),
)


@given(measured, assumptions, st.sampled_from([PRICE, None]))
@settings(max_examples=80)
def test_every_line_is_what_its_formula_says_to_the_cent(found, assumed, price):
    sheet = economics(found, assumed, price)
    for line in sheet.formulas:
        if line.value is not None:
            check(line)
    assert sheet.upfront_usd == pytest.approx(sum(item.value for item in sheet.upfront), abs=1e-9)
    for name in ("student", "cascade"):
        assert (sheet.saving[name] is None) or (sheet.saving[name] > 0) == (sheet.break_even_assets[name] is not None)


def test_nothing_certified_means_no_cascade():
    sheet = economics(replace(FOUND, handled=None), Assumptions(), PRICE)
    assert sheet.per_1000["cascade"] is sheet.monthly["cascade"] is sheet.saving["cascade"] is None
    assert sheet.break_even_assets["cascade"] is sheet.speed_up["cascade"] is None
    assert sheet.saving["student"] > 0.99


def test_an_always_on_machine_can_cost_more_than_a_cheap_teacher_and_never_pays_back():
    sheet = economics(FOUND, Assumptions(always_on=True), PRICE)
    assert sheet.monthly["student"] == 73.0  # 730 h x $0.10
    assert sheet.saving["student"] < 0
    assert sheet.break_even_assets["student"] is None
    busy = economics(FOUND, Assumptions(always_on=True, volume_per_month=2_000_000_000), PRICE)
    assert busy.monthly["student"] == pytest.approx(4 * 73.0, abs=1.0)  # one machine does 657 million a month


@pytest.mark.parametrize("price", [None, PRICE])
def test_the_built_in_teacher_costs_nothing_whatever_the_others_are_priced_as(price):
    free = economics(replace(FOUND, teacher="built-in"), Assumptions(), price)
    assert free.per_1000["teacher"] == 0.0 and free.priced_as is None
    assert free.saving["student"] is free.break_even_assets["student"] is None
    assert free.upfront[0].value == 0.0


def test_recorded_labels_without_a_price_leave_the_comparison_open():
    sheet = economics(FOUND, Assumptions(price_as=None), None)
    assert sheet.per_1000["teacher"] is sheet.monthly["teacher"] is sheet.saving["student"] is None


def test_a_hosted_teacher_without_a_list_price_costs_what_was_spent():
    found = replace(FOUND, teacher="openai:gpt-4o-mini", spent_usd=12.0)
    sheet = economics(found, Assumptions(price_as=None), None)
    assert sheet.per_1000["teacher"] == 3.0
    assert (sheet.upfront[0].value, sheet.upfront[0].basis) == (12.0, "measured")


def test_batch_and_cached_prices_lower_the_teachers_cost():
    assert economics(FOUND, Assumptions(batch=True), PRICE).per_1000["teacher"] == pytest.approx(1.925)
    cached = economics(FOUND, Assumptions(cached_share=0.8), PRICE).per_1000["teacher"]
    assert cached == pytest.approx((370 * 2 + 1480 * 0.1 + 150) / 1000)


def test_against_the_teachers_batch_price_the_cascade_can_be_the_dearer():
    found = replace(FOUND, handled=0.45)  # 0.55 x $3.85 is more than the $1.925 that all of them cost in a batch
    sheet = economics(found, Assumptions(), PRICE)
    saved = saving_on_batch(sheet, found, Assumptions())
    assert saved["cascade"] == pytest.approx(1 - sheet.per_1000["cascade"] / 1.925, abs=1e-5) and saved["cascade"] < 0
    assert sheet.saving["cascade"] > 0 and saved["student"] > 0.99
    assert saving_on_batch(economics(found, Assumptions(batch=True), PRICE), found, Assumptions(batch=True)) == {}
    without = replace(PRICE, batch_input_usd_mtok=None, batch_output_usd_mtok=None)
    assert saving_on_batch(economics(found, Assumptions(), without), found, Assumptions()) == {}


def test_a_measured_teacher_latency_and_measured_tokens_win_over_the_assumed():
    sheet = economics(replace(FOUND, teacher_ms=1800.0, tokens_out=8.0), Assumptions(), PRICE)
    by_key = {line.key: line for line in sheet.formulas}
    assert (by_key["student_speed_up"].value, by_key["student_speed_up"].basis) == (450.0, "measured")
    assert "8 × 10" in by_key["teacher"].formula
    assert economics(FOUND, Assumptions(), PRICE).formulas[-1].basis == "assumed"


def test_every_assumption_is_named_and_explained():
    rows = described(Assumptions(volume_per_month=50_000))
    assert {row["name"] for row in rows} == set(Assumptions.__dataclass_fields__)
    assert all(row["label"] and row["note"] and row["basis"] == "assumed" for row in rows)
    assert [row["name"] for row in rows if row["changed"]] == ["volume_per_month"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"volume_per_month": 0}, "Assets a month is 0"),
        ({"utilisation": 0.0}, "Utilisation is 0.0"),
        ({"utilisation": 1.2}, "Utilisation is above 100 %"),
        ({"machine_usd_hour": -1}, "Machine is -1"),
        ({"review_minutes": float("nan")}, "Review, one label is nan"),
    ],
)
def test_impossible_assumptions_are_refused_by_name(change, said):
    with pytest.raises(InputError, match=said):
        Assumptions(**change)


def test_what_is_truly_paid_goes_before_the_list_price():
    each = economics(FOUND, Assumptions(paid_usd_1000=45.4), PRICE)
    month = economics(FOUND, Assumptions(invoice_usd_month=454.0), PRICE)
    assert each.monthly["teacher"] == month.monthly["teacher"] == 454.0
    assert month.line("teacher").formula == "454 / 10,000 × 1,000" and month.line("teacher").basis == "assumed"
    assert economics(FOUND, Assumptions(invoice_usd_month=0.0), PRICE).per_1000["teacher"] == 0
    assert saving_on_batch(month, FOUND, Assumptions(invoice_usd_month=454.0)) == {}
    with pytest.raises(InputError, match="given twice"):
        Assumptions(paid_usd_1000=1.0, invoice_usd_month=2.0)
