"""The blind test: people compare a student's drafts with approved copy, not knowing which is whose, until it is settled.

Each pair's first answer counts, so that no pair counts twice; every fifth pair is put before everybody, which says how far
reviewers agree. The range holds at whatever moment somebody looks and stops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, Field
from scipy.special import betaln
from sqlite_utils import Database

from core import audit, settings, tasks
from core.database import now
from core.errors import InputError
from core.evaluate.agreement import cohen_kappa, interval
from core.review import PAUSE, named
from core.tasks import Task
from core.words import counted, percent, ranged, stated_percent

ANSWERS = ("left", "right", "both", "neither")
AGAINST = {"approved": "approved copy", "teacher": "the teacher's drafts"}
VENDOR = "vendor:"  # before a vendor's name, where drafts stand beside a vendor's texts
SHARED = 5  # of so many pairs one is judged by everybody
EVEN = 10.0  # both parameters of the mixture: of shares from 40 to 70 % it settles soonest
MISS = 0.05  # of tests whose range ever leaves out the true share
NOT_WORSE, WORSE, OPEN = "not_worse", "worse", "not_settled"
FORETOLD = 2_000  # comparisons, beyond which nobody waits for a result
CAUTION = 10  # comparisons at half and half that a forecast adds to those that are there


class Rules(BaseModel, frozen=True, extra="forbid"):
    """What a client asks of a student: a share of comparisons no more than `margin` under a half, and what two answers count for
    it: both fine, neither (0: against it, 0.5: a tie, 1: for it)."""

    margin: float = Field(0.1, gt=0, lt=0.5)
    both: float = Field(0.5, ge=0, le=1)
    neither: float = Field(0.5, ge=0, le=1)


@dataclass(frozen=True)
class Result:
    """What the answers say. `score`: the student's share of `n` comparisons, from `low` to `high`; `more`: comparisons until it is
    likely to be settled, None where that is beyond FORETOLD; `agreed` of `shared` pairs that two reviewers judged they said the
    same, `kappa` beyond chance."""

    against: str
    outcome: str
    score: float
    low: float
    high: float
    n: int
    pairs: int
    margin: float
    more: int | None
    shared: int
    agreed: int
    kappa: float | None

    @property
    def better(self) -> bool:
        """Whether the student's drafts are preferred, and not only as good."""
        return self.low > 0.5


@dataclass(frozen=True)
class Item:
    """A pair before a reviewer, who does not learn which text is whose."""

    id: int
    brief: str
    left: str
    right: str


def anytime(score: float, n: int, miss: float = MISS) -> tuple[float, float]:
    """The range of a share by a total `score` in `n` comparisons of 0 to 1 each, which holds at all n at once with 1 - `miss`.

    The shares against which a bet spread by Beta(EVEN, EVEN) has not multiplied its stake by 1 / miss (Robbins 1970, "Statistical
    methods related to the law of the iterated logarithm"; Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric,
    nonasymptotic confidence sequences"). Scores between 0 and 1 win such a bet no more than wins and losses of the same share do.
    Raises ValueError unless 0 <= score <= n.
    """
    if not 0 <= score <= n:
        raise ValueError(f"{score} is no score of {n} comparisons")
    stake = betaln(EVEN + score, EVEN + n - score) - betaln(EVEN, EVEN) - math.log(1 / miss)

    def left_out(share: float) -> bool:
        sides = [(k, p) for k, p in ((score, share), (n - score, 1 - share)) if k]
        return any(p <= 0 for _, p in sides) or stake >= sum(k * math.log(p) for k, p in sides)

    def edge(outside: float, inside: float) -> float:
        for _ in range(50):
            middle = (outside + inside) / 2
            outside, inside = (middle, inside) if left_out(middle) else (outside, middle)
        return outside

    middle = score / n if n else 0.5
    return edge(0.0, middle) if score else 0.0, edge(1.0, middle) if score < n else 1.0


def outcome(low: float, high: float, margin: float) -> str:
    """What a range settles: NOT_WORSE by more than the margin, WORSE, or nothing yet (OPEN)."""
    return NOT_WORSE if low >= 0.5 - margin else WORSE if high < 0.5 - margin else OPEN


def more_to_settle(score: float, n: int, margin: float) -> int | None:
    """How many more comparisons settle it if they go on as they did, half and half at first; None beyond FORETOLD."""
    share = (score + CAUTION / 2) / (n + CAUTION)

    def settled(more: int) -> bool:
        return outcome(*anytime(score + share * more, n + more), margin) != OPEN

    if not settled(FORETOLD):
        return None
    few, many = 0, FORETOLD
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if settled(middle) else (middle, many)
    return many


def rules_of(db: Database, task: Task) -> Rules:
    """What the task's client asks for."""
    return Rules(**settings.get(db, "blind_test", task))


def with_margin(rules: Rules, margin: float) -> Rules:
    """The same with another margin. InputError where it is not between 0 and a half."""
    if not 0 < margin < 0.5:
        raise InputError(f"A margin of {margin:g} is none.", "Give a share above 0 and under 0.5, such as 0.1.")
    return rules.model_copy(update={"margin": margin})


def result(db: Database, task: Task, writer_id: int | None, against: str = "approved") -> Result:
    """The blind test of a student as it stands now; without a student that of a vendor's drafts, named by `against`, beside
    approved copy."""
    rules = rules_of(db, task)
    drawn = _answers(db, task, writer_id, against)
    against = "approved" if writer_id is None else against
    scores = [_score(answers[0], left, rules) for left, answers in drawn if answers]
    total, n = float(sum(scores)), len(scores)
    low, high = anytime(total, n)
    settled = outcome(low, high, rules.margin)
    twice = [(ANSWERS.index(answers[0]), ANSWERS.index(answers[1])) for _, answers in drawn if len(answers) > 1]
    first, second = np.array(twice, int).reshape(-1, 2).T
    return Result(
        against=against,
        outcome=settled,
        score=total / n if n else 0.5,
        low=low,
        high=high,
        n=n,
        pairs=len(drawn),
        margin=rules.margin,
        more=more_to_settle(total, n, rules.margin) if settled == OPEN else 0,
        shared=len(twice),
        agreed=int((first == second).sum()),
        kappa=cohen_kappa(first, second) if twice else None,
    )


def _answers(db: Database, task: Task, writer_id: int | None, against: str) -> list[tuple[bool, list[str]]]:
    """Of each pair whether the draft stands left, and what reviewers said, the first first."""
    rows = db.execute(
        """select p.id, p.draft_left, a.answer from blind_pairs p left join blind_answers a on a.pair_id = p.id
           where p.task_id = ? and p.writer_id is ? and p.against = ? order by p.place, a.created, a.reviewer""",
        [task.id, writer_id, against],
    )
    by_pair: dict[int, tuple[bool, list[str]]] = {}
    for pair, left, answer in rows:
        by_pair.setdefault(pair, (bool(left), []))[1].extend([answer] if answer else [])
    return list(by_pair.values())


def _score(answer: str, draft_left: bool, rules: Rules) -> float:
    if answer in ("left", "right"):
        return float((answer == "left") == draft_left)
    return rules.both if answer == "both" else rules.neither


def vendor(name: str) -> str:
    """What drafts are compared with, where it is a vendor's texts."""
    return VENDOR + name


def other_words(against: str) -> str:
    """What drafts are compared with, in words."""
    return AGAINST.get(against) or f"the drafts of {against.removeprefix(VENDOR)}"


def compared(db: Database, task: Task, writer_id: int) -> list[Result]:
    """The blind tests of a student as they stand: against approved copy, the teacher's drafts, vendors'; those with pairs."""
    query = "select distinct against from blind_pairs where writer_id = ?"
    there = {against for (against,) in db.execute(query, [writer_id])}
    ordered = [*(name for name in AGAINST if name in there), *sorted(there - set(AGAINST))]
    return [result(db, task, writer_id, against) for against in ordered]


def of_vendors(db: Database, task: Task) -> dict[str, Result]:
    """The blind tests of vendors' drafts beside approved copy, by vendor."""
    query = "select distinct against from blind_pairs where task_id = ? and writer_id is null order by against"
    there = [against for (against,) in db.execute(query, [task.id])]
    return {against.removeprefix(VENDOR): result(db, task, None, against) for against in there}


def of_vendor_words(name: str, result: Result) -> str:
    """A vendor's result beside approved copy, in words."""
    return f"The drafts of {name} beside approved copy: {sentence(result)}"


def sentence(result: Result) -> str:
    """The result in words."""
    than, margin = other_words(result.against), stated_percent(result.margin)
    shares = (
        f"its share of {counted(result.n, 'comparison')} is {percent(result.score)} ({ranged(result.low, result.high)})"
    )
    asked = f"{stated_percent(round(0.5 - result.margin, 6))} was asked for"
    if result.outcome == NOT_WORSE:
        better = f" People prefer them to {than}." if result.better else ""
        return f"Not worse than {than} by more than the margin of {margin}: {shares}, {asked}.{better}"
    if result.outcome == WORSE:
        return f"Worse than {than} by more than the margin of {margin}: {shares}, {asked}."
    if result.more is None:
        return f"Not settled, nor soon: {shares}, too near to the {asked.removesuffix(' was asked for')} that was asked for."
    so_far = f"{shares}, {asked}" if result.n else f"its drafts beside {than}"
    return f"Not settled yet: {so_far}. About {result.more:,} more comparisons."


def agreed_words(result: Result) -> str:
    """How far reviewers agree, in words; "" before two judged a pair."""
    if not result.shared:
        return ""
    ends = ranged(*interval(result.agreed, result.shared))
    beyond = "" if result.kappa is None else f"; {result.kappa:.2f} beyond chance, where 1 is always"
    return f"Two reviewers said the same of {result.agreed:,} of {result.shared:,} pairs ({ends}){beyond}."


# --- a reviewer's way through the pairs ---------------------------------------------------------------------------------

# A student's pairs and vendors' are judged together: whose text it is, nobody is to tell.
TOGETHER = "p.task_id = :task and (p.writer_id is null or p.writer_id = :writer)"
WAITS = f"""not exists (select 1 from blind_answers a where a.pair_id = p.id and a.reviewer = :reviewer)
            and (p.place % {SHARED} = 0 or not exists (select 1 from blind_answers a where a.pair_id = p.id))"""


def next_item(db: Database, task: Task, writer_id: int | None, reviewer: str) -> Item | None:
    """The first pair of a student, or of a vendor, that waits for this reviewer; None when none does. What is not for everybody
    goes to whoever comes first."""
    query = f"select * from blind_pairs p where {TOGETHER} and {WAITS} order by p.place, p.id limit 1"
    for row in db.query(query, {"task": task.id, "writer": writer_id, "reviewer": reviewer}):
        left, right = (row["draft"], row["other"]) if row["draft_left"] else (row["other"], row["draft"])
        return Item(row["id"], row["brief"], left, right)
    return None


def counts(db: Database, task: Task, writer_id: int | None, reviewer: str) -> tuple[int, int]:
    """(left, done): pairs that wait for this reviewer, and those the reviewer has judged."""
    asked = {"task": task.id, "writer": writer_id, "reviewer": reviewer}
    return db.execute(
        f"""select ifnull(sum({WAITS}), 0),
            ifnull(sum(exists (select 1 from blind_answers a where a.pair_id = p.id and a.reviewer = :reviewer)), 0)
            from blind_pairs p where {TOGETHER}""",
        asked,
    ).fetchone()


def answer(db: Database, pair_id: int, reviewer: str, choice: str, seconds: float | None = None) -> None:
    """Keep what a reviewer said of a pair, one of ANSWERS; a second answer of the same person changes nothing.

    `seconds`: how long it took; what took longer than a pause is not kept. Raises InputError without a name, ValueError for what is
    no answer.
    """
    if choice not in ANSWERS:
        raise ValueError(f"{choice} is no answer")
    took = seconds if seconds is not None and seconds <= PAUSE else None
    row = [pair_id, reviewer := named(reviewer), choice, took, now()]
    insert = "insert or ignore into blind_answers (pair_id, reviewer, answer, seconds, created) values (?, ?, ?, ?, ?)"
    with db.atomic():
        if db.execute(insert, row).rowcount > 0:
            (task_id,) = db.execute("select task_id from blind_pairs where id = ?", [pair_id]).fetchone()
            _told(db, tasks.get(db, task_id), pair_id, reviewer, "decided")


def _told(db: Database, task: Task, pair_id: int, reviewer: str, did: str) -> None:
    """A line in the audit trail, which says nothing of what was chosen: the test is blind until it is settled."""
    audit.record(db, "review", task=task, what=f"pair {pair_id}", detail={"as": reviewer, "did": did})


def undo(db: Database, task: Task, writer_id: int | None, reviewer: str) -> bool:
    """Take back the reviewer's last answer; whether there was one."""
    mine = f"""select a.pair_id from blind_answers a join blind_pairs p on p.id = a.pair_id
               where {TOGETHER} and a.reviewer = :reviewer order by a.created desc limit 1"""
    last = db.execute(mine, {"task": task.id, "writer": writer_id, "reviewer": reviewer}).fetchone()
    if last:
        with db.atomic():
            db.execute("delete from blind_answers where pair_id = ? and reviewer = ?", [last[0], reviewer])
            _told(db, task, last[0], reviewer, "took back")
    return bool(last)


def reviewers(db: Database, task: Task) -> list[str]:
    """Who has judged pairs or drafts here, the latest first."""
    rows = db.execute(
        """select reviewer from (
             select a.reviewer, a.created from blind_answers a join blind_pairs p on p.id = a.pair_id where p.task_id = :task
             union all
             select d.reviewer, d.created from draft_decisions d join drafts f on f.id = d.draft_id where f.task_id = :task)
           group by reviewer order by max(created) desc""",
        {"task": task.id},
    )
    return [row[0] for row in rows]


def must_be_drawn(result: Result) -> None:
    """InputError where a student has nothing to compare yet."""
    if not result.pairs:
        raise InputError(
            "There is nothing to compare yet.", "Draw up the test first, with --draw or on the Blind test page."
        )
