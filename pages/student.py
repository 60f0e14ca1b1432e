"""Student: choose a kind or let the ladder choose, train, watch, compare students, put one to work."""

import streamlit as st

from core import settings, taxonomy
from core.images import kept
from core.label.runs import runs
from core.train import members
from core.train.registry import all_students
from core.ui import frame, image_form, more_labels, progress, student_list
from core.ui.figures import HINTS
from core.words import teacher_words

ENTRY = {
    "place": 50,
    "section": "Teach",
    "name": "Student",
    "icon": "model_training",
    "title": "Train a student",
    "sentence": "A small model on this machine learns the teacher's answers. Its figures come from assets it has never seen.",
}


def main() -> None:
    with frame.page("student") as view:
        # Labels under the taxonomy in use first; whole runs before paused ones; those that were paid for before the built-in
        # teacher's; the newest first.
        latest = taxonomy.latest(view.db, view.task)
        labelled = sorted(
            (r for r in runs(view.db, view.task) if r["count"]),
            key=lambda r: (r["taxonomy_id"] != latest, r["paused"], r["teacher"] == "built-in"),
        )
        if not labelled:  # a student whose labels are gone is still to be seen, put to work and deleted
            none = (
                "A student learns from a teacher's labels, and there are none yet.",
                "teacher",
                "Get labels first",
            )
            (frame.missing if all_students(view.db, view.task) else frame.nothing_yet)(*none)
        running = progress.active(view, "train", "distil")
        run = _train(view, labelled, running) if labelled else None
        progress.watch(view, "train", "distil", expected=running)
        student_list.show(view)
        if run is not None:
            more_labels.show(view, run)


def _train(view: frame.View, labelled: list[dict], running: bool) -> int:
    """The form; returns the label run chosen in it."""
    latest = taxonomy.latest(view.db, view.task)
    names = {
        run["id"]: f"{teacher_words(run['teacher'])}, {run['count']:,}"
        + ("" if run["taxonomy_id"] == latest else ", earlier taxonomy")
        + (", paused" if run["paused"] else "")
        for run in labelled
    }
    with st.container(border=True):
        left, right = st.columns([3, 2], gap="large")
        with left:
            kinds = members.choices()
            kind = st.radio(
                "Kind of student",
                list(kinds),
                format_func=lambda kind: kinds[kind].name,
                captions=[one.caption for one in kinds.values()],
            )
        with right:
            run = st.selectbox(
                "Learns from",
                list(names),
                format_func=names.__getitem__,
                help="Bought labels first, then the built-in teacher's.",
            )
            target = st.number_input(
                "Target agreement (%)",
                50.0,
                99.9,
                100 * settings.get(view.db, "target_agreement", view.task),
                0.5,
                format="%.1f",
                help=HINTS["agreement"],
            )
            # An earlier version's labels may teach where somebody chooses them, but not for want of any other.
            none = all(row["taxonomy_id"] != latest for row in labelled)
            train = {"disabled": running or none, "icon": ":material/model_training:", "width": "stretch"}
            if st.button("Train", type="primary", **train):
                params = {"task_id": view.task.id, "run_id": run, "kind": kind, "target": target / 100}
                progress.start(view, "train", params)
            if none:
                st.warning("No asset has a label under the taxonomy in use: get labels, then train.")
                frame.link("teacher", "Get labels first")
            if kept.any_of(view.db, view.task.client_id):
                st.caption(frame.plain(image_form.reads(view)))
            st.caption(
                "The student does not learn from a fifth of the labelled assets: they are the test assets that judge it."
            )
    return run


main()
