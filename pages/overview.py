"""Overview: what the students save, what needs somebody, where every client stands; the sample one click from a full run."""

from collections import Counter

import streamlit as st

from core import database, jobs, tasks
from core.distil import IMAGES_CLIENT, SAMPLE_CLIENT
from core.errors import InputError
from core.evaluate import house
from core.task_kinds import KINDS as TASK_KINDS
from core.tasks import Task
from core.ui import (
    access,
    address,
    client_tasks,
    frame,
    house_figures,
    house_writing,
    removing,
    sample_client,
    standing,
)
from core.watch import telling
from core.write.comparison import WritingComparison

ENTRY = {
    "place": 10,
    "section": "",
    "name": "Overview",
    "icon": "space_dashboard",
    "title": "See where every client stands",
    "sentence": "A student learns one narrow job from the large model you pay today. Here you see how far each client is.",
    "needs_client": False,
    "of_client": False,
}
PAGE = 12


def main() -> None:
    with frame.page("overview") as view:
        clients = access.own(view.db, standing.clients(view.db))
        house_deeds = access.may("house")
        every = standing.tasks_of(view.db, clients)
        sample = next((task for task, client in every if client == SAMPLE_CLIENT), None)
        before = standing.of(view.db, sample) if sample else None
        by_id = {task.id: task for task, _ in every}
        earned = {one.task_id: one for one in house.money_of_tasks(view.db) if one.task_id in by_id}
        written = {task.id: result for task, _ in every if (result := house_writing.result_of(view.db, task))}
        earned |= {id: house_writing.earned(view.db, by_id[id], earned[id], one) for id, one in written.items()}
        if clients:
            house_figures.show(list(earned.values()), house.open_reviews(view.db))
            house_figures.needs(_ones_own([*telling.notices(view.db), *house.notices(view.db)], clients))
        if clients:
            unused = standing.unused_firsts(view.db)
            _tasks(view, [one for one in every if one[0].id not in unused], earned, written)
        if not house_deeds:
            if not clients:
                st.info("Nobody has given you a client yet: ask an administrator.", icon=":material/lock:")
            return
        if before is None or not (before.verdict or before.busy):
            sample_client.run(view, sample, "secondary" if clients else "primary")
        if not clients or (
            sample and not any(task.kind == "write" for task, client in every if client == SAMPLE_CLIENT)
        ):
            sample_client.writes(view)
        pictured = [task for task, client in every if client == IMAGES_CLIENT]
        if not pictured or not all(standing.of(view.db, task).verdict for task in pictured):
            sample_client.images(view, pictured)
        _add(clients)
        if clients:
            _add_task(view, clients)
            removing.client(view, {row["id"]: row["name"] for row in clients})
        counts = Counter(task.client_id for task, _ in every)
        if several := [one for one in every if counts[one[0].client_id] > 1]:
            removing.task(view, several)


def _ones_own(notices: list[house.Notice], clients: list[dict]) -> list[house.Notice]:
    """The notices of these clients, and of pages that are one's own; the house's are for who sees its pages."""
    names = {row["name"] for row in clients}
    return [
        one for one in notices if (one.client in names if one.client else access.may("house")) and access.sees(one.page)
    ]


def _tasks(
    view: frame.View,
    listed: list[tuple[Task, str]],
    earned: dict[int, house.TaskMoney],
    written: dict[int, WritingComparison],
) -> None:
    st.subheader("Clients", anchor=False)
    busy = {job.task_id for job in jobs.active(view.db)}
    listed = sorted(listed, key=lambda one: one[0].id not in busy)  # where something is under way first
    pages = -(-len(listed) // PAGE)
    page = st.pagination(pages, key="clients") if pages > 1 else 1
    shown = listed[(page - 1) * PAGE : page * PAGE]
    sorting = {id: [one for one, _ in shown if one.client_id == id and one.kind != "write"] for id in _ids(shown)}
    for task, client in shown:
        facets = sorting[task.client_id]
        if len(facets) < 2 or task not in facets:
            _task(view, standing.of(view.db, task), earned[task.id], written.get(task.id))
        elif task == facets[0]:
            client_tasks.show(view, client, facets, earned)


def _ids(shown: list[tuple[Task, str]]) -> set[int]:
    return {task.client_id for task, _ in shown}


def _task(
    view: frame.View, where: standing.Standing, earned: house.TaskMoney, written: WritingComparison | None
) -> None:
    with st.container(border=True):
        name, verdict, action = st.columns([6.5, 1.7, 1.5], vertical_alignment="center")
        with name, st.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(where.name)
                if where.synthetic:
                    st.badge("made up", color="gray", help="Its texts and labels are: a program wrote them.")
            st.caption(" · ".join(f"{label} {state}" for label, state in where.lines()[1:4]))
            if written:
                st.caption(frame.plain(house_writing.words(written)))
            words, trend = house_figures.saving(earned)
            if words:
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.caption(frame.plain(words))
                    if trend:
                        st.text(trend, help="Saved in each of the last six months.")
            elif where.reason and not where.busy:
                st.caption(frame.plain(where.reason))
            if written and not where.busy:
                st.caption(frame.plain(f"Next: {written.verdict.next} {written.step.words}"))
        client_tasks.verdict_and_step(view, where, verdict, action)


def _add(clients: list[dict]) -> None:
    with st.expander("Add a client of your own", expanded=not clients), st.form("new-client", border=False):
        name, send = st.columns([4, 1], vertical_alignment="bottom")
        wanted = name.text_input("Client name", max_chars=80, placeholder="For example: Northwind Outdoor")
        if send.form_submit_button("Add client", width="stretch"):
            _create(wanted, {row["name"].casefold() for row in clients})


def _create(wanted: str, taken: set[str]) -> None:
    wanted = " ".join(wanted.split())
    if not wanted:
        raise InputError("The client has no name.", "Type a name, then press Add client.")
    if wanted.casefold() in taken:
        raise InputError(f"There is a client called {wanted} already.", "Choose it on the left, or take another name.")
    with database.connect() as db:
        access.need("house")
        made = database.client_id(db, wanted)
        frame.open_client(db, made)
    frame.go("assets")


def _add_task(view: frame.View, clients: list[dict]) -> None:
    """A further job for a client's assets, with a taxonomy, teacher and students of its own."""
    with st.expander("Add a task to a client", key="add-task"), st.form("new-task", border=False):
        st.caption(
            "A task is one job over the client's assets, such as topic, format or offer: one taxonomy, one live student."
        )
        client, name, kind, send = st.columns([5, 5, 5, 3], vertical_alignment="bottom")
        names = {row["id"]: row["name"] for row in clients}
        place = list(names).index(view.client_id) if view.client_id in names else 0
        whose = client.selectbox("Client to add it to", list(names), place, format_func=names.__getitem__)
        wanted = name.text_input("Task name", max_chars=80, placeholder="For example: Offer")
        does = kind.selectbox("What it does", list(TASK_KINDS), format_func=lambda one: TASK_KINDS[one].label)
        if send.form_submit_button("Add task", width="stretch"):
            task = tasks.add(view.db, whose, wanted, does)
            address.choose(task, names[whose], True)
            frame.go(TASK_KINDS[does].page)


main()
