"""Blind test: people compare drafts with approved copy, not knowing which is which; drafts approved, edited or rejected."""

import streamlit as st

from core import review, settings
from core.ui import access, blind_desk, draft_desk, frame, judge_block, progress, reviewer
from core.write import blind, blind_pairs, desk, scorer, training

ENTRY = {
    "place": 86,
    "section": "Use",
    "name": "Blind test",
    "icon": "visibility_off",
    "title": "Let people decide whether drafts are good",
    "sentence": "A draft beside approved copy, nobody knows which is which. The answers say whether the student may write alone.",
    "kinds": ("write",),
}
DESKS = ("Blind test", "Drafts' desk")
TIES = {0.5: "half a comparison each", 1.0: "won by the student", 0.0: "lost by the student"}


def main() -> None:
    with frame.page("blind") as view:
        rows = training.all_writers(view.db, view.task)
        waits = any(desk.counts(view.db, view.task))
        vendors = bool(blind.of_vendors(view.db, view.task))
        if not rows and not waits and not vendors:
            frame.nothing_yet(
                "There is nothing to compare before a student writes.", "write", "Bring in pairs and train"
            )
        writer = next((row for row in rows if row["live"]), rows[0] if rows else None)
        running = progress.active(view, "blind")
        progress.watch(view, "blind", expected=running)
        left, right = st.columns([6, 4], vertical_alignment="bottom")
        desks = DESKS if writer or vendors else DESKS[1:]  # drafts of a teacher wait before any student writes
        chosen = left.radio("What is decided", desks, horizontal=True, label_visibility="collapsed")
        who = reviewer.name(right, blind.reviewers(view.db, view.task))
        if not who:
            st.info("Give your name: each decision is kept with who made it.", icon=":material/person:")
        if chosen == DESKS[0]:
            _blind(view, writer, vendors, who, running)
        elif who:
            draft_desk.show(view.task, review.named(who))


def _blind(view: frame.View, writer: dict | None, vendors: bool, who: str, running: bool) -> None:
    there, writer_id = writer and writer["blind"].pairs, writer and writer["id"]
    if (there or vendors) and who:
        blind_desk.show(view.task, writer_id, review.named(who))
    elif there or vendors:
        blind_desk.standing(view.db, view.task, writer_id, judging=False)
    if not access.may("settings"):
        return
    if writer is None:
        return _rules(view)
    if there:
        judge_block.section(view, writer)
    with st.expander("Draw up the test" if not there else "More pairs, and what is asked for", expanded=not there):
        _draw(view, writer, running)
        _rules(view)


def _draw(view: frame.View, writer: dict, running: bool) -> None:
    st.markdown(
        f"{writer['kind']} {writer['id']} drafts for briefs that it did not learn from; each draft that passes the gates stands "
        "beside the approved copy of its brief. Sides and order are drawn by chance."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.number_input("Briefs", 1, 1_000, blind_pairs.USUAL, width=160)
        if st.button("Draw up pairs", type="primary", disabled=running, icon=":material/shuffle:"):
            params = {"task_id": view.task.id, "writer_id": writer["id"], "count": int(count)}
            progress.start(view, "blind", params)


def _rules(view: frame.View) -> None:
    rules = blind.rules_of(view.db, view.task)
    with st.form("blind-rules", border=False):
        first, second, third = st.columns(3)
        margin = first.number_input(
            "Margin, %",
            1,
            49,
            round(100 * rules.margin),
            help="As good as approved copy is a share of 50 %. The student may be below it by no more than this.",
        )
        both = second.selectbox("“Both fine” is", TIES, list(TIES).index(rules.both), TIES.__getitem__)
        neither = third.selectbox("“Neither” is", TIES, list(TIES).index(rules.neither), TIES.__getitem__)
        approval = first.number_input(
            "Approved as they are, %",
            50,
            99,
            round(100 * settings.get(view.db, scorer.TARGET, view.task)),
            help="Of drafts above the bar that the student learns from people's decisions, so many are to be approved as they are.",
        )
        if st.form_submit_button("Save what is asked for"):
            settings.put(view.db, scorer.TARGET, approval / 100, view.task)
            new = blind.Rules(margin=margin / 100, both=both, neither=neither)
            settings.put(view.db, "blind_test", new.model_dump(exclude_defaults=True), view.task)
            st.rerun()


main()
