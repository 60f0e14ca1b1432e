"""What is said of somebody else's drafts for the test briefs: the verdict in words, its price, and the table beside the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlite_utils import Database

from core.tasks import Task
from core.words import counted, money, percent
from core.write import blind, comparison, measures, vendors, verdict
from core.write.comparison import WritingComparison

NOT_GOOD, OPEN, AS_GOOD = "not_good_enough", "people_decide", "as_good"
TITLES = {
    NOT_GOOD: "Not good enough.",
    OPEN: "No figure rules it out; people decide.",
    AS_GOOD: "People find its drafts as good.",
}
NOTHING_BESIDE = "There is no student yet to compare it with."


@dataclass(frozen=True)
class Card:
    """A vendor beside student, teacher and people. `result`: the student's comparison, None before one is trained; `tested`: the
    blind test of the student's drafts beside the vendor's; `alone`: that of the vendor's beside approved copy."""

    test: vendors.Test
    decision: str
    reason: str
    next: str
    price: str
    table: pd.DataFrame
    sides: list[measures.Side]
    result: WritingComparison | None
    tested: blind.Result | None
    alone: blind.Result | None


def card(db: Database, task: Task, test: vendors.Test) -> Card:
    """The card of a vendor's measured texts."""
    rows = comparison.training.all_writers(db, task)
    result = comparison.comparison(db, task, comparison.looked_at(db, task)) if rows else None
    mine = measures.other(test.figures, blind.vendor(test.name), test.name)
    beside = result.sides if result else measures.controls(test.figures)
    sides = [mine, *(side for side in beside if side.key != mine.key)]
    tested = next((one for one in result.blind if one.against == blind.vendor(test.name)), None) if result else None
    alone = blind.of_vendors(db, task).get(test.name)
    decision, reason, todo = _judged(test, tested, alone)
    return Card(test, decision, reason, todo, _price(test, result), measures.table(sides), sides, result, tested, alone)


def _judged(test: vendors.Test, tested: blind.Result | None, alone: blind.Result | None) -> tuple[str, str, str]:
    """Decision, reason and next step: what people say of its drafts beside approved copy goes before the student's beside them."""
    if why := verdict.ruled_out(test.figures, new=True):
        return NOT_GOOD, why, "Keep the student, or the teacher."
    weigh = "Ask for its terms and how it treats the client's briefs, and weigh its price."
    beside = blind.of_vendor_words(test.name, alone) if alone and alone.n else ""
    if beside and alone.outcome == blind.WORSE:
        return NOT_GOOD, beside, "Keep the student, or the teacher."
    if beside and alone.outcome == blind.NOT_WORSE and not (tested and tested.n and tested.better):
        return AS_GOOD, beside, weigh
    if tested is None or not tested.n:
        todo = (
            "Go on comparing on the Blind test page."
            if alone and alone.pairs
            else "Put its drafts into the blind test."
        )
        return OPEN, beside or _passes(test), todo
    worse = tested.outcome == blind.NOT_WORSE and tested.better  # the student is preferred
    said = f"The student's drafts beside its: {blind.sentence(tested)}"
    if worse:
        return NOT_GOOD, said, "Keep the student."
    if tested.outcome == blind.OPEN:
        return OPEN, said, "Go on comparing on the Blind test page."
    if tested.outcome == blind.WORSE:
        return AS_GOOD, said, weigh
    return OPEN, said, "The student is no worse by more than the margin: the price decides."


def _passes(test: vendors.Test) -> str:
    """How many test briefs it has a text for that passes, beside people's copy."""
    seen = test.figures
    mine, people = percent(seen.handled.value), percent(seen.human.passed, seen.handled.value)
    return f"{mine} of {seen.briefs:,} test briefs have a draft of it that passes every gate; of people's copy {people} pass."


def _price(test: vendors.Test, result: WritingComparison | None) -> str:
    """Its price for 1,000 briefs beside the others'."""
    if test.usd_per_1000 is None:
        return "No price was stated, so nothing can be said of its cost."
    basis = "assumed" if test.source.startswith("file:") else "measured"
    words = f"It costs {money(test.usd_per_1000)} for 1,000 briefs ({basis})"
    if result is None:
        return f"{words}."
    sheet = result.economics
    others = [
        ("the student with the teacher behind it", sheet.per_1000["cascade"]),
        ("the teacher", sheet.per_1000["teacher"]),
    ]
    told = " and ".join(f"{who} {money(usd)}" for who, usd in others if usd is not None)
    return f"{words}, {told} ({sheet.line('teacher').basis})." if told else f"{words}."


def counts_words(counts: vendors.Counts) -> str:
    """What became of the rows, in a sentence."""
    words = f"{counted(counts.answered, 'test brief')} with a draft of {counts.answered + len(counts.missing):,}"
    if counts.outside:
        words += f"; {counted(len(counts.outside), 'brief')} of the file not among them"
    if counts.again:
        words += f"; {counted(counts.again, 'further draft')} of a brief left out"
    return f"{words}."


def as_json(one: Card) -> dict[str, Any]:
    """The card for the command line."""
    counts = one.test.counts
    return {
        "name": one.test.name,
        "source": one.test.source,
        "verdict": {"decision": one.decision, "reason": one.reason, "next": one.next},
        "price": one.price,
        "usd_per_1000": one.test.usd_per_1000,
        "counts": vars(counts) | {"problems": [problem.as_dict() for problem in counts.problems]},
        "measures": measures.as_json(one.sides),
        "gates": {"vendor": one.test.figures.stops, "people": one.test.figures.human_stops},
        "blind": one.tested and vars(one.tested) | {"words": blind.sentence(one.tested)},
        "beside_approved": one.alone and vars(one.alone) | {"words": blind.sentence(one.alone)},
    }
