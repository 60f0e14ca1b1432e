"""People: who may log in, and each one's role at each client; where the dashboard is this machine's alone, what that takes."""

from __future__ import annotations

import streamlit as st

from core import people
from core.people import Person, rights
from core.ui import access, frame, standing

ENTRY = {
    "place": 140,
    "section": "House",
    "name": "People",
    "icon": "group",
    "title": "Say who may see and do what",
    "sentence": "Everybody logs in with their work account. Administrators see the whole house, others the clients given to them.",
    "needs_client": False,
    "of_client": False,
}
NONE = "no role"


def main() -> None:
    with frame.page("people") as view:
        if not access.together():
            st.info(
                "This dashboard answers on this computer only, so nobody logs in and everything may be done. Who is let in here "
                "counts once it is started for others (`--host`); docs/people.md says how.",
                icon=":material/person:",
            )
        there = people.everybody(view.db)
        clients = {row["id"]: row["name"] for row in standing.clients(view.db)}
        _add(view)
        for person in there:
            _person(view, person, clients)
        with st.expander("What each role may do"):
            for words in rights.NAMES.values():
                st.markdown(f"- {words}")


def _add(view: frame.View) -> None:
    with st.form("add-person", border=True, clear_on_submit=True):
        address, name, house, send = st.columns([4, 3, 2, 1], vertical_alignment="bottom")
        typed = address.text_input("Address", max_chars=people.LONGEST, placeholder="name@agency.example")
        called = name.text_input("Name", max_chars=80)
        administrator = house.checkbox("Administrator")
        if send.form_submit_button("Let in", width="stretch"):
            access.need("house")
            people.add(view.db, typed, called, administrator=administrator)
            st.rerun()


def _person(view: frame.View, person: Person, clients: dict[int, str]) -> None:
    held = people.roles_of(view.db, person)
    with st.container(border=True, gap="xsmall"):
        words, actions = st.columns([3, 2], vertical_alignment="center")
        with words:
            st.text(f"{person.name} · {person.address}" if person.name else person.address)
            roles = [f"{held[id]} at {clients[id]}" for id in held if id in clients]
            said = "administrator" if person.administrator else ", ".join(roles) or "no client yet"
            seen = (
                f"last logged in {person.seen[:16].replace('T', ' ')} UTC" if person.seen else "has not logged in yet"
            )
            st.caption(frame.plain(f"{said}; {seen}"))
        with actions, st.container(horizontal=True, horizontal_alignment="right"):
            with st.popover("Change", key=f"change-{person.id}"):
                _roles(view, person, clients, held)
            with st.popover("Remove", key=f"remove-{person.id}"):
                st.write("They are let in no more; what they did stays in the audit trail.")
                if st.button("Remove them", key=f"remove-yes-{person.id}", type="primary"):
                    with frame.guard():
                        access.need("house")
                        people.remove(view.db, person.address)
                        st.rerun()


def _roles(view: frame.View, person: Person, clients: dict[int, str], held: dict[int, str]) -> None:
    house = st.checkbox("Administrator", person.administrator, key=f"house-{person.id}-{person.administrator}")
    given: tuple[int, str] | None = None
    if clients and not house:
        client = st.selectbox("Client", list(clients), format_func=clients.__getitem__, key=f"client-{person.id}")
        choices = [NONE, *rights.OF_CLIENT]
        place = choices.index(held.get(client, NONE))
        role = st.selectbox("Role there", choices, place, key=f"role-{person.id}-{client}-{held.get(client)}")
        given = client, role
    if st.button("Save", key=f"save-{person.id}", type="primary"):
        with frame.guard():
            access.need("house")
            people.make_administrator(view.db, person.address, house)
            if given:
                people.give(view.db, person, given[0], None if given[1] == NONE else given[1])
            st.rerun()


main()
