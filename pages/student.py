"""Student: choose a kind or let the ladder choose, train, watch, compare students, put one to work."""

import pandas as pd
import streamlit as st

from core import settings
from core.evaluate.run import figures
from core.label.run import runs
from core.train.run import AUTO, all_students, set_live
from core.ui import charts, frame, label_list, more_labels, progress
from core.ui.figures import HINTS, duration
from core.ui.standing import percent

KINDS = {
    AUTO: (
        "Choose for me",
        "Trains the kinds below from the cheapest on and stops at the first that reaches the target.",
    ),
    "linear": (
        "Linear",
        "Counts words and letter groups. Seconds to train, microseconds an asset: the honest baseline.",
    ),
    "embedding": (
        "Embedding",
        "Reads meaning with a small sentence encoder. About a minute to train, milliseconds an asset.",
    ),
    "transformer": (
        "Transformer",
        "Tunes that encoder on the teacher's answers. Minutes to train, milliseconds an asset; usually the best.",
    ),
}


def main() -> None:
    with frame.page("student") as view:
        # Labels that were paid for before those of the built-in teacher, the newest of each kind first.
        labelled = sorted(
            (r for r in runs(view.db, view.client_id) if r["count"]), key=lambda r: r["teacher"] == "built-in"
        )
        if not labelled:
            frame.nothing_yet(
                "A student learns from a teacher's labels, and this client has none yet.", "teacher", "Get labels first"
            )
        running = progress.active(view, "train", "distil")
        run = _train(view, labelled, running)
        progress.watch(view, "train", "distil", expected=running)
        _students(view)
        more_labels.show(view, run)


def _train(view: frame.View, labelled: list[dict], running: bool) -> int:
    """The form; returns the label run chosen in it."""
    names = {run["id"]: f"{label_list.teacher_words(run['teacher'])}, {run['count']:,}" for run in labelled}
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="large")
        with left:
            kind = st.radio(
                "Kind of student",
                list(KINDS),
                format_func=lambda kind: KINDS[kind][0],
                captions=[caption for _, caption in KINDS.values()],
            )
        with right:
            run = st.selectbox(
                "Learns from",
                list(names),
                format_func=names.__getitem__,
                help="Bought labels first, then the built-in teacher's.",
            )
            target = st.slider(
                "Target agreement",
                80.0,
                99.5,
                100 * settings.get(view.db, "target_agreement", view.client_id),
                0.5,
                format="%.1f %%",
                help=HINTS["agreement"],
            )
            if st.button("Train", type="primary", disabled=running, icon=":material/model_training:", width="stretch"):
                params = {"client_id": view.client_id, "run_id": run, "kind": kind, "target": target / 100}
                progress.start(view, "train", params)
            st.caption("A fifth of the labelled assets is kept out of training and used to judge the student.")
    return run


def _students(view: frame.View) -> None:
    rows = all_students(view.db, view.client_id)
    if not rows:
        st.caption("No student yet: choose a kind and press Train.")
        return
    st.subheader("Students of this client", anchor=False)
    table = pd.DataFrame([_row(row, figures(view.db, row["id"])) for row in rows])
    st.dataframe(
        table,
        hide_index=True,
        key="students",
        column_config={
            "Agreement": st.column_config.NumberColumn(format="percent", help=HINTS["agreement"]),
            "95 % interval": st.column_config.TextColumn(help=HINTS["interval"]),
            "Macro F1": st.column_config.NumberColumn(format="%.3f", help=HINTS["macro_f1"]),
            "ms an asset": st.column_config.NumberColumn(
                format="%.2f", help="Median of single calls on this machine. " + HINTS["p50"]
            ),
            "MB": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    st.caption("Agreement, macro F1 and milliseconds are measured on test assets no student was trained on.")
    charts.download(table, "students")
    _live(view, rows)


def _row(row: dict, found: dict | None) -> dict:
    share = found["agreement"] if found else {"value": None, "n": None}
    return {
        "Student": f"{row['kind']} {row['id']}",
        "Live": "live" if row["live"] else "",
        "Agreement": share["value"],
        "95 % interval": f"{percent(share['low'], 1)} to {percent(share['high'], 1)}" if found else "",
        "n": share["n"],
        "Macro F1": found and found["macro_f1"],
        "ms an asset": found and found["latency"]["p50"],
        "MB": row["size_mb"],
        "Trained in": duration(row["train_seconds"]),
        "Learned from": f"{row['params'].get('train', 0):,} assets"
        + (f", {label_list.teacher_words(found['teacher']['name'])}" if found else ""),
        "Made": row["created"][:16].replace("T", " "),
    }


def _live(view: frame.View, rows: list[dict]) -> None:
    names = {row["id"]: f"{row['kind']} {row['id']}" for row in rows}
    live = next((row["id"] for row in rows if row["live"]), None)
    others = [id for id in names if id != live]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if others:
            picked = st.selectbox("Put another student to work", others, format_func=names.__getitem__, width=280)
            if st.button("Make live", help="Try one, scoring and the verdict on the overview then use this one."):
                set_live(view.db, picked)
                st.rerun()
        frame.link("compare", "Read the verdict")


main()
