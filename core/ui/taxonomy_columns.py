"""An uploaded taxonomy file on a page: what it leaves open, its columns to correct or choose, its problems."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import taxonomy
from core.escape import plain
from core.taxonomy import columns as category_columns
from core.ui import data_profile, uploads

NONE = "(none)"
ROLES = {
    "name": ("Category name", "The words the label is known by."),
    "parent": ("Parent", "For a taxonomy with levels: the column that names the category above."),
    "description": ("Description", "What belongs in the category. The built-in teacher reads it."),
    "examples": ("Examples", "A few assets that belong in it, separated by | or ;."),
    "key": ("Code", "The category's own number or code, where labels are given as codes."),
    "facet": ("Facet", "The question that a category answers (topic, format, offer), where the file holds several."),
    "pick": ("One or several", "Whether an asset has one of the facet's categories, or several."),
    "level": ("Level", "How deep a row stands (Tier 1, Tier 2): each is below the last one above it."),
}


def pick(label: str, columns: list[str], guess: str | None, key: str, help: str) -> str | None:
    """A select box of a file's columns; None where none is chosen."""
    options = [NONE, *columns]
    picked = st.selectbox(label, options, index=options.index(guess) if guess in columns else 0, key=key, help=help)
    return None if picked == NONE else picked


def read(path: Path, key: str) -> taxonomy.TaxonomyFile | None:
    """The file as the person on this page wants it read; None while no column of names is chosen. Raises InputError."""
    how = uploads.read_as(path, key)
    seen = uploads.look(taxonomy.look, path, how)
    uploads.doubts(path, seen.doubts, key)
    as_read = uploads.as_read(path, how)
    known = seen.guess["name"] is not None or "tiers" in seen.guess
    with st.expander("Columns as understood: correct them here", expanded=not known):
        mapping = {
            role: pick(label, seen.columns, seen.guess.get(role), f"{key}-{role}-{as_read}", help)
            for role, (label, help) in ROLES.items()
        }
        mapping["tiers"] = tuple(
            st.multiselect(
                "A column for each level",
                seen.columns,
                default=seen.guess.get("tiers", ()),
                key=f"{key}-tiers-{as_read}",
                help="For a file that spells out each level in a column of its own, top level first.",
            )
        )
    if not mapping["name"] and not mapping["tiers"]:
        st.warning("Nothing tells which column holds the categories' names: choose it above.", icon=":material/rule:")
        return None
    file = uploads.look(taxonomy.read, path, mapping, how)
    data_profile.problems(file.problems, f"{key}-problems")
    unused = f" {category_columns.unused_columns(file.columns, file.mapping)}".rstrip()
    every = [category for categories in file.facets.values() for category in categories]
    st.caption(plain(f"{data_profile.size(every)} in the file.{unused}"))
    return file
