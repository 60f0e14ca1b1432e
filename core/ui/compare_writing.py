"""Compare for a task that writes: the verdict with its next step and price, three pairs of bars, then a tab a question."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.report import writing as answers
from core.report.headline import TITLES
from core.ui import access, charts, compare_charts, compare_first, frame, money_inputs, progress, report_download
from core.ui.figures import badge
from core.ui.menu import MENU
from core.words import counted
from core.write import comparison, desk, training, vendors, verdict
from core.write.comparison import WritingComparison
from core.write.measures import MEASURES

BOXES = {verdict.ALONE: st.success, verdict.DRAFTS: st.info, verdict.NOT_YET: st.warning}
TABS = ("Are drafts good enough?", "What does it save?", "How fast is it?", "What do the gates stop?", "Which student?")
STEPS = {verdict.ALONE: ("Write a draft", "write"), verdict.DRAFTS: ("Compare drafts, sides hidden", "blind")}
BRING = ("Bring in pairs", "write")


def show(view: frame.View) -> None:
    """The whole page below its title."""
    rows = sorted(training.all_writers(view.db, view.task), key=lambda row: not row["live"])
    if not rows:
        frame.nothing_yet("There is no student that writes yet.", "write", "Bring in pairs and train")
    row = rows[0] if len(rows) == 1 else _chosen(rows)
    result = comparison.comparison(view.db, view.task, row)
    _verdict(view, result)
    st.header(frame.plain(answers.lead(result)), anchor=False)
    shown = answers.pairs(result)
    for column, pair in zip(st.columns(len(shown), gap="medium"), shown):
        with column:
            compare_first.pair_of_bars(pair)
    if money_inputs.first(view, result.economics) != result.assumptions:
        st.rerun()
    for tab, draw in zip(st.tabs(TABS, key="compare-tab", on_change="rerun"), (_good, _money, _fast, _gates, _ladder)):
        if tab.open:
            with tab:
                draw(view, result, rows)


def _chosen(rows: list[dict]) -> dict:
    names = {row["id"]: answers.named(row) for row in rows}
    picked = st.selectbox(
        "Student", list(names), format_func=names.__getitem__, width=280, label_visibility="collapsed"
    )
    return next(row for row in rows if row["id"] == picked)


def _verdict(view: frame.View, result: WritingComparison) -> None:
    judged, step = result.verdict, result.step
    words = f"**{TITLES[judged.decision]}** {frame.plain(judged.reason)}\n\n**Next:** {frame.plain(judged.next)}"
    BOXES[judged.decision](f"{words} {frame.plain(step.words)}", icon=frame.VERDICT_LOOK[judged.decision][1])
    with st.container(horizontal=True):
        label, page = STEPS.get(judged.decision, BRING)
        if access.sees(page) and st.button(label, type="primary", icon=f":material/{MENU[page].icon}:"):
            frame.go(page)
        report_download.show(view, result.row["id"])


def _good(view: frame.View, result: WritingComparison, rows: list[dict]) -> None:
    tested = answers.people(result)
    if tested is None:
        frame.missing("People have not compared its drafts with approved copy yet.", "blind", "Draw up the blind test")
    elif tested.figure is None:
        compare_charts.folded(tested)
    else:
        compare_charts.draw(tested)
    _teacher(view)
    quality = answers.quality(result)
    st.subheader(frame.plain(quality.title), anchor=False)
    st.caption(frame.plain(quality.note))
    charts.draw(quality.figure, quality.name, quality.title)
    measured(quality.table)
    compare_charts.folded(answers.months(desk.rates(view.db, view.task)))


def measured(table: pd.DataFrame) -> None:
    """Measures in words, a column a side, wide enough for its ranges."""
    ranges = [name for name in table.columns[1:-1] if table[name].str.contains("(", regex=False).any()]
    wide = {name: st.column_config.TextColumn(width=175) for name in ranges}
    st.dataframe(table, hide_index=True, key="measures", placeholder="", column_config=wide)
    charts.download(table, "measures")


def _teacher(view: frame.View) -> None:
    """The teacher's drafts of test briefs, measured when somebody says so: it takes a while."""
    running = progress.active(view, "vendor_drafts")
    progress.watch(view, "vendor_drafts", expected=running)
    count = vendors.unmeasured(view.db, view.task)
    label = f"Measure the teacher's drafts of {counted(count, 'test brief')}"
    if count and access.button("label", label, icon=":material/straighten:", disabled=running):
        progress.start(view, "vendor_drafts", {"task_id": view.task.id, "name": vendors.TEACHER})


def _money(view: frame.View, result: WritingComparison, rows: list[dict]) -> None:
    if money_inputs.other_models(view) != result.others:
        st.rerun()
    st.caption(frame.plain(answers.passes_on(result)))
    for answer in answers.savings(result):
        compare_charts.draw(answer)
    money_inputs.others(view, result.economics.work)
    compare_charts.formula_sheet(result)


def _fast(view: frame.View, result: WritingComparison, rows: list[dict]) -> None:
    badge("measured")
    compare_charts.draw(answers.speed(result))


def _gates(view: frame.View, result: WritingComparison, rows: list[dict]) -> None:
    stopped = answers.stops(result)
    if stopped is None:
        st.caption("No gate stops anything, neither of its drafts nor of people's copy.")
    else:
        compare_charts.draw(stopped)
    examples(result)


def examples(result: WritingComparison) -> None:
    """Drafts of test briefs as they came."""
    drafts = result.figures.examples
    if not drafts:
        return
    st.subheader(f"{len(drafts)} drafts, chosen by chance and not picked", anchor=False)
    table = [{"brief": one.brief, "draft": one.text, "gates": "passed" if one.passed else one.why} for one in drafts]
    st.dataframe(table, hide_index=True, key="examples", placeholder="")


def _ladder(view: frame.View, result: WritingComparison, rows: list[dict]) -> None:
    ladder(rows)


def ladder(rows: list[dict]) -> None:
    """The students of the newest training, with people's copy and copy of other briefs through the same measures."""
    newest_first = sorted(rows, key=lambda row: -row["id"])
    table = answers.ladder(newest_first)
    figures = newest_first[0]["figures"]
    config = {
        one.words: st.column_config.NumberColumn(format="percent", help=one.how) if one.share
        else st.column_config.NumberColumn(f"{one.words}{one.unit}", format="%.2f", help=one.how)
        for one in MEASURES
    }  # fmt: skip
    st.dataframe(table, hide_index=True, key="writers", placeholder="", column_config=config)
    st.caption(f"Measured on {figures.briefs:,} briefs that no student learned from. {answers.NO_GOOD}")
    charts.download(table, "writing-students")
