"""Vendor for a task that writes: hand out the test briefs, take in drafts, and see them beside student, teacher and people."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict

import pandas as pd
import streamlit as st

from core import database
from core.report import writing_vendor as cards
from core.tables.apart import apart
from core.tasks import Task
from core.ui import access, charts, compare_writing, frame, progress, uploads
from core.wires import connections
from core.words import counted
from core.write import blind, vendors

BOXES = {cards.NOT_GOOD: st.warning, cards.OPEN: st.info, cards.AS_GOOD: st.success}
SOURCES = ("A file", "Not here yet: ask its endpoint")


def show(view: frame.View) -> None:
    """The whole page below its title."""
    try:
        briefs = vendors.test_briefs(view.db, view.task)
    except vendors.InputError as error:
        frame.nothing_yet(error.what, "write", "Bring in pairs")
    running = progress.active(view, "vendor_drafts")
    tested = [one for one in vendors.tests(view.db, view.task) if one.source != vendors.TEACHER]
    if tested:
        with frame.guard():
            _judged(view, tested)
    with st.container(border=True):
        _send(view.task, len(briefs))
    with st.container(border=True), frame.guard():
        _take_in(view, not tested, running)
        progress.watch(view, "vendor_drafts", expected=running)


def _send(task: Task, count: int) -> None:
    st.subheader("1. Hand out the test briefs", anchor=False)
    st.caption(
        f"{counted(count, 'brief')} that no student learned from, in an order drawn by chance, with an empty column for drafts."
    )
    access.download(
        "Download the test briefs",
        lambda: _pack(task),
        file_name="test-briefs.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        deed="export",
    )


def _pack(task: Task) -> bytes:
    """Made when it is downloaded, after the page has closed its own connection."""
    with closing(database.connect()) as db:
        return vendors.pack(db, task)


def _take_in(view: frame.View, first: bool, running: bool) -> None:
    st.subheader("2. Take in its drafts", anchor=False)
    left, right = st.columns(2, gap="large")
    name = left.text_input("Vendor", placeholder="what you call it", max_chars=vendors.LONGEST_NAME, key="vendor-name")
    source = st.radio("Its drafts are in", SOURCES, horizontal=True, key="vendor-source")
    if source != SOURCES[0]:
        return _endpoint(view, name, running)
    price = right.number_input(
        "Its price for 1,000 drafts (USD)", min_value=0.0, value=None, placeholder="where it said one", format="%.4g",
        key="vendor-price",
    )  # fmt: skip
    path = uploads.upload("Its drafts (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "vendor-file")
    if path is None:
        return
    how = uploads.read_as(path, "vendor")
    seen: vendors.Look = uploads.look(vendors.look, path, how)
    uploads.doubts(path, seen.doubts, "vendor")
    columns = {
        role: side.selectbox(
            label,
            seen.columns,
            index=seen.columns.index(guess) if guess else None,
            key=f"vendor-{role}-{uploads.as_read(path, how)}",
            placeholder="choose a column",
        )
        for side, role, label, guess in (
            (left, "brief", "Column of the brief", seen.brief),
            (right, "text", "Column of the draft", seen.text),
        )
    }
    st.dataframe(pd.DataFrame(seen.head, columns=seen.columns), hide_index=True, placeholder="")
    if st.button(
        "Measure these drafts", type="primary" if first else "secondary", disabled=running or not all(columns.values()),
        icon=":material/straighten:",
    ):  # fmt: skip
        name = vendors.named(name)
        briefs = list(vendors.test_briefs(view.db, view.task))
        apart(vendors.read, path, briefs, *columns.values(), how)  # what is amiss is said at once
        params = {"name": name, "file": str(path), "read_as": asdict(how), "usd_per_1000": price, **columns}
        progress.start(view, "vendor_drafts", {"task_id": view.task.id, **params})


def _endpoint(view: frame.View, name: str, running: bool) -> None:
    connected = connections.all(view.db, view.task.client_id)
    if not connected:
        st.caption("An endpoint is connected like a teacher, and no connection is there yet.")
        return frame.link("connections", "Connect one")
    left, right = st.columns(2, gap="large")
    picked = left.selectbox("Connection", [one.name for one in connected], key="vendor-connection")
    budget = right.number_input(
        "May cost at most (USD)", min_value=0.0, value=None, format="%.4g", placeholder="needed where it costs anything"
    )
    st.caption(
        "It drafts for the test briefs, one draft each. Time and cost are measured, the ledger has every call, and its drafts "
        "come to the drafts' desk as well."
    )
    if st.button("Ask it", disabled=running or not name.strip(), icon=":material/play_arrow:"):
        params = {"name": vendors.named(name), "teacher": f"connection:{picked}", "budget_usd": budget}
        progress.start(view, "vendor_drafts", {"task_id": view.task.id, **params})


def _judged(view: frame.View, tested: list[vendors.Test]) -> None:
    card = cards.card(view.db, view.task, _chosen(tested))
    words = f"**{frame.plain(card.test.name)}: {cards.TITLES[card.decision]}** {frame.plain(card.reason)}"
    BOXES[card.decision](f"{words}\n\n**Next:** {frame.plain(card.next)} {frame.plain(card.price)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Put its drafts into the blind test",
            icon=":material/visibility_off:",
            help="Beside approved copy, and beside the student's drafts where it has a blind test.",
        ):
            writer = card.result and card.result.row["id"]
            new = vendors.into_blind(view.db, view.task, card.test, writer)
            st.toast(f"{counted(new, 'pair')} more to compare.")
            st.rerun()
        if st.button("Forget these drafts", icon=":material/delete:"):
            vendors.remove(view.db, view.task, card.test.name)
            st.rerun()
        frame.link("blind", "To the blind test")
    if not card.result:
        st.caption(cards.NOTHING_BESIDE)
    compare_writing.measured(card.table)
    if card.alone and card.alone.pairs:
        st.caption(frame.plain(blind.of_vendor_words(card.test.name, card.alone)))
    if card.tested and card.tested.n:
        st.caption(frame.plain(f"The student's drafts beside its: {blind.sentence(card.tested)}"))
    _rows(card.test.counts)


def _chosen(tested: list[vendors.Test]) -> vendors.Test:
    names = {one.name: one for one in tested}
    shown = st.session_state.get("vendor-shown")
    st.session_state["vendor-shown"] = shown if shown in names else tested[0].name
    if len(names) == 1:
        return tested[0]
    return names[st.selectbox("Vendor judged", list(names), key="vendor-shown", width=320)]


def _rows(counts: vendors.Counts) -> None:
    """What was matched, and what was not, both ways."""
    st.caption(frame.plain(cards.counts_words(counts)))
    listed = {
        "Test briefs without a draft": counts.missing,
        "Briefs of the file that are none of the test": counts.outside,
        "Rows that could not be used": [
            f"Row {one.row}: {one.what}" if one.row else one.what for one in counts.problems
        ],
    }
    for title, some in listed.items():
        if some:
            with st.expander(f"{title}: {len(some):,}"):
                table = pd.DataFrame({title: list(some)})
                st.dataframe(table, hide_index=True, placeholder="")
                charts.download(table, title.lower().replace(" ", "-"))
