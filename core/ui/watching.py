"""The blocks of the Watch page: how the promise stands, a shadow run, its course, categories that moved, what is watched and
kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core import audit
from core.report import watch_chart
from core.ui import access, frame
from core.ui.charts import SHARE, as_said, chart
from core.ui.figures import figure
from core.watch import explaining, rules, served, standing, telling
from core.watch.shadow import READY, Shadow
from core.watch.standing import Standing
from core.words import counted, money, percent, ranged

LOOKS = {
    standing.HOLDS: st.success,
    standing.IN_DOUBT: st.warning,
    standing.BROKEN: st.error,
}
TEXTS = {rules.NONE: "None", rules.ASKED: "Those the teacher was asked about", rules.ALL: "All"}
BROKEN = {
    rules.WARN: "Warn here and on the Overview",
    rules.TEACHER: "Send everything to the teacher until somebody decides",
}


def promise(view: frame.View, now: Standing) -> None:
    """The sentence, the figures of this month and the one next step; where the promise is broken, the way on."""
    LOOKS.get(now.state, st.info)(frame.plain(telling.sentence(now)))
    if now.promise is not None:
        _figures(now)
        step = telling.next_step(view.db, view.task, now)
        cost = f" About {money(step.usd)} a month, {step.basis}." if step.usd else ""
        st.markdown(frame.plain(f"Next: {step.words}{cost}"))
    if now.state == standing.BROKEN:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            words = st.text_input("What was done about it?", key="watch-decided", max_chars=200)
            if access.button("promote", "It is seen to: watch anew", disabled=not words.strip()):
                standing.decide(view.db, view.task, words.strip())
                st.rerun()


def _figures(now: Standing) -> None:
    agreement, handled, cost = st.columns(3)
    with agreement:
        share = "–" if not now.audits else percent(now.agreed / now.audits)
        note = "no answer checked yet" if now.low is None else f"{ranged(now.low, now.high)}, n = {now.audits:,}"
        figure("Agreement of checked answers", share, "measured", note)
    with handled:
        share = "–" if not now.answers_month else percent(now.handled_month / now.answers_month)
        tested = "" if now.handled_tested is None else f"{percent(now.handled_tested)} in the test"
        figure("Handled by itself, this month", share, "measured", tested)
    with cost:
        figure("Checks, this month", money(now.usd_month, exact=True), "measured", counted(now.audits_month, "check"))


def silent(view: frame.View, one: Shadow) -> None:
    """What a student that answers silently would have done."""
    with st.container(border=True):
        st.subheader(f"Shadow run of student {one.student_id}", anchor=False)
        st.markdown(frame.plain(telling.of_shadow(one)))
        if one.verdict == READY and not one.at_work:
            frame.link("deploy", "Put it to work")


def over_time(now: Standing) -> None:
    """The band over days or weeks."""
    found = [one for one in now.stretches if one.low is not None]
    if not found:
        return
    name = "day" if now.step == standing.DAY else "week"
    rows = [
        {
            name if name == "day" else "week beginning": datetime.fromtimestamp(one.start, UTC).date().isoformat(),
            "answers": one.answers,
            "handled": one.handled,
            "unlike anything": one.strange,
            "checked": one.audits,
            "agreed": one.agreed,
            "low": one.low,
            "high": one.high,
        }
        for one in now.stretches
    ]
    last = found[-1]
    title = f"Agreement lately lies between {percent(last.low)} and {percent(last.high)}"
    note = (
        f"A band is of the {name}'s checks, or of the latest {standing.WINDOW} where it has fewer; it may be looked at every day. "
        f"Dots are the {name}'s checks by themselves."
    )
    figure = watch_chart.over_time(now.stretches, now.step, now.promise)
    chart(title, figure, pd.DataFrame(rows), "watch-over-time", note=note, shares=("low", "high"))


def moved(now: Standing) -> None:
    """Categories whose checked answers agree less than in the test, with examples."""
    if not now.moved:
        return
    st.subheader("Categories that agree less than in the test", anchor=False)
    for one in now.moved[:8]:
        head = f"{one.category}: {one.agreed} of {one.audits} agree, {percent(one.tested)} in the test"
        with st.expander(frame.plain(head)):
            for example in one.examples:
                text = example.text or "The text was not kept: the client's setting keeps none."
                st.markdown(frame.plain(f"{text[:300]} — the teacher says {example.teacher}."))


def changed(view: frame.View) -> None:
    """What is different in the work since the test: it explains, and alarms nobody."""
    found = explaining.change(view.db, view.task, time.time())
    if found is None:
        return
    rows = [
        {"what": share.name, "in the test": share.tested, "last four weeks": share.lately}
        for share in (*found.plain, *found.categories)
    ]
    with st.expander("What has changed in the work"):
        st.markdown(frame.plain(found.words))
        st.caption("This explains; it does not alarm: a student may be as right as before on other work.")
        shares = ("in the test", "last four weeks")
        config = dict.fromkeys(shares, SHARE)
        st.dataframe(as_said(pd.DataFrame(rows), shares), hide_index=True, column_config=config, key="watch-changed")


def choices(view: frame.View, now: Standing) -> None:
    """How much is checked, and what happens when the promise is broken."""
    said, kept = rules.watching(view.db, view.task), rules.keeping(view.db, view.task.client_id)
    with st.expander("What is checked", expanded=not said.share):
        per_cent = st.number_input(
            "Share of handled answers to check (%)", 0.0, 100.0, 100 * said.share, 0.5, key="watch-share"
        )
        budget = st.number_input(
            "At most, in US dollars a month, for all tasks of this client",
            0.0,
            value=kept.audit_usd,
            key="watch-budget",
            placeholder="needed where the teacher costs money",
        )
        broken = st.radio(
            "When the promise is broken", list(BROKEN), list(BROKEN).index(said.broken), format_func=BROKEN.get
        )
        if now.student_id:
            usd, basis = telling.price(view.db, view.task, now.student_id)
            if usd is not None and now.handled_month:
                checks = per_cent / 100 * now.handled_month
                st.caption(
                    frame.plain(
                        f"At this month's traffic about {checks:,.0f} checks, {money(usd * checks)} a month ({basis} price)."
                    )
                )
        if access.button("budget", "Keep this", key="watch-keep"):
            rules.put_watching(view.db, view.task, rules.Watching(share=per_cent / 100, broken=broken))
            rules.put_keeping(view.db, view.task.client_id, kept.model_copy(update={"audit_usd": budget}))
            st.rerun()


def kept_texts(view: frame.View) -> None:
    """Which texts are kept with what was served, for how long, and the way to remove all of it."""
    kept = rules.keeping(view.db, view.task.client_id)
    with st.expander("What is written down of answers"):
        st.caption(
            "Of every answer its time, student, category and how sure it was are written down, and a number made of the text that "
            "cannot be turned back. Texts themselves only if you say so: they make examples, and labels to learn from."
        )
        texts = st.radio(
            "Texts kept, of this client", list(TEXTS), list(TEXTS).index(kept.texts), format_func=TEXTS.get
        )
        days = st.number_input("For how many days", 1, 3650, kept.days, key="watch-days")
        keep, erase = st.columns(2)
        if access.button("settings", "Keep this", draw=keep.button, key="watch-keep-texts"):
            rules.put_keeping(view.db, view.task.client_id, kept.model_copy(update={"texts": texts, "days": days}))
            st.rerun()
        sure = erase.checkbox("Yes, remove all of it", key="watch-erase-sure")
        if access.button("delete", "Erase what was written down", draw=erase.button, disabled=not sure):
            served.erase(view.task.client_id)
            audit.record(view.db, "delete", client_id=view.client_id, what="what was written down of answers")
            st.toast("What was written down of this client's answers is removed.")
            st.rerun()
