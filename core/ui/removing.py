"""Taking things back and removing them from the pages: asked for, then confirmed in full knowledge of what goes with them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import removal, tasks
from core.tasks import Task
from core.ui import address, archive_block, frame
from core.words import counted, task_title

ASKED = "removing"  # the kind and number (of assets: ids) that somebody wants removed and has not yet confirmed
REMOVED = "removed"  # what became of a client that was deleted, for one drawing of the page
IMPORT, ASSETS, STUDENT, TASK, CLIENT = "import", "assets", "student", "task", "client"
VERBS = {IMPORT: "Undo", ASSETS: "Delete", STUDENT: "Delete", TASK: "Delete", CLIENT: "Delete"}


def ask(kind: str, which: int | list[str]) -> None:
    """Have confirmation() ask whether this is to go, from now on."""
    st.session_state[ASKED] = kind, which


def confirmation(view: frame.View, kind: str) -> None:
    """What goes with the one of this kind that was asked for, with yes and no; nothing where none is asked for."""
    asked, which = st.session_state.get(ASKED, (None, None))
    if asked != kind:
        return
    with st.container(border=True, key="confirm-removing"), frame.guard():
        hanging = _hanging(view, kind, which)
        st.subheader(frame.plain(f"{VERBS[kind]} {hanging.what}?"), anchor=False)
        first, *warnings = hanging.sentences()
        st.markdown(frame.plain(first))
        for line in warnings:
            st.warning(frame.plain(line), icon=":material/warning:")
        with st.container(horizontal=True):
            yes = st.button(
                frame.plain(f"Yes, {VERBS[kind].lower()} {hanging.what}"), type="primary", icon=":material/delete:"
            )
            no = st.button("No, keep it")
        if yes:
            _remove(view, kind, which)
        if yes or no:
            del st.session_state[ASKED]
            st.rerun()


def _hanging(view: frame.View, kind: str, which) -> removal.Hanging:
    if kind == CLIENT:
        return removal.of_client(view.db, which)
    if kind == TASK:
        return removal.of_task(view.db, tasks.get(view.db, which))
    if kind == STUDENT:
        return removal.of_student(view.db, view.task, which)
    of = {IMPORT: removal.of_import, ASSETS: removal.of_assets}[kind]
    return of(view.db, view.client_id, which)


def _remove(view: frame.View, kind: str, which) -> None:
    """Remove it; where it cannot be now, the box stays and says why."""
    if kind == IMPORT:
        removal.undo_import(view.db, view.client_id, which)
    elif kind == ASSETS:
        removal.remove_assets(view.db, view.client_id, which)
    elif kind == STUDENT:
        removal.remove_student(view.db, view.task, which, even_live=True)  # that it is live was said
    elif kind == TASK:
        removal.remove_task(view.db, tasks.get(view.db, which))
        if view.chosen and which == view.chosen.id:
            frame.open_client(view.db, view.chosen.client_id)
    else:
        removed = removal.remove_client(view.db, which)
        st.session_state[REMOVED] = [f"Deleted {removed.what}.", *removed.after]
        if which == view.client_id:
            address.forget()


def imports(view: frame.View) -> None:
    """The client's imports, one of them to be undone."""
    imported = removal.imports(view.db, view.client_id)
    if not imported:
        return
    with st.expander(f"Imports: {len(imported):,}", key="imports", expanded=False):
        table = pd.DataFrame(imported)[["id", "filename", "created", "rows", "assets", "problems"]]
        table["created"] = table["created"].str[:16].str.replace("T", " ")
        table.columns = ["Import", "File", "Made", "Rows", "Its assets now", "Problems"]
        st.dataframe(table, hide_index=True, key="imports-made")
        names = {row["id"]: f"{row['id']}: {row['filename']}" for row in imported}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            picked = st.selectbox("Import to undo", list(names), format_func=names.__getitem__, width=320)
            if st.button("Undo …", icon=":material/undo:", help="It says first what goes with it."):
                ask(IMPORT, picked)
    confirmation(view, IMPORT)


def assets(view: frame.View, ticked: list[int]) -> None:
    """A button that deletes the assets ticked in the table."""
    if ticked and st.button(f"Delete {counted(len(ticked), 'asset')} …", icon=":material/delete:", key="delete-assets"):
        marks = ", ".join("?" * len(ticked))
        rows = view.db.execute(f"select external_id from assets where id in ({marks})", ticked).fetchall()
        ask(ASSETS, [row[0] for row in rows])
    confirmation(view, ASSETS)


def students(view: frame.View, names: dict[int, str]) -> None:
    """One of the client's students to be deleted."""
    with st.expander("Delete a student", key="delete-student"):
        picked = st.selectbox("Student to delete", list(names), format_func=names.__getitem__, width=280)
        if st.button("Delete …", icon=":material/delete:", key="delete-student-button"):
            ask(STUDENT, picked)
    confirmation(view, STUDENT)


def client(view: frame.View, names: dict[int, str]) -> None:
    """A client to be renamed or deleted."""
    with st.expander("Rename or delete a client", key="change-client", expanded=REMOVED in st.session_state):
        left, middle, right, last = st.columns([3, 3, 1, 1], vertical_alignment="bottom")
        ids = list(names)
        place = ids.index(view.client_id) if view.client_id in names else 0
        picked = left.selectbox("Client to change", ids, place, format_func=names.__getitem__)
        wanted = middle.text_input("Its new name", key=f"rename-{picked}", max_chars=80, placeholder=names[picked])
        if right.button("Rename", width="stretch"):  # never greyed out: what is typed arrives with the click
            with frame.guard():
                named = removal.rename_client(view.db, picked, wanted)
                if picked == view.client_id:
                    address.choose(view.task, named, len(tasks.of_client(view.db, picked)) > 1)
                st.rerun()
        if last.button("Delete …", width="stretch", help="It says first what goes with it."):
            ask(CLIENT, picked)
        archive_block.show(view, picked, names[picked])
        for line in st.session_state.pop(REMOVED, ()):
            st.info(frame.plain(line), icon=":material/info:")
    confirmation(view, CLIENT)


def task(view: frame.View, listed: list[tuple[Task, str]]) -> None:
    """A task to be renamed or deleted."""
    with st.expander("Rename or delete a task", key="change-task"):
        left, middle, right, last = st.columns([3, 3, 1, 1], vertical_alignment="bottom")
        names = {task.id: task_title(client, task.name, 2) for task, client in listed}
        ids = list(names)
        place = ids.index(view.chosen.id) if view.chosen and view.chosen.id in names else 0
        picked = left.selectbox("Task to change", ids, place, format_func=names.__getitem__)
        wanted = middle.text_input("Its new name ", key=f"rename-task-{picked}", max_chars=80)
        if right.button("Rename", width="stretch", key="rename-task"):
            with frame.guard():
                renamed = tasks.rename(view.db, tasks.get(view.db, picked), wanted)
                if view.chosen and picked == view.chosen.id:
                    address.choose(renamed, view.client, True)
                st.rerun()
        if last.button("Delete …", width="stretch", key="delete-task", help="It says first what goes with it."):
            ask(TASK, picked)
    confirmation(view, TASK)
