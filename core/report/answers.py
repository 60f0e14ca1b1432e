"""One chart a question, titled with its answer: what Compare and the report show of an evaluation, without a page around it.

Each function takes the stored figures or the money sheet and returns an Answer, or None where there is nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from core.evaluate import metrics
from core.evaluate.evidence import Rules
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.phrases import FEW, across_words, ends_words, new_words, share_words
from core.evaluate.weak import guard_words, weakest
from core.report import charts
from core.train.new import NOTHING
from core.words import counted, percent, ranged, stated_percent

SHOWN = 40  # categories and slices in a chart: the largest; the table has all
FAR_BELOW = 0.10  # so far below the target a category is counted as doing badly
BELIEVED = 0.05  # calibration error up to which a stated confidence is taken at its word


@dataclass(frozen=True)
class Answer:
    """A figure under the sentence that answers its question. `table` has its numbers, shares (0..1) in the columns `shares`
    and US dollars in the columns `dollars`; `name` is a key and file name; `note` says how to read it and its basis."""

    name: str
    title: str
    figure: go.Figure | None
    table: pd.DataFrame
    note: str = ""
    shares: tuple[str, ...] = ()
    dollars: tuple[str, ...] = ()


def _as_precise(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Shares rounded to what their number of rows (column n) can tell."""
    few = table["n"] < FEW
    for column in columns:
        table[column] = table[column].astype(float).round(3).where(~few, table[column].astype(float).round(2))
    return table


def per_category(figures: ChooseOneFigures, rules: Rules) -> Answer:
    """Agreement overall and how many categories lie far below the target."""
    columns = ("agreement", "low", "high", "precision", "f1")
    table = pd.DataFrame(figures.categories)
    table = table.rename(columns={"label": "category", "category": "id", "recall": "agreement"})
    table = _as_precise(table[["category", "n", "predicted", "agreed", *columns]].copy(), columns)
    bar, seen = figures.target - FAR_BELOW, figures.agreement
    low = int((table["agreed"] / table["n"] < bar).sum())
    things, agrees = ("tags", "gives exactly the teacher's tags to") if figures.tags else ("categories", "agrees on")
    title = f"The student {agrees} {share_words(seen.value, seen.n)} of assets; "
    title += f"{low:,} of {len(table):,} {things} {'is' if low == 1 else 'are'} below {stated_percent(bar)} (the target less "
    title += f"{100 * FAR_BELOW:g} points)"
    if (worst := weakest(figures.categories)) and worst.agreed < worst.n:
        title += f", weakest {worst.span}"
    if seen.independent < FEW:
        ends = ranged(seen.low, seen.high, lambda end: percent(end, digits=0))
        title = f"Too few test assets to say: agreement could be anything from {ends}"
    if not low and seen.independent >= FEW and (table["agreed"] == table["n"]).all():
        title = "The student agrees in every category"
        if figures.tags:  # which says nothing of the tags that it gives besides
            right = share_words(figures.tags.right.value, figures.tags.right.n)
            title = f"The student finds every tag of the teacher's; {right} of those it gives are the teacher's"
    top = table.head(SHOWN)
    figure = charts.shares(top, "category", "agreement", "low", "high", "n")
    axis = "share of the teacher's tag that is given (%)" if figures.tags else "agreement in the category (%)"
    charts.layout(figure, axis, "", height=90 + 19 * len(top))
    floor = rules.category_floor
    charts.mark(figure, floor, f"floor {stated_percent(floor)}")
    of = "with the tag" if figures.tags else "in the category"
    note = f"Dots: share of the teacher's test assets {of}; bars: 95 % range. Measured. "
    note += guard_words(figures.categories, rules.guarded_rows, floor)
    note += f" The {SHOWN} largest of {len(table):,}." if len(table) > SHOWN else ""
    return Answer("per-category", title, figure, table, note, columns)


def confusions(figures: ChooseOneFigures, most: int = SHOWN) -> Answer | None:
    """The categories mixed up, as a heat map of those `most` mixed up, and the pairs; None where the two never differ."""
    if not figures.confusions:
        return None
    first = figures.confusions[0]
    title = (
        f"Mixed up most: the teacher's {first.teacher_label} becomes {first.student_label} "
        f"({first.count:,} test assets, {share_words(first.of_teacher, round(first.count / first.of_teacher))} of it)"
    )
    figure, shown, part = charts.heat(figures.pairs, figures.labels, most)
    table = pd.DataFrame(figures.confusions)[
        ["teacher_label", "student_label", "count", "share", "of_teacher", "examples"]
    ]
    table["examples"] = table["examples"].map(", ".join)
    shares = ("share of all differences", "share of the teacher's category")
    table.columns = ["teacher says", "student says", "assets", *shares, "examples"]
    note = "Each row is a category of the teacher, each column what the student said: the darker, the larger the share. Measured."
    if shown > 45:
        note += " Columns are in the order of the rows; point at a cell for its names and figures."
    if shown < len(figures.labels):
        note += (
            f" The {shown} of {len(figures.labels):,} categories mixed up most, with {percent(part, digits=0)} of all "
        )
        note += "differences."
    return Answer("confusions", title, figure, table, note, shares)


def cascade(figures: ChooseOneFigures) -> Answer:
    """Handled share against agreement, with the certified threshold marked."""
    certificate, handled = figures.certificate, figures.handled
    table = pd.DataFrame(figures.curve, columns=["threshold", "handled", "agreement"])
    goal = stated_percent(certificate.target)
    title = f"No share of the assets can be promised at {goal} yet"
    if certificate.certified:
        title = f"The student can take {share_words(handled.value, handled.n)} of the assets at {goal} agreement"
    figure = charts.cascade(table, certificate.target, handled.value if certificate.certified else None)
    charts.layout(figure, "assets the student handles itself (%)", "agreement on those (%)", height=300)
    unlike = (
        f" {percent(figures.strange)} are unlike anything it learned from and always do." if figures.strange else ""
    )
    note = f"Measured on {handled.n:,} test assets; the others fall back to the teacher.{unlike}"
    return Answer(
        "cascade", title, figure, table, f"{note} On trial assets: {certificate.reason}.", ("handled", "agreement")
    )


def reliability(figures: ChooseOneFigures) -> Answer:
    """Whether it can be believed how sure the student says it is."""
    off = 100 * figures.ece
    title = f"How sure it says it is can be believed: it is off by {off:.1f} points on average"
    if figures.ece > BELIEVED:
        title = (
            f"How sure it says it is, is off by {off:.0f} points on average: go by handled or not, not by the number"
        )
    table = pd.DataFrame(figures.reliability).rename(columns={"start": "from", "end": "to"})
    note = "On the dotted line the student is right as often as it says. Bars: 95 % range. Measured on test assets."
    return Answer(
        "reliability",
        title,
        charts.reliability(table),
        table,
        note,
        ("from", "to", "confidence", "agreement", "low", "high"),
    )


def slices(figures: ChooseOneFigures) -> Answer | None:
    """Where it is weak: agreement by channel, market and whatever else the assets file says; None where it says nothing."""
    if not figures.slices:
        return None
    table = pd.DataFrame(figures.slices)
    weak = table[(table["p"] < 0.05) & (table["agreement"] < table["rest"])].sort_values("agreement")
    looked = ", ".join(dict.fromkeys(table["column"]))
    title = f"It is nowhere shown to be weaker: no value of {looked} stands out"
    if len(weak):
        worst = weak.iloc[0]
        title = (
            f"It is weaker where {worst['column']} is {worst['value']}: {share_words(worst['agreement'], worst['n'])} of "
            f"{worst['n']:,}, elsewhere {percent(worst['rest'], worst['agreement'])}"
        )
        title += f"; {len(weak) - 1} more below" if len(weak) > 1 else ""
    columns = ("agreement", "low", "high", "rest")
    shown = _as_precise(table.assign(stands_out=table.index.isin(weak.index)), columns)
    shown = shown.rename(columns={"p": "p (corrected)", "stands_out": "weaker"})
    top = shown.sort_values("agreement").head(SHOWN).assign(name=lambda t: t["column"] + ": " + t["value"])
    figure = charts.shares(top, "name", "agreement", "low", "high", "n")
    charts.layout(figure, "agreement in the group (%)", "", height=90 + 19 * len(top))
    note = (
        f"{counted(len(table), 'group')} of assets compared with the rest. Among so many, some look weaker by chance alone: one "
        "counts as weaker only where chance is ruled out for all of them together, 95 % sure. Bars: 95 % range. Measured."
    )
    return Answer("slices", title, figure, shown, note, columns)


def new(figures: ChooseOneFigures) -> Answer | None:
    """Agreement on concepts, campaigns, months or markets that the student had not seen; None where none could be left out."""
    seen = figures.new
    if seen is None or not seen.left_out:
        return None
    rests = seen.rests_on
    table = pd.DataFrame(
        [
            {
                "what is new": left.many,
                "column": left.column or "what belongs together",
                "groups": left.groups,
                "n": left.n,
                "seen": round(left.seen, 3),
                "new": round(left.new, 3),
                "low": round(left.low, 3),
                "high": round(left.high, 3),
                "lower by more than its error": left.lower,
                "verdict rests on it": left == rests or (rests is None and not left.column and seen.rule != NOTHING),
            }
            for left in seen.left_out
        ]
    )
    crossed = ", ".join(one.many for one in seen.left_out if one.crossed)
    note = (
        "Measured with small students made for this question alone: whole groups were kept from them, then they were asked about "
        "these. Go by the difference: the student judged here agrees more often on both. Low to high: 95 % range on new ones."
    )
    if crossed:
        note += f" For {crossed}, concepts were kept from them as well; they learned from as many assets where the group was known."
    if any(one.lower and not one.comes and one != rests for one in seen.left_out):
        note += " Nothing rests on markets and the like unless a rule says that new ones will come: those need labels of their own."
    return Answer("new", new_words(seen), None, table, note, ("seen", "new", "low", "high"))


def across(figures: ChooseOneFigures) -> Answer | None:
    """What a student of one market makes of another; None where the file has no such column."""
    seen = figures.new
    if seen is None or not seen.across:
        return None
    columns = ("taught", "market", "labels", "n", "agreement", "low", "high")
    table = pd.DataFrame([{name: getattr(one, name) for name in columns} for one in seen.across])
    table[["agreement", "low", "high"]] = table[["agreement", "low", "high"]].round(3)
    table = table.rename(columns={"taught": "taught on", "market": "asked about", "labels": "labels learned from"})
    note = "Small students, each taught on one market alone, asked about concepts they had not seen. Measured, with the 95 % range."
    return Answer("across-markets", across_words(seen), None, table, note, ("agreement", "low", "high"))


def measures(figures: ChooseOneFigures) -> Answer:
    """The statistician's other measures."""
    strange = f"{percent(figures.strange)} of the test assets are unlike anything the student learned from."
    return Answer(
        "measures",
        "Other measures of the same agreement",
        None,
        metrics.table(figures),
        strange if figures.strange else "",
    )


GOLD_TITLES = {
    "first": "Against people's labels the student is better than the teacher",
    "second": "Against people's labels the teacher is better than the student",
    None: "Against people's labels no difference between student and teacher is shown",
}


def gold_table(figures: ChooseOneFigures) -> pd.DataFrame | None:
    """Accuracy of student, cascade and teacher against what people decided; None where they decided nothing."""
    seen = figures.gold
    if not seen:
        return None
    rows = {
        "Student alone": seen.student,
        "Student with the teacher behind it": seen.cascade,
        "Teacher alone": seen.teacher,
    }
    return pd.DataFrame(
        [
            {
                "who": who,
                "accuracy": round(share.value, 3 if share.n >= FEW else 2),
                "95 % range": ends_words(share),
                "n": share.n,
                "basis": "measured",
            }
            for who, share in rows.items()
            if share
        ]
    )
