"""Connections: which hosted models this house can ask, where they answer and where their keys are; a test call in words."""

import streamlit as st

from core.errors import InputError
from core.ui import connection_form, frame, hosted_teacher, passing
from core.wires import connections, keys
from core.wires.connections import Connection

ENTRY = {
    "place": 110,
    "section": "House",
    "name": "Connections",
    "icon": "cable",
    "title": "Connect a hosted teacher",
    "sentence": "Say where a large model answers and where its key is. The key stays there: nothing here keeps it.",
    "needs_client": False,
}
EDITING, TESTING = "connection-editing", "connection-testing"  # an id or "new"; the id to call in this run


def main() -> None:
    with frame.page("connections") as view:
        by_id = {each.id: each for each in connections.all(view.db, view.client_id or 0)}
        editing = st.session_state.get(EDITING) if by_id else "new"
        if editing == "new" or editing in by_id:
            _editor(view, by_id.get(editing), bool(by_id))
            return
        testing = st.session_state.pop(TESTING, None)
        for connection in by_id.values():
            _row(view, connection, testing == connection.id)
        if st.button("Add a connection", icon=":material/add:"):
            _edit("new")
        passing.section(view, list(by_id.values()))


def _edit(what: int | str | None) -> None:
    st.session_state[EDITING] = what
    st.rerun()


def _editor(view: frame.View, before: Connection | None, cancel: bool) -> None:
    with st.container(border=True):
        st.subheader(frame.plain(before.name) if before else "Add a connection", anchor=False)
        saved = connection_form.edit(view, before)
        if saved:
            st.session_state[TESTING] = saved.id
            _edit(None)
        if cancel and st.button("Back without saving", type="tertiary"):
            _edit(None)


def _row(view: frame.View, connection: Connection, test: bool) -> None:
    with st.container(border=True):
        words, actions = st.columns([1, 1], vertical_alignment="center")
        with words, st.container(gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(connection.name)
                st.badge("every client" if connection.client_id == 0 else "this client", color="gray")
                for words in connection_form.marks(connection):
                    st.badge(words, color="gray")
            st.caption(frame.plain(f"{connection.model} at {connection_form.address(connection)}"))
            st.caption(frame.plain(connection_form.key_words(connection.key_source)))
        with actions, st.container(horizontal=True, horizontal_alignment="right"):
            test |= st.button("Test call", key=f"test-{connection.id}", icon=":material/network_check:")
            if st.button("Edit", key=f"edit-{connection.id}"):
                _edit(connection.id)
            with st.popover("Rename"):
                wanted = st.text_input(
                    "New name", key=f"name-{connection.id}", placeholder=connection.name, max_chars=60
                )
                if st.button("Rename it", key=f"rename-{connection.id}", type="primary"):
                    with frame.guard():
                        connections.rename(view.db, connection.id, wanted)
                        st.rerun()
            with st.popover("Remove"):
                st.write("Labels bought through it stay. Its key stays where it is.")
                if st.button("Remove it", key=f"remove-{connection.id}", type="primary"):
                    connections.remove(view.db, connection.id)
                    st.rerun()
        if test:
            _test(connection)
        else:
            _missing_key(connection)


def _test(connection: Connection) -> None:
    """One tiny call, and in words what came of it."""
    if put_right := st.session_state.pop(connection_form.PUT_RIGHT, ""):
        st.info(frame.plain(put_right))
    try:
        with st.spinner("Asking the model for one word …"):
            reply = connections.test_call(connection)
    except InputError as error:
        st.error(frame.plain(str(error)), icon=":material/error:")
        return
    st.success(frame.plain(reply), icon=":material/check_circle:")
    st.session_state[hosted_teacher.CHOSEN] = f"connection:{connection.name}"
    frame.link("teacher", "Get labels with it")


def _missing_key(connection: Connection) -> None:
    try:
        keys.read(connection.key_source)
    except InputError as error:
        st.warning(frame.plain(str(error)), icon=":material/key_off:")


main()
