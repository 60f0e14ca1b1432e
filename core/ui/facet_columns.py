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
    others = [
        task
        for task in tasks.of_client(view.db, view.task.client_id)
        if task.id != view.task.id and task.sorts and taxonomy.latest(view.db, task) is not None
    ]
    free = [column for column in seen.columns if column not in (*mapping.text, mapping.id, mapping.label, mapping.gold)]
    guessed = {task: of_facet(task.name, free) or _of_names(view, seen, task) for task in others}
    if not others:
        return {}
    with st.expander("Labels of the client's other tasks in this file", expanded=any(guessed.values())):
        picked = {
            str(task.id): taxonomy_columns.pick(
                task.name,
                free,
                column,
                f"facet-{task.id}-{key}",
                f"The column with the labels of the task {task.name}.",
            )
            for task, column in guessed.items()
        }
    return {id: column for id, column in picked.items() if column}


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
