"""Teacher: choose one, forecast labels, cost and time, cap the spend, run, watch, read the labels."""

import streamlit as st

from core import taxonomy
from core.label import forecast, looking
from core.money import prices
from core.ui import (
    connection_form,
    frame,
    hosted_teacher,
    joint_teacher,
    label_list,
    label_rounds,
    look_choice,
    money_inputs,
    progress,
    prompt_editor,
)
from core.ui.figures import figure
from core.wires import connections
from core.words import counted, duration, money

ENTRY = {
    "place": 40,
    "section": "Teach",
    "name": "Teacher",
    "icon": "school",
    "title": "Get labels from a teacher",
    "sentence": "The teacher says which category each asset belongs to; the student learns from its answers.",
}
BUILT_IN_NOTE = (
    "Compares each asset with the categories' names, descriptions and examples; no key, no internet. A large model labels "
    "better. It reads with the same base model as the embedding student, so it says little how often those two agree."
)
RECORDED_NOTE = "Labels bought before, from the column {} of your file. Nothing is sent anywhere and nothing is bought."
HOSTED_NOTE = "{} at {}. The assets' words are sent there{}."


def main() -> None:
    with frame.page("teacher") as view:
        if taxonomy.latest(view.db, view.task) is None or not _assets(view):
            frame.nothing_yet("A teacher needs a taxonomy and assets to label.", "assets", "Bring them in first")
        running = progress.active(view, "label", "distil")
        with st.container(border=True):
            teacher = _choose(view, running or progress.active(view, "rounds"))
        progress.watch(view, "label", "distil", expected=running)
        run = label_list.latest_of(view.db, view.task, teacher)
        if run:
            hosted_teacher.went(view, run)
            label_list.show(view.db, run)
        label_rounds.show(view, teacher)


def _assets(view: frame.View) -> int:
    return view.db.execute(
        "select exists (select 1 from assets where client_id = ?)", [view.task.client_id]
    ).fetchone()[0]


def _choose(view: frame.View, running: bool) -> str:
    recorded = forecast.recorded_columns(view.db, view.task)
    hosted = {f"connection:{one.name}": one for one in connections.all(view.db, view.task.client_id)}
    names = {f"recorded:{column}": f"Recorded labels: {column} ({n:,})" for column, n in recorded.items()}
    notes = {f"recorded:{column}": RECORDED_NOTE.format(column) for column in recorded}
    names |= {spec: one.name for spec, one in hosted.items()}
    looks = {spec for spec in hosted if looking.chosen(view.db, view.task.client_id, spec)}
    notes |= {
        spec: HOSTED_NOTE.format(one.model, connection_form.address(one), ", and their images" if spec in looks else "")
        for spec, one in hosted.items()
    }
    names["built-in"], notes["built-in"] = "Built-in teacher", BUILT_IN_NOTE
    if st.session_state.get(hosted_teacher.CHOSEN) not in names:  # another client's
        st.session_state.pop(hosted_teacher.CHOSEN, None)
    left, right = st.columns([3, 2], gap="large")
    with left:
        first = next(iter(hosted), None) if _all_taken(view, recorded) else None
        teacher = st.radio(
            "Teacher",
            list(names),
            list(names).index(first) if first else 0,
            format_func=lambda spec: frame.plain(names[spec]),
            key=hosted_teacher.CHOSEN,
        )
        st.caption(frame.plain(notes[teacher]))
        if not recorded:
            st.caption(
                "Labels bought before can teach as well: name their column under Other columns on the Assets page."
            )
        if not hosted:
            frame.link("connections", "Connect a hosted model")
    with right:
        model = None if teacher in hosted else money_inputs.price_as(view).price_as
    if teacher in hosted:
        with frame.guard():
            facets = joint_teacher.choose(view, teacher)
            expected = look_choice.show(view, teacher, facets, running)
            if len(facets) > 1:
                joint_teacher.show(view, facets, teacher, expected, running)
            else:
                hosted_teacher.show(view, teacher, expected, running)
            prompt_editor.show(view, teacher, facets)
        return teacher
    _unpaid(view, teacher, prices.price(view.db, model) if model else None, running)
    return teacher


def _all_taken(view: frame.View, recorded: dict[str, int]) -> bool:
    """Whether the recorded labels, if there are any, are in already, so that nothing more can be asked of them."""
    left = (forecast.forecast(view.db, view.task, f"recorded:{column}").labels for column in recorded)
    return not any(left)


def _unpaid(view: frame.View, teacher: str, price: prices.Price | None, running: bool) -> None:
    """A teacher that charges nothing: what is left to label, what that is worth, and the button."""
    expected = forecast.forecast(view.db, view.task, teacher)
    if not expected.labels:
        label_list.all_in(expected.wanted)
        return
    _forecast(expected, price)
    if st.button(
        f"Get {counted(expected.labels, 'label')}", type="primary", disabled=running, icon=":material/school:"
    ):
        progress.start(view, "label", {"task_id": view.task.id, "teacher": teacher})


def _forecast(expected: forecast.Forecast, price: prices.Price | None) -> None:
    labels, seconds, cost = st.columns(3)
    with labels:
        figure(
            "Labels to get",
            f"{expected.labels:,}",
            "measured",
            f"of {expected.wanted:,}",
            help="Copies of one creative are labelled once and share the answer.",
        )
    with seconds:
        figure("Time", duration(expected.seconds), expected.seconds_basis)
    with cost:
        spent = "nothing is charged here"
        figure(
            "Worth, at that price",
            money(expected.usd(price)),
            expected.tokens_basis,
            spent,
            help="What these labels would cost from the model on the right, from token counts and its dated list price.",
        )


main()
