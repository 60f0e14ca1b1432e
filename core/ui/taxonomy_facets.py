"""An uploaded taxonomy file of several facets: what becomes of each, and the button that makes their tasks."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import taxonomy
from core.taxonomy import facets
from core.ui import frame
from core.ui.frame import View
from core.words import counted

MADE = "facets-made"


def show(view: View, file: taxonomy.TaxonomyFile, source: str) -> None:
    """The facets of a file as rows, and what to do with them."""
    if words := st.session_state.pop(MADE, ""):
        st.success(words, icon=":material/check_circle:")
    planned = facets.plan(view.db, view.task.client_id, file)
    table = pd.DataFrame(
        [
            {
                "Facet": one.name,
                "Categories": sum(category.assignable for category in one.categories),
                "An asset has": "one"
                if one.kind == "choose_one"
                else "one or more"
                if one.name in file.some
                else "several",
                "What becomes of it": _fate(one),
            }
            for one in planned
        ]
    )
    st.dataframe(table, hide_index=True, key="facets", placeholder="")
    for one in facets.renamed(view.db, view.task.client_id, file):
        st.warning(frame.plain(f"{one.what} {one.todo}"), icon=":material/help:")
    st.caption(
        "Each facet is a question about an asset, with a task, students and a verdict of its own over the same assets."
    )
    open_ones = [one for one in planned if one.change != facets.SAME]
    if st.button("Make a task of each facet", type="primary", disabled=not open_ones, icon=":material/account_tree:"):
        facets.make(view.db, view.task.client_id, file, source)
        new = sum(one.change == facets.NEW for one in open_ones)
        drafts = len(open_ones) - new
        told = [f"{counted(new, 'task has its', 'tasks have their')} taxonomy now."] if new else []
        told += [f"{counted(drafts, 'draft waits', 'drafts wait')} on the Taxonomy page of the task."] if drafts else []
        st.session_state[MADE] = " ".join(told)
        st.rerun()


def _fate(facet: facets.Facet) -> str:
    if facet.change == facets.SAME:
        return "in use already"
    if facet.change == facets.NEW:
        return "a new task" if facet.task is None else f"the first taxonomy of {facet.task.name}"
    stake = f"; {counted(facet.labels, 'label is', 'labels are')} at stake" if facet.labels else ""
    return f"a draft of {facet.task.name}, to be looked at on its Taxonomy page{stake}"
