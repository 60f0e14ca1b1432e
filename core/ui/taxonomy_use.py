"""The part of the Assets page that puts a taxonomy to use: which version is in use, what another costs in labels, the button."""

from __future__ import annotations

import streamlit as st

from core import taxonomy
from core.taxonomy import versions
from core.ui import data_profile, frame
from core.ui.frame import View
from core.words import counted

SAVED = "taxonomy-saved"


def in_use(view: View, uploaded: bool) -> None:
    """The version in use in a line, and its categories folded away unless a file is on show; what to upload where there is none."""
    if st.session_state.pop(SAVED, False):
        st.toast("Taxonomy saved.", icon=":material/check:")
    id = taxonomy.latest(view.db, view.task)
    if id is None:
        if not uploaded:
            st.caption(
                "One row a category: a name, best with a description and a few examples; a parent column if there are levels."
            )
        return
    version, source = view.db.execute("select version, source from taxonomies where id = ?", [id]).fetchone()
    categories = taxonomy.load(view.db, id)
    size = data_profile.size(categories)
    more = "" if uploaded else " Upload a file to replace it."
    st.text(f"Version {version} is in use: {size}, from {source}.{more}")
    if not uploaded:
        data_profile.categories(categories)


def use(view: View, categories: list[taxonomy.Category], source: str) -> None:
    """The button that makes an uploaded file the version in use, with what that means for the labels there are."""
    same = taxonomy.is_in_use(view.db, view.task, categories)
    if same:
        st.caption("This taxonomy is in use already.")
    else:
        _at_stake(view)
    if st.button("Use this taxonomy", type="primary", disabled=same or not categories):
        taxonomy.save(view.db, view.task, categories, source)
        st.session_state[SAVED] = True
        st.rerun()  # what is in use stands above


def _at_stake(view: View) -> None:
    id = taxonomy.latest(view.db, view.task)
    labels = versions.labels_under(view.db, id) if id is not None else 0
    if not labels:
        return
    st.warning(
        f"Used from here, it starts without labels: the {counted(labels, 'label')} under the version in use will not hold until "
        "carried over or bought again. The Taxonomy page plans that.",
        icon=":material/label_off:",
    )
    frame.link("taxonomy", "Change the taxonomy and keep the labels")
