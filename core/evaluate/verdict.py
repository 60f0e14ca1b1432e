"""The verdict: replace the teacher, keep it as fallback, not ready, or trial only; with the figures that decided and the next step.

RULES, at the end, are the rules in order; the first that applies decides. in_words() says when each does, with a client's own
numbers, as Compare shows them. Two guards hold replace and fallback back (core/evaluate/evidence.py).

Where the teacher takes batches at a price at which it alone costs no more than what is proposed, replace and fallback say so: no
rule can know whether answers may take a day.

Where people settled FEWEST_TEST independent test assets or more, fallback and the last three say as well how the teacher does
against the student there: better, no difference shown, or worse (exact McNemar test at 5 %; for fallback first on the assets that
fall back, then on all).
"""

from __future__ import annotations

from functools import partial

from core.evaluate import weak as weakness
from core.evaluate.cascade import about
from core.evaluate.evidence import FEWEST_TEST, Evidence, Rule, Rules, Verdict, pays
from core.evaluate.figures import GoldFigures
from core.evaluate.phrases import interval_words, one_sided_words, p_words
from core.words import percent, ranged, stated_percent


def decide(evidence: Evidence) -> Verdict:
    """The verdict of the first rule that applies."""
    rule = next(rule for rule in RULES if rule.applies(evidence))
    reason = " ".join([rule.reason(evidence), *_notes(evidence, rule)])
    undecided = rule.name in ("does_not_pay", "decision_model")
    behind = rule.name == "fallback" or (undecided and not evidence.good_alone and evidence.good_behind)
    offers = evidence.ready_at[0] if evidence.ready_at and rule.next in (_next_unproven, _next_below) else None
    return Verdict(rule.decision, reason, rule.next(evidence), rule.name, "cascade" if behind else "student", offers)


def in_words(rules: Rules) -> list[str]:
    """RULES in words, with the client's numbers: Fewer than 100 independent test assets: **not ready**."""
    numbers = {
        "fewest": FEWEST_TEST,
        "target": stated_percent(rules.target),
        "least": stated_percent(rules.least_handled),
        "rows": rules.guarded_rows,
        "floor": stated_percent(rules.category_floor),
        "drop": f"{100 * rules.gold_drop:g}",
    }
    return [f"{rule.when.format(**numbers)}: **{rule.decision.replace('_', ' ')}**." for rule in RULES]


def _goal(e: Evidence) -> str:
    return stated_percent(e.target)


def _agrees(e: Evidence) -> str:
    agrees = f"The student agrees with the teacher on {interval_words(e.agreement, e.target)} of"
    if e.unseen is None:
        return f"{agrees} {e.of}"
    seen = f"{percent(e.unseen.seen.value, e.target)} of the test assets, whose {e.unseen.many} it has seen"
    return f"{agrees} assets of {e.unseen.many} it had not seen ({seen})"


def _saves(saving: float | None, what: str) -> str:
    return "" if saving is None else f" {what} costs {percent(saving)} less than the teacher."


def _why_replace(e: Evidence) -> str:
    if e.agreement.low >= e.target:
        text = f"{_agrees(e)}; even the lower end reaches the target of {_goal(e)}."
    else:
        promise = f"agreement of at least {_goal(e)} over all assets like those it learned from is proven"
        text = f"{_agrees(e)}, and {promise} ({stated_percent(e.certificate.confidence)} sure)."
    return text + _saves(e.saving["student"], "It")


def _why_weak_category(e: Evidence) -> str:
    behind, _ = e.held_back
    names = ", ".join(one.words for one in behind[:3]) + (" and others" if len(behind) > 3 else "")
    what = "a guarded category lies" if len(behind) == 1 else f"{len(behind):,} guarded categories lie"
    return f"{_agrees(e)}, but {what} below {stated_percent(e.rules.category_floor)} for certain: {names}."


def _why_worse_on_gold(e: Evidence) -> str:
    pair = e.held_back[1]
    who = "student and teacher together are" if e.reaches_behind else "the student is"
    return (
        f"{_agrees(e)}, but on {pair.n:,} test assets settled by people {who} right {100 * pair.difference:.1f} points less "
        f"often than the teacher ({p_words(pair.p)}); at most {100 * e.rules.gold_drop:g} points are tolerated."
    )


def _why_not_alone(e: Evidence) -> str:
    """What speaks against the student alone where it may answer with the teacher behind it."""
    if not e.reaches_alone:
        return f"not proven to reach {_goal(e)} alone"
    weak = e.weak
    return f"held back alone by {weak[0].words}" if weak else "alone it falls behind the teacher against gold"


def _why_fallback(e: Evidence) -> str:
    sure = stated_percent(e.certificate.confidence)
    seen = f" On test it was {interval_words(e.agreement_handled, e.target)}." if e.agreement_handled else ""
    return (
        f"{_agrees(e)}: {_why_not_alone(e)}. Where it is sure enough, it handles {percent(e.handled.value)} of the assets, and at "
        f"least {_goal(e)} of those as the teacher would ({sure} sure).{seen} The others fall back to the teacher."
        + _saves(e.saving["cascade"], "Together this")
    )


def _next_replace(e: Evidence) -> str:
    review = "have people review a sample of its answers every month."
    return f"It is live: {review}" if e.live else f"Make it live on the Student page, and {review}"


def _next_fallback(e: Evidence) -> str:
    if e.nobody_behind:
        text = "Connect a model first: the teacher is a column of old labels, which cannot answer what falls back. " + (
            "It is live: put that model behind it."
            if e.live
            else "Then make the student live, with that model behind it."
        )
    elif e.live:
        text = "It is live: keep the teacher behind it."
    else:
        text = "Make it live on the Student page, with the teacher behind it."
    return f"{text} To hand over more, {e.plan.handing_over}; then train again."


def _why_trial(e: Evidence) -> str:
    return (
        "This student learned from the built-in teacher, which costs nothing and is weaker than a large model: it shows how the "
        f"work is done, and replacing that teacher saves nothing. {_agrees(e)}."
    )


def _next_trial(e: Evidence) -> str:
    return (
        "Train a student on labels worth having: those you have paid for, in a column of your file, or those of a connected "
        "model."
    )


def _why_too_few(e: Evidence) -> str:
    few = f"{e.tested.independent:,.0f} independent test assets"
    return (
        f"There are {few}, too few to say: agreement of {percent(e.tested.value, digits=0)} on them could be anything from "
        f"{ranged(e.tested.low, e.tested.high, partial(percent, digits=0))}."
    )


def _next_too_few(e: Evidence) -> str:
    """How many more it takes, where what there is says so: test assets are a fixed share of the labelled ones."""
    labelled, there = sum(e.plan.labels_in.values()), e.tested.independent
    more = about(labelled * (FEWEST_TEST - there) / there) if labelled and there else None
    if e.tested.groups == e.tested.n:
        first = e.plan.label(more) if more else "Label more assets"
        return f"{first}, until at least {FEWEST_TEST} of them are kept for the test; then train again."
    first = e.plan.label(more, "of other concepts") if more else "Label assets of other concepts than these"
    return (
        f"{first}; then train again. The {e.tested.n:,} test assets are versions of {e.tested.groups:,} concepts, and versions of "
        f"one concept repeat each other: a verdict takes {FEWEST_TEST} that do not."
    )


def _why_contradicted(e: Evidence) -> str:
    seen = interval_words(e.agreement_handled, e.target)
    return (
        f"What was proven when it was tried does not hold on the test assets: agreement on those it handles is {seen}, below "
        f"{_goal(e)}. The two sets differ."
    )


def _why_not_paying(e: Evidence) -> str:
    alone = e.good_alone
    saving = e.saving["student" if alone else "cascade"]
    costs = f"{percent(-saving)} more than" if saving < 0 else "as much as"
    if alone:
        return f"{_agrees(e)}, which is good enough, but it costs {costs} the teacher at this volume."
    return (
        f"{_agrees(e)}: {_why_not_alone(e)}. With the teacher behind it, it may handle {percent(e.handled.value)} of the assets, "
        f"but together that costs {costs} the teacher at this volume."
    )


def _why_handles_little(e: Evidence) -> str:
    return (
        f"{_agrees(e)}. It can be trusted with only {percent(e.handled.value, e.rules.least_handled)} of the assets at "
        f"{_goal(e)}; below {stated_percent(e.rules.least_handled)} the teacher still does most of the work."
    )


def _why_unproven(e: Evidence) -> str:
    return f"{_agrees(e)}. The {e.certificate.n:,} assets it was tried on do not prove {_goal(e)} yet for any share of the assets."


def _next_weak_category(e: Evidence) -> str:
    names = [one.label for one in e.held_back[0][:2]]
    merge = f", or {e.plan.merging}" if e.plan.merging else ""
    return (
        f"{e.plan.labelling_in(names)}{merge}; then train again. Which categories are guarded is a rule you can change."
    )


def _next_unproven(e: Evidence) -> str:
    return f"{_ready(e)}{e.plan.proving}; then train again: at the agreement seen, that many would prove it."


def _next_below(e: Evidence) -> str:
    return f"{_ready(e)}{e.plan.reaching}"


def _ready(e: Evidence) -> str:
    """What it is ready for today, at a lower target; then the way to the client's own."""
    if e.ready_at is None:
        return ""
    target, decision = e.ready_at
    behind = "with a model that you connect behind it" if e.nobody_behind else "with the teacher behind it"
    how = "to replace the teacher" if decision == "replace" else behind
    return (
        f"At a target of {stated_percent(target)} it is ready today, {how}: set that if it is enough. For {_goal(e)}: "
    )


def _notes(e: Evidence, rule: Rule) -> list[str]:
    notes = []
    dearer = e.saving_on_batch.get("cascade" if rule.name == "fallback" else "student")
    if rule.name in ("replace", "fallback") and not pays(dearer):
        notes.append(
            f"Where answers may take up to a day, the teacher alone at its batch price {_costs_no_more(dearer)}."
        )
    if rule.name in ("replace", "fallback", "trial"):
        notes += _weakest(e, rule.name == "fallback")
    if e.decision_model and rule.name not in ("decision_model", "trial"):
        notes.append(e.decision_model.words)
    if e.overtaken:
        notes.append(
            f"This verdict is of version {e.overtaken[0]} of the taxonomy, and version {e.overtaken[1]} is in use since: "
            "train again before you act on it."
        )
    if e.same_encoder and rule.name != "too_few":
        notes.append(
            "The built-in teacher and this student read with the same base model, so their agreement says little about how often "
            "either is right."
        )
    if e.gold and rule.name in GOLD_NOTES and e.gold.paired.n >= FEWEST_TEST:
        notes.append(_against_gold(e.gold, rule.name == "fallback"))
    return notes


def _weakest(e: Evidence, behind: bool) -> list[str]:
    """The weakest category with its interval, and that no guard watches any, where that is so."""
    categories = e.categories_handled if behind else e.categories
    worst = weakness.weakest(categories)
    if worst is None or worst.agreed == worst.n:
        return []
    watched = weakness.guarded(categories, e.rules.guarded_rows, e.rules.category_floor)
    guard = [] if watched else [weakness.guard_words(categories, e.rules.guarded_rows, e.rules.category_floor)]
    which = "Weakest category of what it handles" if behind else "Weakest category"
    return [f"{which}: {worst.span}.", *guard]


def _costs_no_more(saving: float) -> str:
    """How the teacher's cost stands to what would save this share of it, nothing or less: costs 12.0 % less than this"""
    return "costs as much" if saving == 0 else f"costs {percent(1 - 1 / (1 - saving))} less than this"


GOLD_NOTES = ("fallback", "handles_little", "unproven", "below")
IN_FALLBACK = {
    "second": "The teacher is better {where}: falling back makes answers better.",
    None: "No difference is shown: falling back costs money and is not shown to make answers better.",
    "first": "The student is better {where}: falling back costs money and makes answers worse.",
}
NOT_READY = {
    "second": "The teacher is better: where the two differ, it is more often the one that is right.",
    None: "No difference is shown: where the two differ, the teacher is not shown to be the one that is right.",
    "first": "The student is better: much of what it differs on is the teacher's error.",
}


def _against_gold(gold: GoldFigures, falls_back: bool) -> str:
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


RULES = (
    Rule(
        "trial",
        "trial",
        lambda e: e.trial,
        _why_trial,
        _next_trial,
        "Its teacher is the built-in one: it shows the way, and replacing what costs nothing saves nothing",
    ),
    Rule(
        "too_few",
        "not_ready",
        lambda e: e.tested.independent < FEWEST_TEST,
        _why_too_few,
        _next_too_few,
        "Fewer than {fewest} independent test assets",
    ),
    Rule(
        "decision_model",
        "decision_model",
        lambda e: e.decision_model is not None and e.decision_model.does_it,
        lambda e: f"{e.decision_model.words} {_agrees(e)}.",
        lambda e: e.decision_model.instead,
        "A decision model, asked about the same assets, does the work, and a student would save less than its upkeep",
    ),
    Rule(
        "contradicted",
        "not_ready",
        lambda e: e.contradicted,
        _why_contradicted,
        lambda e: "Check where the splits come from; let Understudy draw them, or label more recent assets.",
        "The test assets contradict what was proven before",
    ),
    Rule(
        "does_not_pay",
        "not_ready",
        lambda e: e.does_not_pay,
        _why_not_paying,
        lambda e: (
            "Rent the machine only while it classifies, or wait for a larger volume: both are assumptions that you can change."
        ),
        "Good enough for one of the next two, but no cheaper than the teacher",
    ),
    Rule(
        "replace",
        "replace",
        lambda e: e.good_alone,
        _why_replace,
        _next_replace,
        "Even the lower end of agreement's range reaches {target}, or {target} is proven for every asset; both guards hold",
    ),
    Rule(
        "fallback",
        "fallback",
        lambda e: e.good_behind,
        _why_fallback,
        _next_fallback,
        "{target} is proven where it handles {least} of the assets or more, and the teacher answers the rest; both guards hold",
    ),
    Rule(
        "weak_category",
        "not_ready",
        lambda e: bool(e.held_back[0]),
        _why_weak_category,
        _next_weak_category,
        "One of these two, but a category of {rows} test assets or more is shown to lie below {floor}",
    ),
    Rule(
        "worse_on_gold",
        "not_ready",
        lambda e: e.held_back[1] is not None,
        _why_worse_on_gold,
        lambda e: "Have people settle the labels on which student and teacher differ, and train on what they say.",
        "One of these two, but against gold it is shown to be right less often than the teacher, by more than {drop} points",
    ),
    Rule(
        "handles_little",
        "not_ready",
        lambda e: e.certificate.certified,
        _why_handles_little,
        _next_below,
        "{target} is proven, but only for less than {least} of the assets",
    ),
    Rule(
        "unproven",
        "not_ready",
        lambda e: e.certificate.more_needed is not None,
        _why_unproven,
        _next_unproven,
        "Nothing is proven, though more labels would prove it at the agreement seen",
    ),
    Rule(
        "below",
        "not_ready",
        lambda e: True,
        lambda e: f"{_agrees(e)}; on no share of them, however sure it is, could {_goal(e)} be proven.",
        _next_below,
        "Anything else",
    ),
)
