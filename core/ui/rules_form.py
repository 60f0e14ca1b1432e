"""The rules behind a verdict, read and changed per client."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.evaluate.evaluation import change_rules
from core.evaluate.evidence import NEW, Rules
from core.evaluate.verdict import in_words
from core.money.economics import described
from core.ui import access
from core.ui.frame import View

TEXT = """\
The first rule that applies decides:

{rules}

Say what will be new in the client's work: campaigns, months, markets … Where the student agrees less often in new ones, the
verdict goes by assets whose whole campaign, month or market it had not seen. That holds from the next training on.

The two guards look at categories and at what people settled. Both go by exact tests, so that chance alone does not stop a
student."""

ACROSS = 3  # fields beside one another: more would cut off what is chosen


def show(view: View, rules: Rules) -> None:
    """The rules in words, and a form with the numbers in them."""
    with st.expander("The rules behind this verdict: change them for this client"):
        numbered = (f"{place}. {rule}" for place, rule in enumerate(in_words(rules), 1))
        st.markdown(TEXT.format(rules="\n".join(numbered)))
        with st.form(f"rules-{view.task.id}", border=False):
            values = {}
            rows = [row for row in described(rules) if row["name"] != "promise" or view.task.several]
            for start in range(0, len(rows), ACROSS):
                for place, row in zip(st.columns(ACROSS), rows[start : start + ACROSS]):
                    with place:
                        values[row["name"]] = _input(row)
            if access.button("settings", "Judge by these", draw=st.form_submit_button):
                change_rules(view.db, view.task, replace(rules, **values))
                st.rerun()


def _input(row: dict) -> float | int | str:
    """Shares are asked for in per cent."""
    if row["name"] == "promise":
        names = {"set": "exactly the teacher's tags", "tags": "the tags given are the teacher's"}
        place = list(names).index(row["value"])
        return st.selectbox(row["label"], list(names), place, format_func=names.__getitem__, help=row["note"])
    if row["name"] == "new":
        options = list(NEW) if row["value"] in NEW else [*NEW, row["value"]]
        names = {"lowest": "whatever is lowest"}
        return st.selectbox(
            row["label"],
            options,
            options.index(row["value"]),
            format_func=lambda one: names.get(one, one),
            help=row["note"],
        )
    if row["unit"] == "share":
        label = f"{row['label']} (%)"
        share = st.number_input(label, 0.0, 100.0, round(100 * row["value"], 4), format="%.4g", help=row["note"])
        return round(share / 100, 6)
    return st.number_input(f"{row['label']} ({row['unit']})", 1, value=row["value"], step=1, help=row["note"])
