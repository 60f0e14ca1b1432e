"""Beside the blind test's result: a connected model as judge of the same pairs, its price, and how far it agrees with people."""

from __future__ import annotations

import streamlit as st

from core import jobs
from core.label import model
from core.money import ledger
from core.ui import frame, progress, teacher_drafts
from core.ui.figures import figure
from core.ui.hosted_teacher import cap_field, rounded_up, spread_words
from core.words import counted, money, teacher_words
from core.write import judge_pairs

KIND = "judge_pairs"


def section(view: frame.View, writer: dict) -> None:
    """What judges have said, and having one judge more pairs."""
    running = progress.active(view, KIND)
    opened = teacher_drafts.stays_open(KIND, running)
    with (
        st.expander("A large model as judge, beside people", icon=":material/balance:", expanded=opened),
        frame.guard(),
    ):
        st.markdown(
            "It reads each pair twice, with the sides exchanged; what it says counts only where both answers name the same text. "
            f"Its result is shown once people have judged {judge_pairs.FEWEST_SHARED} of its pairs. It is never asked about a text "
            "that it wrote itself. People decide, whatever it says."
        )
        for judged in judge_pairs.results(view.db, view.task, writer["id"]):
            st.write(frame.plain(judge_pairs.sentence(judged)))
        if not running and (spec := teacher_drafts.choose(view, "judge-connection", "Who judges")):
            _offer(view, writer, spec)
        if not progress.watch(view, KIND, expected=running):
            _last(view)


def _offer(view: frame.View, writer: dict, spec: str) -> None:
    judge = model.find(view.db, view.task.client_id, spec)
    count = int(st.number_input("Pairs", 1, 1_000, judge_pairs.USUAL, key="judge-count", width=160))
    pairs, cost = judge_pairs.forecast(view.db, view.task, writer["id"], spec, count)
    if not pairs:
        st.caption(frame.plain(f"{teacher_words(spec)} has judged every pair that it may."))
        return
    if cost is None:
        frame.unpriced()
        return
    left, right = st.columns(2)
    with left:
        figure("Pairs to judge", f"{pairs:,}", "measured", "each is asked about twice")
    with right:
        figure("Cost, most likely", money(cost.likely), "estimated", spread_words(cost))
    spent = ledger.sent_usd(view.db, view.task.client_id, judge_pairs.owner_of(view.task, writer["id"], judge))
    budget = None
    if cost.high:
        hint = "No call is made that could bring this judge above this for this student; you can then raise it."
        filled = rounded_up(spent + max(1.25 * cost.high, 0.05))
        budget = cap_field(st, filled, spent, hint, f"judge-cap-{spec}-{writer['id']}")
    if st.button(
        f"Have it judge {counted(pairs, 'pair')}",
        icon=":material/balance:",
        disabled=budget is None and bool(cost.high),
    ):
        params = judge_pairs.params(view.task, writer["id"], spec, budget, pairs)
        progress.start(view, KIND, params)


def _last(view: frame.View) -> None:
    recent = jobs.recent(view.db, view.task, limit=50)
    last = next((job for job in recent if job.kind == KIND and job.state == "done"), None)
    if last:
        st.text(judge_pairs.in_words(last.result))
