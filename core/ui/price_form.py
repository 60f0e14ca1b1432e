"""Prices of your own over the bundled list: a part of the Settings page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.money import prices
from core.ui import frame, money_inputs

RATES = {"input_usd_mtok": "Tokens in", "output_usd_mtok": "Tokens out", "cached_usd_mtok": "In, cached"}


def show(view: frame.View) -> None:
    """Find a model, see what the list says of it, give a price of your own or take it back; those that hold below."""
    with st.container(border=True):
        _prices(view)


def _prices(view: frame.View) -> None:
    st.subheader("Prices", anchor=False)
    st.caption(
        "US dollars per million tokens. Forecasts, new calls and Compare use yours at once; what a call did cost stays as it was "
        "booked. A price given with a connection goes before these."
    )
    listed, other = st.columns(2)
    chosen = listed.selectbox(
        "Model", prices.names(view.db), None, placeholder="Type a part of its name", key="price-model"
    )
    named = other.text_input("Or one that is not here", placeholder="provider:model", max_chars=200, key="price-other")
    model = named.strip() or chosen
    own = {price.model: price for price in prices.overrides(view.db)}
    if model:
        _edit(view, model)
    if own:
        rows = [
            {
                "Model": price.model,
                **{label: getattr(price, rate) for rate, label in RATES.items()},
                "As of": price.as_of,
            }
            for price in own.values()
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="own-prices")


def _edit(view: frame.View, model: str) -> None:
    price, listed = prices.price(view.db, model), prices.listed(model)
    own = price is not None and price.source == "yours"
    text = f"On the list: {money_inputs.price_words(listed)}" if listed else "It is not on the price list."
    st.caption(frame.plain(text))
    with st.form("price", border=False):
        values = {}
        for (rate, label), column in zip(RATES.items(), st.columns(len(RATES))):
            value = getattr(price, rate, None)
            values[rate] = column.number_input(
                label,
                min_value=0.0,
                value=value,
                format="%.4g",
                placeholder="as tokens in" if rate == "cached_usd_mtok" else "needed",
                key=f"{rate}-{model}-{own}-{value}",
            )
        with st.container(horizontal=True):
            keep = st.form_submit_button("Keep my own price")
            back = own and st.form_submit_button("Back to the list's price" if listed else "Forget my own price")
    if keep and None in (values["input_usd_mtok"], values["output_usd_mtok"]):
        st.warning("Give the price of tokens in and of tokens out.")
    elif keep:
        prices.put_override(view.db, model, **values)
        st.rerun()
    elif back:
        prices.drop_override(view.db, model)
        st.rerun()
