"""Whose page this is: the client's name stands in the address (?client=Northwind), so that F5, a bookmark and a second tab show
the client they showed. The session remembers the client only for an address that names none.

The name and no number: a number could come to mean another client. A name from before a renaming means the one renamed, until
another takes it; a name that is gone means nobody.
"""

from __future__ import annotations

import streamlit as st
from sqlite_utils import Database

from core import database
from core.errors import InputError
from core.ui import standing

CLIENT = "client"
HELD = {"client_id", "client_name"}  # what the session remembers


def client_of(db: Database, clients: list[dict]) -> int | None:
    """The id of the client that the address names; where it names none, the session's, else the one something happened to last.

    None where there is no client at all. InputError where the address names one that is not there.
    """
    asked, held = st.query_params.get(CLIENT), st.session_state.get("client_id")
    names = {row["id"]: row["name"] for row in clients}
    if asked is None or (
        held in names and asked == st.session_state.get("client_name")
    ):  # which may be called otherwise by now
        return held if held in names else standing.most_recent(db)
    found = [id for id, name in names.items() if name == asked] or [
        id for id, name in names.items() if name.casefold() == asked.strip().casefold()
    ]
    if not found and (renamed := database.formerly(db, asked)) in names:
        return renamed
    if not found:
        raise InputError(
            f"There is no client called “{asked}” here; it may have been deleted.", "Choose one on the left."
        )
    return found[0]


def choose(client_id: int, name: str) -> None:
    """Make this client the chosen one: in the address, and in the session for addresses that name none."""
    st.session_state["client_id"], st.session_state["client_name"] = client_id, name
    if st.query_params.get(CLIENT) != name:
        st.query_params[CLIENT] = name


def forget() -> None:
    """Choose no client, as after the chosen one was deleted."""
    for name in HELD:
        st.session_state.pop(name, None)
    st.query_params.pop(CLIENT, None)


def carried() -> dict[str, str]:
    """What a link to another page takes along."""
    return {CLIENT: st.query_params[CLIENT]} if CLIENT in st.query_params else {}
