"""The part of the Assets page that asks which columns hold the labels of the client's other tasks, to import all at once."""

from __future__ import annotations

import streamlit as st

from core import tasks, taxonomy
from core.assets.imports import label_forms
from core.assets.label_columns import of_facet
from core.assets.previews import Preview
from core.escape import plain
from core.tables.columns import Mapping, labelled
from core.ui import taxonomy_columns
from core.ui.frame import View


def ask(view: View, seen: Preview, mapping: Mapping, key: str) -> dict[str, str]:
    """The column with the labels of each other task that sorts assets, by its id; only those that have one."""
    free = _free(seen, mapping)
    guessed = _guessed(view, seen, free)
    if not guessed:
        return {}
    with st.expander("Labels of the client's other tasks in this file", expanded=any(guessed.values())):
        picked = {
            str(task.id): taxonomy_columns.pick(
                task.name,
                free,
                column,
                _key(task, key),
                f"The column with the labels of the task {task.name}.",
            )
            for task, column in guessed.items()
        }
    return {id: column for id, column in picked.items() if column}


def held(view: View, seen: Preview, key: str) -> set[str]:
    """The columns whose labels are other tasks', as they are chosen below the cards, or guessed where nobody chose yet."""
    guessed = _guessed(view, seen, _free(seen, seen.guess))
    return {st.session_state.get(_key(task, key), column) for task, column in guessed.items()} & set(seen.columns)


def _key(task: tasks.Task, key: str) -> str:
    return f"facet-{task.id}-{key}"


def _free(seen: Preview, mapping: Mapping) -> list[str]:
    """The columns that nothing of this task stands in."""
    return [column for column in seen.columns if column not in (*mapping.text, mapping.id, mapping.label, mapping.gold)]


def _guessed(view: View, seen: Preview, free: list[str]) -> dict[tasks.Task, str | None]:
    """The client's other tasks that sort and have a taxonomy, each with the column that seems to hold its labels."""
    others = [
        task
        for task in tasks.of_client(view.db, view.task.client_id)
        if task.id != view.task.id and task.sorts and taxonomy.latest(view.db, task) is not None
    ]
    return {task: of_facet(task.name, free) or _of_names(view, seen, task) for task in others}


def _of_names(view: View, seen: Preview, task: tasks.Task) -> str | None:
    """The part of names taken apart that holds the task's categories."""
    if seen.names is None:
        return None
    rows = [[row[column] for column in seen.columns] for row in seen.rows]
    return labelled(seen.columns, rows, seen.names.rule.parts, label_forms(view.db, task))


def names(seen: Preview) -> None:
    """What the names say that were taken apart."""
    if seen.names is None:
        return
    st.caption(plain(seen.names.sentence))
    table = [
        {
            "Part": part.column,
            "Names": part.names,
            "Values": part.values,
            "The commonest": ", ".join(f"{value} ({n:,})" for value, n in part.commonest),
        }
        for part in seen.names.parts
    ]
    st.dataframe(table, hide_index=True, key="name-parts", placeholder="")
