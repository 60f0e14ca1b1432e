"""On Compare: a decision model asked about the student's own held-out assets, and what it comes to beside student and teacher."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import jobs
from core.evaluate import rivals
from core.evaluate.beside import Beside
from core.evaluate.comparison import Comparison
from core.evaluate.phrases import range_words
from core.money import ledger
from core.ui import access, frame, progress
from core.ui.hosted_teacher import cap_field, rounded_up
from core.words import counted, milliseconds, money, percent

KIND = "rival"
FEWEST, MOST = 50, 5_000
ABOUT = (
    "A decision model is a hosted model that chooses among your categories with probabilities and writes nothing. It needs no "
    "training and costs little. It is asked about the student's own test assets, and about as many trial assets that say "
    "how sure is sure enough."
)


def show(view: frame.View, student: dict, result: Comparison) -> None:
    """What the decision models asked so far come to, and asking one."""
    if view.task.several:
        return
    running = progress.active(view, KIND)
    box = st.expander(
        "Would a decision model do?",
        icon=":material/quick_reference:",
        expanded=bool(result.beside or running or _last_of(view)),
        key="rivals",
        on_change="rerun",  # what asking costs is worked out once it is opened
    )
    if not box.open:
        return
    with box:
        for beside in result.beside[:1]:
            st.markdown(frame.plain(beside.words))
            if beside.middle_words:
                st.markdown(frame.plain(beside.middle_words))
        if result.beside:
            _table(result.beside)
        else:
            st.caption(ABOUT)
        if not running and access.may("label"):
            with frame.guard():
                _offer(view, student)
        if not progress.watch(view, KIND, expected=running):
            _last(view)


def _table(shown: tuple[Beside, ...]) -> None:
    """A row a decision model."""
    rows = [
        {
            "Decision model": one.rival.name,
            "Agreement": range_words(one.rival.agreement),
            "Student there": percent(one.rival.student.value),
            "Assets": one.rival.agreement.n,
            "Unanswered": one.rival.unanswered,
            "Handled": percent(one.rival.handled.value) if one.rival.certificate.certified else "nothing",
            "1,000 assets": "not known" if one.usd_1000 is None else money(one.usd_1000),
            "Time": milliseconds(one.rival.times.p50),
            "Asked": one.rival.asked,
        }
        for one in shown
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="table-rivals")
    first = shown[0].rival
    fitted = (
        f"How sure {first.name} says it is was put right on {first.calibrated_on:,} trial assets; what it would handle is proven "
        f"as a student's is: {shown[0].proven}."
        if first.calibrated_on
        else "Too few of its answers came with probabilities to say how sure is sure enough."
    )
    st.caption(
        frame.plain(f"Measured on the student's own test assets; half of its answers took less than the time. {fitted}")
    )


def _offer(view: frame.View, student: dict) -> None:
    """Which to ask, about how many, at what price; the button that asks."""
    there = rivals.connected(view.db, view.task.client_id)
    if not there:
        st.caption("None is connected yet.")
        frame.link("connections", "Connect a decision model")
        return
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    names = {f"connection:{one.name}": one.name for one in there}
    spec = left.selectbox(
        "Decision model", list(names), format_func=lambda one: frame.plain(names[one]), key="rival-connection"
    )
    rows = int(middle.number_input("Test assets", FEWEST, MOST, rivals.ROWS, step=50, key="rival-rows"))
    count, cost = rivals.forecast(view.db, view.task, student["id"], spec, rows)
    if not count:
        st.caption(frame.plain(f"{names[spec]} has answered all of these: ask about more of them."))
        return
    if cost is None:
        frame.unpriced()
        return
    budget = None
    if cost.high:
        owner = rivals.owner_of(view.task, rivals.decider(view.db, view.task, student["id"], spec))
        spent = ledger.sent_usd(view.db, view.task.client_id, owner)
        hint = "No call is made that could bring what this model costs here above this; you can then raise it."
        budget = cap_field(right, rounded_up(spent + 1.25 * cost.high), spent, hint, f"rival-cap-{spec}-{rows}")
    price = money(cost.likely) if cost.high else "free"
    if st.button(
        f"Ask {frame.plain(names[spec])} about {rows:,} of them ({price})",
        icon=":material/quick_reference:",
        help=f"{counted(count, 'call')}: the test assets, and as many trial assets; none is made twice.",
        disabled=budget is None and bool(cost.high),
    ):
        progress.start(view, KIND, rivals.params(view.task, student["id"], spec, budget, rows))


def _last(view: frame.View) -> None:
    last = _last_of(view)
    if last and last.state == "done":
        st.caption(frame.plain(rivals.in_words(last.result)))


def _last_of(view: frame.View) -> jobs.Job | None:
    """The last time that one was asked."""
    return next((job for job in jobs.recent(view.db, view.task, limit=50) if job.kind == KIND), None)
