"""Write: pairs of brief and approved copy in, students trained, drafts of a brief with what each gate says."""

import streamlit as st

from core.ui import (
    base_form,
    brief_files,
    compare_writing,
    frame,
    guide_form,
    pair_profile,
    progress,
    teacher_drafts,
    writer_export,
    writing,
)
from core.words import counted
from core.write import desk, guide, pairs, scorer, training

ENTRY = {
    "place": 85,
    "section": "Use",
    "name": "Write",
    "icon": "edit_note",
    "title": "Write copy in the client's voice",
    "sentence": "A small model learns from briefs and the copy that was approved for them. It writes drafts; people decide.",
    "kinds": ("write",),
}


def main() -> None:
    with frame.page("write") as view:
        running = progress.active(view, "writers")
        there = pairs.load(view.db, view.task)
        rows = training.all_writers(view.db, view.task)
        live = next((row for row in rows if row["live"]), None)
        if live:
            writing.attempt(view)
            brief_files.section(view, live)
        progress.watch(view, "writers", expected=running)
        if rows:
            st.subheader("Students that write", anchor=False)
            writing.verdict(live or rows[0])
            st.caption(frame.plain(scorer.sentence(view.db, live or rows[0])))
            frame.link("blind", "Compare its drafts with approved copy, sides hidden")
            compare_writing.ladder(rows)
            frame.link("compare", "What it costs and saves, beside teacher and people")
        learn = desk.to_learn(view.db, view.task)
        approved = sum(pair.status != "rejected" for pair in there) + learn
        title = "Bring in pairs" if there else "Start here: briefs with approved copy"
        if (there or learn) and not rows:
            _known(view, there, learn, running, "Train")
        with st.expander(title, expanded=approved < pairs.FEWEST and not running):
            writing.bring(view, running)
        teacher_drafts.section(view, not approved)
        if there and rows:
            _known(view, there, learn, running, "Train again")
        if there:
            pair_profile.glance(view)
        _guide(view, there)
        base_form.show(view)
        if live:
            teacher_drafts.behind_form(view)
            writer_export.take_along(view, live)


def _known(view: frame.View, there: list[pairs.Pair], learn: int, running: bool, train: str) -> None:
    approved = [pair for pair in there if pair.status != "rejected"]
    lengths = sorted(len(pair.copy) for pair in approved)
    middle = f"half of them have up to {lengths[len(lengths) // 2]:,} characters" if lengths else "none is approved"
    if there:
        st.caption(f"{counted(len(approved), 'approved pair')} of {len(there):,}; {middle}.")
    too_few = len(approved) + learn < pairs.FEWEST
    if learn:
        missing = f" {pairs.FEWEST - learn - len(approved)} more are needed." if too_few else ""
        st.caption(
            f"The next training also learns from {counted(learn, 'draft')} that people kept at the drafts' desk.{missing}"
        )
    base_form.built_on(view)
    kind = "primary" if train == "Train" else "secondary"
    if not too_few:
        writing.will_take(view, [len(pair.brief) + len(pair.copy) for pair in approved])
    if not too_few and st.button(train, type=kind, icon=":material/model_training:", disabled=running):
        writing.start(view)


def _guide(view: frame.View, there: list[pairs.Pair]) -> None:
    with st.expander("Voice guide: what every draft must keep to"):
        approved = [(pair.brief, pair.copy) for pair in there if pair.status != "rejected"]
        if saved := guide_form.guide_form(guide.of(view.db, view.task, []), approved):
            guide.put(view.db, view.task, saved)
            st.success("Saved. Train again, and students keep to it.", icon=":material/check_circle:")


main()
