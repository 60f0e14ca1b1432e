"""The scorer of drafts, learned from what people decided: which draft stands first, and whether any is good enough.

A logistic regression on what is known of a draft besides its words. It learns from two fifths of the briefs; on the others, by the
first draft that people decided of each, it is proven how high a draft must stand so that people approve at least `target` of those
above the bar (core/evaluate/cascade.py, as for labels). A brief without a draft above the bar is for a person, or the teacher: the
best of several may still be bad, so that choosing needs an outside option (arXiv 2510.04087).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log

import numpy as np
from sqlite_utils import Database

from core import settings, tasks
from core.chance import chance
from core.database import now
from core.evaluate import cascade
from core.words import counted, percent, stated_percent

FEWEST = 200  # decisions from which it is learned
EITHER = 15  # of the decisions learned from that approve, and that do not, at the least
LEARNED = 0.4  # of briefs; the others prove the bar
GROWN = 1.25  # times the decisions, from which it is learned anew
SURE = 0.95
TARGET = "approval_target"  # the setting of the task


@dataclass(frozen=True)
class Decided:
    """What a person decided of a draft: `approved` as it was, or preferred to approved copy, or as good."""

    writer_id: int
    brief: str
    features: dict[str, float]
    approved: bool
    when: str


@dataclass(frozen=True)
class Scorer:
    """Weights of standardised features. `bar`: how likely a draft must be approved, None where nothing could be proven; `handled`:
    the share of the `proven` briefs with a first draft above it, `approved` the share of these that people approved."""

    names: list[str]
    mean: list[float]
    spread: list[float]
    weights: list[float]
    bias: float
    bar: float | None
    target: float
    handled: float
    approved: float
    learned: int
    proven: int
    more: int | None

    def likely(self, drafts: Sequence[dict[str, float]]) -> np.ndarray:
        """How likely people approve each draft, 0 to 1, by its features; one that is not known counts as usual."""
        rows = np.array([[one.get(name, usual) for name, usual in zip(self.names, self.mean)] for one in drafts], float)
        told = (rows.reshape(-1, len(self.names)) - self.mean) / self.spread @ np.array(self.weights) + self.bias
        return 1 / (1 + np.exp(-told))


def learn(decided: Sequence[Decided], writer_id: int, target: float, seed: str = "") -> Scorer | None:
    """The scorer for a student's drafts; None where decisions are fewer than FEWEST, or nearly all alike.

    Every student's decisions teach; the bar is proven on this one's alone.
    """
    lots = {one.brief: chance(f"scorer {seed} {one.brief}") for one in decided}
    taught = [one for one in decided if lots[one.brief] < LEARNED]
    yes = sum(one.approved for one in taught)
    if len(decided) < FEWEST or min(yes, len(taught) - yes) < EITHER:
        return None
    fitted = _fit(taught)
    first: dict[str, Decided] = {}
    for one in sorted(decided, key=lambda one: one.when):
        if one.writer_id == writer_id and lots[one.brief] >= LEARNED:
            first.setdefault(one.brief, one)
    likely = Scorer(*fitted, None, target, 0.0, 0.0, len(taught), 0, None).likely(
        [one.features for one in first.values()]
    )
    proof = cascade.certify(likely, np.array([one.approved for one in first.values()], bool), target, 1 - SURE)
    return Scorer(
        *fitted, proof.threshold, target, proof.handled, proof.agreement, len(taught), len(first), proof.more_needed
    )


def _fit(taught: Sequence[Decided]) -> tuple[list[str], list[float], list[float], list[float], float]:
    from sklearn.linear_model import LogisticRegression

    names = sorted({name for one in taught for name in one.features})
    rows = np.array([[one.features.get(name, np.nan) for name in names] for one in taught], float)
    mean = np.nanmean(rows, axis=0)
    rows = np.where(np.isnan(rows), mean, rows)
    spread = np.where(rows.std(axis=0) > 1e-9, rows.std(axis=0), 1.0)
    model = LogisticRegression(C=1.0, max_iter=500).fit((rows - mean) / spread, [one.approved for one in taught])
    return names, mean.tolist(), spread.tolist(), model.coef_[0].tolist(), float(model.intercept_[0])


# --- in the database ----------------------------------------------------------------------------------------------------


def remember(db: Database, row: dict, brief: str, drafts: Sequence[tuple[str, dict[str, float]]]) -> None:
    """Keep the features of drafts, (text, features) each, that a student of `row` wrote of a brief."""
    with db.atomic():
        db.conn.executemany(
            "insert or replace into draft_scores (task_id, writer_id, brief, text, features, created) values (?, ?, ?, ?, ?, ?)",
            [
                (row["task_id"], row["id"], brief.strip(), " ".join(text.split()), json.dumps(some), now())
                for text, some in drafts
            ],
        )


def decisions(db: Database, task_id: int) -> list[Decided]:
    """What people decided of a task's drafts whose features are known: on the desk, and by the first answer in the blind test."""
    desk = """select s.writer_id, s.brief, s.features, d.decision = 'approved', d.created from draft_decisions d
              join drafts f on f.id = d.draft_id join draft_scores s on s.writer_id = f.writer_id and s.brief = f.brief
              and s.text = f.text where f.task_id = ?"""
    blind = """select s.writer_id, s.brief, s.features, a.answer in ('both', case when p.draft_left then 'left' else 'right' end),
               min(a.created) from blind_answers a join blind_pairs p on p.id = a.pair_id
               join draft_scores s on s.writer_id = p.writer_id and s.brief = p.brief and s.text = p.draft
               where p.task_id = ? and p.against = 'approved' group by a.pair_id"""
    rows = [*db.execute(desk, [task_id]).fetchall(), *db.execute(blind, [task_id]).fetchall()]
    return [Decided(writer, brief, json.loads(told), bool(yes), when) for writer, brief, told, yes, when in rows]


def of(db: Database, row: dict) -> Scorer | None:
    """The scorer of the student in `row`, learned anew where decisions have grown by a quarter or another
    target is asked for; None before there are enough."""
    made, before = _kept(db, row)
    there = count(db, row["task_id"])
    target = settings.get(db, TARGET, tasks.get(db, row["task_id"]))
    if there < FEWEST or (there < GROWN * before and (made is None or made.target == target)):
        return made
    made = learn(decisions(db, row["task_id"]), row["id"], target)
    new = {"writer_id": row["id"], "task_id": row["task_id"], "decisions": there, "created": now()}
    db["draft_scorers"].upsert(new | {"scorer": json.dumps(asdict(made) if made else {})}, pk="writer_id")
    return made


def proven(db: Database, row: dict) -> str:
    """What is proven of a student's drafts above the bar, in words, as it was last learned; "" where nothing is."""
    made, _ = _kept(db, row)
    return _promise(made) if made and made.bar is not None else ""


def _kept(db: Database, row: dict) -> tuple[Scorer | None, int]:
    """The scorer as it was last learned, and from how many decisions."""
    there = db.execute("select scorer, decisions from draft_scorers where writer_id = ?", [row["id"]]).fetchone()
    told = json.loads(there[0]) if there else {}
    return (Scorer(**told) if told else None), there[1] if there else 0


def _promise(made: Scorer) -> str:
    return (
        f"A brief counts as handled only with a draft above the bar: people approve at least {stated_percent(made.target)} of "
        f"these as they are, proven on {counted(made.proven, 'brief')} ({percent(made.approved, made.target)} seen), which leaves "
        f"{percent(made.handled)} of briefs to the student."
    )


def count(db: Database, task_id: int) -> int:
    """How many decisions there are to learn from."""
    return len(decisions(db, task_id))


def sentence(db: Database, row: dict) -> str:
    """How the scorer of a student stands, in words."""
    there, made = count(db, row["task_id"]), of(db, row)
    if there < FEWEST:
        more = counted(FEWEST - there, "more decision")
        return f"After {more} on drafts, here or in the blind test, the student learns which drafts people approve."
    if made is None:
        return "People decided alike of nearly all drafts, so that nothing can be learned from it yet."
    learned = f"It puts drafts in the order that {counted(there, 'decision')} of people taught it."
    if made.bar is None:
        more = f" About {counted(made.more, 'more brief')} would do." if made.more else ""
        return (
            f"{learned} That people approve {stated_percent(made.target)} of some of its first drafts could not be proven on "
            f"{counted(made.proven, 'brief')} kept for it.{more}"
        )
    return f"{learned} {_promise(made)}"


def below(scorer: Scorer, likely: float) -> str:
    """Why a draft is not good enough, in words; "" where it is, or no bar is proven."""
    if scorer.bar is None or likely >= scorer.bar:
        return ""
    return f"People approve too few drafts like it: {percent(likely)} are likely to be, and the bar is {percent(scorer.bar)}."


def features(text: str, slots: int, rank: int, voice: float | None, told: dict[str, float]) -> dict[str, float]:
    """What is known of a draft besides its words: what the model `told` (nats a character), its brief's rank, voice and form."""
    form = {
        "rank": log(rank),
        "length": log(max(1, len(text))),
        "words": log(max(1, len(text.split()))),
        "exclamation_marks": float(text.count("!")),
        "questions": float(text.count("?")),
        "sentences": float(sum(text.count(sign) for sign in ".!?")),
        "facts": float(slots),
    }
    return {**told, **form, **({} if voice is None else {"voice": voice})}
