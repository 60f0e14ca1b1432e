"""The choice of what says which assets belong together, and what it makes of the file, before it is imported."""

from __future__ import annotations

import streamlit as st

from core.assets import previews
from core.assets.family_columns import by_words, in_words
from core.escape import plain
from core.tables.columns import Mapping
from core.ui.taxonomy_columns import NONE

HELP = (
    "A campaign, concept or parent creative: its assets never both teach and test, and count as one where figures are given. File "
    "names and ids tell it too: what is left of them without market, size, version and format."
)


def ask(seen: previews.Preview, id_column: str | None, key: str) -> dict:
    """The roles `family` and `family_stem` of the mapping, as a person chose them: a column, the names in one, or nothing."""
    stems = [(one.column, one.stem) for one in seen.families if one.stem is not None]
    options = [(None, None), *((column, None) for column in seen.columns), *stems]
    guess = (seen.guess.family, seen.guess.family_stem)
    column, stem = st.selectbox(
        "Belongs together",
        options,
        index=options.index(guess) if guess in options else 0,
        format_func=lambda one: _words(*one, id_column),
        key=key,
        help=HELP,
    )
    return {"family": column, "family_stem": stem}


def column(seen: previews.Preview, key: str) -> str | None:
    """The column chosen, or guessed, to say what belongs together; `key` is the one of `ask`, which may come later on the page."""
    return st.session_state.get(key, (seen.guess.family, None))[0]


def tell(seen: previews.Preview, mapping: Mapping) -> None:
    """How many families an import would make."""
    if words := in_words(mapping, seen.families):
        st.caption(plain(f"{words.removesuffix('.')}."))


def _words(column: str | None, stem: tuple[str, ...] | None, id_column: str | None) -> str:
    if column is None:
        return NONE
    return column if stem is None else by_words(column, stem, id_column).replace("by the", "from the")
