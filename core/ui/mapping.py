"""The columns of an assets file, each with three of its values and the role above them, corrected before anything is written."""

from __future__ import annotations

import re
from dataclasses import replace

import streamlit as st

from core.asset_columns import ASSET_COLUMNS
from core.assets import previews
from core.escape import plain
from core.tables.columns import Mapping
from core.taxonomy.matching import WAYS
from core.ui import family_choice

UNUSED = ""
ROLES = {
    UNUSED: "not used",
    "text": "text to read",
    **{role: column.title for role, column in ASSET_COLUMNS.items() if column.title},
}
HELP = {
    UNUSED: "Kept with the asset, read by nobody.",
    "text": "The asset's words, such as headline and body; several columns are read together.",
    **{role: column.help for role, column in ASSET_COLUMNS.items() if column.title},
}
# On the cards of the columns chosen for these below the cards:
TOGETHER = "belongs together"
ELSEWHERE = "another task's label"
ACROSS = 4  # columns beside one another
VALUES, LONGEST = 3, 70  # values shown of a column, characters of each
OPEN = 24  # columns of a file that has no more of them are all shown


def ask(seen: previews.Preview, key: str, elsewhere: set[str]) -> Mapping | None:
    """The mapping as the person on this page wants it; None, after a sentence, where a role that one column can have is given to
    several. `key` names the file as it is read; `elsewhere`: the columns with labels of other tasks."""
    guess = roles(seen.guess)
    spare = [column for column in seen.columns if column not in guess] if len(seen.columns) > OPEN else []
    meanings = [
        *((ROLES[role], HELP[role]) for role in ROLES),
        (TOGETHER, "Chosen below: a campaign or concept, for instance."),
        *([(ELSEWHERE, "Chosen below: the labels of another of the client's tasks.")] if elsewhere else []),
    ]
    st.markdown("**What each column is**", help="\n".join(f"- **{role}**: {what}" for role, what in meanings))
    together = family_choice.column(seen, f"assets-family-{key}")
    spare = [column for column in spare if column != together and column not in elsewhere]
    marks = {column: ELSEWHERE for column in elsewhere} | ({together: TOGETHER} if together else {})
    chosen = _cards(seen, [column for column in seen.columns if column not in spare], guess, key, marks)
    if spare:
        with st.expander(f"The other {len(spare):,} columns: kept with each asset, read by nobody"):
            chosen |= _cards(seen, spare, guess, key, marks)
    twice = [role for role in ROLES if role not in (UNUSED, "text") and list(chosen.values()).count(role) > 1]
    for role in twice:
        columns = " and ".join(column for column, one in chosen.items() if one == role)
        st.warning(
            plain(f"One column only can be the {ROLES[role]}: choose between {columns}."), icon=":material/rule:"
        )
    if twice:
        return None
    picked = {role: next((column for column, one in chosen.items() if one == role), None) for role in ROLES}
    family, written = st.columns(2)
    with family:
        family_roles = family_choice.ask(seen, picked["id"], f"assets-family-{key}")
    with written:
        ways = _labels_are(key, bool(picked["label"] or picked["gold"]))
    named = {role: column for role, column in picked.items() if role not in (UNUSED, "text")}
    return replace(seen.guess, text=_texts(seen, chosen), labels_are=ways, **named, **family_roles)


def roles(guess: Mapping) -> dict[str, str]:
    """The role of each column that has one."""
    roles_of = {column: "text" for column in guess.text}
    return roles_of | {
        getattr(guess, role): role for role in ROLES if role not in (UNUSED, "text") and getattr(guess, role)
    }


def _texts(seen: previews.Preview, chosen: dict[str, str]) -> tuple[str, ...]:
    """The text columns: in the order they were guessed in, those added by hand after them in the file's."""
    guessed = [column for column in seen.guess.text if chosen.get(column) == "text"]
    return (*guessed, *(column for column in seen.columns if chosen[column] == "text" and column not in guessed))


def _cards(
    seen: previews.Preview, columns: list[str], guess: dict[str, str], key: str, marks: dict[str, str]
) -> dict[str, str]:
    """A card a column: its role to choose, its name, its first values; `marks`: what a column is that no role is chosen for."""
    chosen = {}
    for start in range(0, len(columns), ACROSS):
        for side, column in zip(st.columns(ACROSS), columns[start : start + ACROSS]):
            with side.container(border=True, height="stretch", gap="xxsmall"):
                chosen[column] = st.selectbox(
                    plain(column),
                    list(ROLES),
                    index=list(ROLES).index(guess.get(column, UNUSED)),
                    format_func=(ROLES | {UNUSED: marks.get(column, ROLES[UNUSED])}).__getitem__,
                    key=f"assets-role-{key}-{seen.columns.index(column)}",
                )
                for value in samples(seen.rows, column):
                    st.caption(plain(value))
    return chosen


def samples(rows: list[dict], column: str) -> list[str]:
    """The first values of a column that differ, shortened; of a column without any, that it is empty."""
    values = dict.fromkeys(
        text for row in rows if (text := str(row[column] if row[column] is not None else "").strip())
    )
    return [_breaking(_cut(value)) for value in list(values)[:VALUES]] or ["(empty in the first rows)"]


def _cut(value: str) -> str:
    """A value of at most LONGEST characters: a longer one ends with a whole word, where it has words."""
    if len(value) <= LONGEST:
        return value
    start = value[:LONGEST]  # a space may be its last character
    whole = start.rpartition(" ")[0] or start[:-1]
    return f"{whole.rstrip(' .,;:')}…"


def _breaking(value: str) -> str:
    """A value that lines part after the marks inside file names and addresses, rather than anywhere in their words."""
    return re.sub(r"(?<=\w)([_/.-]+)(?=\w{3})", "\\1\u200b", value)


def _labels_are(key: str, any_labels: bool) -> str | None:
    """Whether the labels are names or codes of the taxonomy, where a person says so."""
    return st.selectbox(
        "Labels are written as",
        [None, *WAYS],
        format_func=lambda way: way or "as found: names or codes",
        key=f"assets-labels-are-{key}",
        disabled=not any_labels,
        help="A column of labels is read one way throughout: as names of the taxonomy or as its codes.",
    )
