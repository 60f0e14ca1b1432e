"""Audit trail: who did what, when; the house's to administrators, a client's to its managers."""

from __future__ import annotations

from contextlib import closing

import pandas as pd
import streamlit as st

from core import audit, database
from core.audit import ACTIONS, Asked
from core.people import rights
from core.ui import access, frame, standing
from core.words import counted

ENTRY = {
    "place": 150,
    "section": "House",
    "name": "Audit trail",
    "icon": "history",
    "title": "See who did what, and when",
    "sentence": "Each decision, purchase, export and change of a role is a line here. Lines are added and never changed.",
    "needs_client": False,
    "of_client": False,
}
PAGE = 50


def main() -> None:
    with frame.page("audit") as view:
        house = access.role(view.db, None) == rights.ADMINISTRATOR
        clients = {row["id"]: row["name"] for row in standing.clients(view.db)}
        mine = [id for id in clients if house or access.role(view.db, id) == rights.MANAGER]
        asked = _asked(view, house, {id: clients[id] for id in mine})
        count = audit.count(view.db, asked)
        if not count:
            st.info("Nothing is recorded that fits.", icon=":material/history:")
            return
        pages = -(-count // PAGE)
        page = st.pagination(pages, key="audit-page") if pages > 1 else 1
        _table(audit.rows(view.db, asked, PAGE, (page - 1) * PAGE))
        st.caption(f"{counted(count, 'line')}, the newest first. Times are UTC.")
        access.download(
            "Download CSV",
            lambda: _csv(asked),
            file_name="audit-trail.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            deed="house" if house else "export",
            key="csv-audit",
        )


def _asked(view: frame.View, house: bool, clients: dict[int, str]) -> Asked:
    within = None if house else frozenset(clients)
    first, second, third, fourth = st.columns(4)
    whose = first.selectbox(
        "Client", [None, *clients], format_func=lambda id: clients.get(id, "All"), key="audit-client"
    )
    who = second.selectbox("Who", ["", *audit.persons(view.db, within)], format_func=lambda one: one or "Everybody")
    action = third.selectbox("Action", ["", *ACTIONS], format_func=lambda one: ACTIONS.get(one, "All"))
    words = fourth.text_input("Words", max_chars=80)
    # A browser may send any text as a choice: what is not among one's own clients chooses none of them.
    return Asked(frozenset({whose}) if whose in clients else within, who or "", action or "", words.strip())


def _table(rows: list[dict]) -> None:
    table = pd.DataFrame(rows)
    table["at"] = table["at"].str[:19].str.replace("T", " ")
    table["action"] = table["action"].map(ACTIONS)
    table["detail"] = table["detail"].map(audit.said)
    table = table[["at", "who", "client", "task", "action", "what", "detail"]]
    table.columns = ["When", "Who", "Client", "Task", "Did", "What", "Details"]
    st.dataframe(table, hide_index=True, key="audit-lines")


def _csv(asked: Asked) -> bytes:
    """Made when it is downloaded, after the page has closed its own connection."""
    with closing(database.connect()) as db:
        return audit.csv(db, asked).encode("utf-8-sig")


main()
