"""Who may ask the client's service: its tokens in a table, a form that makes one and shows it once, and one to be revoked."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import tasks
from core.deploy import tokens
from core.ui import frame
from core.words import money

SHOWN = "token-shown"  # the name and the secret of a token made just now, for one drawing of the page
FOR = {tokens.ANSWERS: "Answers", tokens.METRICS: "Counters (/metrics)"}
COLUMNS = ["Who", "State", "For", "Made", "Good until", "Last used", "A minute", "Teacher this month"]


def show(view: frame.View) -> None:
    """The block; it says what holds while there is no token."""
    with st.container(border=True, key="tokens"):
        st.subheader("Who may ask the server", anchor=False)
        listed = [tokens.as_row(view.db, token) for token in tokens.listed(view.db, view.task.client_id)]
        if listed:
            st.dataframe(
                pd.DataFrame([_cells(row) for row in listed], columns=COLUMNS), hide_index=True, key="tokens-made"
            )
        else:
            st.caption(
                "Nobody has a token. On this machine the server answers without one until you make the first; other machines reach "
                "it only with one."
            )
        if shown := st.session_state.pop(SHOWN, None):
            st.success(frame.plain(f"The token of {shown[0]}. Copy it now: it is not kept and not shown again."))
            st.code(shown[1], language=None)
        with frame.guard():
            _revoke(view, [row["name"] for row in listed if row["state"] == "good"])
            _new(view)


def _cells(row: dict) -> list[str]:
    month = money(row["spent_usd"], exact=True)
    return [
        row["name"],
        row["state"],
        FOR[row["kind"]] + (f", {row['task']} alone" if row["task"] else ""),
        row["created"][:10],
        (row["expires"] or row["revoked"] or "")[:10] or "until revoked",
        (row["used"] or "")[:16].replace("T", " ") or "never",
        f"{row['per_minute']:,} requests" if row["per_minute"] is not None else "no limit",
        ""
        if row["kind"] == tokens.METRICS
        else f"{month} of {money(row['month_usd'], exact=True)}"
        if row["month_usd"]
        else month,
    ]


def _revoke(view: frame.View, names: list[str]) -> None:
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox("Token to revoke", names, width=320)
        if st.button("Revoke", icon=":material/block:", help="Servers refuse it within a second. It cannot be undone."):
            tokens.revoke(view.db, view.task.client_id, picked)
            st.rerun()


def _new(view: frame.View) -> None:
    with st.form("new-token", border=False):
        name, kind, task, days = st.columns(4)
        who = name.text_input("Who asks with it", max_chars=80, placeholder="Newsroom")
        what = kind.selectbox("What it opens", list(FOR), format_func=FOR.get)
        there = {None: "All tasks"} | {one.id: one.name for one in tasks.of_client(view.db, view.task.client_id)}
        only = task.selectbox("Task", list(there), format_func=there.get)
        good = days.number_input("Days it is good", 1, 3650, value=None, placeholder="until revoked")
        pace, purse, _, _ = st.columns(4)
        per_minute = pace.number_input("Requests a minute, at most", 1, 1_000_000, value=None, placeholder="no limit")
        usd = purse.number_input(
            "Teacher, USD a month",
            0.0,
            value=None,
            placeholder="no limit",
            help="The most that the teacher may cost, where the student is not sure and the server asks it. Once it is spent, the "
            "student's own answer goes out, marked as not sure.",
        )
        if st.form_submit_button("Make a token", icon=":material/key:"):
            secret, token = tokens.new(
                view.db,
                view.task.client_id,
                who,
                kind=what,
                task=tasks.get(view.db, only) if only else None,
                days=good,
                per_minute=per_minute,
                month_usd=usd,
            )
            st.session_state[SHOWN] = token.name, secret
            st.rerun()
