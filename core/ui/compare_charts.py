"""The sections of the Compare page, one a question, each drawn from the answers of core/report."""

from __future__ import annotations

import streamlit as st

from core.evaluate.comparison import Comparison
from core.evaluate.evidence import Rules
from core.evaluate.figures import ChooseOneFigures
from core.evaluate.phrases import one_sided_words
from core.evaluate.tags import in_words
from core.report import answers, money, speed
from core.report.answers import Answer
from core.ui import charts
from core.ui.figures import explained
from core.ui.frame import plain
from core.words import counted

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


def sure(figures: ChooseOneFigures) -> None:
    """How much the student may answer, on new campaigns and markets too, and how it does against people's labels."""
    draw(answers.cascade(figures))
    for answer in (answers.new(figures), answers.across(figures)):
        folded(answer)
    gold(figures)


def analyst(figures: ChooseOneFigures) -> None:
    """Whether its confidence can be believed, and the statistician's other measures."""
    draw(answers.reliability(figures))
    measures(answers.measures(figures))


def folded(answer: Answer | None) -> None:
    """An answer without a chart: the sentence, how to read it, and its table folded away; nothing for None."""
    if answer:
        st.markdown(f"**{plain(answer.title)}**")
        st.caption(plain(answer.note), help=explained(f"{answer.title} {answer.note}"))
        charts.details(answer.table, answer.name, shares=answer.shares)


def weak_spots(figures: ChooseOneFigures, rules: Rules) -> None:
    """How it does in each category, which are mixed up, and in which channels, markets or other fields of the file it is weak."""
    draw(answers.per_category(figures, rules))
    if figures.tags:
        st.caption(plain(in_words(figures.tags)))
        draw(answers.slices(figures))
        return
    if not figures.confusions:
        st.subheader("Student and teacher never differ on the test assets", anchor=False)
        return
    place = st.container()
    most = answers.SHOWN
    if len(figures.per_category) > answers.SHOWN:
        with st.container(horizontal=True):
            every = st.toggle(
                "Show every category", key="heat-all", help="Smaller print; point at a cell for its figures."
            )
        most = ALL if every else answers.SHOWN
    with place:
        draw(answers.confusions(figures, most))
    draw(answers.slices(figures))


def gold(figures: ChooseOneFigures) -> None:
    """Student, cascade and teacher against what people decided, where they decided anything."""
    if not figures.gold:
        return
    pair = figures.gold.paired
    st.subheader(answers.GOLD_TITLES[pair.better], anchor=False)
    table = answers.gold_table(figures)
    shown = charts.as_said(table, ("accuracy",))
    st.dataframe(shown, hide_index=True, key="table-gold", column_config={"accuracy": charts.SHARE})
    st.caption(
        plain(
            f"Right, of {counted(pair.n, 'independent test asset')}: {one_sided_words(pair)}; copies of one creative are one. The "
            "shares are of the assets that people settled; where those are the doubtful ones, both are lower than elsewhere."
        )
    )
    charts.download(table, "gold")


def costs(result: Comparison) -> None:
    """Two years of each way of working, a month, what moves the result, and what it took upfront."""
    sheet = result.economics
    draw(money.cumulative(result.courses, sheet, result.verdict.mode))
    draw(money.tornado(result.swings, sheet, result.verdict.mode))
    left, right = st.columns(2, gap="large")
    with left:
        draw(money.monthly(result.courses, sheet, result.takes_over))
    with right:
        draw(money.upfront(sheet))


def formula_sheet(result: Comparison) -> None:
    """Every step of the money figures with the numbers in it, folded away."""
    value = st.column_config.NumberColumn(format="%.6g")
    charts.details(
        money.steps(result.formulas), "formula-sheet", label="Formula sheet: every step with its numbers", value=value
    )


def times(result: Comparison) -> None:
    """How long one asset takes, and how many a second."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        draw(speed.latency(result))
    with right:
        draw(speed.throughput(result.figures))


def measures(answer: Answer) -> None:
    """Kappa and its kin as a table."""
    st.subheader(answer.title, anchor=False)
    st.dataframe(answer.table, hide_index=True, key="table-measures")
    if answer.note:
        st.caption(plain(answer.note))
