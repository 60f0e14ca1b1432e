"""The tables of the Ledger page: spending by month, and run by run; each with its CSV."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.money import ledger
from core.ui import charts
from core.words import money, teacher_words

COUNT = st.column_config.NumberColumn(format="localized")
COLUMNS = {
    **dict.fromkeys(("Calls", "Tokens in", "Tokens out", "Labels"), COUNT),
    "Cached": st.column_config.NumberColumn(
        format="localized", help="Those of the tokens in that the provider had kept and charges less for."
    ),
}
STATES = {"running": "under way", "done": "finished", "capped": "stopped at its cap", "stopped": "not finished"}


def months(rows: list[dict], client_id: int | None) -> None:
    """core.money.ledger.by_client_and_month() as a table; of one client without its name."""
    _table([_month(row) for row in rows], "spent-by-month", client_id)


def runs(rows: list[dict], client_id: int | None) -> None:
    """core.money.ledger.runs_table() as a table; of one client without its name."""
    _table([_run(row) for row in rows], "ledger", client_id)


def _month(row: dict) -> dict:
    return {"Month": row["month"], "Client": row["client"], **_tokens(row)}


def _run(row: dict) -> dict:
    whole = row["purpose"] == ledger.LABELLING  # a dry run's labels are counted with the run that it is part of
    return {
        "Started": row["started"][:16].replace("T", " "),
        "Client": row["client"],
        "Teacher": teacher_words(row["teacher"]) if row["teacher"] else row["connection"],
        "Model": row["model"],
        "For": ledger.purpose(row) + (", batch" if row["batch"] else ""),
        "Labels": row["labels"] if whole else None,
        **_tokens(row),
        "Cap": row["cap_usd"],
        "Run": STATES.get(row["state"], row["state"]),
    }


def _tokens(row: dict) -> dict:
    return {
        "Spent": row["spent_usd"],
        "Calls": row["calls"],
        "Tokens in": row["tokens_in"],
        "Cached": row["tokens_cached"],
        "Tokens out": row["tokens_out"],
    }


def _table(rows: list[dict], name: str, client_id: int | None) -> None:
    table = pd.DataFrame(rows)
    if client_id is not None:
        table = table.drop(columns="Client")
    styled = table.style.format(partial(money, exact=True), subset=[name for name in ("Spent", "Cap") if name in table])
    st.dataframe(styled, hide_index=True, column_config=COLUMNS, placeholder="–", key=f"table-{name}")
    charts.download(table, name)
