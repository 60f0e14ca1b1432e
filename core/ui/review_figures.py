"""Under the desk: what decisions say of teacher, student and reviewers, two label runs on gold, and decisions as files."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from core import database, settings
from core.evaluate.phrases import p_words
from core.label.runs import runs
from core.review import decisions, files, people, wordings
from core.review.people import Accuracy
from core.tables.apart import apart
from core.tables.files import ReadAs
from core.tasks import Task
from core.ui import access, frame, label_names, uploads
from core.ui.charts import download
from core.ui.figures import figure
from core.words import percent, ranged, teacher_words

KAPPA = "Agreement beyond what chance would give (Cohen's kappa). 1 is perfect, 0 is chance."
RIGHT = "Share of the random sample's assets whose category people confirmed."


def show(view: frame.View) -> None:
    """Figures, the comparison of two label runs, and files."""
    people_state = _people(str(settings.home()), view.task, people.state(view.db, view.task))
    st.subheader("What people's decisions say", anchor=False)
    _accuracy(people_state.accuracy)
    _reviewers(people_state)
    _compare(view)
    _files(view)


@st.cache_data(max_entries=16, show_spinner=False)
def _people(home: str, task: Task, state: tuple) -> people.People:
    """people(), which reads every decision; kept until there is another."""
    with closing(database.connect()) as db:
        return people.people(db, task)


def _accuracy(seen: Accuracy | None) -> None:
    if seen is None:
        st.caption(
            "The random sample says how often teacher and student are right: settle some of it once a student is trained. The "
            "queue cannot say it, since it holds the doubtful assets."
        )
        return
    teacher, student, difference = st.columns(3)
    for place, name, share in (
        (teacher, "Teacher is right", seen.teacher),
        (student, "Student is right", seen.student),
    ):
        with place:
            span = f"{ranged(share.low, share.high)}, n = {share.n:,}"
            figure(name, percent(share.value), "measured", span, help=RIGHT)
    with difference:
        words = {"first": "Student", "second": "Teacher", None: "Not shown"}[seen.paired.better]
        figure(
            "Who is better",
            words,
            "measured",
            f"{p_words(seen.paired.p)}, n = {seen.paired.n:,}",
            help="Exact McNemar test.",
        )
    left_out = f"Left out: {seen.skipped:,} skipped, {seen.open:,} on which reviewers still differ"
    more = "; those are the hard ones, so both figures are too high until they are settled." if seen.open else "."
    st.caption(
        f"From the random sample alone; the queue holds the doubtful assets and says nothing of the others. {left_out}{more}"
    )


def _reviewers(people_state: people.People) -> None:
    for pair in people_state.pairs[:3]:
        share, kappa = pair.agreement, "not defined" if pair.kappa is None else f"{pair.kappa:.2f}"
        st.markdown(
            frame.plain(
                f"{pair.first} and {pair.second} agree on {percent(share.value)} ({percent(share.low)} to "
                f"{percent(share.high)}) of {share.n:,} assets that both decided; beyond chance {kappa} of 1 (measured)."
            ),
            help=KAPPA,
        )
    if people_state.reviewers:
        table = pd.DataFrame(people_state.reviewers).assign(
            last=lambda rows: rows["last"].str[:16].str.replace("T", " ")
        )
        with st.expander(
            f"{sum(people_state.gold.values()):,} gold labels, {people_state.conflicts:,} conflicts: who decided"
        ):
            st.dataframe(table, hide_index=True, key="table-reviewers")
            download(table, "reviewers")


def _compare(view: frame.View) -> None:
    every = [run for run in runs(view.db, view.task) if run["count"]]
    if len(every) < 2:
        return
    names = {run["id"]: f"run {run['id']}: {teacher_words(run['teacher'])}, {run['count']:,}" for run in every}
    with st.expander("Two label runs on gold: is the new prompt better?"):
        left, right = st.columns(2)
        second = left.selectbox("New", list(names), format_func=names.__getitem__, key="prompt-second")
        first = right.selectbox("Old", list(names), index=1, format_func=names.__getitem__, key="prompt-first")
        with frame.guard():
            comparison = wordings.compare(view.db, view.task, first, second)
            st.markdown(f"**{frame.plain(comparison.sentence)}**")
            more = comparison.every
            st.caption(
                frame.plain(
                    f"First = old, second = new. On all {more.n:,} gold assets, the queue's too: {percent(more.first)} and "
                    f"{percent(more.second)}; those were chosen for doubts of one teacher, which favours any other."
                )
            )


def _files(view: frame.View) -> None:
    if not access.may("import"):  # a file decides under any name
        return
    with st.expander("Review in a spreadsheet"):
        st.caption("The list with an empty column “category”: fill it in, and bring it back.")
        if st.toggle("Make the file", key="review-export"):
            access.download(
                "Download CSV",
                files.to_csv(view.db, view.task).encode("utf-8-sig"),
                file_name="review.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                deed="export",
            )
        path = uploads.upload("Decisions", "review-file")
        if path is None:
            return
        how = uploads.read_as(path, "review")
        uploads.doubts(path, uploads.look(decisions.doubts, path, how), "review")
        with frame.guard():
            _take_in(view, path, how)


def _take_in(view: frame.View, path: Path, how: ReadAs) -> None:
    """Read the decisions when asked to, say what came of it, and offer what is near a category."""
    key = f"review-read-{uploads.as_read(path, how)}"
    if st.button("Read the decisions", icon=":material/upload:"):
        st.session_state[key] = _read(view, path, how, {})
    read = st.session_state.get(key)
    if read is None:
        return
    st.success(f"{read.new:,} new decisions in {read.rows:,} rows.", icon=":material/check_circle:")
    if read.problems:
        table = pd.DataFrame([problem.as_dict() for problem in read.problems]).drop(columns="remark")
        st.dataframe(table, hide_index=True)
    if read.unknown:
        accepted = label_names.choose(read.unknown, label_names.labels_of(view), key)
        if st.button("Use these labels", disabled=not accepted, icon=":material/label:"):
            st.session_state[key] = _read(view, path, how, accepted)
            st.rerun()


def _read(view: frame.View, path: Path, how: ReadAs, accepted: dict[str, str]) -> files.Read:
    reviewer = st.session_state.get("reviewer-name", "")
    reader = partial(apart, decisions.read)
    return files.read(view.db, view.task, path, reviewer, how, accepted, reader)
