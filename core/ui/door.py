"""The door of a shared dashboard: the login, the sentence for strangers, and the way out at the head of the sidebar."""

from __future__ import annotations

import os
from contextlib import closing

import streamlit as st

from core import database, people
from core.errors import InputError
from core.escape import plain
from core.settings import ROOT
from core.ui import access

GREETED = "greeted"  # the address whose login this session has noted


def pass_through() -> None:
    """Nothing of a page is drawn before this: who is not logged in gets the login, a stranger a sentence, and neither more. Alone
    nothing happens."""
    if not access.together():
        return
    try:
        who = access.address()
    except InputError as error:
        _closed(str(error), "Log out")
    if not who:
        _login()
    with closing(database.connect()) as db:
        found = people.logged_in(db, who, os.environ.get("UNDERSTUDY_ADMIN", ""))
        if found is None:
            what = f"{who} has no way in here. Ask an administrator to let you in under this address."
            _closed(what, "Log in as somebody else")
        if st.session_state.get(GREETED) != who:
            people.greeted(db, found)
            st.session_state[GREETED] = who


def _login() -> None:
    _frame("Log in")
    st.write("Your clients are here once you have logged in with your work account.")
    if st.button("Log in", type="primary", icon=":material/login:"):
        st.login()
    st.stop()


def _closed(why: str, label: str) -> None:
    _frame("No way in")
    st.error(plain(why), icon=":material/lock:")
    if st.button(label, icon=":material/logout:"):
        st.logout()
    st.stop()


def _frame(title: str) -> None:
    st.set_page_config(page_title=f"{title} · Understudy")
    st.logo(str(ROOT / "static" / "logo.svg"), size="large")
    st.title(title, anchor=False)


def way_out() -> None:
    """At the head of the sidebar, where it is seen however long the menu: who is logged in, and the way out."""
    if not access.together():
        return
    with st.sidebar.container(gap=None, key="who"):
        st.caption(plain(f"Logged in as {access.address()}"))
        if st.button("Log out", type="tertiary", icon=":material/logout:"):
            st.logout()
