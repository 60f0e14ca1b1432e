"""The verdict: replace the teacher, keep it as fallback, or not ready; with the figures that decided and the next step.

The rules, in order; the first that applies decides.

| rule | applies when | verdict |
|---|---|---|
| too_few | fewer than 100 independent test assets | not ready |
| contradicted | certified, but on test the handled assets' agreement lies below the target, interval and all | not ready |
| does_not_pay | good enough for what follows, but it costs no less than the teacher | not ready |
| replace | the lower end of agreement's interval on test reaches the target, or all but strange assets are certified | replace |
| fallback | certified, and on test the student handles at least 30 % of the assets | fallback |
| handles_little | certified, but it handles less than that | not ready |
| unproven | nothing certified, though more labels would at the agreement seen | not ready |
| below | nothing certified, and more calibration rows alone would not | not ready |

Where people settled 100 independent test assets or more, fallback and the last three say as well how the teacher does against
the student there: better, no difference shown, or worse (exact McNemar test at 5 %; for fallback first on the assets that fall
back, then on all).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.evaluate.agreement import Paired, Share
from core.evaluate.cascade import Certificate, about

FEWEST_TEST = 100  # independent test assets below which an interval is wider than any decision
LEAST_HANDLED = 0.30  # below this share the teacher still does most of the work


@dataclass(frozen=True)
class Gold:
    """The teacher (second) compared with the student (first) where people settled test labels: on all those assets, and on
    those that fall back (None where nothing is certified)."""

    paired: Paired
    fallback: Paired | None


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on. `agreement`, `handled` and `agreement_handled` are those of test rows; `saving` has the
    shares saved by "student" and "cascade" (None where the teacher has no price, which decides nothing);
    `labels_a_row` is labelled assets per calibration row; `confused` the most confused pair and its share of all
    disagreements; `gold` where people settled test labels."""

    agreement: Share
    target: float
    certificate: Certificate
    handled: Share
    agreement_handled: Share | None
    saving: dict[str, float | None]
    labels_a_row: float
    same_encoder: bool = False
    confused: tuple[str, str, float] | None = None
    gold: Gold | None = None


@dataclass(frozen=True)
class Verdict:
    """`decision` is replace, fallback or not_ready; `rule` names the row of the table above."""

    decision: str
    reason: str
    next: str
    rule: str


@dataclass(frozen=True)
class Rule:
    """One row of the table: when it applies, what it decides, and how it says so."""

    name: str
    decision: str
    applies: Callable[[Evidence], bool]
    reason: Callable[[Evidence], str]
    next: Callable[[Evidence], str]


def decide(evidence: Evidence) -> Verdict:
    """The verdict of the first rule that applies."""
    rule = next(rule for rule in RULES if rule.applies(evidence))
    reason = " ".join([rule.reason(evidence), *_notes(evidence, rule)])
    return Verdict(rule.decision, reason, rule.next(evidence), rule.name)


def percent(share: float, beside: float | None = None) -> str:
    """A share in per cent with one decimal, more where it would else read like the different share `beside` it."""
    for digits in (1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if beside is None or share == beside or float(text) != round(100 * beside, digits):
            break
    return f"{text} %"


def p_words(p: float) -> str:
    """A p-value that never reads as if it lay on the other side of 0.05: p < 0.001, p = 0.035, p = 0.21"""
    if p < 0.001:
        return "p < 0.001"
    digits = 3 if p < 0.1 else 2
    while round(p, digits) == 0.05 and p != 0.05 and digits < 6:
        digits += 1
    return f"p = {p:.{digits}f}"


def interval_words(share: Share, target: float | None = None) -> str:
    """94.1 % (92.9 % to 95.2 %, n = 1,200)"""
    low, high = percent(share.low, target), percent(share.high, target)
    return f"{percent(share.value, target)} ({low} to {high}, n = {share.n:,})"


def _goal(e: Evidence) -> str:
    return f"{100 * e.target:g} %"


def _good_alone(e: Evidence) -> bool:
    return e.agreement.low >= e.target or e.certificate.threshold == 0


def _good_behind(e: Evidence) -> bool:
    return e.certificate.certified and e.handled.value >= LEAST_HANDLED


def _pays(saving: float | None) -> bool:
    return saving is None or saving > 0


def _does_not_pay(e: Evidence) -> bool:
    if _good_alone(e):
        return not _pays(e.saving["student"])
    return _good_behind(e) and not _pays(e.saving["cascade"])


def _contradicted(e: Evidence) -> bool:
    return e.certificate.certified and e.agreement_handled is not None and e.agreement_handled.high < e.target


def _agrees(e: Evidence) -> str:
    return f"The student agrees with the teacher on {interval_words(e.agreement, e.target)} of the test assets"


def _saves(saving: float | None, what: str) -> str:
    return "" if saving is None else f" {what} costs {percent(saving, 1.0)} less than the teacher."


def _why_replace(e: Evidence) -> str:
    if e.agreement.low >= e.target:
        text = f"{_agrees(e)}; even the lower end reaches the target of {_goal(e)}."
    else:
        promise = f"agreement of at least {_goal(e)} over all assets like those it learned from is certified on calibration assets"
        text = f"{_agrees(e)}, and {promise} with {100 * e.certificate.confidence:g} % confidence."
    return text + _saves(e.saving["student"], "It")


def _why_fallback(e: Evidence) -> str:
    promise = f"certified for {_goal(e)} with {100 * e.certificate.confidence:g} % confidence"
    seen = f" (on test {interval_words(e.agreement_handled, e.target)})" if e.agreement_handled else ""
    return (
        f"{_agrees(e)}: not proven to reach {_goal(e)} alone. Where it is sure enough, it handles "
        f"{percent(e.handled.value)} of the assets, {promise}{seen}; the others fall back to the teacher."
        + _saves(e.saving["cascade"], "Together this")
    )


def _next_fallback(e: Evidence) -> str:
    text = "Make it live on the Student page if it is not yet, with the teacher behind it."
    return f"{text} To hand over more, settle the labels confused most{_pair(e)}, then train again."


def _why_contradicted(e: Evidence) -> str:
    seen = interval_words(e.agreement_handled, e.target)
    return (
        f"The threshold certified on the calibration assets does not hold on the test assets: agreement on those it "
        f"handles is {seen}, below {_goal(e)}. The two sets differ."
    )


def _why_not_paying(e: Evidence) -> str:
    saving = e.saving["student" if _good_alone(e) else "cascade"]
    costs = f"{percent(-saving)} more than" if saving < 0 else "as much as"
    return f"{_agrees(e)}, which is good enough, but it costs {costs} the teacher at this volume."


def _why_handles_little(e: Evidence) -> str:
    return (
        f"{_agrees(e)}. It can be trusted with only {percent(e.handled.value, LEAST_HANDLED)} of the assets at "
        f"{_goal(e)}; below {100 * LEAST_HANDLED:g} % the teacher still does most of the work."
    )


def _why_unproven(e: Evidence) -> str:
    return f"{_agrees(e)}. At {e.certificate.n:,} calibration assets that proves no share of them at {_goal(e)}."


def _next_unproven(e: Evidence) -> str:
    more = about(e.certificate.more_needed * e.labels_a_row)
    return f"Label about {more:,} more assets and train again: at the agreement seen, that many would prove it."


def _next_below(e: Evidence) -> str:
    text = "Label more assets in the categories that do worst, or merge or describe better the ones confused most"
    return f"{text}{_pair(e)}; then train again. A lower target is the other way."


def _pair(e: Evidence) -> str:
    if e.confused is None:
        return ""
    first, second, share = e.confused
    return f" (“{first}” answered as “{second}”: {percent(share)} of all disagreements)"


def _notes(e: Evidence, rule: Rule) -> list[str]:
    notes = []
    if e.same_encoder and rule.name != "too_few":
        notes.append(
            "The built-in teacher and this student share their sentence encoder, so their agreement says little about "
            "how often either is right."
        )
    if e.gold and rule.name in GOLD_NOTES and e.gold.paired.n >= FEWEST_TEST:
        notes.append(_against_gold(e.gold, rule.name == "fallback"))
    return notes


GOLD_NOTES = ("fallback", "handles_little", "unproven", "below")
IN_FALLBACK = {
    "second": "The teacher is better {where}: falling back gains accuracy.",
    None: "No difference is shown: falling back costs money and is not shown to gain accuracy.",
    "first": "The student is better {where}: falling back costs money and loses accuracy.",
}
NOT_READY = {
    "second": "The teacher is better: where the two differ, it is more often the one that is right.",
    None: "No difference is shown: where the two differ, the teacher is not shown to be the one that is right.",
    "first": "The student is better: much of what it differs on is the teacher's error.",
}


def _against_gold(gold: Gold, falls_back: bool) -> str:
    """What gold says of the teacher against the student, with the counts it rests on."""
    pair, where = gold.paired, "there"
    text = (
        f"On {pair.n:,} test assets settled by people the student is right on {percent(pair.first, pair.second)}, the "
        f"teacher on {percent(pair.second, pair.first)} ({one_sided_words(pair)})."
    )
    if not falls_back:
        return f"{text} {NOT_READY[pair.better]}"
    if gold.fallback and gold.fallback.better:
        pair, where = (
            gold.fallback,
            f"on the {gold.fallback.n:,} of them that fall back ({one_sided_words(gold.fallback)})",
        )
    return f"{text} {IN_FALLBACK[pair.better].format(where=where)}"


def one_sided_words(pair: Paired) -> str:
    """The counts and the test of teacher against student: only the student on 3, only the teacher on 12; p = 0.035"""
    return f"only the student on {pair.only_first:,}, only the teacher on {pair.only_second:,}; {p_words(pair.p)}"


RULES = (
    Rule(
        "too_few",
        "not_ready",
        lambda e: e.agreement.groups < FEWEST_TEST,
        lambda e: (
            f"There are {e.agreement.groups:,} independent test assets, too few rows to say: agreement of "
            f"{100 * e.agreement.value:.0f} % on them could be anything from {100 * e.agreement.low:.0f} % to "
            f"{100 * e.agreement.high:.0f} %."
        ),
        lambda e: f"Label more assets, until at least {FEWEST_TEST} of them are held out for the test.",
    ),
    Rule(
        "contradicted",
        "not_ready",
        _contradicted,
        _why_contradicted,
        lambda e: "Check where the splits come from; let Understudy draw them, or label more recent assets.",
    ),
    Rule(
        "does_not_pay",
        "not_ready",
        _does_not_pay,
        _why_not_paying,
        lambda e: "Rent the machine only while it classifies, or wait for a larger volume; both are on Compare.",
    ),
    Rule(
        "replace",
        "replace",
        _good_alone,
        _why_replace,
        lambda e: (
            "Make it live on the Student page if it is not yet, and have a sample of its answers reviewed every month."
        ),
    ),
    Rule("fallback", "fallback", _good_behind, _why_fallback, _next_fallback),
    Rule(
        "handles_little",
        "not_ready",
        lambda e: e.certificate.certified,
        _why_handles_little,
        _next_below,
    ),
    Rule(
        "unproven",
        "not_ready",
        lambda e: e.certificate.more_needed is not None,
        _why_unproven,
        _next_unproven,
    ),
    Rule(
        "below",
        "not_ready",
        lambda e: True,
        lambda e: f"{_agrees(e)}; on no share of them, however sure it is, could {_goal(e)} be proven.",
        _next_below,
    ),
)
