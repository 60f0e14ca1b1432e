"""Vendor: judge a vendor's answers to held-out assets beside student and teacher; hand out the assets, take the answers in."""

import streamlit as st

from core import vendor
from core.errors import InputError
from core.train import members
from core.ui import frame, progress, vendor_card, vendor_inputs, vendor_writing
from core.vendor import scorecard, sets
from core.write import training

ENTRY = {
    "place": 100,
    "section": "Use",
    "name": "Vendor",
    "icon": "storefront",
    "title": "Judge a vendor",
    "sentence": "Is it good enough for this task at this cost? It does what student and teacher do, and stands beside them.",
    "kinds": ("choose_one", "choose_several", "write"),
}
WHY_TUNE = (
    "This adds a column to the table above: a small model of your own that learns the task from the teacher's labels and is "
    "judged on the same assets. It shows how close to the teacher you come without {name}, and at what cost."
)


def main() -> None:
    with frame.page("vendor") as view:
        if view.task.kind == training.KIND:
            return vendor_writing.show(view)
        tested = vendor.tests(view.db, view.task)
        if tested:
            running = progress.active(view, "train", "distil")
            _judged(view, tested, running)
            progress.watch(view, "train", "distil", expected=running)
        held = _held_out(view)
        with st.container(border=True):
            vendor_inputs.send(view, held)
        with st.container(border=True), frame.guard():
            vendor_inputs.take_in(view, first=not tested)


def _held_out(view: frame.View) -> int:
    """How many assets are held out; without any the page says where they come from."""
    try:
        return sets.count(view.db, view.task)
    except InputError as error:
        frame.nothing_yet(error.what, "student", "Train a student first: that holds assets out")


def _judged(view: frame.View, tested: list[dict], running: bool) -> None:
    test = _chosen(tested)
    try:
        students = scorecard.judged_students(view.db, view.task)
    except InputError as error:
        st.info(frame.plain(error.what), icon=":material/info:")
        return frame.link("student", "Train a student")
    with frame.guard():
        card = scorecard.scorecard(view.db, test, _beside(students))
        vendor_card.show(card)
        vendor_inputs.settle(view, test)
        tuning = [kind for kind in _ladder(view) if members.of(kind).tunes]
        tuned = any(row["kind"] in tuning and row["label_run_id"] == card.run_id for row in students)
        _act(view, test, card, running, None if tuned or not tuning else tuning[0])


def _ladder(view: frame.View) -> tuple[str, ...]:
    """The kinds of students that learn what the task asks for."""
    every = tuple(members.ladder())
    return members.of_tags(every) if view.task.several else every


def _chosen(tested: list[dict]) -> dict:
    names = {row["name"]: row for row in tested}
    shown = st.session_state.pop("vendor-new", st.session_state.get("vendor-shown"))
    st.session_state["vendor-shown"] = shown if shown in names else tested[0]["name"]
    if len(names) == 1:
        return tested[0]
    return names[st.selectbox("Vendor judged", list(names), key="vendor-shown", width=320)]


def _beside(students: list[dict]) -> list[int] | None:
    """The students shown beside the vendor, the one that decides first; None leaves the choice to core."""
    if len(students) == 1:
        return None
    names = {row["id"]: scorecard.name_of(row) + (" (live)" if row["live"] else "") for row in students}
    picked = st.multiselect(
        "Students beside it",
        list(names),
        default=[row["id"] for row in scorecard.default_students(students)],
        format_func=names.__getitem__,
        help="The first decides: the answer below compares the vendor with it.",
    )
    return picked or None


def _act(view: frame.View, test: dict, card: scorecard.Scorecard, running: bool, tune: str | None) -> None:
    """Train a student of the kind `tune`, which fine-tunes the small base on the client's own labels (None: there is one), change
    the price, forget the answers."""
    if tune:
        st.caption(frame.plain(WHY_TUNE.format(name=test["name"])))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if tune and st.button(
            "Train our small base model on these labels",
            type="primary" if card.verdict.decision == "not_capable" else "secondary",
            disabled=running,
            icon=":material/model_training:",
            help=f"Trains a {tune} student on the teacher's labels, minutes on this machine; it then stands in the table.",
        ):
            params = {"task_id": view.task.id, "run_id": card.run_id, "kind": tune, "target": None}
            progress.start(view, "train", params)
        price = st.number_input(
            "Price for 1,000 assets (USD)",
            min_value=0.0,
            value=test["usd_per_1000"],
            placeholder="as its file says",
            format="%.4g",
            key=f"price-{test['id']}",
            width=240,
        )
        if price != test["usd_per_1000"]:
            vendor.set_price(view.db, test["id"], price)
            st.rerun()
        if st.button("Forget these answers", icon=":material/delete:"):
            vendor.remove(view.db, test["id"])
            st.rerun()


main()
