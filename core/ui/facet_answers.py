"""What every facet of a client says of one text, and the labelled assets that are nearest to it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core import settings
from core.evaluate import joint
from core.evaluate.comparison import judgement
from core.evaluate.nearest import Near, Nearest
from core.images import kept
from core.report.charts import short
from core.tasks import Task
from core.train.registry import folder_of
from core.train.students import Together, said
from core.ui import frame
from core.ui.frame import View
from core.words import percent, spoken

IMAGE = 96  # pixels wide, beside the words of a nearest asset


@dataclass(frozen=True)
class FacetAnswer:
    """A student's answer to one facet: what it says (a category, or tags of a task that chooses several), how sure it is of that
    (0..1), and whether it would be handled or falls back, with the reason."""

    task: Task
    says: str
    confidence: float
    handled: bool
    why: str


@st.cache_resource(max_entries=1, show_spinner="Loading the students …")
def _students(folders: tuple[str, ...]) -> Together:
    loaded = Together([settings.home() / folder for folder in folders])
    loaded.warm_up()
    return loaded


def ask(db: Database, students: dict[Task, int], text: str) -> list[FacetAnswer]:
    """What each of these students says of a text, which is read once for all of them."""
    folders = tuple(str(folder_of(db, id).resolve()) for id in students.values())
    together = _students(folders)
    told = []
    for (task, id), student, answers in zip(students.items(), together.students, together.answer([text])):
        result = judgement(db, id)
        sure, strange = float(answers.confidence[0]), bool(answers.strange[0])
        handled, why = standing(result.figures.certificate.threshold, result.verdict.decision, sure, strange)
        told.append(FacetAnswer(task, said(answers, student.labels)[0], sure, handled, why))
    return told


def standing(threshold: float | None, decision: str, sure: float, strange: bool) -> tuple[bool, str]:
    """Whether a student that is so sure answers by itself, under its certified threshold and verdict, and why, in a sentence."""
    if strange:
        return False, (
            "Falls back to the teacher: this is unlike anything the student learned from, so its answer means little, however sure "
            "it sounds."
        )
    if decision == "replace":
        return True, f"Handled: the student answers alone ({percent(sure)} sure)."
    if threshold is None:
        return False, "Falls back: nothing is proven of this student yet, so the teacher answers every asset."
    if threshold == 0:
        return True, "Handled: the promise holds however sure the student is."
    needed = percent(threshold, sure)
    if sure >= threshold:
        return True, f"Handled: the student is {percent(sure)} sure, {needed} is enough."
    return False, f"Falls back to the teacher: the student is {percent(sure)} sure, {needed} is needed."


def show(view: View, text: str) -> None:
    """Every facet of the text, the task at hand first; nothing for a client with one task that sorts."""
    students = joint.looked_at(view.db, view.task.client_id)
    if len(students) < 2 or view.task not in students:
        return
    ordered = {view.task: students[view.task]} | students
    said = ask(view.db, ordered, text)
    handled = sum(one.handled for one in said)
    st.subheader("Every facet of this asset", anchor=False)
    table = pd.DataFrame(
        {
            "Facet": [one.task.name for one in said],
            "The student says": [one.says for one in said],
            "How sure": [spoken(one.confidence) for one in said],
            "What becomes of it": ["Handled" if one.handled else "Falls back" for one in said],
            "Why": [one.why.split(": ", 1)[-1].split(", so ")[0].rstrip(".") for one in said],
        }
    )
    sure = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    st.dataframe(table, hide_index=True, key="every-facet", column_config={"How sure": sure})
    st.caption(
        "All facets are handled: no teacher is asked."
        if handled == len(said)
        else f"{handled} of {len(said)} facets are handled; the teacher is asked only for the others."
    )


# --- why this tag ---------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=4, show_spinner="Looking through the labelled assets …")
def _nearest(_db: Database, home: str, student: int, decisions: int, _row: dict) -> Nearest:
    return Nearest(_db, _row)


def nearest(view: View, row: dict, text: str) -> list[Near]:
    """The labelled assets nearest to a text, of those that the student (its row) learned from."""
    decisions = view.db.execute("select count(*) from reviews where task_id = ?", [view.task.id]).fetchone()[0]
    return _nearest(view.db, str(settings.home()), row["id"], decisions, row).to(text)


def why(view: View, row: dict, text: str) -> None:
    """Why this tag: the three nearest labelled assets."""
    with st.expander("Why this tag? The nearest labelled assets"):
        found = nearest(view, row, text)
        if not found:
            st.caption("No labelled asset has words like these.")
        images = kept.of_assets(view.db, view.task.client_id, [one.asset_id for one in found])
        for one in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                if one.asset_id in images:
                    st.image(images[one.asset_id].read_bytes(), width=IMAGE)
                st.markdown(f":gray-badge[{frame.plain(short(one.label, 40))}]")
                st.text(short(one.text, 160), width="stretch")
                st.caption(
                    f"{percent(one.likeness, digits=0)} alike, labelled by {'a person' if one.by == 'person' else 'the teacher'}"
                )
        if found:
            st.caption(frame.plain("They are the nearest by their words, among those the student learned from."))
