"""What the assets page shows of a client's data: categories, imports with their problems by row, duplicates, a profile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core import database, jobs, settings, taxonomy
from core.assets import profiles
from core.assets.family_columns import by_words
from core.errors import Problem
from core.label.runs import newest_in_use
from core.tasks import Task
from core.ui import access, charts
from core.ui.figures import HINTS, figure
from core.ui.frame import View
from core.ui.label_names import IMPORTS
from core.words import counted, ranged

SHOWN = 200  # rows of a list on the page; the download has them all


def size(categories: Sequence[taxonomy.Category]) -> str:
    """How many categories there are to label with, and under how many headings, which no asset is labelled with."""
    headings = sum(not c.assignable for c in categories)
    under = f" under {counted(headings, 'heading')}" if headings else ""
    return f"{counted(len(categories) - headings, 'category', 'categories')}{under}"


def categories(listed: list[taxonomy.Category]) -> None:
    """The categories as a table, folded away."""
    table = pd.DataFrame(
        [
            {
                "Category": category.label,
                "Parent": category.parent or "",
                "Description": category.description,
                "Examples": " | ".join(category.examples),
            }
            for category in listed
        ]
    )
    charts.details(table, "categories", label=f"The {size(listed)}" if len(listed) > 1 else "The category")


def problems(noticed: list[Problem], name: str) -> None:
    """Problems of a file by row, the first ones open to read, all of them to download, and what is remarked."""
    for remark, label in ((False, "Problems by row"), (True, "Remarks: nothing to do, if what was done is right")):
        rows = [(one.row, one.column, one.what, one.todo) for one in noticed if one.remark == remark]
        if rows and not remark:
            count = counted(len(rows), "row or cell", "rows or cells")
            st.warning(f"{count} could not be used.", icon=":material/rule:")
        if rows:
            table = pd.DataFrame(rows, columns=["Row", "Column", "What", "What to do"])
            charts.details(table.head(5000), f"{name}-remarks" if remark else name, label=label)


def show(view: View) -> bool:
    """The last import with its problems, then what all the client's assets are like; whether there are any."""
    last = next(
        view.db.query("select * from imports where client_id = ? order by id desc limit 1", [view.task.client_id]), None
    )
    if last is None:
        return False
    own = _own(view, last)
    _import(view.db, view.task, own, _anew(view, own["id"]))
    removed = view.db.execute("select max(id) from removals").fetchone()[0]
    stamp = f"{last['id']}, {last['created']}, {last['unchanged']}, {removed}"
    home = str(settings.home())
    profile = _cached(home, view.task, stamp)
    # What training and people change as well; every review in the workspace counts, which is quicker than finding the client's.
    decided = view.db.execute("select count(*), max(id) from reviews").fetchone()
    gold = _cached_gold(home, view.task, f"{stamp}, {decided}")
    _profile(profile | {"gold": gold, "splits": profiles.splits(view.db, view.task.client_id)})
    return True


def _own(view: View, last: dict) -> dict:
    """This task's own import of the client's newest file: one file with the labels of several tasks is an import a task."""
    query = "select * from imports where client_id = ? and sha256 = ? and task_id = ? order by id desc limit 1"
    return next(view.db.query(query, [last["client_id"], last["sha256"], view.task.id]), last)


def _anew(view: View, import_id: int) -> int:
    """How many assets that were there already got a label when the file was read last."""
    imported = (job for job in jobs.recent(view.db, view.task, limit=50) if job.kind in IMPORTS and job.result)
    return next((job.result.get("relabelled", 0) for job in imported if job.result["import_id"] == import_id), 0)


def _import(db: Database, task: Task, last: dict, anew: int) -> None:
    st.subheader("Last import", anchor=False)
    # The row of a file keeps what its first import brought; read again, all of that is there already.
    new = last["imported"] if last["imported"] + last["unchanged"] <= last["row_count"] else 0
    rows = last["row_count"] - last["aside"]  # as the preview counts them: a total below the table is none
    parts = [f"{counted(rows, 'row')} read", f"{new:,} new", f"{last['unchanged']:,} there already"]
    parts += [
        f"{counted(last['duplicates'], 'copy', 'copies')} of another asset",
        counted(last["problem_count"], "problem"),
        *([counted(last["remark_count"], "remark")] if last["remark_count"] else []),
    ]
    if anew:
        parts.insert(3, f"{counted(anew, 'label')} taken anew")
    st.text(f"{last['filename']}: {', '.join(parts)}")
    _taken(db, task, last)
    _listed(db, last, "problem")
    _listed(db, last, "remark")


def _listed(db: Database, last: dict, kind: str) -> None:
    """An import's problems by row, open to read, or its remarks, which need nobody, folded away; nothing where it has none."""
    number = last[f"{kind}_count"]
    if not number:
        return
    query = """select row as "Row", "column" as "Column", what as "What", todo as "What to do" from import_problems
               where import_id = ? and remark = ? order by row, rowid limit ?"""
    heading = f"The {kind}" if number == 1 else f"The {number:,} {kind}s by row"
    needs_nobody = ": nothing to do, if what was done is right" if kind == "remark" else ""
    with st.expander(f"{heading}{needs_nobody}", expanded=kind == "problem"):
        shown = pd.DataFrame(list(db.query(query, [last["id"], kind == "remark", SHOWN])))
        shown = shown.fillna({"Column": ""})
        st.dataframe(
            shown, hide_index=True, height=min(36 * (len(shown) + 1) + 2, 260), key=f"import-{kind}s", placeholder=""
        )
        if number > SHOWN:
            st.caption(f"The first {SHOWN} are shown.")
        access.download(
            f"Download all {kind}s",
            lambda: problems_csv(last["id"]),
            file_name=f"{kind}s.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key=f"download-{kind}s",
        )


def _taken(db: Database, task: Task, last: dict) -> None:
    """That labels which came with the file teach already, or whose they are where they are another task's."""
    column = json.loads(last["mapping"]).get("label")
    if last["task_id"] != task.id:
        st.text(
            "It was imported for another task. Import a file here to take this task's labels: its assets stay as they are."
        )
        return
    run_id = newest_in_use(db, task, f"recorded:{column}") if column else None
    if run_id is not None:
        count = db.execute("select count(*) from labels where run_id = ? and category_id is not null", [run_id])
        taken = counted(count.fetchone()[0], "label")
        st.text(f"{taken} of the column {column} taken as a teacher's answers: a student can learn from them.")


def problems_csv(import_id: int) -> bytes:
    """All problems of an import, read when the download is asked for: by then the page's connection is closed."""
    with closing(database.connect()) as db:
        return profiles.problems_csv(db, import_id).encode("utf-8-sig")


@st.cache_data(max_entries=16, show_spinner="Looking over the assets …")
def _cached(home: str, task: Task, stamp: str) -> dict:
    """The profile reads every asset; but for splits and gold it changes only with an import (`stamp`)."""
    with closing(database.connect()) as db:
        return profiles.profile(db, task)


@st.cache_data(max_entries=64, show_spinner=False)
def _cached_gold(home: str, task: Task, stamp: str) -> int:
    """How many assets people have decided on, which takes half a second for 100,000; changes with reviews (in `stamp`)."""
    with closing(database.connect()) as db:
        return profiles.gold_count(db, task)


def _profile(profile: dict) -> None:
    st.subheader("What the assets are like", anchor=False)
    count, distinct, words, gold = st.columns(4)
    with count:
        figure("Assets", f"{profile['assets']:,}", "measured")
    with distinct:
        copies = counted(profile["duplicates"], "copy", "copies")
        if profile["families"] < profile["groups"]:
            copies += (
                f"; {counted(profile['families'], 'concept')}{_by(profile['columns'])}, each counted once in figures"
            )
        figure("Different creatives", f"{profile['groups']:,}", "measured", copies, help=HINTS["duplicates"])
    with words:
        span = profile["words"]
        figure(
            "Words an asset",
            f"{span['p50']:,}",
            "measured",
            f"{ranged(span['p5'], span['p95'], '{:,}'.format)} in most",
            help=HINTS["median"],
        )
    with gold:
        figure("Gold labels", f"{profile['gold']:,}", "measured", help="Labels that people settled.")
    for source, recorded in profile["labels"].items():
        table = pd.DataFrame(recorded["top"], columns=["Label", "Assets"])
        title = f"Recorded labels in “{source}”: {recorded['count']:,}, {recorded['distinct']:,} different"
        charts.details(table, f"labels-{source}", label=title)
    splits = {name or "not yet": count for name, count in profile["splits"].items()}
    charts.details(pd.DataFrame(splits.items(), columns=["Split", "Assets"]), "splits", label=_splits_words(splits))


def _by(columns: dict) -> str:
    """By what the last file said that assets belong together."""
    if not columns.get("family"):
        return ""
    return f" ({by_words(columns['family'], columns.get('family_stem'), columns.get('id'))})"


def _splits_words(splits: dict[str, int]) -> str:
    """The splits in a line: for training, calibration and test."""
    return "Splits: " + ", ".join(f"{name} {count:,}" for name, count in splits.items())
