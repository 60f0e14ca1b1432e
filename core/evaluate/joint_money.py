"""What all facets of an asset cost together: the teacher asked about all of them in one call, against students with one call behind
them for whatever facets fall back.

How often which facets fall back together is measured on the test assets that have a label in every facet, each facet by its own
certified confidence, as a server and `score` go by it. What a call takes is measured where calls about these facets were bought;
else it is worked out from what the prompts send, at the tokens a character that other calls took, or at four characters a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sqlite_utils import Database

from core import taxonomy
from core.errors import InputError
from core.evaluate.comparison import Comparison, judgement
from core.evaluate.evaluation import certified, predictions
from core.label.asking import of_task
from core.label.forecast_joint import joint_answers
from core.label.spending import MEASURED, answers_of, frame_of
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import Joint, places
from core.money import ledger
from core.money.economics import Assumptions, Line, Taught, monthly_cost, show, teacher_cost
from core.money.prices import CHARACTERS_A_TOKEN, TOKENS_OUT, Price
from core.tasks import Task
from core.train.registry import find
from core.wires.connections import Connection
from core.words import counted, money, percent

WAYS = {  # key of a line -> in words
    "teacher": "Teacher, all facets in one call",
    "teacher_apart": "Teacher, a call a facet",
    "cascade": "Students, one call for all that falls back",
    "cascade_apart": "Students, a call a facet that falls back",
}


@dataclass(frozen=True)
class JointMoney:
    """USD per 1,000 assets and a month of `volume` assets, by WAYS, with the `lines` that lead there. On the `n` test assets
    `fell_back` is the share that falls back in a facet at least and `facets_a_call` how many of its facets do then. `basis`: how
    the tokens are known; `takes_over`: whether the verdicts hand every facet over to its student, else nothing is saved yet."""

    volume: int
    price: Price
    per_1000: dict[str, float]
    monthly: dict[str, float]
    lines: list[Line]
    fell_back: float
    facets_a_call: float
    n: int
    basis: str
    takes_over: bool

    @property
    def saving(self) -> float | None:
        """The share that students save of the teacher asked about all facets in one call; None where that costs nothing."""
        return 1 - self.per_1000["cascade"] / self.per_1000["teacher"] if self.per_1000["teacher"] else None

    @property
    def saves_nothing(self) -> bool:
        """Whether it neither saves nor costs a cent a month, as where every asset falls back in every facet."""
        return abs(self.monthly["teacher"] - self.monthly["cascade"]) < 0.01

    @property
    def saving_month(self) -> float:
        """USD that students save a month of that."""
        return self.monthly["teacher"] - self.monthly["cascade"]


def money_of(db: Database, students: Mapping[Task, int]) -> JointMoney:
    """What the facets of a student each cost together, priced as their teachers are. InputError where nobody can say."""
    judged = {task: judgement(db, id) for task, id in students.items()}
    assumptions, price = _priced(list(judged.values()))
    held = _falling(db, list(students.values()))
    calls = _Calls(db, students, [one.measured for one in judged.values()])
    shares = {places(int(mask)): share for mask, share in held.value_counts(normalize=True).items() if mask}
    every = tuple(range(len(students)))
    costs: dict[tuple[int, ...], Line] = {}
    for asked in dict.fromkeys([every, *shares, *((place,) for place in every)]):
        costs[asked] = teacher_cost(calls.taken(asked), assumptions, price)
    each = [one.economics.line("student").value for one in judged.values()]
    own = round(sum(each), 6)
    lines = [
        replace(costs[every], key="teacher", label=f"{WAYS['teacher']}, 1,000 assets"),
        _sum("teacher_apart", [(1.0, costs[place,]) for place in every]),
        Line("students", "Students, 1,000 assets", " + ".join(map(show, each)), own, "USD", "estimated", NOTE),
        _sum("cascade", [(share, costs[asked]) for asked, share in shares.items()], own),
        _sum("cascade_apart", [(_share(shares, place), costs[place,]) for place in every], own),
    ]
    by_key = {line.key: line for line in lines}
    monthly = {key: monthly_cost(key, by_key[key], assumptions.volume_per_month) for key in WAYS}
    back = sum(shares.values())
    return JointMoney(
        assumptions.volume_per_month,
        price,
        {key: by_key[key].value for key in WAYS},
        {key: line.value for key, line in monthly.items()},
        [*lines, *monthly.values()],
        back,
        sum(len(asked) * share for asked, share in shares.items()) / back if back else 0.0,
        len(held),
        calls.basis,
        all(one.takes_over for one in judged.values()),
    )


NOTE = "each facet's student in full; where they read an asset once they take less"


def _share(shares: Mapping[tuple[int, ...], float], place: int) -> float:
    return sum(share for asked, share in shares.items() if place in asked)


def _sum(key: str, parts: Sequence[tuple[float, Line]], own: float = 0.0) -> Line:
    """Students at `own`, and so large shares of calls at so much each."""
    rounded = [(round(share, 4), line.value) for share, line in parts]
    words = [show(own)] if own else []
    words += [show(usd) if share == 1 else f"{show(share)} × {show(usd)}" for share, usd in rounded]
    value = round(own + sum(share * usd for share, usd in rounded), 6)
    return Line(key, f"{WAYS[key]}, 1,000 assets", " + ".join(words) or "0", value, "USD", "estimated")


def _priced(judged: Sequence[Comparison]) -> tuple[Assumptions, Price]:
    """What all facets rest on: the first one's assumptions with the largest volume, at list prices."""
    found = {one.price and one.price.model for one in judged}
    if any(one.measured.teacher_kind == "built-in" for one in judged):
        raise InputError(
            "The built-in teacher costs nothing, so asking about facets together saves nothing.",
            "Label with a model, or import its labels.",
        )
    if len(found) > 1 or judged[0].price is None:
        raise InputError(
            "The facets' teachers are not priced as one model, so what they cost together is not known.",
            "Price each task's teacher as the same model under What it costs.",
        )
    volume = max(one.assumptions.volume_per_month for one in judged)
    plain = replace(judged[0].assumptions.listed, volume_per_month=volume, tokens_in=None, tokens_out=None)
    return plain, judged[0].price


def _falling(db: Database, students: Sequence[int]) -> pd.Series:
    """Of each test asset that all students answered, the facets that fall back, as a sum of powers of two."""
    columns = []
    for place, id in enumerate(students):
        held = predictions(db, id)
        held = held[held["split"] == "test"].set_index("asset_id")
        threshold = certified(db, id)[0]
        sure = np.zeros(len(held), bool) if threshold is None else (held["confidence_student"] >= threshold).to_numpy()
        columns.append(pd.Series(np.where(sure & ~held["strange"].to_numpy(), 0, 1 << place), held.index))
    whole = pd.concat(columns, axis=1, join="inner")
    if whole.empty:
        raise InputError(
            "No test asset has a label in every facet, so nothing can be said of all facets together.",
            "Label the same assets in each facet.",
        )
    return whole.sum(axis=1)


@dataclass
class _Calls:
    """What calls about facets take. `taught`: what each facet's label run tells."""

    db: Database
    students: Mapping[Task, int]
    taught: Sequence[Taught]
    bought: set[tuple[int, ...]] = field(default_factory=set)  # sets of facets whose calls were measured
    asked: set[tuple[int, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        rows = [find(self.db, task, id) for task, id in self.students.items()]
        self.runs = [row["label_run_id"] for row in rows]
        client_id = next(iter(self.students)).client_id
        nobody = Connection(0, client_id, "", "openai", None, "", "none")
        alone = [
            (task, Hosted("", nobody, of_task(self.db, task, nobody, taxonomy.load(self.db, row["taxonomy_id"])), None))
            for task, row in zip(self.students, rows)
        ]
        self.joint = Joint(alone)
        query = "select avg(length(text)) from assets where client_id = ? and group_id = id"
        self.text = self.db.execute(query, [client_id]).fetchone()[0] or 0.0
        self.a_character, self.out = self._rates()

    def taken(self, asked: tuple[int, ...]) -> Taught:
        """What a call about the facets at these places takes, as the sheet prices it."""
        self.asked.add(asked)
        seen = self._seen(asked)
        if seen is not None:
            self.bought.add(asked)
            tokens_in, tokens_out = seen
        else:
            tokens_in, tokens_out = self._characters(asked) * self.a_character, self.out * len(asked)
        basis = "measured" if seen is not None else "estimated"
        return Taught(
            teacher="", labels=0, spent_usd=0.0, tokens_in=tokens_in, tokens_out=tokens_out, tokens_basis=basis
        )

    @property
    def basis(self) -> str:
        """How the tokens of all calls are known, in words."""
        if self.asked == self.bought:
            return "tokens measured on the calls that were bought"
        if self.bought or self.a_character != 1 / CHARACTERS_A_TOKEN:
            return "tokens estimated from what the prompts send, at the rate of the calls that were bought"
        return f"tokens estimated from what the prompts send, at {CHARACTERS_A_TOKEN:g} characters a token"

    def _seen(self, asked: tuple[int, ...]) -> tuple[float, float] | None:
        """Tokens in and out that calls about exactly these facets took, where enough were bought."""
        runs = [self.runs[place] for place in asked]
        if len(asked) == 1:
            seen = answers_of(self.db, runs[0])
        else:
            seen = joint_answers(self.db, ledger.joint_there(self.db, runs))
        return (seen[:, 1].mean(), seen[:, 2].mean()) if len(seen) >= MEASURED else None

    def _rates(self) -> tuple[float, float]:
        """Tokens in a character sent, and out a facet: of calls about all facets, else about single ones, else assumed."""
        every = tuple(range(len(self.runs)))
        for sets in ([every], [(place,) for place in every]):
            found = [(asked, seen) for asked in sets if (seen := self._seen(asked))]
            if found:
                sent = sum(self._characters(asked) for asked, _ in found)
                out = sum(out for _, (_, out) in found) / sum(len(asked) for asked, _ in found)
                return sum(tokens for _, (tokens, _) in found) / sent, out
        told = [(place, one) for place, one in enumerate(self.taught) if one.tokens_basis == "measured"]
        if told:
            sent = sum(self._characters((place,)) for place, _ in told)
            outs = [one.tokens_out for _, one in told if one.tokens_out is not None]
            return sum(one.tokens_in for _, one in told) / sent, float(np.mean(outs)) if outs else float(TOKENS_OUT)
        return 1 / CHARACTERS_A_TOKEN, float(TOKENS_OUT)

    def _characters(self, asked: tuple[int, ...]) -> float:
        """Characters that a call about these facets sends, the answer's schema at its weight."""
        return self.text + frame_of(self.db, self.joint.client_id, self.joint, asked, alone=True, schemas=True)


def or_why_not(db: Database, students: Mapping[Task, int]) -> tuple[JointMoney | None, str]:
    """money_of(), or None and why nobody can say."""
    try:
        return money_of(db, students), ""
    except InputError as error:
        return None, str(error)


# --- in words -----------------------------------------------------------------------------------------------------


def sentence(of: JointMoney) -> str:
    """What all facets together cost and save a month, in words."""
    return (
        f"A month of {of.volume:,} assets in all facets: {money(of.monthly['cascade'])} with students and one call for whatever "
        f"falls back, {money(of.monthly['teacher'])} with the teacher asked about all facets in one call. "
        f"{_saves(of)} (estimated). {percent(of.fell_back)} of {counted(of.n, 'test asset')} fall back, in "
        f"{of.facets_a_call:.1f} facets each (measured)."
    )


def _saves(of: JointMoney) -> str:
    """What the students save or cost a month, in words."""
    if of.takes_over:
        save, cost = "That saves", "That costs"
    else:
        save, cost = (f"If all students could go to work, that would {verb}" for verb in ("save", "cost"))
    if of.saves_nothing:
        return f"{save} nothing"
    if of.saving_month < 0:
        return f"{cost} {money(-of.saving_month)} a month more"
    share = f"{percent(of.saving)} and " if of.saving is not None else ""
    return f"{save} {share}{money(of.saving_month)} a month"


def basis(of: JointMoney) -> str:
    """What the figures rest on, in words."""
    listed = ", ".join(filter(None, [of.price.source, of.price.as_of]))
    return f"Priced as {of.price.model} ({listed}); {of.basis}."


def rows(of: JointMoney) -> list[dict[str, Any]]:
    """Each way of working with what it costs."""
    return [
        {
            "Way of working": words,
            "USD per 1,000 assets": of.per_1000[key],
            "USD a month": of.monthly[key],
            "Basis": "estimated",
        }
        for key, words in WAYS.items()
    ]


def as_json(db: Database, students: Mapping[Task, int]) -> tuple[dict[str, Any], str]:
    """The figures as commands print them ({"reason"} where nobody can say), and in words."""
    of, why_not = or_why_not(db, students)
    if of is None:
        return {"reason": why_not}, ""
    told = {
        "priced_as": of.price.model,
        "volume_per_month": of.volume,
        "per_1000_usd": of.per_1000,
        "monthly_usd": of.monthly,
        "saving": of.saving,
        "saving_usd_month": of.saving_month,
        "fell_back": {"share": of.fell_back, "facets_a_call": of.facets_a_call, "n": of.n},
        "tokens_basis": of.basis,
    }
    return told, f"{sentence(of)} {basis(of)}"
