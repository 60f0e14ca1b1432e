"""Whose page this is: the client's name stands in the address, with the task's where the client has several
(?client=Northwind&task=Offer), so that F5, a bookmark and a second tab show what they showed. The session remembers both only for
an address that names none.

Names and no numbers: a number could come to mean another client. A client's name from before a renaming means the one renamed,
until another takes it; a name that is gone means nobody.
"""

from __future__ import annotations

import streamlit as st
from sqlite_utils import Database

from core import database, tasks
from core.errors import InputError
from core.tasks import Task
from core.ui import standing

CLIENT, TASK = "client", "task"
HELD = {"client_id", "client_name", "task_id", "task_name"}  # what the session remembers


def task_of(db: Database, clients: list[dict]) -> Task | None:
    """The task that the address names; where it names none, the session's, else the one something happened to last.

    None where there is no client at all. InputError where the address names a client or a task that is not there.
    """
    client_id = _client_of(db, clients)
    if client_id is None:
        return None
    there = tasks.of_client(db, client_id)
    asked, held = st.query_params.get(TASK), st.session_state.get("task_id")
    for task in there:
        if task.id == held and (asked is None or asked == st.session_state.get("task_name")):
            return task
    if asked is None or len(there) == 1:
        return tasks.get(db, standing.most_recent(db, client_id))
    try:
        return tasks.find(db, client_id, asked)
    except InputError as error:
        raise InputError(error.what, "Choose one on the left.") from None


def _client_of(db: Database, clients: list[dict]) -> int | None:
    asked, held = st.query_params.get(CLIENT), st.session_state.get("client_id")
    names = {row["id"]: row["name"] for row in clients}
    if asked is None:
        return held if held in names else standing.most_recent_client(db, list(names))
    if held in names and asked == st.session_state.get("client_name") not in {*names.values()} - {names[held]}:
        return held  # which may be called otherwise by now
    matching = [id for id, name in names.items() if name == asked] or [
        id for id, name in names.items() if name.casefold() == asked.strip().casefold()
    ]
    if not matching and (renamed := database.formerly(db, asked)) in names:
        return renamed
    if not matching:
        raise InputError(
            f"There is no client called “{asked}” here; it may have been deleted.", "Choose one on the left."
        )
    return matching[0]


def choose(task: Task, client: str, several: bool) -> None:
    """Make this task the chosen one: in the session, and in the address, by its name where the client has `several`."""
    st.session_state.update(client_id=task.client_id, client_name=client, task_id=task.id, task_name=task.name)
    wanted = named(client, task.name if several else "")
    for key in (CLIENT, TASK):
        if key not in wanted:
            st.query_params.pop(key, None)
        elif st.query_params.get(key) != wanted[key]:
            st.query_params[key] = wanted[key]


def named(client: str, task: str) -> dict[str, str]:
    """The address's parameters for a client and, where it has several, a task of it."""
    return {CLIENT: client} | ({TASK: task} if task else {})


def forget() -> None:
    """Choose no client, as after the chosen one was deleted."""
    for name in HELD:
        st.session_state.pop(name, None)
    for key in (CLIENT, TASK):
        st.query_params.pop(key, None)


def carried() -> dict[str, str]:
    """What a link to another page takes along."""
    return {key: st.query_params[key] for key in (CLIENT, TASK) if key in st.query_params}
