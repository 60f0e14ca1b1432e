"""What would change the verdict: more labels (how many, where, at what price and in what time), categories to merge, or neither.

Pure: from the figures of an evaluation, the forecast of the learning curve where one was measured, and what a label costs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from core.evaluate.cascade import about
from core.evaluate.figures import ChooseOneFigures, Confusion
from core.words import counted, duration, money, percent, stated_percent

NAMED = 4  # categories named as the weakest, at most
MERGES = 3  # pairs merged before a task counts as too broad
WORTH_MERGING = 0.01  # agreement gained by merging a pair, below which it is not proposed


@dataclass(frozen=True)
class Merge:
    """Two categories mixed up in either direction, and the agreement there would be if they were one."""

    first: str
    second: str
    agreement: float


@dataclass(frozen=True)
class Mixed:
    """The two categories that student and teacher mix up most, on how many test assets, and some of these by name."""

    first: str
    second: str
    assets: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Growth:
    """What the learning curve says: another `twice` labels bring `most` agreement (share, upper end of its interval);
    `reach` labels bring the target (None: even twice as many do not)."""

    twice: int
    most: float
    reach: int | None


@dataclass(frozen=True)
class Plan:
    """`agreement` and `target` as shares; `more`: labels that would prove the promise at the agreement seen; a label's price in
    USD and time in seconds (None: not known); `weakest`: the categories in which most is lost, below the target; `below` of
    `categories` lie below it; `labels_in`: about how many labels there are of each category; `merges`: the pairs whose merging
    gains most, each with those before it, of categories that stand under one parent and that the teacher itself confuses; `mixed`:
    the pair mixed up most, whether or not it may be merged; `parent`: agreement at the top level; `unlabelled`: assets of the
    client, copies counted once, that have no label yet (None: not known)."""

    agreement: float = 0.0
    target: float = 0.95
    more: int | None = None
    usd_a_label: float | None = None
    seconds_a_label: float | None = None
    weakest: tuple[str, ...] = ()
    below: int = 0
    categories: int = 0
    labels_in: dict[str, int] = field(default_factory=dict)
    merges: tuple[Merge, ...] = ()
    growth: Growth | None = None
    parent: float | None = None
    mixed: Mixed | None = None
    unlabelled: int | None = None

    def cost_of(self, labels: int) -> str:
        """What so many labels take: "about $23 and 40 min of the teacher's time"; empty where neither is known."""
        parts = []
        if self.usd_a_label:
            usd = self.usd_a_label * labels
            parts.append(money(usd))
        if self.seconds_a_label:
            seconds = self.seconds_a_label * labels
            parts.append(f"{duration(seconds if seconds < 120 else 60 * round(seconds / 60))} of the teacher's time")
        return f"about {' and '.join(parts)}" if parts else ""

    @property
    def where(self) -> str:
        """The weakest categories in words: in these 2 categories: “Sale”, “Offer”"""
        if not self.weakest:
            return ""
        names = ", ".join(f"“{name}”" for name in self.weakest)
        return (
            f"in this category: {names}"
            if len(self.weakest) == 1
            else f"in these {len(self.weakest)} categories: {names}"
        )

    @property
    def merging(self) -> str:
        """The merger that gains most, as a clause; empty where none is worth it."""
        if not self.merges or self.merges[0].agreement - self.agreement < WORTH_MERGING:
            return ""
        best = self.merges[0]
        return (
            f"merge the categories “{best.first}” and “{best.second}”, which alone takes agreement from "
            f"{percent(self.agreement)} to {percent(best.agreement)}"
        )

    @property
    def settling(self) -> str:
        """The pair mixed up most with examples, to be looked at by people; empty where none stands out."""
        if self.mixed is None or self.merging:
            return ""
        named = f", such as {', '.join(self.mixed.examples)}" if self.mixed.examples else ""
        return (
            f"Most of what differs: “{self.mixed.first}” and “{self.mixed.second}” "
            f"({counted(self.mixed.assets, 'test asset')}{named})."
        )

    def label(self, count: int, where: str = "") -> str:
        """Getting so many labels, as far as the client owns assets for them: the rest would have to be imported."""
        there = count if self.unlabelled is None else min(count, self.unlabelled)
        place, lacking = f" {where}" if where else "", count - there
        if lacking and there == 0:
            cost = f" ({self.cost_of(count)} to label)" if self.cost_of(count) else ""
            return f"Import about {counted(count, 'more asset')}{place}{cost}: all there are have labels"
        cost = f", {self.cost_of(count)}" if self.cost_of(count) else ""
        if lacking:
            return f"Label the {counted(there, 'asset')} left and about {about(lacking):,} more that you import{place}{cost}"
        return f"Label about {counted(count, 'more asset')}{place}{cost}"

    @property
    def proving(self) -> str:
        """How many labels would prove the promise, what they take and where most is to be gained."""
        text = self.label(self.more or 0)
        return f"{text}; most is to be gained {self.where}" if self.where else text

    def labelling_in(self, names: list[str]) -> str:
        """Twice the labels of these categories, with price and time."""
        count = about(sum(self.labels_in.get(name, 0) for name in names))
        quoted = " and ".join(f"“{name}”" for name in names)
        return self.label(count, f"in {quoted} (twice what there is)")

    @property
    def handing_over(self) -> str:
        """What would let the student take more by itself, as a clause."""
        if self.growth and self.growth.reach:
            count, merge = self.growth.reach, f", or {self.merging}" if self.merging else ""
            return f"{_lower(self.label(count, self.where))}{merge}"
        if self.growth and self.growth.most >= WORTH_MERGING:
            count, merge = about(self.growth.twice), f"; or {self.merging}" if self.merging else ""
            points = f"which would bring up to {100 * self.growth.most:.1f} points (estimated)"
            return f"{_lower(self.label(count))}, {points}{merge}"
        return self.merging or "have people settle the labels on which student and teacher differ"

    @property
    def reaching(self) -> str:
        """What to do where nothing can be promised: label, merge, or see that the task is too broad to distil."""
        goal = stated_percent(self.target)
        merge = f" Or {self.merging}." if self.merging else f" {self.settling}" if self.settling else ""
        if self.growth and self.growth.reach:
            count = self.growth.reach
            reached = f"that many should reach {goal} (estimated); then train again."
            return f"{self.label(count, self.where)}; {reached}{merge}"
        if self.merges and self.merges[-1].agreement >= self.target:
            used = next(n for n, one in enumerate(self.merges, 1) if one.agreement >= self.target)
            pairs = ", ".join(f"“{one.first}” and “{one.second}”" for one in self.merges[:used])
            what = "these two categories" if used == 1 else f"these {used} pairs of categories"
            reached = percent(self.merges[used - 1].agreement)
            return f"Merge {what}: {pairs}. That takes agreement to {reached}; then train again."
        if self.growth:
            narrow = (
                f"{self.settling} Narrow the taxonomy, or aim lower."
                if self.settling
                else "Narrow the taxonomy, or aim lower."
            )
            return f"This task is too broad for a small model at {goal}: {self._evidence()}. {narrow}"
        first = "Import and label" if self.unlabelled == 0 else "Label"
        return (
            f"{first} more assets {self.where or 'where they differ'}, then train again.{merge} “Would more "
            "labels help?” on the Student page finds out how many it would take."
        )

    def _evidence(self) -> str:
        parts = [
            f"twice the labels (another {self.growth.twice:,}) would bring at most {100 * self.growth.most:.1f} points, "
            f"and {100 * (self.target - self.agreement):.1f} are missing",
            f"{self.below:,} of {self.categories:,} categories lie below it",
        ]
        if self.merges:
            pairs = "the pair" if len(self.merges) == 1 else f"the {len(self.merges)} pairs"
            parts.append(f"merging {pairs} mixed up most takes agreement to {percent(self.merges[-1].agreement)} only")
        if self.parent is not None:
            parts.append(f"at the top level alone it is {percent(self.parent)}")
        return "; ".join(parts)


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def plan(
    figures: ChooseOneFigures,
    growth: Growth | None,
    usd_a_label: float | None,
    seconds_a_label: float | None,
    unlabelled: int | None = None,
) -> Plan:
    """The plan that an evaluation's figures allow, for a client with so many assets that have no label."""
    agreement, target, certificate = figures.agreement.value, figures.target, figures.certificate
    low = [row for row in figures.categories if row.share < target]
    worst = sorted(low, key=lambda row: row.agreed - row.n)[:NAMED]
    a_row = figures.labelled_groups / max(certificate.n, 1)
    a_test_row = figures.labelled_groups / max(figures.agreement.n, 1)
    return Plan(
        agreement=agreement,
        target=target,
        more=about(certificate.more_needed * a_row) if certificate.more_needed is not None else None,
        usd_a_label=usd_a_label,
        seconds_a_label=seconds_a_label,
        weakest=tuple(row.label for row in worst),
        below=len(low),
        categories=len(figures.categories),
        labels_in={row.label: round(row.n * a_test_row) for row in figures.categories},
        merges=merges(figures.pairs, figures.labels, agreement, figures.agreement.n, figures.mergeable),
        mixed=_mixed(figures),
        unlabelled=unlabelled,
        growth=growth,
        parent=figures.parent_agreement.value if figures.parent_agreement else None,
    )


def _mixed(figures: ChooseOneFigures) -> Mixed | None:
    """The pair mixed up most either way, where it is on two test assets or more."""
    either: dict[tuple[str, str], list[Confusion]] = {}
    for row in figures.confusions:
        first, second = sorted((row.teacher_label, row.student_label))
        either.setdefault((first, second), []).append(row)
    most = max(either.items(), key=lambda item: sum(row.count for row in item[1]), default=None)
    if most is None or (assets := sum(row.count for row in most[1])) < 2:
        return None
    return Mixed(*most[0], assets, tuple(name for row in most[1] for name in row.examples)[:NAMED])


def merges(
    pairs: Iterable[tuple[int, int, int]],
    labels: dict[int, str],
    agreement: float,
    n: int,
    mergeable: Collection[tuple[int, int]],
) -> tuple[Merge, ...]:
    """The MERGES pairs of categories mixed up most, with the agreement after merging each and those before it.

    `pairs` are (teacher's category, student's, assets) of `n` test assets, differing or not; only those in `mergeable` (the lesser
    id first) are proposed.
    """
    mixed: dict[tuple[int, int], int] = {}
    for teacher, student, count in pairs:
        key = (min(teacher, student), max(teacher, student))
        if teacher != student and key in mergeable:
            mixed[key] = mixed.get(key, 0) + count
    best = sorted(mixed.items(), key=lambda item: (-item[1], item[0]))[:MERGES]
    merged, gained = [], 0
    for (first, second), count in best:
        gained += count
        merged.append(Merge(labels[first], labels[second], min(agreement + gained / max(n, 1), 1.0)))
    return tuple(merged)
