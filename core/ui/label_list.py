"""What the teacher page shows of a label run: how large the categories are, and the labels themselves, page by page."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from sqlite_utils import Database

from core.label.runs import newest_in_use
from core.report.charts import TEACHER, bars, layout
from core.tasks import Task
from core.taxonomy.tagsets import COUNTS, HAVING
from core.ui import charts, frame, pictures
from core.ui.asset_table import ROW_HEIGHT
from core.words import counted

ROWS = 50  # labels on a page
CHART_ROWS = 45  # categories in the chart; the table has them all


def show(db: Database, run_id: int) -> None:
    """Class sizes, then the labels."""
    sizes = class_sizes(db, run_id)
    if sizes.empty:
        return
    _earlier(db, run_id)
    _chart(sizes)
    _list(db, run_id, sizes)


def class_sizes(db: Database, run_id: int) -> pd.DataFrame:
    """Labels a category, the largest first, categories without any included: columns id, Category, Labels."""
    rows = db.query(
        f"""select c.id, c.label as Category, ifnull(n, 0) as Labels from categories c
           join label_runs r on r.id = :run and r.taxonomy_id = c.taxonomy_id left join ({COUNTS}) on tag = c.id
           where c.assignable = 1 order by Labels desc, c.position""",
        {"run": run_id},
    )
    return pd.DataFrame(list(rows), columns=["id", "Category", "Labels"])


def _chart(sizes: pd.DataFrame) -> None:
    used = int((sizes["Labels"] > 0).sum())
    few = int(((sizes["Labels"] > 0) & (sizes["Labels"] < 20)).sum())
    title = f"The labels use {used:,} of {counted(len(sizes), 'category', 'categories')}"
    title += f"; {few:,} of them {'has' if few == 1 else 'have'} fewer than 20" if few else ""
    top = sizes[sizes["Labels"] > 0].head(CHART_ROWS)
    fig = bars(list(top["Category"]), list(top["Labels"]), [f"{n:,}" for n in top["Labels"]], TEACHER)
    layout(fig, "labels", "", height=80 + 20 * len(top))
    if top["Labels"].max() <= 6:
        fig.update_xaxes(dtick=1)  # there are no half labels
    note = "" if len(top) == used else f"The {len(top)} largest; the table has all."
    charts.chart(title, fig, sizes.drop(columns="id"), "class-sizes", note=note)


def _list(db: Database, run_id: int, sizes: pd.DataFrame) -> None:
    st.subheader("Read the labels", anchor=False)
    names = dict(zip(sizes["id"], sizes["Category"]))
    counts = dict(zip(sizes["id"], sizes["Labels"]))
    picked = st.selectbox(
        "Category",
        [None, *names],
        format_func=lambda id: "All categories" if id is None else f"{names[id]} ({counts[id]:,})",
        key="label-category",
    )
    every = db.execute("select count(category_id) from labels where run_id = ?", [run_id]).fetchone()[0]
    total = every if picked is None else int(counts[picked])
    pages = max(-(-total // ROWS), 1)
    page = st.pagination(pages, key=f"labels-{run_id}-{picked}") if pages > 1 else 1
    only = f"and l.category_id in ({HAVING})" if picked else ""
    rows = db.query(
        f"""select a.id, a.external_id as Asset, a.text as Text, c.label as Category, l.confidence as Confidence
            from labels l join assets a on a.id = l.asset_id join categories c on c.id = l.category_id
            where l.run_id = :run {only} order by l.asset_id limit :rows offset :skip""",
        {"run": run_id, "category": picked, "rows": ROWS, "skip": (page - 1) * ROWS},
    )
    table = pd.DataFrame(list(rows), columns=["id", "Asset", "Text", "Category", "Confidence"])
    said = table if table["Confidence"].notna().any() else table.drop(columns="Confidence")
    client = "select t.client_id from label_runs r join tasks t on t.id = r.task_id where r.id = ?"
    shown = pictures.first(db, db.execute(client, [run_id]).fetchone()[0], said.drop(columns="id"), table["id"])
    st.dataframe(
        shown,
        hide_index=True,
        key="labels",
        column_config={
            "Text": st.column_config.TextColumn(width="large"),
            "Confidence": st.column_config.NumberColumn(
                format="%.2f", help="How sure the teacher was, where it said so."
            ),
            **pictures.columns(shown),
        },
        row_height=ROW_HEIGHT if pictures.IMAGE in shown else None,
    )


def all_in(wanted: int) -> None:
    """That every label has been got, and where to go from here."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(
            f"All {wanted:,} labels are in" if wanted != 1 else "The one label is in",
            icon=":material/check:",
            color="green",
        )
        frame.link("student", "Train a student")


def latest_of(db: Database, task: Task, teacher: str) -> int | None:
    """The newest run of this teacher that holds labels: under the taxonomy in use, else under an earlier version."""
    under = newest_in_use(db, task, teacher)
    if under:
        return under
    row = db.execute(
        """select id from label_runs r where task_id = ? and teacher = ?
           and exists (select 1 from labels where run_id = r.id and category_id is not null) order by id desc limit 1""",
        [task.id, teacher],
    ).fetchone()
    return row[0] if row else None


def _earlier(db: Database, run_id: int) -> None:
    """Say so where the labels below are of an earlier version of the taxonomy."""
    row = db.execute(
        """select t.version, (select max(version) from taxonomies where task_id = t.task_id) from label_runs r
           join taxonomies t on t.id = r.taxonomy_id where r.id = ?""",
        [run_id],
    ).fetchone()
    if row[0] < row[1]:
        st.info(
            f"These labels are under version {row[0]} of the taxonomy; version {row[1]} is in use, with none of this teacher yet.",
            icon=":material/info:",
        )
