"""The sections of the Compare page, one a question, each drawn from the answers of core/report."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.evaluate.agreement import Paired
from core.evaluate.phrases import one_sided_words
from core.money.economics import Economics
from core.money.outlook import Course, Swing
from core.report import answers, money, speed
from core.report.answers import Answer, span_words
from core.ui import charts
from core.ui.figures import HINTS, explained
from core.ui.frame import plain
from core.words import counted, percent

ALL = 10_000  # more categories than any taxonomy has


def draw(answer: Answer | None) -> None:
    """One answer: the sentence, its chart, the table and its CSV; nothing for None."""
    if answer:
        charts.chart(
            answer.title,
            answer.figure,
            answer.table,
            answer.name,
            note=answer.note,
            shares=answer.shares,
            dollars=answer.dollars,
        )


def sure(found: dict[str, Any]) -> None:
    """How much the student may answer, on new campaigns and markets too, and how it does against people's labels."""
    draw(answers.cascade(found))
    for answer in (answers.new(found), answers.across(found)):
        folded(answer)
    gold(found)


def analyst(found: dict[str, Any]) -> None:
    """Whether its confidence can be believed, and the statistician's other measures."""
    draw(answers.reliability(found))
    more_measures(found)


def folded(answer: Answer | None) -> None:
    """An answer without a chart: the sentence, how to read it, and its table folded away; nothing for None."""
    if answer:
        st.markdown(f"**{plain(answer.title)}**")
        st.caption(plain(answer.note), help=explained(f"{answer.title} {answer.note}"))
        charts.details(answer.table, answer.name, shares=answer.shares)


def weak_spots(found: dict[str, Any]) -> None:
    """How it does in each category, which are mixed up, and in which channels, markets or other fields of the file it is weak."""
    draw(answers.per_category(found))
    if not found["confusions"]:
        st.subheader("Student and teacher never differ on the test assets", anchor=False)
        return
    place = st.container()
    most = answers.SHOWN
    if len(found["per_category"]) > answers.SHOWN:
        with st.container(horizontal=True):
            every = st.toggle(
                "Show every category", key="heat-all", help="Smaller print; point at a cell for its figures."
            )
        most = ALL if every else answers.SHOWN
    with place:
        draw(answers.confusions(found, most))
    draw(answers.slices(found))


def gold(found: dict[str, Any]) -> None:
    """Student, cascade and teacher against what people decided, where they decided anything."""
    seen = found["gold"]
    if not seen:
        return
    pair = Paired(**seen["paired"])
    st.subheader(answers.GOLD_TITLES[pair.better], anchor=False)
    table = answers.gold_table(found)
    shown = charts.as_said(table, ("accuracy",))
    st.dataframe(shown, hide_index=True, key="table-gold", column_config={"accuracy": charts.SHARE})
    st.caption(
        plain(
            f"Right, of {counted(pair.n, 'independent test asset')}: {one_sided_words(pair)}; copies of one creative are one. The "
            "shares are of the assets that people settled; where those are the doubtful ones, both are lower than elsewhere."
        )
    )
    charts.download(table, "gold")


def costs(courses: list[Course], swings: list[Swing], sheet: Economics, mode: str, taken_over: bool) -> None:
    """Two years of each way of working, a month, what moves the result, and what it took upfront; `taken_over`: whether the verdict
    hands anything over to the student."""
    draw(money.cumulative(courses, sheet, mode))
    draw(money.tornado(swings, sheet, mode))
    left, right = st.columns(2, gap="large")
    with left:
        draw(money.monthly(courses, sheet, taken_over))
    with right:
        draw(money.upfront(sheet))


def formula_sheet(table: pd.DataFrame) -> None:
    """Every step of the money figures with the numbers in it, folded away."""
    value = st.column_config.NumberColumn(format="%.6g")
    charts.details(table, "formula-sheet", label="Formula sheet: every step with its numbers", value=value)


def times(found: dict[str, Any], sheet: Economics, assumed_s: float) -> None:
    """How long one asset takes, and how many a second."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        draw(speed.latency(found, sheet, assumed_s))
    with right:
        draw(speed.throughput(found))


def more_measures(found: dict[str, Any]) -> None:
    """Macro F1, kappa and their kin as a table."""
    st.subheader("Other measures of the same agreement", anchor=False)
    rows = [("Cohen's kappa", found["kappa"], "kappa"), ("Gwet's AC1", found["ac1"], "ac1")]
    rows += [("Macro F1", found["macro_f1"], "macro_f1"), ("Expected calibration error", found["ece"], "ece")]
    few = answers.independent(found["agreement"]) < answers.FEW
    said = [(name, "–" if value is None else f"{value:.{2 if few else 3}f}", HINTS[key]) for name, value, key in rows]
    top = found["parent_agreement"]
    if top:
        value = f"{answers.share_words(top['value'], top['n'])} ({span_words(top)})"
        said.insert(0, ("Agreement at the top level", value, "Agreement when only the topmost category counts."))
    table = pd.DataFrame(said, columns=["measure", "value", "meaning"])
    table.insert(2, "basis", "measured")
    st.dataframe(table, hide_index=True, key="table-measures")
    if strange := found["strange"]:
        st.caption(plain(f"{percent(strange)} of the test assets are unlike anything the student learned from."))
