"""Is a vendor capable enough for this task at this cost? The rules, in order; the first that applies decides.

| rule | applies when | answer |
|---|---|---|
| too_few | fewer than 100 assets were judged | cannot be said |
| incomplete | shown worse than the student, but not on the assets it answered, which are 100 or more | not capable |
| worse | shown worse than the student | not capable |
| below | its whole interval lies below the target; by gold: shown worse than the teacher by more than tolerated | not capable |
| unproven | by teacher labels: its interval reaches the target but begins below it | cannot be said |
| no_price | none of the above, and what it costs is not known | capable, cost unknown |
| too_dear | it costs no less than the teacher, or more than what is proposed and is not shown better than the student | too dear |
| capable | everything else | capable enough |

Judged by gold labels where people settled 100 assets of the set or more, else by the teacher's labels. "Shown" is the exact
McNemar test at 5 % on the same assets, every creative once. The target, and the drop against gold that is tolerated (2 points), are
the client's to change (Rules of core/evaluate/verdict.py). An asset without a usable answer counts as wrong in all rules; only
"incomplete" looks at the answered ones as well. What is proposed is the student alone only where it may replace the teacher; else
the student with the teacher behind it, and where that cannot be had, the teacher.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.evaluate.agreement import Paired, Share
from core.evaluate.evidence import FEWEST_TEST, Rule, Verdict
from core.evaluate.phrases import interval_words, p_words, percent
from core.words import stated_percent

OPENINGS = {
    "not_capable": "{name} is not capable enough",
    "unproven": "Whether {name} is capable enough cannot be said yet",
    "unpriced": "{name} is capable enough, at a cost not known",
    "too_dear": "{name} is capable enough, but too dear",
    "capable": "{name} is capable enough",
}
KEEP = "Keep the student."
PROPOSED = {
    "student": "the student",
    "cascade": "the student with the teacher behind it",
    "teacher": "the teacher",
}
MANY = 100  # times; above that the number means nothing: a student alone costs next to nothing, and its machine is an assumption


@dataclass(frozen=True)
class VendorEvidence:
    """What the answer rests on, all of it on the same assets.

    `by`: "teacher" or "gold", whose labels count as right. `vendor` and `student` are their shares right; `pair` compares them
    (student first, vendor second), `pair_answered` on the assets the vendor answered; `teacher` compares the teacher (first) with
    the vendor by gold, None by teacher labels. `answered` of `asked` assets have a usable answer; `target` and `gold_drop` are
    the client's. Costs in USD per 1,000 assets (None: not known); `proposed` is what the vendor would take the place of, a key
    of PROPOSED.
    """

    name: str
    student_name: str
    by: str
    vendor: Share
    student: Share
    pair: Paired
    pair_answered: Paired
    teacher: Paired | None
    answered: int
    asked: int
    target: float
    gold_drop: float
    vendor_usd: float | None
    proposed: str
    proposed_usd: float | None
    teacher_usd: float | None


def decide(evidence: VendorEvidence) -> Verdict:
    """The answer of the first rule that applies: `reason` is the answer in a sentence, `next` what to do with it."""
    rule = next(rule for rule in RULES if rule.applies(evidence))
    more = rule.reason(evidence)
    reason = f"{OPENINGS[rule.decision].format(name=evidence.name)}: {figures(evidence)}{' ' if more else ''}{more}"
    return Verdict(rule.decision, reason, rule.next(evidence), rule.name)


def figures(e: VendorEvidence) -> str:
    """Both shares, the test between them and the cost, in one sentence."""
    does = "agrees with the teacher on" if e.by == "teacher" else "is right, by people's labels, on"
    other = percent(e.student.value, e.vendor.value)
    p = p_words(e.pair.p) if e.pair.better else f"no difference shown, {p_words(e.pair.p)}"
    share = interval_words(e.vendor, e.student.value)
    return f"it {does} {share} of the test assets against {other} of {e.student_name} ({p}){cost_words(e)}."


def cost_words(e: VendorEvidence) -> str:
    """`, at 3.1 times the cost of the student`, or whatever is proposed; nothing where a price is missing."""
    if e.vendor_usd is None or not e.proposed_usd:
        return ""
    times = e.vendor_usd / e.proposed_usd
    cost = f"the cost of {PROPOSED[e.proposed]}"
    if 0.95 <= times < 1.05:
        return f", at about {cost}"
    if times < 1:
        return f", at {percent(times)} of {cost}" if times else ", at no cost"
    if times > MANY:
        return f", at over {MANY} times {cost}"
    return f", at {times:.1f} times {cost}" if times < 10 else f", at about {times:.0f} times {cost}"


def _below(e: VendorEvidence) -> bool:
    if e.teacher is None:
        return e.vendor.high < e.target
    return e.teacher.better == "first" and e.teacher.difference < -e.gold_drop


def _too_dear(e: VendorEvidence) -> bool:
    if e.teacher_usd is not None and e.vendor_usd >= e.teacher_usd:
        return True
    return e.pair.better != "second" and e.proposed_usd is not None and e.vendor_usd > e.proposed_usd


def _why_below(e: VendorEvidence) -> str:
    if e.teacher is None:
        return f"Even the upper end of its range stays below the target of {stated_percent(e.target)}."
    gap = f"{-100 * e.teacher.difference:.1f} points less often right than the teacher ({p_words(e.teacher.p)})"
    return f"It is {gap}; {100 * e.gold_drop:g} are tolerated."


def _why_too_dear(e: VendorEvidence) -> str:
    if e.teacher_usd is not None and e.vendor_usd >= e.teacher_usd:
        return "It costs no less than the teacher."
    than = "" if e.proposed == "student" else " than the student"
    return f"It costs more than {PROPOSED[e.proposed]} and is not shown to be better{than}."


def _unanswered(e: VendorEvidence) -> str:
    missing = e.asked - e.answered
    return (
        f"{missing:,} of {e.asked:,} assets {'has' if missing == 1 else 'have'} no usable answer, which counts as wrong"
    )


def _on_answered(e: VendorEvidence) -> str:
    pair = e.pair_answered
    shares = f"{percent(pair.second)} against {percent(pair.first)}, {p_words(pair.p)}"
    return f"On those it answered {'it is better' if pair.better else 'no difference is shown'} ({shares})."


RULES = (
    Rule(
        "too_few",
        "unproven",
        lambda e: e.vendor.n < FEWEST_TEST,
        lambda e: "1 asset is too few to say." if e.vendor.n == 1 else f"{e.vendor.n:,} assets are too few to say.",
        lambda e: f"Have it answer a set of at least {FEWEST_TEST} assets.",
    ),
    Rule(
        "incomplete",
        "not_capable",
        lambda e: e.pair.better == "first" and e.pair_answered.better != "first" and e.pair_answered.n >= FEWEST_TEST,
        lambda e: f"{_unanswered(e)}. {_on_answered(e)}",
        lambda e: "Ask why these answers are missing or off the list, and judge it again once they are not.",
    ),
    Rule(
        "worse",
        "not_capable",
        lambda e: e.pair.better == "first",
        lambda e: f"{_unanswered(e)}." if e.answered < e.asked else "",
        lambda e: KEEP,
    ),
    Rule("below", "not_capable", _below, _why_below, lambda e: "Neither pay for it nor rely on it for this task."),
    Rule(
        "unproven",
        "unproven",
        lambda e: e.teacher is None and e.vendor.low < e.target,
        lambda e: f"Its range reaches the target of {stated_percent(e.target)} but begins below it.",
        lambda e: "Have it answer a larger blind pack, or settle labels by hand to judge both against people.",
    ),
    Rule(
        "no_price",
        "unpriced",
        lambda e: e.vendor_usd is None,
        lambda e: "No price was stated, so nothing can be said of its cost.",
        lambda e: "Ask for its price per 1,000 assets and enter it here.",
    ),
    Rule("too_dear", "too_dear", _too_dear, _why_too_dear, lambda e: f"{KEEP} Or ask the vendor for a lower price."),
    Rule(
        "capable",
        "capable",
        lambda e: True,
        lambda e: "",
        lambda e: "Check its terms, and how it treats the client's assets, before it takes over.",
    ),
)
