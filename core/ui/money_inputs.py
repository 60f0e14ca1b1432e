"""The money inputs pages share, kept with the client: the model the teacher is priced as, the volume, every other assumption."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.evaluate.kept import assumptions_of, keep_assumptions, keep_other_models, other_prices
from core.money import prices
from core.money.economics import Assumptions, Economics, described
from core.money.modes import SORTING, Work
from core.ui import access
from core.ui.frame import View, plain
from core.words import stated_money


def price_as(view: View, *, described: bool = True, work: Work = SORTING) -> Assumptions:
    """The picker over the bundled price list, with the price's source and date below it, where `described`; the client's
    assumptions after it. In the words of the `work`."""
    stored = assumptions_of(view.db, view.task)
    names = prices.names(view.db)
    names = names if stored.price_as in names else [stored.price_as, *names]
    model = st.selectbox(
        "Price the teacher as",
        names,
        index=names.index(stored.price_as),
        format_func=lambda name: name or work.say("what the labels did cost"),
        disabled=not access.may("settings"),
        key=f"price-as-{view.task.id}",
        help="Where nothing was billed, the cost is worked out from token counts at this model's list price."
        if work.words
        else "Labels of the built-in teacher and recorded ones carry no bill: their cost is worked out from token counts at "
        "this model's list price.",
    )
    price = prices.price(view.db, model) if model else None
    if price and described:
        st.caption(plain(price_words(price)))
    return _keep(view, stored, replace(stored, price_as=model))


def price_words(price: prices.Price) -> str:
    """A price with its source and date, the batch price beside it, in one line."""
    if price.free:
        return "Nothing is charged for this model."
    words = f"{stated_money(price.input_usd_mtok)} in, {stated_money(price.output_usd_mtok)} out per million tokens"
    if price.calls_usd_1000:
        calls = f"{stated_money(price.calls_usd_1000)} for a thousand calls"
        words = f"{words} and {calls}" if price.input_usd_mtok or price.output_usd_mtok else calls
    if price.batch_input_usd_mtok is not None:
        words += (
            f" (as a batch {stated_money(price.batch_input_usd_mtok)} and {stated_money(price.batch_output_usd_mtok)})"
        )
    return f"{words}; {price.source}, {price.as_of or 'undated'}."


def other_models(view: View) -> list[prices.Price]:
    """Other models whose list prices stand beside the teacher's, kept with the client."""
    stored = [price.model for price in other_prices(view.db, view.task)]
    picked = st.multiselect(
        "Compare with other models' list prices",
        [*stored, *(name for name in prices.names(view.db) if name not in stored)],
        stored,
        max_selections=4,
        disabled=not access.may("settings"),
        key=f"other-models-{view.task.id}",
        placeholder="None chosen",
        help="What the same tokens would cost there. It says nothing of how well that model would do.",
    )
    if picked != stored:
        keep_other_models(view.db, view.task, picked)
    return other_prices(view.db, view.task)


def volume(view: View, work: Work = SORTING) -> Assumptions:
    """Assets a month, asked for, or what the `work` is paid for; the client's assumptions after it."""
    stored = assumptions_of(view.db, view.task)
    picked = st.number_input(
        work.say("Assets a month"),
        1,
        value=stored.volume_per_month,
        step=1000,
        key=f"volume-{view.task.id}",
        disabled=not access.may("settings"),
    )
    return _keep(view, stored, replace(stored, volume_per_month=picked))


PAID = {
    "listed": "the list price of a model",
    "paid_usd_1000": "what we pay for 1,000 assets",
    "invoice_usd_month": "what we pay a month",
}
FIRST = ("price_as", "volume_per_month", "paid_usd_1000", "invoice_usd_month")  # asked for beside what they change


def first(view: View, sheet: Economics) -> Assumptions:
    """Volume and price in one row: a model's list price, or what is truly paid; the client's assumptions after it."""
    left, middle, right = st.columns([1, 1.2, 1.6], gap="small")
    with left:
        volume(view, sheet.work)
    stored = assumptions_of(view.db, view.task)
    stated = next((name for name in PAID if getattr(stored, name) is not None and name != "listed"), "listed")
    how = middle.selectbox(
        "Reckon with",
        list(PAID),
        list(PAID).index(stated),
        format_func=lambda name: sheet.work.say(PAID[name]),
        disabled=not access.may("settings"),
        key=f"reckon-{view.task.id}",
        help="Your invoices beat any list price. A list price is multiplied with the tokens of one "
        + sheet.work.say("label."),
    )
    with right:
        if how == "listed":
            _keep(view, stored, stored.listed)
            return price_as(view, described=False, work=sheet.work)
        return _paid(view, stored, how, sheet)


def _paid(view: View, stored: Assumptions, how: str, sheet: Economics) -> Assumptions:
    """A sum in US dollars, at first what the sheet comes to."""
    each, month = sheet.per_1000["teacher"] or 0.0, sheet.monthly["teacher"] or 0.0
    value = getattr(stored, how)
    amount = st.number_input(
        sheet.work.say("US dollars for 1,000 assets") if how == "paid_usd_1000" else "US dollars a month",
        min_value=0.0,
        value=float(value if value is not None else round(each if how == "paid_usd_1000" else month, 2)),
        format="%.2f",
        disabled=not access.may("settings"),
        key=f"{how}-{view.task.id}",
    )
    return _keep(view, stored, replace(stored.listed, **{how: amount}))


def others(view: View, work: Work = SORTING) -> None:
    """A form with every other assumption, its unit and where its default comes from, in the words of the `work`."""
    stored = assumptions_of(view.db, view.task)
    rows = [row for row in described(stored, work) if row["name"] not in FIRST]
    with (
        st.expander("Assumptions, of November 2026: change what you know better"),
        st.form(f"assumptions-{view.task.id}", border=False),
    ):
        sides, values = st.columns(3), {}
        for place, row in enumerate(rows):
            with sides[place % 3]:
                values[row["name"]] = _input(row)
        if access.button("settings", "Use these", draw=st.form_submit_button):
            _keep(view, stored, replace(stored, **values))
            st.rerun()


def _input(row: dict) -> bool | float | int | None:
    label = f"{row['label']} ({row['unit']})" if row["unit"] else row["label"]
    if isinstance(row["value"], bool):
        return st.checkbox(label, row["value"], help=row["note"])
    whole = row["unit"] == "tokens" or isinstance(row["value"], int)
    value = row["value"] if row["value"] is None else (int if whole else float)(row["value"])
    return st.number_input(
        label,
        min_value=(0 if row["unit"] == "tokens" else 1) if whole else 0.0,
        value=value,
        step=1 if whole else None,
        format=None if whole else "%.4g",
        placeholder="measured or estimated",
        help=row["note"],
    )


def _keep(view: View, stored: Assumptions, changed: Assumptions) -> Assumptions:
    if changed != stored:
        keep_assumptions(view.db, view.task, changed)
    return changed
