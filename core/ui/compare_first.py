"""What Compare opens with: the sum, three pairs of bars with what moves them, and the verdict in three lines."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.evaluate.comparison import Comparison
from core.evaluate.evaluation import change_rules
from core.report.headline import TITLES, for_100, judged
from core.report.pairs import Pair, lead, pairs
from core.ui import access, charts, frame, go_live, money_inputs, report_download, standing
from core.ui.figures import badge
from core.ui.menu import MENU
from core.words import stated_percent

BOXES = {
    "replace": st.success,
    "fallback": st.info,
    "not_ready": st.warning,
    "decision_model": st.info,
    "trial": st.info,
}
TABS = ("How sure is this?", "What does it save?", "How fast is it?", "Where does it differ?", "For your analyst")
MORE = "Get more labels"
MOST = 0.95  # share of the assets that have labels, above which there is hardly any left to label
# What a verdict's next step is done with: the words on the button, and the page it opens.
STEPS = {
    "too_few": (MORE, "teacher"),
    "unproven": (MORE, "teacher"),
    "below": (MORE, "teacher"),
    "handles_little": (MORE, "teacher"),
    "weak_category": (MORE, "teacher"),
    "worse_on_gold": ("Have people settle them", "review"),
    "contradicted": ("Look at the splits", "assets"),
    "trial": ("Choose another teacher", "teacher"),
}


def comparison(view: frame.View, result: Comparison) -> bool:
    """The sum and the three pairs, volume and price below them; whether one of these was changed, so that all is out of date."""
    st.header(frame.plain(lead(result)), anchor=False)
    shown = pairs(result)
    for column, one in zip(st.columns(len(shown), gap="medium"), shown):
        with column:
            pair_of_bars(one)
    return money_inputs.first(view, result.economics) != result.assumptions


def pair_of_bars(pair: Pair) -> None:
    """One comparison in a box: its answer, its basis, the bars, what it rests on."""
    with st.container(border=True, height="stretch", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{frame.plain(pair.title)}**", width="content")
            badge(pair.basis)
        bars = ", ".join(f"{name} {words}" for name, _, words, _ in pair.bars)
        charts.draw(pair.figure, pair.name, f"{pair.title}: {bars}")
        st.caption(frame.plain(pair.note))


def verdict(view: frame.View, student: dict, result: Comparison) -> None:
    """The decision, what it means for 100 assets, and the next step; the button that takes it and the downloads in a row below."""
    answer = result.verdict
    st.caption(frame.plain(f"Judged here: student {judged(student, result.figures)}."))
    BOXES[answer.decision](
        f"**{TITLES[answer.decision]}** {frame.plain(for_100(result))}\n\n**Next:** {frame.plain(answer.next)}",
        icon=frame.VERDICT_LOOK[answer.decision][1],
    )
    with st.container(horizontal=True):
        _step(view, student, answer.rule)
        if answer.offers and access.button(
            "settings", f"Aim at {stated_percent(answer.offers)}", icon=":material/flag:"
        ):
            change_rules(view.db, view.task, replace(result.rules, target=answer.offers))
            st.rerun()
        report_download.show(view, student["id"])
    go_live.confirmation(view)


def _step(view: frame.View, student: dict, rule: str) -> None:
    if rule in ("does_not_pay", "decision_model"):
        return  # prices and volume are on this page
    if rule not in STEPS and not student["live"]:
        if access.button("promote", "Make it live …", type="primary", icon=":material/rocket_launch:"):
            go_live.ask(student["id"])
        return
    label, page = STEPS.get(rule, ("Classify a file", "deploy"))
    where = standing.of(view.db, view.task)
    if label == MORE and (not where.assets or (where.labelled or 0) > MOST):
        label, page = "Bring in more assets", "assets"
    if access.sees(page) and st.button(label, type="primary", icon=f":material/{MENU[page].icon}:"):
        frame.go(page)
