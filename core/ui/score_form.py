"""On the Deploy page: what is to be classified, a file of assets, images, or both, and the button."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from core import settings
from core.deploy import inputs
from core.tables.problems import AS_FOUND, ReadAs
from core.tasks import Task
from core.train.registry import at_work
from core.ui import frame, image_files, progress, uploads

KINDS = {"XLSX": "Excel (XLSX)", "CSV": "CSV", "Parquet": "Parquet"}


def show(view: frame.View, live: dict, running: bool) -> None:
    """The uploaders, how they are read and answered, and the start of the job."""
    with st.container(border=True):
        st.subheader("Classify a file", anchor=False)
        path = uploads.upload("File of assets (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "score-file")
        images = image_files.upload("Images, alone or named in a column of that file", "score-images")
        with frame.guard():
            if images:
                image_files.can_read()
            how = uploads.read_as(path, "score") if path else AS_FOUND
            texts = _text_columns(view, path, how) if path else []
            beside = _facets(view)
            kind = st.radio("Write as", ["XLSX", "CSV", "Parquet"], horizontal=True, format_func=KINDS.get)
            if st.button(
                "Classify the images" if images else "Classify this file",
                type="primary",
                disabled=running or not (texts or (images and not path)),
                icon=":material/play_arrow:",
            ):
                what = {"input": str(path), "text_columns": texts}
                if images:
                    what = {"input": str(images[0]), "rows": path and str(path), "text_columns": texts or None}
                what["read_as"] = asdict(how)
                stem = Path(images[1]).stem if images and not path else path.stem
                _start(view, live, beside, what, stem, kind)
        st.caption(
            "You get your file back with three more columns: `category`, `confidence` (how sure the student is) and `handled`. "
            "Rows whose `handled` is not true are for the teacher: send them from here afterwards. It is false where the student "
            "is not sure enough, or where the asset has no text or is unlike anything it learned from; it is empty where nothing "
            "is proven yet. The student is surer of assets it learned from than of new ones."
            + (" Of several facets there are three such columns each, called after them." if beside else "")
            + (" Of images you also get the file and the words that were read on it." if images else "")
        )


def _start(view: frame.View, live: dict, beside: list[Task], what: dict[str, Any], stem: str, kind: str) -> None:
    output = settings.subfolder("output") / Path(what["input"]).parent.name
    output.mkdir(exist_ok=True)
    params = {"task_id": view.task.id, "student": live["id"], **what}
    params |= {"student": "live", "beside": [task.id for task in beside]} if beside else {}
    who = "all-facets" if beside else f"student-{live['id']}"
    params["output"] = str(output / f"{stem}-{who}.{kind.lower()}")
    progress.start(view, "score", params)


def _facets(view: frame.View) -> list[Task]:
    """The client's other tasks with a student at work that are to answer as well: all or none of them."""
    others = [task for task in at_work(view.db, view.task.client_id) if task.id != view.task.id]
    if not others:
        return []
    names = ", ".join(task.name for task in [view.task, *others])
    one, all_ = f"{view.task.name} alone", f"All facets ({names})"
    return others if st.radio("Answer", [all_, one], horizontal=True, format_func=frame.plain) == all_ else []


def _text_columns(view: frame.View, path: Path, how: ReadAs) -> list[str]:
    """The columns to read: those of the last import, or those that look like text, unless others are chosen."""
    seen = uploads.preview(view, path, how, families=False)
    uploads.doubts(path, seen.doubts, "score")
    likely = inputs.learnt_columns(view.db, view.task, seen.columns) or list(seen.guess.text)
    return st.multiselect(
        "Text columns",
        seen.columns,
        default=likely,
        key=f"score-text-{uploads.as_read(path, how)}",
        placeholder="Choose at least one",
        help="What the student reads, in this order. At first those of the last import.",
    )
