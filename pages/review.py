"""Review: people settle the labels most worth settling, by keyboard; what they decide is gold."""

import streamlit as st

from core import review, tasks
from core.label.runs import runs
from core.review import queue
from core.tasks import Task
from core.ui import access, frame, pins, progress, review_desk, review_facets, review_figures, reviewer

ENTRY = {
    "place": 60,
    "section": "Teach",
    "name": "Review",
    "icon": "rate_review",
    "title": "Settle the labels most worth settling",
    "sentence": "What people settle is gold: the student learns it instead of the teacher's answer, "
    "and both are measured against it.",
}
MODES = {"queue": "Most doubtful first", "random": "Random sample", "conflict": "Conflicts"}
HINT = (
    "Most doubtful first corrects the most labels a minute. The random sample measures accuracy; everyone decides it "
    "without seeing what others said. Conflicts are where two reviewers differ: whoever settles one has the last word."
)


def main() -> None:
    with frame.page("review") as view:
        if not any(run["count"] for run in runs(view.db, view.task)):
            frame.nothing_yet(
                "There is nothing to review before a teacher has labelled something.", "teacher", "Get labels first"
            )
        running = progress.active(view, "review_queue")
        listed = review.listed(view.db, view.task)
        if not listed:
            _first(view, running)
        progress.watch(view, "review_queue", expected=running)
        if listed:
            every = _all_facets(view)
            mode, name = _who(view, running, listed, together=bool(every))
            if name and every:
                review_facets.show(every, review.named(name))
            elif name:
                review_desk.show(view.task, review.named(name), mode)
            else:
                st.info("Give your name: each decision is kept with who made it.", icon=":material/person:")
            if access.may("settings"):
                pins.show(view)
            review_figures.show(view)


def _first(view: frame.View, running: bool) -> None:
    with st.container(border=True):
        st.markdown(
            "Not every label is worth a look. The queue puts first where the student is sure of another category than the teacher, "
            "where labels do not fit their likes, where the teacher's own votes split, where copies are labelled differently, and "
            "rare categories."
        )
        if st.button("Find what to review", type="primary", disabled=running, icon=":material/rate_review:"):
            progress.start(view, "review_queue", {"task_id": view.task.id})


def _all_facets(view: frame.View) -> list[Task]:
    """The tasks whose facets are gone through together, of a client with several that have a queue; none where one is alone."""
    there = [task for task in tasks.of_client(view.db, view.task.client_id) if review.listed(view.db, task)]
    if view.task not in there or len(there) < 2:
        return []
    names = ", ".join(task.name for task in there)
    one, every = f"{view.task.name} alone", "All facets of an asset"
    chosen = st.segmented_control(
        "What is settled", [one, every], default=one, required=True, help=frame.plain(f"All facets: {names}.")
    )
    return there if chosen == every else []


def _who(view: frame.View, running: bool, listed: dict[str, int], together: bool) -> tuple[str, str]:
    """The mode and the reviewer's name."""
    left, middle, right = st.columns([5, 3, 2], vertical_alignment="bottom")
    mode = "queue"
    if together:
        left.caption("The most doubtful facet comes first, then the asset's others, then the next asset.")
    else:
        place = list(MODES).index(mode)
        mode = left.radio("What comes first", list(MODES), place, MODES.__getitem__, help=HINT, horizontal=True)
    name = reviewer.name(middle, review.reviewers(view.db, view.task))
    if right.button("Find anew", disabled=running, icon=":material/refresh:", width="stretch", help=_built(view)):
        progress.start(view, "review_queue", {"task_id": view.task.id})
    return mode, name


def _built(view: frame.View) -> str:
    newest = queue.latest(view.db, view.task)
    by = f"student {newest['student_id']}" if newest and newest["student_id"] else "no judged student"
    return (
        f"Made {newest['created'][:16].replace('T', ' ')} UTC with {by}." if newest else "Made from the newest labels."
    )


main()
