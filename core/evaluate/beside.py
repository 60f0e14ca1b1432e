"""A decision model weighed against student and teacher: whether it does the work too, what that leaves a student to save, and what
it would take over in the middle of the two."""

from __future__ import annotations

from dataclasses import dataclass

from core.evaluate.evidence import FEWEST_TEST, DecisionModel, Evidence
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.phrases import interval_words, p_words
from core.evaluate.rivalry import Rival
from core.money import prices
from core.money.economics import Assumptions, Economics
from core.money.prices import Price
from core.words import counted, milliseconds, money, percent, stated_percent


@dataclass(frozen=True)
class Beside:
    """A decision model beside student and teacher. USD for 1,000 assets and a month, by itself (`month`; None: no price) or with
    the teacher behind it (`behind_month`; None: nothing is certified for it); `way`: how it could do the work, "alone",
    "behind" or neither (None); `outcome`: a key of WORDS; `middle_month`: with the student before it and the teacher behind it,
    `middle_share` of all assets its part."""

    rival: Rival
    usd_1000: float | None
    month: float | None
    behind_month: float | None
    way: str | None
    middle_month: float | None
    middle_share: float | None
    outcome: str
    words: str
    middle_words: str

    @property
    def proven(self) -> str:
        """What its certificate says, of it."""
        return self.rival.certificate.reason.replace("the student", "it")

    @property
    def way_month(self) -> float | None:
        """What a month costs in the way that it could do the work."""
        return self.behind_month if self.way == "behind" else self.month


def weigh(
    rival: Rival,
    price: Price | None,
    figures: ChooseOneFigures,
    sheet: Economics,
    assumptions: Assumptions,
    e: Evidence,
) -> Beside:
    """What a decision model comes to; `price`: its own, as far as it is known; `e` is what the student's verdict rests on."""
    each = rival.usd_each
    if each is None and price is not None:
        each = prices.cost(price, *rival.tokens, calls=1)
    usd = None if each is None else round(1000 * each, 6)
    teacher, volume = sheet.per_1000["teacher"], assumptions.volume_per_month / 1000
    month = None if usd is None else round(usd * volume, 2)
    behind = None
    if usd is not None and teacher is not None and rival.certificate.certified:
        behind = round((usd + (1 - rival.handled.value) * teacher) * volume, 2)
    way = _way(rival, e)
    made = Beside(rival, usd, month, behind, way, *_middle(rival, usd, figures, sheet, volume), "open", "", "")
    outcome = _outcome(made, sheet, assumptions, e)
    words = WORDS[outcome](made, sheet, assumptions, e)
    return Beside(**vars(made) | {"outcome": outcome, "words": words, "middle_words": _middle_words(made, sheet)})


def as_evidence(beside: Beside, figures: ChooseOneFigures) -> DecisionModel:
    """What it is to a verdict."""
    name, behind = beside.rival.name, " with the teacher behind it," if beside.way == "behind" else ""
    instead = (
        f"Let {name} do the work,{behind} and ask it about more assets first if much hangs on it. The student still answers in "
        f"{milliseconds(figures.latency.p50)}, on your own machine."
    )
    return DecisionModel(name, beside.outcome == "does_it", beside.words, instead)


def _way(rival: Rival, e: Evidence) -> str | None:
    """How it could do the work: alone where it reaches the target, or is shown to be hardly worse than a student that may work
    alone; else with the teacher behind it, where enough is certified."""
    if rival.agreement.low >= e.target or rival.certificate.threshold == 0:
        return "alone"
    if e.good_alone and rival.paired.high <= e.rules.gold_drop:
        return "alone"
    if rival.certificate.certified and rival.handled.value >= e.rules.least_handled:
        return "behind"
    return None


def _students_month(sheet: Economics, e: Evidence) -> float | None:
    """What a month costs in the way that the student may work; None where it may not."""
    return sheet.monthly["student" if e.good_alone else "cascade"] if e.good_alone or e.good_behind else None


def _saved(made: Beside, sheet: Economics, e: Evidence) -> float:
    """What the student saves a month against it: nothing where it is no cheaper, or not ready."""
    mine = _students_month(sheet, e)
    return 0.0 if mine is None else max(round(made.way_month - mine, 2), 0.0)


def _outcome(made: Beside, sheet: Economics, assumptions: Assumptions, e: Evidence) -> str:
    if made.rival.agreement.independent < FEWEST_TEST:
        return "few"
    teacher = sheet.monthly["teacher"]
    if made.way and made.way_month is not None:
        if teacher is not None and made.way_month >= teacher:
            return "dear"
        return "does_it" if _saved(made, sheet, e) <= assumptions.upkeep_usd else "student_saves"
    return "student_better" if made.rival.paired.better == "second" else "open"


def _files(made: Beside) -> str:
    rival = made.rival
    behind = f", and at least {stated_percent(rival.certificate.target)} of the {percent(rival.handled.value)} that it would handle"
    return (
        f"{rival.name} files {interval_words(rival.agreement)} of the test assets as the teacher does"
        f"{behind if made.way == 'behind' else ''}, for {money(made.way_month)} a month"
        f"{' with the teacher behind it' if made.way == 'behind' else ''}"
    )


def _does_it(made: Beside, sheet: Economics, assumptions: Assumptions, e: Evidence) -> str:
    saved, upkeep = _saved(made, sheet, e), money(assumptions.upkeep_usd)
    if _students_month(sheet, e) is None:
        return f"A decision model does this: {_files(made)}; the student is not ready."
    saves = f"{money(saved)} a month" if saved else "nothing"
    return (
        f"A decision model does this: {_files(made)}. Against that a student saves you {saves}, not worth its upkeep ({upkeep} a "
        "month, assumed)."
    )


def _student_saves(made: Beside, sheet: Economics, assumptions: Assumptions, e: Evidence) -> str:
    return (
        f"{_files(made)}. Against that the student saves {money(_saved(made, sheet, e))} a month, more than its upkeep "
        f"({money(assumptions.upkeep_usd)}, assumed)."
    )


def _both(made: Beside) -> str:
    pair = made.rival.paired
    only = f"only the student on {pair.only_second:,}, only {made.rival.name} on {pair.only_first:,}; {p_words(pair.p)}"
    return (
        f"on the same {pair.n:,} test assets it agrees with the teacher on {percent(pair.second, pair.first)}, {made.rival.name} "
        f"on {percent(pair.first, pair.second)} ({only})"
    )


def _few(made: Beside, *_: object) -> str:
    asked = counted(made.rival.agreement.n, "test asset")
    return f"{made.rival.name} has answered {asked}, too few to say: ask it about {FEWEST_TEST} or more."


def _student_better(made: Beside, *_: object) -> str:
    return f"Your student is right where {made.rival.name} is not: {_both(made)}."


def _dear(made: Beside, *_: object) -> str:
    return f"{_files(made)}, which is no less than the teacher costs."


def _open(made: Beside, *_: object) -> str:
    if made.way and made.way_month is None:
        return f"Nobody knows what {made.rival.name} costs, so it is not weighed. Of the student: {_both(made)}."
    return f"Which of the two is better is not shown. Of the student: {_both(made)}. Ask about more of them."


WORDS = {
    "few": _few,  # too few assets to say
    "does_it": _does_it,  # it does the work, and a student saves too little against it
    "student_saves": _student_saves,  # it does the work, and a student saves more than its upkeep
    "dear": _dear,  # it does the work at no less than the teacher costs
    "student_better": _student_better,
    "open": _open,  # neither is shown to be better, or it has no price
}


def _middle(
    rival: Rival, usd: float | None, figures: ChooseOneFigures, sheet: Economics, volume: float
) -> tuple[float | None, float | None]:
    """USD a month with student, decision model and teacher one behind the other, and the second's share of all assets."""
    middle = rival.middle
    if middle is None or not middle.certificate.certified or middle.agreement is None:
        return None, None
    left = 1 - figures.handled.value
    share = left * middle.share.value
    student, teacher = sheet.per_1000["student"], sheet.per_1000["teacher"]
    if usd is None or teacher is None or student is None:
        return None, share
    return round((student + left * usd + (left - share) * teacher) * volume, 2), share


def _middle_words(made: Beside, sheet: Economics) -> str:
    middle, name = made.rival.middle, made.rival.name
    if middle is None:
        return ""
    if not middle.certificate.certified:
        more = middle.certificate.more_needed
        ask = f" About {more:,} more such assets would show it." if more else ""
        return f"Between student and teacher {name} takes on nothing: too little is proven on what the student leaves.{ask}"
    if made.middle_share is None:
        return f"Between student and teacher {name} takes on nothing: it is never sure enough there."
    share, month, before = percent(made.middle_share), made.middle_month, sheet.monthly["cascade"]
    if month is None or before is None:
        return f"Between student and teacher {name} would take over {share} of the assets."
    what = "in place of" if month < before else "which is no less than the"
    return (
        f"Between student and teacher {name} would take over {share} of the assets: {money(month)} a month, {what} {money(before)} "
        "without it."
    )
