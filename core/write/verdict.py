"""What the figures of a writing student rule out, and the verdict that is left: writes alone, drafts for a person, or not yet.

No figure can say *good*: a student writes alone only once people have compared its drafts with approved copy, sides hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.evaluate.agreement import interval
from core.words import percent
from core.write import blind as blind_test
from core.write.figures import WriteFigures

ALONE, DRAFTS, NOT_YET = "alone", "drafts", "not_yet"
FEWEST = 30  # held-out briefs
NEAR_ROOM = 0.02  # near copies above those of approved copy
UNIQUE = 0.9  # of the distinct texts of approved copy
HANDLED = 0.5  # of briefs with a draft that passes every gate


@dataclass(frozen=True)
class Verdict:
    """`decision`: ALONE, DRAFTS (for a person) or NOT_YET, with its reason and what to do next."""

    decision: str
    reason: str
    next: str


def ruled_out(figures: WriteFigures, *, new: bool) -> str:
    """Why a student is not good enough, in a sentence; "" where no figure says so. `new`: it writes."""
    after, human, shuffled = figures.after_gates, figures.human, figures.shuffled
    if figures.briefs < FEWEST:
        return f"There are only {figures.briefs} test briefs; {FEWEST} are the fewest that say anything."
    if figures.handled.value < HANDLED or after is None:
        return f"Only {percent(figures.handled.value)} of test briefs got a draft that passes every gate."
    if new and after.near_copies > human.near_copies + NEAR_ROOM:
        return f"{percent(after.near_copies)} of its drafts are nearly approved copy, of people's {percent(human.near_copies)}."
    if new and after.unique < UNIQUE * human.unique:
        return f"It repeats itself: {percent(after.unique)} of its drafts are distinct, of people's {percent(human.unique)}."
    if (words := figures.rouge) and words.r1 <= words.lead3_r1:
        return "Its summaries have no more in common with people's than the first sentences of the brief."
    low, _ = interval(round(after.recall_at_10 * after.n), after.n)
    if low <= shuffled.recall_at_10:
        return "Its drafts are no nearer to their briefs than copy that was written for other briefs."
    return ""


def of(figures: WriteFigures, *, new: bool, refused: str = "", blind: blind_test.Result | None = None) -> Verdict:
    """The verdict on a student by its figures and its blind test; `refused`: why it may not write at all."""
    reason = refused or ruled_out(figures, new=new)
    if reason:
        todo = "Bring more approved pairs, or choose a larger base model (0.5 to 2 billion parameters) from a folder."
        return Verdict(NOT_YET, reason, todo)
    share, count = percent(figures.handled.value), figures.briefs
    passes = f"{share} of {count:,} test briefs got a draft that passes every gate."
    if blind and blind.outcome == blind_test.NOT_WORSE:
        todo = "Let what passes every gate go out, and give the other briefs to a person or the teacher."
        return Verdict(ALONE, f"{blind_test.sentence(blind)} {passes}", todo)
    if blind and blind.n:
        worse = blind.outcome == blind_test.WORSE
        todo = "Have people pick from its drafts." + ("" if worse else " Go on comparing on the Blind test page.")
        return Verdict(DRAFTS, f"{passes} {blind_test.sentence(blind)}", todo)
    return Verdict(
        DRAFTS,
        f"{passes} No figure says that drafts are good: people do.",
        "Have people pick from its drafts, and compare them with approved copy before anything is published unread.",
    )
