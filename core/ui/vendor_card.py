"""The scorecard of a vendor as the page draws it: the answer, the table of all sides, a chart, the tests behind it."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core import vendor
from core.evaluate.phrases import range_words
from core.report import charts as figures
from core.ui import charts, frame
from core.vendor import scorecard
from core.vendor.scorecard import Scorecard
from core.words import counted, percent, teacher_words

BOXES = {
    "capable": (st.success, "check_circle"),
    "unpriced": (st.info, "payments"),
    "too_dear": (st.warning, "payments"),
    "not_capable": (st.warning, "cancel"),
    "unproven": (st.info, "hourglass_top"),
}
VENDOR = "#8250c4"  # apart from the student's blue and the teacher's orange, 3:1 off white and off the dark background
COLOURS = {"vendor": VENDOR, "student": figures.STUDENT, "teacher": figures.TEACHER}
WEAKEST = 12
# Short heads and fixed widths, so that both shares are in sight in half of a 1280 px window, whatever the vendor is called.
CATEGORY_COLUMNS = {
    "category": st.column_config.TextColumn(width=150),
    "vendor": st.column_config.NumberColumn(format="percent", width=70),
    "student": st.column_config.NumberColumn(format="percent", width=75),
    "assets": st.column_config.NumberColumn(width=65),
}


def show(card: Scorecard) -> None:
    """All of it, the answer first."""
    box, icon = BOXES[card.verdict.decision]
    box(
        f"{frame.plain(card.verdict.reason)}\n\n**Next:** {frame.plain(card.verdict.next)}",
        icon=f":material/{icon}:",
    )
    st.caption(frame.plain(_basis(card)))
    if words := scorecard.versions_words(card):
        st.caption(frame.plain(words))
    table = scorecard.table_of(card)
    st.dataframe(table, hide_index=True, key="scorecard")
    charts.download(table, "vendor-scorecard")
    left, right = st.columns(2, gap="large")
    with left:
        _chart(card)
    with right:
        _categories(card)
    _tests(card)
    _read(card)


def _basis(card: Scorecard) -> str:
    """What all figures rest on."""
    gold = f"{card.gold:,}" if card.gold else "none"
    left = card.test["size"] - card.judged
    lack = counted(left, "asset of the set lacks", "assets of the set lack")
    out = "is" if left == 1 else "are"
    missing = f" {lack} a teacher's label or a student's answer and {out} left out for all." * bool(left)
    judged = counted(card.judged, "test asset")
    return (
        f"All sides on the same {judged} ({gold} of them settled by people), every creative once, so that shares can differ a "
        f"little from Compare. Teacher: {teacher_words(card.teacher)}. Shares are measured; a "
        f"missing or off-list answer counts as wrong.{missing}"
    )


def _chart(card: Scorecard) -> None:
    """Each side's share with its interval, by the labels that decided."""
    rows = [(row, row.accuracy if card.by == "gold" else row.agreement) for row in card.rows]
    rows = [(row, share) for row, share in rows if share is not None][::-1]
    fig = go.Figure()
    for place, (row, share) in enumerate(rows):
        fig.add_scatter(
            x=[100 * share.value],
            y=[place],
            mode="markers+text",
            text=[percent(share.value)],
            textposition="top center",
            marker={"color": COLOURS[row.kind], "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (share.high - share.value)],
                "arrayminus": [100 * (share.value - share.low)],
                "color": COLOURS[row.kind],
                "thickness": 2,
                "width": 0,
            },
            hovertemplate=f"{figures.clean(row.who)}: {range_words(share)}<extra></extra>",
        )
    names = [figures.clean(row.who, 28) for row, _ in rows]
    axis = "right by people's labels (%)" if card.by == "gold" else "agreement with the teacher (%)"
    figures.layout(fig, axis, "", height=110 + 48 * len(rows))
    fig.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(names) - 0.2])
    low = min(share.low for _, share in rows)
    fig.update_xaxes(range=[max(100 * low - 5, 0), 101], ticksuffix=" %")
    table = pd.DataFrame(
        [{"who": row.who, "share": one.value, "low": one.low, "high": one.high, "n": one.n} for row, one in rows]
    )
    charts.chart(_answer(card), fig, table[::-1], "vendor-shares", shares=("share", "low", "high"))


def _answer(card: Scorecard) -> str:
    """The chart's answer: how far the vendor is from the student that decides."""
    student = card.rows[1].who
    pair = next(one.pair for one in card.against if (one.other, one.by, one.answered_only) == (student, card.by, False))
    if pair.better is None:
        return f"No difference is shown between it and {student}"
    gap = f"{abs(100 * pair.difference):.1f} points {'more' if pair.better == 'second' else 'less'} often"
    return f"It {'agrees with the teacher' if card.by == 'teacher' else 'is right'} {gap} than {student}"


def _categories(card: Scorecard) -> None:
    """Where the vendor loses most against the student, and what it says instead."""
    table = pd.DataFrame(card.categories)
    behind = int((table["vendor"] < table["student"]).sum())
    name, tags = card.rows[1].who, card.rows[0].tags is not None
    many = counted(len(table), "tag") if tags else counted(len(table), "category", "categories")
    how = "agrees worse" if tags else "agrees less often"
    st.subheader(frame.plain(f"In {behind:,} of {many} it {how} than {name}"), anchor=False)
    both = f"{card.test['name']} (vendor) and {name} (student)"
    what = (
        f"How far {both} agree with the teacher in each tag, tags too many and too few alike; the file says either by itself"
        if tags
        else f"How often {both} agree with the teacher, by the teacher's category"
    )
    st.caption(frame.plain(f"{what} (measured). Those that cost the vendor most come first."))
    shown = table[["category", "vendor", "student", "n"]].rename(columns={"n": "assets"})
    st.dataframe(
        charts.as_said(shown.head(WEAKEST), ("vendor", "student")),
        hide_index=True,
        key="vendor-categories",
        column_config=CATEGORY_COLUMNS,
        height=248,
    )
    charts.download(table.rename(columns={"n": "assets"}) if tags else shown, "vendor-categories")
    if card.confusions:
        with st.expander("What it says instead"):
            mixed = pd.DataFrame(card.confusions).rename(
                columns={"teacher": "teacher says", "vendor": f"{card.test['name']} says", "count": "assets"}
            )
            st.dataframe(mixed.replace("", "(no usable answer)"), hide_index=True, key="vendor-confusions")
            charts.download(mixed, "vendor-confusions")


def _tests(card: Scorecard) -> None:
    with st.expander("Are the differences more than chance?"):
        st.caption(
            "On the same assets: of those on which only one of the two is right, how many are the vendor's. Differences in "
            "points, with their 95 % range; p below 0.05: more than chance (exact test, measured)."
        )
        table = scorecard.tests_of(card)
        st.dataframe(table, hide_index=True, key="vendor-tests")
        charts.download(table, "vendor-tests")
    with st.expander("Where costs and times come from"):
        for line in scorecard.sources_of(card):
            st.text(line)


def _read(card: Scorecard) -> None:
    """How the answers were read, and which rows could not be used."""
    test = card.test
    st.caption(frame.plain(vendor.read_words(test)))
    if not test["problems"]:
        return
    wrong = test["counts"]["problems"]
    with st.expander(f"{counted(wrong, 'row')} with problems" if wrong else "Remarks"):
        table = pd.DataFrame(test["problems"]).drop(columns="remark", errors="ignore")
        st.dataframe(table, hide_index=True, key="vendor-problems", placeholder="")
        charts.download(table, "vendor-problems")
