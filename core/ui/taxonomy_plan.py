"""The parts of the Taxonomy page that show the draft: what changes, what must be asked again and what that costs, and saving it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pandas as pd
import streamlit as st

from core import database, jobs, settings, taxonomy
from core.label import relabel
from core.money import prices
from core.tasks import Task
from core.taxonomy import diff, versions
from core.taxonomy.versions import KeptDraft
from core.ui import charts, data_profile, frame, hosted_teacher, money_inputs, progress
from core.ui.figures import figure
from core.ui.frame import View
from core.words import counted, duration, money, teacher_words

SHOWN = 200  # lines of a diff on the page; the download has them all


def in_use(view: View) -> None:
    """The version in use in a line, all versions folded away."""
    rows = versions.versions(view.db, view.task)
    newest = rows[0]
    size = data_profile.size(taxonomy.load(view.db, newest["id"]))
    line = f"Version {newest['version']} is in use: {size}, from {newest['source']}, {newest['created'][:10]}"
    st.text(f"{line}, {counted(newest['labels'], 'label')} under it.")
    live = next((row for row in rows if row["live"]), None)
    if live and live is not newest:
        st.info(
            f"The live student still answers with the categories of version {live['version']}. It stays at work until you make "
            f"one trained on version {newest['version']} live.",
            icon=":material/info:",
        )
    if len(rows) > 1:
        table = pd.DataFrame(rows)[["version", "created", "source", "assignable", "labels", "students", "live"]]
        table["created"] = table["created"].str[:10]
        table["live"] = table["live"].map({True: "yes", False: ""})
        changes = [_changes(view, row["based_on"], row["id"]) for row in rows]
        charts.details(table.assign(changes=changes), "versions", label=f"All {len(rows):,} versions")


def _changes(view: View, before: int | None, id: int) -> str:
    if before is None:
        return ""
    kinds = [change.kind for change in diff.diff(versions.between(view.db, before, id))]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in diff.KINDS if kind in kinds)


def saved(view: View) -> None:
    """What the last save brought, while its version is the one in use."""
    job = next((job for job in jobs.recent(view.db, view.task, limit=50) if job.kind == "taxonomy"), None)
    if job is None or job.state != "done" or job.result["taxonomy_id"] != versions.in_use(view.db, view.task):
        return
    for run in job.result["runs"]:
        name = frame.plain(teacher_words(run["teacher"]))
        if "left" in run:
            st.warning(f"The labels of {name} stay with the version before. {frame.plain(run['left'])}")
            continue
        words = f"{run['carried']:,} labels ({name}) came over to version {job.result['version']}"
        if run["asked"]:
            words += f"; {run['asked']:,} assets wait for the teacher"
        st.success(f"{words}.", icon=":material/check:")
    waiting = [run["teacher"] for run in job.result["runs"] if run.get("asked")]
    if waiting and st.button("Ask the teacher about them", icon=":material/school:"):
        st.session_state[hosted_teacher.CHOSEN] = waiting[0]  # who can be asked, chosen already
        frame.go("teacher")


def changes(kept_draft: KeptDraft) -> list[diff.Change]:
    """The diff as a table; returns it."""
    changes = diff.diff(kept_draft.draft)
    table = pd.DataFrame([(change.kind, diff.in_words(change)) for change in changes], columns=["change", "categories"])
    kinds = table["change"].value_counts()
    st.text(", ".join(f"{kinds[kind]:,} {kind}" for kind in diff.KINDS if kind in kinds) or "Nothing changes yet.")
    if changes:
        st.dataframe(table.head(SHOWN), hide_index=True, key="changes", height=min(38 + 35 * len(table), 283))
        charts.download(table, "taxonomy-changes")
    return changes


def what_it_takes(view: View, kept_draft: KeptDraft) -> relabel.Plan:
    """The plan in figures, by reason, with the decisions that are a person's; returns it."""
    row = view.db.execute("select created from taxonomy_drafts where task_id = ?", [view.task.id]).fetchone()
    labels = view.db.execute(
        "select max(id), max(finished) from label_runs where task_id = ?", [view.task.id]
    ).fetchone()
    plan = _plan(str(settings.home()), view.task, f"{row} {labels}")
    if plan.run_id is None:
        st.caption("Nothing is labelled under the version in use, so nothing has to be asked again.")
        return plan
    _decide(view, kept_draft, plan)
    left, right = st.columns([3, 2], gap="large")
    with right:
        price = _price(view, plan)
    with left:
        ask, keep = st.columns(2)
        with ask:
            span = f"{plan.ask_low:,} to {plan.ask_high:,}" if plan.ask_low < plan.ask_high else None
            figure("To ask again", f"{plan.ask:,}", plan.basis, span, help=_hint(plan))
        with keep:
            figure("Labels that stay", f"{plan.keep:,}", plan.basis, f"of {plan.labels:,}")
        cost, time = st.columns(2)
        with cost:
            figure(
                "Cost" if plan.price else "Worth, at that price",
                money(plan.usd(price)),
                "estimated" if plan.ask else "measured",
            )
        with time:
            figure("Time", duration(plan.seconds), plan.seconds_basis if plan.ask else "measured")
    if plan.rows:
        table = pd.DataFrame(
            [
                {"why": relabel.WHY[row.why], "category": row.category or "any", "assets": row.assets,
                 "basis": "estimated" if row.why in relabel.ESTIMATED and plan.ask_low < plan.ask_high else "measured"}
                for row in plan.rows
            ]
        )  # fmt: skip
        charts.details(table, "plan", label="What is asked again, and why")
    if plan.lost and plan.ask:
        st.caption(
            "These labels come from a file, so nobody can be asked again. Without a label an asset stays out of "
            "training until another teacher, or a new file, brings one."
        )
    return plan


def _price(view: View, plan: relabel.Plan) -> prices.Price | None:
    """What labels are priced at: a hosted teacher's own price is said, for others a model is chosen."""
    if plan.price is None:
        model = money_inputs.price_as(view).price_as
        return prices.price(view.db, model) if model else None
    st.caption(frame.plain(f"At the price of {plan.price.model}: {money_inputs.price_words(plan.price)}"))
    return plan.price


def _hint(plan: relabel.Plan) -> str:
    if not plan.sampled:
        return "Counted: assets whose category is removed, split, or described anew where you said so."
    return (
        f"Counted, plus an estimate from {plan.sampled:,} of the labels: assets whose words are nearest to an added category, "
        "or near to one where the teacher was unsure. All labels are looked at when you save."
    )


@st.cache_data(max_entries=16, show_spinner="Working out what must be asked again …")
def _plan(home: str, task: Task, stamp: str) -> relabel.Plan:
    with closing(database.connect()) as db:
        return relabel.plan(db, task, versions.kept_draft(db, task))


def _decide(view: View, kept_draft: KeptDraft, plan: relabel.Plan) -> None:
    if not plan.described or plan.lost:
        return
    labels = dict(plan.described)
    again = st.multiselect(
        "Described anew: ask again about the assets of",
        list(labels),
        [label for label in kept_draft.again if label in labels],
        format_func=lambda label: f"{label} ({labels[label]:,})",
        key="again",
        placeholder="None: their labels stay",
        help="Whether another description changes what belongs in a category is yours to say.",
    )
    if set(again) != set(kept_draft.again):
        versions.keep(view.db, view.task, replace(kept_draft, again=tuple(again)))
        st.rerun()


def save_or_discard(view: View, running: bool, changed: bool) -> None:
    """The two ways out of a draft."""
    with st.container(horizontal=True):
        if st.button(
            "Save as the next version", type="primary", disabled=running or not changed, icon=":material/save:"
        ):
            progress.start(view, "taxonomy", {"task_id": view.task.id})
        if st.button("Discard the draft", icon=":material/delete:", disabled=running):
            versions.drop(view.db, view.task)
            st.rerun()
    st.caption("Saving asks no teacher and costs nothing. The live student stays at work.")
