"""What goes out to a vendor and what comes back: the blind pack, and the form that takes answers in."""

from __future__ import annotations

from contextlib import closing
from functools import partial

import streamlit as st
from sqlite_utils import Database

from core import database, taxonomy, vendor
from core.assets.label_columns import Unknown
from core.label.runs import runs
from core.tables.apart import apart
from core.tasks import Task
from core.ui import access, frame, label_names, progress, uploads
from core.vendor import files, sets
from core.vendor.files import Columns
from core.wires import connections
from core.words import counted, teacher_words

SIZES = (200, 500, 1_000, 2_000)


def send(view: frame.View, held: int) -> None:
    """Choose how many of the `held` held-out assets a vendor gets, and download them without labels."""
    st.subheader("1. Hand out a blind pack", anchor=False)
    st.caption(
        "Test assets, every creative once: id and text, shuffled, without labels; the taxonomy; what to send back. The same "
        "choice gives the same assets, so that you can compare several vendors."
    )
    st.caption(frame.plain(vendor.version_words(view.db, view.task)))
    sizes = [size for size in SIZES if size < held]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        size = st.selectbox(
            "Assets in the pack",
            [None, *sizes],
            format_func=lambda size: f"all {held:,} test assets" if size is None else f"{size:,}",
            width=220,
            help="Fewer cost the vendor less; the range around its share grows. 1,000 give about ± 2 points.",
        )
        access.download(
            "Download the pack",
            lambda: _pack(view.task, size),
            file_name=f"blind-pack-{size or held}.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            deed="export",
        )


def _pack(task: Task, size: int | None) -> bytes:
    """Made when it is downloaded, after the page has closed its own connection."""
    with closing(database.connect()) as db:
        return sets.pack(db, sets.held_out(db, task, size))


def take_in(view: frame.View, first: bool) -> None:
    """The form for a vendor's answers: a file, or a label run of its endpoint. `first`: nothing was judged before."""
    st.subheader("2. Take in its answers", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        name = st.text_input("Vendor", placeholder="what you call it", max_chars=vendor.MAX_NAME, key="vendor-name")
    with right:
        price = st.number_input(
            "Its price for 1,000 assets (USD)",
            min_value=0.0,
            value=None,
            placeholder="as its file says, if it does",
            format="%.4g",
            key="vendor-price",
        )
    set_id = _set(view)
    source = st.radio(
        "Its answers are in",
        ["A file", "A label run", "Not here yet: ask its endpoint"],
        horizontal=True,
        key="vendor-source",
    )
    if source not in ("A file", "A label run"):
        return _endpoint(view, name, set_id)
    ready = _file(view) if source == "A file" else _run(view)
    if st.button(
        "Judge these answers",
        type="primary" if first else "secondary",
        disabled=not ready,
        icon=":material/balance:",
    ):
        kind, answers = ready
        if kind == "file":
            path, columns, how = answers
            options = {"set_id": set_id, "columns": columns, "usd_per_1000": price, "read_as": how}
            options["reader"] = partial(apart, files.read)
            vendor.import_file(view.db, view.task, name, path, **options)
        else:
            vendor.import_run(view.db, view.task, name, answers, set_id=set_id, usd_per_1000=price)
        st.session_state["vendor-new"] = " ".join(name.split())
        st.rerun()


def _endpoint(view: frame.View, name: str, set_id: int | None) -> None:
    """Have one of the client's connections answer the held-out set, within a budget."""
    connected = connections.all(view.db, view.task.client_id)
    if not connected:
        st.caption("An endpoint is connected like a teacher, and no connection is there yet.")
        return
    left, right = st.columns(2, gap="large")
    picked = left.selectbox("Connection", [one.name for one in connected], key="vendor-connection")
    budget = right.number_input(
        "May cost at most (USD)", min_value=0.0, value=None, format="%.4g", placeholder="needed where it costs anything"
    )
    running = progress.active(view, "vendor")
    st.caption("It is asked about the test assets only. Time and cost are measured, and the ledger has every call.")
    if st.button("Ask it", disabled=running or not name.strip(), icon=":material/play_arrow:"):
        params = {"name": name, "teacher": f"connection:{picked}", "set_id": set_id, "budget_usd": budget}
        progress.start(view, "vendor", {"task_id": view.task.id, **params})
    progress.watch(view, "vendor", expected=running)


def _set(view: frame.View) -> int | None:
    packs = {row["id"]: row for row in sets.sets(view.db, view.task)}
    if len(packs) < 2:
        return None
    return st.selectbox(
        "It answers the set",
        list(packs),
        format_func=lambda id: _set_words(view, packs[id]),
        help="Assets of the set that are not answered count as wrong, so choose the one the vendor was given.",
    )


def _set_words(view: frame.View, row: dict) -> str:
    version = taxonomy.version_of(view.db, row["taxonomy_id"])
    when = row["created"][:16].replace("T", " ")
    return f"{counted(row['size'], 'asset')}, version {version} of the taxonomy, handed out {when}"


def _file(view: frame.View) -> tuple | None:
    """("file", (path, columns, how it is read)) once a file is there that has both columns."""
    path = uploads.upload("Its answers (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "vendor-file")
    if path is None:
        return None
    how = uploads.read_as(path, "vendor")
    seen = uploads.look(files.look, path, how)
    uploads.doubts(path, seen.doubts, "vendor")
    names, guess = seen.columns, seen.guess
    left, right = st.columns(2, gap="large")
    chosen = {
        role: side.selectbox(
            label,
            names,
            index=names.index(getattr(guess, role)) if getattr(guess, role) else None,
            key=f"vendor-{role}-{uploads.as_read(path, how)}",
            placeholder="choose a column",
        )
        for side, role, label in ((left, "id", "Column of the asset's id"), (right, "label", "Column of the label"))
    }
    rest = {role: column for role, column in vars(guess).items() if column not in chosen.values()}
    also = ", ".join(f"{column}" for role, column in rest.items() if role not in chosen and column)
    st.caption(
        frame.plain(
            f"Also read: {also}."
            if also
            else "The file does not say how sure each answer is, how long it took or what it cost."
        )
    )
    return ("file", (path, Columns(**{**rest, **chosen}), how)) if all(chosen.values()) else None


def settle(view: frame.View, test: dict) -> None:
    """Answers of a vendor's file that are no category, each with what it may mean: taken when a person says so."""
    unknown = _unknown(test["id"], test["created"], test["counts"]["off list"], view.db, test)
    if not unknown:
        return
    with st.container(border=True):
        labels = [c.label for c in taxonomy.load(view.db, test["taxonomy_id"]) if c.assignable]
        accepted = label_names.choose(unknown, labels, f"vendor-{test['id']}-{test['created']}")
        if st.button("Use these labels", disabled=not accepted, icon=":material/label:"):
            vendor.accept(view.db, test, accepted)
            st.rerun()


@st.cache_data(max_entries=16, show_spinner=False)
def _unknown(test_id: int, created: str, off_list: int, _db: Database, _test: dict) -> list[Unknown]:
    return vendor.unknown(_db, _test)


def _run(view: frame.View) -> tuple | None:
    """("run", its id) once one is chosen."""
    labelled = {run["id"]: run for run in runs(view.db, view.task) if run["count"]}
    run = st.selectbox(
        "Label run",
        list(labelled),
        format_func=lambda id: f"{teacher_words(labelled[id]['teacher'])}, {counted(labelled[id]['count'], 'label')}",
        help="Connect the vendor's endpoint as a teacher and let it label; time and cost are then measured, not stated.",
    )
    return ("run", run) if run else None
