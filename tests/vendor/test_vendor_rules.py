"""The vendor rules as a table, at their edges."""

import re
from dataclasses import replace

import numpy as np
import pytest

from core.evaluate.agreement import Paired, Share, paired
from core.evaluate.evidence import FEWEST_TEST, Rules
from core.vendor import rules
from core.vendor.rules import RULES, VendorEvidence, decide


def share(value: float, low: float, high: float, n: int = 1000) -> Share:
    return Share(value, low, high, n, n)


def pair(better: str | None, difference: float = 0.03, n: int = 1000, p: float | None = None) -> Paired:
    """Student (or teacher) first, vendor second."""
    sign = {"first": -1, "second": 1, None: 0}[better]
    return Paired(
        n, 0.95, 0.95 + sign * difference, 40, 10, sign * difference, 0, 0, p or (0.2 if better is None else 0.001)
    )


GOOD = VendorEvidence(
    name="Acme",
    student_name="embedding 2",
    by="teacher",
    vendor=share(0.965, 0.952, 0.975),
    student=share(0.955, 0.941, 0.967),
    pair=pair(None),
    pair_answered=pair(None),
    teacher=None,
    answered=1000,
    asked=1000,
    target=0.95,
    gold_drop=0.02,
    vendor_usd=0.001,
    proposed="student",
    proposed_usd=0.001,
    teacher_usd=1.36,
)


def rule(**change) -> str:
    return decide(replace(GOOD, **change)).rule


def test_the_table_in_the_docstring_is_the_rules_in_their_order():
    rows = re.findall(r"^\| (\w+) \| .* \| ([\w ,]+) \|$", rules.__doc__, re.MULTILINE)
    assert [name for name, _ in rows if name != "rule"] == [one.name for one in RULES]
    answers = {"cannot be said": "unproven", "not capable": "not_capable", "capable, cost unknown": "unpriced"}
    answers |= {"too dear": "too_dear", "capable enough": "capable"}
    assert [answers[answer] for name, answer in rows if name != "rule"] == [one.decision for one in RULES]
    assert (
        f"fewer than {FEWEST_TEST} assets" in rules.__doc__ and f"({100 * Rules().gold_drop:g} points)" in rules.__doc__
    )


def test_capable_and_every_step_away_from_it():
    assert rule() == "capable"
    assert rule(vendor=share(0.965, 0.952, 0.975, n=99)) == "too_few"
    assert rule(vendor=share(0.965, 0.952, 0.975, n=100)) == "capable"
    assert rule(pair=pair("first"), pair_answered=pair("first")) == "worse"
    assert rule(pair=pair("first"), pair_answered=pair(None)) == "incomplete"
    assert rule(pair=pair("first"), pair_answered=pair("second")) == "incomplete"
    assert rule(pair=pair("first"), pair_answered=pair(None, n=99)) == "worse"
    assert rule(pair=pair("first"), pair_answered=pair(None, n=100)) == "incomplete"


def test_the_target_at_its_edge_by_teacher_labels():
    assert rule(vendor=share(0.93, 0.91, 0.9499)) == "below"
    assert rule(vendor=share(0.93, 0.91, 0.95)) == "unproven"
    assert rule(vendor=share(0.965, 0.9499, 0.975)) == "unproven"
    assert rule(vendor=share(0.965, 0.95, 0.975)) == "capable"
    assert (
        rule(vendor=share(0.93, 0.91, 0.9499), pair=pair("second")) == "below"
    )  # better than a poor student is not enough


def test_by_gold_the_teacher_is_the_bar_and_two_points_are_tolerated():
    gold = {"by": "gold", "vendor": share(0.80, 0.77, 0.83)}
    assert rule(**gold, teacher=pair(None)) == "capable"
    assert rule(**gold, teacher=pair("first", 0.0201)) == "below"
    assert rule(**gold, teacher=pair("first", 0.0199)) == "capable"
    assert rule(**gold, teacher=pair(None, 0.05)) == "capable"
    assert rule(**gold, teacher=pair("first", 0.0199), gold_drop=0.01) == "below"


def test_the_price_at_its_edges():
    assert rule(vendor_usd=None) == "no_price"
    assert rule(vendor_usd=0.00101) == "too_dear"  # dearer than the student and not shown better
    assert rule(vendor_usd=0.00101, pair=pair("second")) == "capable"
    assert rule(vendor_usd=1.3599, pair=pair("second")) == "capable"
    assert rule(vendor_usd=1.36, pair=pair("second")) == "too_dear"  # no cheaper than the teacher
    assert rule(vendor_usd=1.36, pair=pair("second"), teacher_usd=None) == "capable"
    assert rule(vendor_usd=0.0) == "capable"


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (None, ""),
        (0.0, ", at no cost"),
        (0.0005, ", at 50.0 % of the cost of the student"),
        (0.00096, ", at about the cost of the student"),
        (0.0031, ", at 3.1 times the cost of the student"),
        (0.0463, ", at about 46 times the cost of the student"),
        (0.1001, ", at over 100 times the cost of the student"),
        (4.598, ", at over 100 times the cost of the student"),
    ],
)
def test_the_cost_in_words(usd, words):
    assert rules.cost_words(replace(GOOD, vendor_usd=usd)) == words


def test_the_cost_is_set_against_what_is_proposed():
    behind = replace(GOOD, proposed="cascade", proposed_usd=0.67, vendor_usd=0.80)
    assert rules.cost_words(behind) == ", at 1.2 times the cost of the student with the teacher behind it"
    found = decide(behind)
    assert found.rule == "too_dear"
    assert found.reason.endswith(
        "It costs more than the student with the teacher behind it and is not shown to be better than the student."
    )
    assert decide(replace(behind, vendor_usd=0.60)).rule == "capable"  # though far dearer than the student alone
    teacher = replace(behind, proposed="teacher", proposed_usd=1.36, vendor_usd=0.68)
    assert rules.cost_words(teacher) == ", at 50.0 % of the cost of the teacher"
    assert decide(teacher).rule == "capable"
    assert decide(replace(teacher, vendor_usd=1.36)).reason.endswith("It costs no less than the teacher.")


def test_the_answer_is_one_sentence_with_the_figures_that_decided():
    poor = replace(
        GOOD,
        vendor=share(0.812, 0.787, 0.836),
        student=share(0.945, 0.929, 0.958),
        pair=pair("first", 0.133),
        pair_answered=pair("first", 0.133),
        vendor_usd=0.0031,
    )
    assert decide(poor).reason == (
        "Acme is not capable enough: it agrees with the teacher on 81.2 % (78.7 % to 83.6 %, n = 1,000) of the test assets "
        "against 94.5 % of embedding 2 (p = 0.001), at 3.1 times the cost of the student."
    )
    assert "12 of 1,000 assets have no usable answer" in decide(replace(poor, answered=988)).reason
    assert "1 of 1,000 assets has no usable answer" in decide(replace(poor, answered=999)).reason
    assert decide(replace(GOOD, vendor=share(1.0, 0.025, 1.0, n=1))).reason.endswith("1 asset is too few to say.")
    for one in (GOOD, poor, replace(GOOD, vendor_usd=None), replace(GOOD, vendor_usd=2.0)):
        assert decide(one).next and decide(one).reason.startswith(("Acme is", "Whether Acme is"))


def test_a_difference_of_chance_never_decides():
    """Five differing assets can be one-sided at most p = 0.0625: whatever they say, nobody is shown to be better."""
    first = np.ones(200, bool)
    second = first.copy()
    second[:5] = False
    assert rule(pair=paired(first, second), pair_answered=paired(first, second)) == "capable"
    second[:6] = False
    assert rule(pair=paired(first, second), pair_answered=paired(first, second)) == "worse"
