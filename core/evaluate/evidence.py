"""What a verdict rests on and what that shows, and what comes of it: the client's rules, the evidence, a rule, a verdict.

The two guards. A category is guarded where it has the test assets that the client's rule asks for and enough to be shown weak; it
is weak where its agreement is shown to lie below the client's floor (core/evaluate/weak.py). Against gold, where people settled
FEWEST_TEST independent test assets or more, what would take the teacher's place must not be shown to be worse (exact McNemar test
at 5 %) by more than is tolerated. For the student alone both look at all it was tested on, behind the teacher at the assets it
would handle and at student and teacher together.

Where campaigns, months or the like come up anew and less is agreed on in new ones, agreement and certificate are those of assets
left out with their whole campaign, and test assets, whose campaigns the student knows, only have to bear the certificate out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import InputError
from core.evaluate import weak
from core.evaluate.agreement import Paired, Share
from core.evaluate.cascade import Certificate
from core.evaluate.figures import GoldFigures, Unseen
from core.evaluate.next_step import Plan
from core.evaluate.weak import Category
from core.money.economics import stated

FEWEST_TEST = 100  # independent test assets below which an interval is wider than any decision
PROMISES = ("set", "tags")  # of a task that chooses several categories (core/evaluate/tags.py)
NEW = ("lowest", "nothing", "concepts", "campaigns", "months", "markets")  # rules of core/train/new.py


@dataclass(frozen=True)
class Rules:
    """The numbers in the table that a client can change. Raises InputError for what no rule could mean."""

    target: float = stated(0.95, "Target agreement", "share", "how often the student must agree with the teacher")
    least_handled: float = stated(
        0.30, "Least share handled", "share", "below this share the teacher still does most of the work"
    )
    guarded_rows: int = stated(
        5, "Smallest category guarded", "test assets", "a category with fewer test assets is not judged by itself"
    )
    category_floor: float = stated(
        0.70,
        "Lowest agreement in a guarded category",
        "share",
        "a category shown to lie below it holds the student back",
    )
    gold_drop: float = stated(
        0.02,
        "Largest drop against gold",
        "share",
        "how much less often right than the teacher, where people settled labels",
    )
    new: str = stated(
        "lowest",
        "What will be new in your work",
        "",
        "promises rest on assets whose campaign, month, market … the student had not seen; trainings from now on go by it",
    )

    promise: str = stated(
        "set",
        "What is promised of tags",
        "",
        "set: on so many of the assets handled exactly the teacher's tags; tags: so many of the tags given are the teacher's",
    )

    def __post_init__(self) -> None:
        if self.promise not in PROMISES:
            raise InputError(f"The promise is {self.promise}.", f"Choose one of: {', '.join(PROMISES)}.")
        if not 0.5 <= self.target < 1:
            raise InputError(f"The target agreement is {self.target:g}.", "Give a share from 0.5 to below 1.")
        for name in ("least_handled", "category_floor", "gold_drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"{name.replace('_', ' ').capitalize()} is {getattr(self, name):g}.", "Give a share, 0 to 1."
                )
        if not self.new.strip():
            raise InputError("What will be new is empty.", f"Name it: {', '.join(NEW)}, or a column of the file.")
        if self.guarded_rows < 1:
            raise InputError(f"The smallest category guarded has {self.guarded_rows} test assets.", "Give 1 or more.")


@dataclass(frozen=True)
class DecisionModel:
    """A decision model that was asked about the same assets: whether it does the work, so that a student is not worth its upkeep
    (core/evaluate/beside.py), that in words, and what to do then."""

    name: str
    does_it: bool
    words: str
    instead: str


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on. `agreement`, `handled` and `agreement_handled` are those of test rows, but where `unseen` says that
    agreement is of something newer, which is lower; `saving` has the
    shares saved by "student" and "cascade" (None where the teacher has no price, which decides nothing), `saving_on_batch` the
    same against the teacher at its batch price (empty where there is none or it is used already); `trial`: its teacher is the
    built-in one; `categories` are all
    test rows', `categories_handled` those of the rows the student would handle; `gold` where people settled test labels;
    `plan` what could be done next; `live`: it is at work already; `overtaken`: the taxonomy version it was judged under and the one
    in use since, where they differ; `ready_at`: a lower target at which it would be ready today, and what the verdict would be;
    `of`: what `agreement` is a share of; `nobody_behind`: its teacher is a column of old labels and no model is connected, so that
    nobody could answer what falls back; `decision_model`: the one that was asked too and agrees most."""

    agreement: Share
    certificate: Certificate
    handled: Share
    agreement_handled: Share | None
    saving: dict[str, float | None]
    saving_on_batch: dict[str, float | None] = field(default_factory=dict)
    rules: Rules = Rules()
    trial: bool = False
    same_encoder: bool = False
    gold: GoldFigures | None = None
    categories: tuple[Category, ...] = ()
    categories_handled: tuple[Category, ...] = ()
    plan: Plan = field(default_factory=Plan)
    live: bool = False
    overtaken: tuple[int, int] | None = None
    ready_at: tuple[float, str] | None = None
    nobody_behind: bool = False
    of: str = "the test assets"
    unseen: Unseen | None = None
    decision_model: DecisionModel | None = None

    @property
    def tested(self) -> Share:
        """Agreement on test rows."""
        return self.unseen.seen if self.unseen else self.agreement

    @property
    def target(self) -> float:
        """The agreement aimed at."""
        return self.rules.target

    @property
    def weak(self) -> list[Category]:
        """The guarded categories shown to lie below the client's floor, the worst first."""
        return self._weak(self.categories)

    @property
    def reaches_alone(self) -> bool:
        """Whether agreement at its lower end reaches the target, or all but strange assets are certified."""
        return self.agreement.low >= self.target or self.certificate.threshold == 0

    @property
    def reaches_behind(self) -> bool:
        """Whether, certified, it handles the least share asked for."""
        return self.certificate.certified and self.handled.value >= self.rules.least_handled

    @property
    def good_alone(self) -> bool:
        """Whether it reaches the target alone and both guards hold."""
        return self.reaches_alone and not self.weak and not self._drops(self.gold.paired if self.gold else None)

    @property
    def good_behind(self) -> bool:
        """Whether it handles enough with the teacher behind it and both guards hold there."""
        guarded = not self._weak(self.categories_handled) and not self._drops(
            self.gold.cascade_paired if self.gold else None
        )
        return self.reaches_behind and guarded

    @property
    def held_back(self) -> tuple[list[Category], Paired | None]:
        """What the guards found for the stronger of the two verdicts that would else apply: weak categories, the drop against
        gold."""
        if self.reaches_behind:
            pair = self.gold.cascade_paired if self.gold else None
            return self._weak(self.categories_handled), pair if self._drops(pair) else None
        if self.reaches_alone:
            pair = self.gold.paired if self.gold else None
            return self.weak, pair if self._drops(pair) else None
        return [], None

    @property
    def does_not_pay(self) -> bool:
        """Whether it is good enough for what follows, but costs no less than the teacher."""
        if self.good_alone:
            return not pays(self.saving["student"])
        return self.good_behind and not pays(self.saving["cascade"])

    @property
    def contradicted(self) -> bool:
        """Whether what was certified is shown not to hold on test assets."""
        agreed = self.agreement_handled
        return self.certificate.certified and agreed is not None and agreed.high < self.target

    def _weak(self, categories: tuple[Category, ...]) -> list[Category]:
        return weak.weak(categories, self.rules.guarded_rows, self.rules.category_floor)

    def _drops(self, pair: Paired | None) -> bool:
        """Whether the first of the two is shown to be right less often than the second, by more than is tolerated."""
        if pair is None or pair.n < FEWEST_TEST or pair.better != "second":
            return False
        return pair.difference > self.rules.gold_drop + 1e-12


def pays(saving: float | None) -> bool:
    """Whether anything is saved; what has no price decides nothing."""
    return saving is None or saving > 0


@dataclass(frozen=True)
class Verdict:
    """`decision` is replace, fallback, decision_model, not_ready or trial; `rule` names the row of RULES; `mode`: whether it
    speaks of the "student" alone or of the "cascade"; `offers`: the lower target that `next` speaks of, at which it is ready
    today."""

    decision: str
    reason: str
    next: str
    rule: str
    mode: str = "student"
    offers: float | None = None


@dataclass(frozen=True)
class Rule:
    """One row of the table: when it applies, what it decides, and how it says so; `when` it applies in words, the client's numbers
    in braces (verdict.in_words())."""

    name: str
    decision: str
    applies: Callable[[Any], bool]
    reason: Callable[[Any], str]
    next: Callable[[Any], str]
    when: str = ""
