"""The money inputs pages share, kept with the client: the model the teacher is priced as, the volume, every other assumption."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.evaluate.economics import Assumptions, described
from core.evaluate.kept import assumptions_of, keep_assumptions, keep_other_models, other_prices
from core.label import prices
from core.ui.frame import View, plain
from core.words import money


def price_as(view: View) -> Assumptions:
    """The picker over the bundled price list, with the price's source and date below it; the client's assumptions after it."""
    kept = assumptions_of(view.db, view.client_id)
    names = prices.models()
    names = names if kept.price_as in names else [kept.price_as, *names]
    model = st.selectbox(
        "Price the teacher as",
        names,
        index=names.index(kept.price_as),
        format_func=lambda name: name or "what the labels did cost",
        key=f"price-as-{view.client_id}",
        help="Labels of the built-in teacher and recorded ones carry no bill: their cost is worked out from token counts at "
        "this model's list price.",
    )
    price = prices.price(view.db, model) if model else None
    if price:
        st.caption(plain(price_words(price)))
    return _keep(view, kept, replace(kept, price_as=model))


def price_words(price: prices.Price) -> str:
    """A price with its source and date, the batch price beside it, in one line."""
    if not (price.input_usd_mtok or price.output_usd_mtok):
        return "Nothing is charged for this model."
    words = f"{money(price.input_usd_mtok)} in, {money(price.output_usd_mtok)} out per million tokens"
    if price.batch_input_usd_mtok is not None:
        words += f" (as a batch {money(price.batch_input_usd_mtok)} and {money(price.batch_output_usd_mtok)})"
    return f"{words}; {price.source}, {price.as_of or 'undated'}."


def other_models(view: View) -> list[prices.Price]:
    """Other models whose list prices stand beside the teacher's, kept with the client."""
    kept = [price.model for price in other_prices(view.db, view.client_id)]
    picked = st.multiselect(
        "Compare with other models' list prices",
        [*kept, *(name for name in prices.models() if name not in kept)],
        kept,
        max_selections=4,
        key=f"other-models-{view.client_id}",
        placeholder="None chosen",
        help="What the same tokens would cost there. It says nothing of how well that model would do.",
    )
    if picked != kept:
        keep_other_models(view.db, view.client_id, picked)
    return other_prices(view.db, view.client_id)


def volume(view: View) -> Assumptions:
    """Assets a month, asked for; the client's assumptions after it."""
    kept = assumptions_of(view.db, view.client_id)
    picked = st.number_input(
        "Assets a month", 1, value=kept.volume_per_month, step=1000, key=f"volume-{view.client_id}"
    )
    return _keep(view, kept, replace(kept, volume_per_month=picked))


def others(view: View) -> None:
    """A form with every other assumption, its unit and where its default comes from."""
    kept = assumptions_of(view.db, view.client_id)
    rows = [row for row in described(kept) if row["name"] not in ("price_as", "volume_per_month")]
    with (
        st.expander("Assumptions, of November 2026: change what you know better"),
        st.form(f"assumptions-{view.client_id}", border=False),
    ):
        sides, values = st.columns(3), {}
        for place, row in enumerate(rows):
            with sides[place % 3]:
                values[row["name"]] = _input(row)
        if st.form_submit_button("Use these"):
            _keep(view, kept, replace(kept, **values))
            st.rerun()


def _input(row: dict) -> bool | float | int | None:
    label = f"{row['label']} ({row['unit']})" if row["unit"] else row["label"]
    if isinstance(row["value"], bool):
        return st.checkbox(label, row["value"], help=row["note"])
    whole = row["unit"] == "tokens" or isinstance(row["value"], int)
    given = row["value"] if row["value"] is None else (int if whole else float)(row["value"])
    return st.number_input(
        label,
        min_value=(0 if row["unit"] == "tokens" else 1) if whole else 0.0,
        value=given,
        step=1 if whole else None,
        format=None if whole else "%.4g",
        placeholder="measured or estimated",
        help=row["note"],
    )


def _keep(view: View, kept: Assumptions, changed: Assumptions) -> Assumptions:
    if changed != kept:
        keep_assumptions(view.db, view.client_id, changed)
    return changed
