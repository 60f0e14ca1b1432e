from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money.economics import Assumptions, economics
from core.money.outlook import MONTHS, courses, net_saving, ranges, tornado
from tests.money.test_economics import FOUND, PRICE, assumptions, check, measured

CHEAP = replace(PRICE, model="openai:small", input_usd_mtok=0.1, output_usd_mtok=0.4)


def made(found=FOUND, assumed=None, price=PRICE, others=()):
    assumed = assumed or Assumptions()
    sheet = economics(found, assumed, price)
    lines, steps = courses(found, assumed, price, list(others), sheet)
    return sheet, {course.key: course for course in lines}, {line.key: line for line in steps}


def test_two_years_worked_by_hand():
    """10,000 assets a month: teacher $38.50, batch half of it, cascade $3.85 after $55.40 upfront (test_economics)."""
    _, course, step = made(others=[CHEAP])
    assert list(course) == ["teacher", "student", "cascade", "batch", "other0"]
    assert (course["teacher"].after(24), course["batch"].after(24)) == (924.0, 462.0)
    assert course["cascade"].after(24) == 55.4 + 24 * 3.85 == step["cascade_total"].value
    # 55.40 / ($3.85 - $0.385111 per 1,000) = 15,989 assets = 1.5989 months of 10,000
    assert course["cascade"].even == 1.5989 and course["teacher"].even is None
    at = course["cascade"].even
    assert course["cascade"].after(at) == pytest.approx(course["teacher"].after(at), abs=0.01)
    # the small model: (1,850 x $0.1 + 15 x $0.4) / 1,000 per 1,000 assets
    assert step["other0"].value == pytest.approx(0.191) and course["other0"].month == 1.91
    assert course["other0"].label == "small"
    assert step["teacher_total"].formula == "0 + 24 × 38.50"


def test_what_has_no_price_is_left_out_and_a_batch_price_in_use_is_not_shown_twice():
    assert set(made(assumed=Assumptions(price_as=None), price=None)[1]) == {"student"}
    assert "batch" not in made(assumed=Assumptions(batch=True))[1]
    assert "batch" not in made(price=replace(PRICE, batch_input_usd_mtok=None))[1]
    assert "other0" not in made(others=[PRICE])[1]
    assert "cascade" not in made(found=replace(FOUND, handled=None))[1]


@given(measured, assumptions, st.sampled_from([PRICE, None]))
@settings(max_examples=60)
def test_every_line_adds_up_and_courses_cross_where_they_say(found, assumed, price):
    sheet, course, step = made(found, assumed, price, [CHEAP])
    for line in step.values():
        check(line)
    for key in ("student", "cascade"):
        if key not in course or "teacher" not in course:
            continue
        mine, teacher = course[key], course["teacher"]
        assert mine.after(0) == sheet.upfront_usd
        if mine.even is None:
            assert sheet.saving[key] is None or sheet.saving[key] <= 0
        else:
            # rounded to the cent a month, the courses cross within that cent times the months, and one asset
            slack = 0.02 * (mine.even + 1) + teacher.month / max(assumed.volume_per_month, 1) + 0.0001 * teacher.month
            assert abs(mine.after(mine.even) - teacher.after(mine.even)) <= slack
    if "teacher" in course and "student" in course and sheet.per_1000["teacher"]:
        net = course["teacher"].after(MONTHS) - course["student"].after(MONTHS)
        assert net_saving(sheet, "student") == pytest.approx(net, abs=0.005)


@given(measured, assumptions)
@settings(max_examples=30)
def test_the_tornado_holds_the_result_itself_within_each_bar(found, assumed):
    for mode in ("student", "cascade"):
        base = net_saving(economics(found, assumed, PRICE), mode)
        bars = tornado(found, assumed, PRICE, mode)
        assert (base is None) == (not bars) or not bars
        assert [bar.span for bar in bars] == sorted((bar.span for bar in bars), reverse=True)
        for bar in bars:
            if bar.name in ("machine_usd_hour", "reviewer_usd_hour", "review_minutes", "price"):
                assert min(bar.low, bar.high) - 0.02 * MONTHS <= base <= max(bar.low, bar.high) + 0.02 * MONTHS


def test_half_of_one_token_is_no_end_of_a_range():
    found = replace(FOUND, tokens_in=0.0, tokens_out=1.0, teacher="recorded:label")
    assert "tokens_out" not in {bar.name for bar in tornado(found, Assumptions(), PRICE, "student")}


def test_the_tornado_by_hand():
    bars = {bar.name: bar for bar in tornado(FOUND, Assumptions(), PRICE, "cascade", (0.85, 0.95))}
    net = net_saving(economics(FOUND, Assumptions(), PRICE), "cascade")
    assert net == 776.2  # 24 x (38.50 - 3.85) - 55.40
    # twice the volume saves twice as much a month; what it took upfront stays
    assert bars["volume_per_month"].high == pytest.approx(24 * (77 - 7.7) - 55.4, abs=0.25)
    # a reviewer at half the price: $20 less of the $40 of review
    assert bars["reviewer_usd_hour"].low == pytest.approx(net + 20, abs=0.01)
    assert (bars["handled"].low_words, bars["handled"].high_words) == ("85.0 %", "95.0 %")
    assert bars["handled"].low < net < bars["handled"].high
    assert bars["batch"].low == pytest.approx((net + 55.4) / 2 - 7.7 - 40, abs=0.3)  # labels bought at batch price too
    assert next(iter(bars)) == "always_on"  # 24 months of $73 for a machine that stands idle at this volume
    assert tornado(FOUND, Assumptions(price_as=None), None, "cascade") == []


def test_the_ranges_of_saving_and_speed_up():
    saving, speed = ranges(FOUND, Assumptions(), PRICE, "cascade", (0.85, 0.95), (3.9, 4.1))
    assert saving == pytest.approx((0.85, 0.95), abs=0.0001)
    assert speed == pytest.approx((2500 / (4 + 0.15 * 2500), 2500 / (4 + 0.05 * 2500)), abs=0.01)
    saving, speed = ranges(FOUND, Assumptions(), PRICE, "student", (0.85, 0.95), (3.9, 4.1))
    assert saving[1] - saving[0] == pytest.approx(1.5 * 0.000111 / 3.85, abs=1e-6)
    assert speed == pytest.approx((2500 / 4.1, 2500 / 3.9), abs=0.01)
    assert ranges(FOUND, Assumptions(price_as=None), None, "student", (0.8, 0.9), (3.9, 4.1))[0] is None
    assert ranges(replace(FOUND, handled=None), Assumptions(), PRICE, "student", (0, 0), (4, 4))[1] == (625, 625)


def test_the_next_client_on_the_same_machine():
    def line(**change):
        sheet = economics(FOUND, Assumptions(**change), PRICE)
        return sheet.line("next_client")

    # one machine of 500 assets/s at 50 % does 657 million a month: a second client of 10,000 adds nothing
    assert line(always_on=True).value == 0.0 and line(always_on=True).formula == "(1 − 1) × 730 × 0.10"
    assert line(always_on=True, volume_per_month=400_000_000).value == 73.0
    assert line(volume_per_month=10_000_000).value == 1.11  # rented while it classifies: $0.000111 per 1,000
    alone, shared = (economics(FOUND, Assumptions(always_on=True, sharing=n), PRICE) for n in (1, 4))
    assert (alone.monthly["student"], shared.monthly["student"]) == (73.0, 18.25)
    assert shared.line("next_client_upfront").value == shared.upfront_usd


def test_bills_leave_other_models_at_their_list_price_and_swing_themselves():
    assumed = Assumptions(invoice_usd_month=500.0)
    other = replace(PRICE, model="openai:small")
    lines, _ = courses(FOUND, assumed, PRICE, [other], economics(FOUND, assumed, PRICE))
    by_key = {line.key: line.month for line in lines}
    assert by_key["teacher"] == 500.0 and by_key["other0"] == 38.5 and "batch" not in by_key
    names = {swing.name: swing for swing in tornado(FOUND, assumed, PRICE, "student")}
    assert not {"price", "tokens_in", "tokens_out", "cache", "batch"} & set(names)
    assert names["invoice_usd_month"].high - names["invoice_usd_month"].low == 17_700  # 24 x 750 less dearer labels
