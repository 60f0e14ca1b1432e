"""What the Write page shows: the upload of pairs, the ladder of students beside people's copy, drafts with their gates."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from core.ui import charts, frame, progress, uploads
from core.ui.standing import VERDICTS
from core.words import duration, percent, spoken
from core.write import pairs, training, use
from core.write.figures import Measured
from core.write.rungs import AUTO, rungs

MEASURES = {
    "near_copies": "Near copies",
    "recall_at_10": "About the brief",
    "distinct_2": "Different pairs of words",
    "unique": "Different drafts",
}
HINTS = {
    "Handled": "Test briefs for which a draft passes every gate.",
    "Near copies": "Drafts that are, but for a word or two, an approved copy.",
    "About the brief": "Texts with their own brief among the ten nearest of a hundred. People's copy is the measure.",
    "Different pairs of words": "Of all pairs of neighbouring words, those that are not said twice.",
    "Different drafts": "Drafts that are not the same as another one.",
}


def bring(view: frame.View, running: bool) -> None:
    """Upload, columns, and the button that imports and trains."""
    uploads.template("pairs")
    path = uploads.upload("Briefs with approved copy", "pairs")
    if path is None:
        st.caption(f"At least {pairs.FEWEST} approved pairs; 500 and more make drafts worth reading.")
        return
    seen: pairs.Look = uploads.look(pairs.look, path)
    left, right = st.columns(2)
    brief = left.multiselect("Columns of the brief", seen.columns, [seen.brief])
    copy = right.selectbox("Column of the approved copy", seen.columns, seen.columns.index(seen.copy))
    st.dataframe(pd.DataFrame(seen.head, columns=seen.columns), hide_index=True, placeholder="")
    st.caption("2,000 pairs took 41 minutes to learn on two busy processors. It goes on when you close the tab.")
    if st.button("Import and train", type="primary", icon=":material/model_training:", disabled=running or not brief):
        start(view, path, brief, copy)


def start(view: frame.View, path: Path | None = None, brief: list[str] | None = None, copy: str = "") -> None:
    """Queue the training, with the import of a file before it where there is one."""
    params = {"task_id": view.task.id, "student": AUTO, "read_as": None}
    progress.start(view, "writers", params | {"file": str(path) if path else None, "brief": brief or [], "copy": copy})


def verdict(row: dict) -> None:
    """The verdict in a box."""
    judged = training.verdict_of(row)
    colour, icon = frame.VERDICT_LOOK[judged.decision]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(VERDICTS[judged.decision], color=colour, icon=icon)
            st.text(f"{rungs()[row['kind']].title} ({row['kind']} {row['id']})")
        st.write(frame.plain(judged.reason))
        st.write("**Next:** " + frame.plain(judged.next))


def ladder(rows: list[dict]) -> None:
    """The students of the newest training, with people's copy and copy of other briefs through the same measures."""
    newest = rows[0]["params"]["data"]
    same = [row for row in reversed(rows) if row["params"]["data"] == newest]
    lines = [_line(_named(row), row["figures"].after_gates, row["figures"].handled.value, row) for row in same]
    figures = same[-1]["figures"]
    lines += [
        _line("People, approved copy", figures.human, figures.human.passed),
        _line("People, copy of other briefs", figures.shuffled, figures.shuffled.passed),
    ]
    table = pd.DataFrame(lines)
    shares = ("Handled", *MEASURES.values())
    config = {name: st.column_config.NumberColumn(format="percent", help=HINTS[name]) for name in shares}
    st.dataframe(table, hide_index=True, key="writers", placeholder="", column_config=config)
    st.caption(
        f"Measured on {figures.briefs:,} briefs that no student learned from. No figure says that a draft is good: people do."
    )
    charts.download(table, "writing-students")
    for row in same:
        if words := row["figures"].rouge:
            share, lead = percent(words.r1), percent(words.lead3_r1, words.r1)
            st.caption(
                f"{_named(row)} shares {share} of its words with people's summaries; the brief's first three sentences, {lead}."
            )
    if stops := figures.human_stops:
        stopped = ", ".join(
            f"{name} {percent(share)}" for name, share in sorted(stops.items(), key=lambda one: -one[1])
        )
        st.caption(
            frame.plain(
                f"What the gates stop of people's approved copy: {stopped}. A gate far above that is too strict."
            )
        )


def _named(row: dict) -> str:
    return f"{row['kind']} {row['id']}" + (", at work" if row["live"] else "") + (", refused" if row["refused"] else "")


def _line(who: str, measures: Measured | None, handled: float, row: dict | None = None) -> dict:
    shares = {words: spoken(getattr(measures, name)) if measures else None for name, words in MEASURES.items()}
    seconds = row and row["figures"].seconds_per_brief.p50
    return {
        "Who": who,
        "Handled": spoken(handled),
        **shares,
        "A brief takes": duration(seconds) if row else "–",
        "Trained in": duration(row["train_seconds"]) if row else "–",
    }


def attempt(view: frame.View, count: int = 3) -> None:
    """One brief in, drafts out."""
    with st.form("write", border=False):
        brief = st.text_area("The brief", key="write-brief", height=90, max_chars=use.LONGEST)
        asked = st.form_submit_button("Write drafts", type="primary", icon=":material/edit_note:")
    if asked:
        with st.spinner("Writing …"):
            st.session_state["drafts"] = use.write(view.db, view.task, brief, count)
    if drafts := st.session_state.get("drafts"):
        _drafts(drafts)


def _drafts(drafts: dict) -> None:
    st.caption(frame.plain(f"{drafts['title']}. " + rungs()[drafts["kind"]].about))
    for draft in drafts["drafts"]:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(draft["text"], width="stretch")
                if draft["passed"]:
                    st.badge("passed", icon=":material/check:", color="green")
                else:
                    st.badge("stopped", icon=":material/block:", color="orange")
            for gate in draft["gates"]:
                if not gate["passed"]:
                    st.caption(f":material/block: {gate['name']}: " + frame.plain(gate["why"]))
            passed = [gate["name"] for gate in draft["gates"] if gate["passed"]]
            st.caption("Passed: " + ", ".join(passed))
    for name, some in drafts["fields"].items():
        st.text(f"{name.capitalize()}: {'; '.join(some)}")
    if not drafts["handled"]:
        st.warning("No draft passes every gate: this brief is for a person.", icon=":material/undo:")
