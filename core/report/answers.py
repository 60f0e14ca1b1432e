"""One chart a question, titled with its answer: what Compare and the report show of an evaluation, without a page around it.

Each function takes the stored figures or the money sheet and returns an Answer, or None where there is nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.evaluate import measure
from core.evaluate.phrases import across_words, new_words, rows_words
from core.evaluate.run import categories_of
from core.evaluate.weak import guard_words, weakest
from core.report import charts
from core.report.charts import FEW
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


def share_words(value: float, n: int) -> str:
    """A share of n rows in per cent: one decimal from FEW rows on, none below."""
    return percent(value, digits=1 if n >= FEW else 0)


def span_words(seen: dict[str, Any]) -> str:
    """The interval of a share of n rows: 92.9 % to 95.2 %, n = 1,200"""
    rows = rows_words(seen["n"], seen.get("groups", seen["n"]))
    return f"{ranged(seen['low'], seen['high'], lambda end: share_words(end, seen['n']))}, {rows}"


def independent(seen: dict[str, Any]) -> float:
    """How many independent assets a share rests on."""
    return max(seen["groups"], seen.get("effective", 0))


def _as_precise(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Shares rounded to what their number of rows (column n) can tell."""
    few = table["n"] < FEW
    for column in columns:
        table[column] = table[column].astype(float).round(3).where(~few, table[column].astype(float).round(2))
    return table


def per_category(found: dict[str, Any]) -> Answer:
    """Agreement overall and how many categories lie far below the target."""
    columns = ("agreement", "low", "high", "precision", "f1")
    table = pd.DataFrame(found["per_category"])
    table = table[table["n"] > 0].rename(columns={"label": "category", "category": "id", "recall": "agreement"})
    table = _as_precise(table[["category", "n", "predicted", "agreed", *columns]].copy(), columns)
    bar, seen = found["target"] - FAR_BELOW, found["agreement"]
    low = int((table["agreed"] / table["n"] < bar).sum())
    title = f"The student agrees on {share_words(seen['value'], seen['n'])} of assets; "
    title += f"{low:,} of {len(table):,} categories {'is' if low == 1 else 'are'} below {stated_percent(bar)} (the target less "
    title += f"{100 * FAR_BELOW:g} points)"
    few = categories_of(found["per_category"], {row["category"]: row["label"] for row in found["per_category"]})
    if (worst := weakest(few)) and worst.agreed < worst.n:
        title += f", weakest {worst.span}"
    if independent(seen) < FEW:
        ends = ranged(seen["low"], seen["high"], lambda end: percent(end, digits=0))
        title = f"Too few test assets to say: agreement could be anything from {ends}"
    if not low and independent(seen) >= FEW and (table["agreed"] == table["n"]).all():
        title = "The student agrees in every category"
    top = table.head(SHOWN)
    figure = charts.shares(top, "category", "agreement", "low", "high", "n")
    charts.layout(figure, "agreement in the category (%)", "", height=90 + 19 * len(top))
    note = "Dots: share of the teacher's test assets in the category; bars: 95 % range. Measured."
    if guard := found.get("guard"):
        charts.mark(figure, guard["floor"], f"floor {stated_percent(guard['floor'])}")
        note += f" {guard_words(few, guard['rows'], guard['floor'])}"
    note += f" The {SHOWN} largest of {len(table):,}." if len(table) > SHOWN else ""
    return Answer("per-category", title, figure, table, note, columns)


def confusions(found: dict[str, Any], most: int = SHOWN) -> Answer | None:
    """The categories mixed up, as a heat map of those `most` mixed up, and the pairs; None where the two never differ."""
    rows = found["confusions"]
    if not rows:
        return None
    first = rows[0]
    title = (
        f"Mixed up most: the teacher's {first['teacher_label']} becomes {first['student_label']} "
        f"({first['count']:,} test assets, {share_words(first['of_teacher'], round(first['count'] / first['of_teacher']))} of it)"
    )
    labels = {row["category"]: row["label"] for row in found["per_category"]}
    figure, shown, part = charts.heat(found["pairs"], labels, most)
    table = pd.DataFrame(rows)[["teacher_label", "student_label", "count", "share", "of_teacher", "examples"]]
    table["examples"] = table["examples"].map(", ".join)
    shares = ("share of all differences", "share of the teacher's category")
    table.columns = ["teacher says", "student says", "assets", *shares, "examples"]
    note = "Each row is a category of the teacher, each column what the student said: the darker, the larger the share. Measured."
    if shown > 45:
        note += " Columns are in the order of the rows; point at a cell for its names and figures."
    if shown < len(labels):
        note += f" The {shown} of {len(labels):,} categories mixed up most, with {percent(part, digits=0)} of all differences."
    return Answer("confusions", title, figure, table, note, shares)


def cascade(found: dict[str, Any]) -> Answer:
    """Handled share against agreement, with the certified threshold marked."""
    certificate, handled = found["certificate"], found["handled"]
    table = pd.DataFrame(found["curve"]["test"])
    goal = stated_percent(certificate["target"])
    title = f"No share of the assets can be promised at {goal} yet"
    if certificate["certified"]:
        title = f"The student can take {share_words(handled['value'], handled['n'])} of the assets at {goal} agreement"
    figure = charts.cascade(table, certificate["target"], handled["value"] if certificate["certified"] else None)
    charts.layout(figure, "assets the student handles itself (%)", "agreement on those (%)", height=300)
    strange = found["strange"]
    unlike = f" {percent(strange)} are unlike anything it learned from and always do." if strange else ""
    note = f"Measured on {handled['n']:,} test assets; the others fall back to the teacher.{unlike}"
    return Answer(
        "cascade", title, figure, table, f"{note} On trial assets: {certificate['reason']}.", ("handled", "agreement")
    )


def reliability(found: dict[str, Any]) -> Answer:
    """Whether it can be believed how sure the student says it is."""
    off = 100 * found["ece"]
    title = f"How sure it says it is can be believed: it is off by {off:.1f} points on average"
    if found["ece"] > BELIEVED:
        title = (
            f"How sure it says it is, is off by {off:.0f} points on average: go by handled or not, not by the number"
        )
    table = pd.DataFrame(found["reliability"])
    note = "On the dotted line the student is right as often as it says. Bars: 95 % range. Measured on test assets."
    return Answer(
        "reliability",
        title,
        charts.reliability(table),
        table,
        note,
        ("from", "to", "confidence", "agreement", "low", "high"),
    )


def slices(found: dict[str, Any]) -> Answer | None:
    """Where it is weak: agreement by channel, market and whatever else the assets file says; None where it says nothing."""
    if not found["slices"]:
        return None
    table = pd.DataFrame(found["slices"])
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


def new(found: dict[str, Any]) -> Answer | None:
    """Agreement on concepts, campaigns, months or markets that the student had not seen; None where none could be left out."""
    seen = measure.new_of(found)
    if seen is None or not seen.left_out:
        return None
    rests = seen.rests_on
    table = pd.DataFrame(
        [
            {
                "what is new": one.many,
                "column": one.column or "what belongs together",
                "groups": one.groups,
                "n": one.n,
                "seen": round(one.seen, 3),
                "new": round(one.new, 3),
                "low": round(one.low, 3),
                "high": round(one.high, 3),
                "lower by more than its error": one.lower,
                "verdict rests on it": one == rests or (rests is None and not one.column and seen.rule != NOTHING),
            }
            for one in seen.left_out
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


def across(found: dict[str, Any]) -> Answer | None:
    """What a student of one market makes of another; None where the file has no such column."""
    seen = measure.new_of(found)
    if seen is None or not seen.across:
        return None
    kept = ("taught", "market", "labels", "n", "agreement", "low", "high")
    table = pd.DataFrame([{name: getattr(one, name) for name in kept} for one in seen.across])
    table[["agreement", "low", "high"]] = table[["agreement", "low", "high"]].round(3)
    table = table.rename(columns={"taught": "taught on", "market": "asked about", "labels": "labels learned from"})
    note = "Small students, each taught on one market alone, asked about concepts they had not seen. Measured, with the 95 % range."
    return Answer("across-markets", across_words(seen), None, table, note, ("agreement", "low", "high"))


GOLD_TITLES = {
    "first": "Against people's labels the student is better than the teacher",
    "second": "Against people's labels the teacher is better than the student",
    None: "Against people's labels no difference between student and teacher is shown",
}


def gold_table(found: dict[str, Any]) -> pd.DataFrame | None:
    """Accuracy of student, cascade and teacher against what people decided; None where they decided nothing."""
    seen = found["gold"]
    if not seen:
        return None
    rows = [
        ("Student alone", "student"),
        ("Student with the teacher behind it", "cascade"),
        ("Teacher alone", "teacher"),
    ]
    return pd.DataFrame(
        [
            {
                "who": who,
                "accuracy": round(seen[key]["value"], 3 if seen[key]["n"] >= FEW else 2),
                "95 % range": span_words(seen[key]).partition(", n")[0],
                "n": seen[key]["n"],
                "basis": "measured",
            }
            for who, key in rows
            if seen[key]
        ]
    )
