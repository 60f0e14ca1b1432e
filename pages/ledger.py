"""Ledger: what was spent on hosted teachers, by client and month and run by run."""

import streamlit as st

from core.database import now
from core.money import ledger
from core.ui import access, frame, ledger_tables
from core.ui.figures import figure
from core.words import money, percent

ENTRY = {
    "place": 120,
    "section": "House",
    "name": "Ledger",
    "icon": "receipt_long",
    "title": "See what the teachers cost",
    "sentence": "Every label you bought from a hosted teacher: for whom, when, how many tokens, how much money.",
    "needs_client": False,
}


def main() -> None:
    with frame.page("ledger") as view:
        client_id = _whose(view)
        months = ledger.by_client_and_month(view.db, client_id)
        if not months:
            frame.nothing_yet(
                "Nothing has been bought from a hosted teacher yet.",
                *(("overview", "Add a client first") if view.client_id is None else ("teacher", "Choose a teacher")),
            )
        _figures(months)
        st.subheader("By month", anchor=False)
        ledger_tables.months(months, client_id)
        st.subheader("Run by run", anchor=False)
        ledger_tables.runs(ledger.runs_table(view.db, client_id), client_id)
        st.caption("Months and times are UTC.")


def _whose(view: frame.View) -> int | None:
    """The chosen client's id, or None for all of them."""
    if view.client_id is None or not access.may("house"):
        return view.client_id
    names = {"one": view.client, "all": "All clients"}
    chosen = st.radio(
        "Whose spending",
        list(names),
        list(names).index("one"),
        lambda key: frame.plain(names[key]),
        label_visibility="collapsed",
        horizontal=True,
        key="ledger-whose",
    )
    return None if chosen == "all" else view.client_id


def _figures(months: list[dict]) -> None:
    total = {name: sum(row[name] for row in months) for name in ("tokens_in", "tokens_cached")}
    first, second, third = st.columns(3)
    shown = (
        (first, "Spent this month", [row for row in months if row["month"] == now()[:7]]),
        (second, "Spent in all", months),
    )
    for column, label, rows in shown:
        with column:
            figure(
                label,
                money(sum(row["spent_usd"] for row in rows), exact=True),
                "estimated",
                f"{sum(row['calls'] for row in rows):,} calls",
                help="The provider's own token counts at the dated price. Its bill may differ by taxes and rounding.",
            )
    with third:
        share = total["tokens_cached"] / total["tokens_in"] if total["tokens_in"] else 0.0
        figure(
            "Read from the provider's cache",
            percent(share, digits=0),
            "measured",
            "of tokens in",
            help="The instructions and categories are the same in every call; providers charge less for what they have kept.",
        )
    if words := ledger.unknown_in_words(months):
        st.caption(frame.plain(words))


main()
