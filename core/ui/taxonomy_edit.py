"""The parts of the Taxonomy page that change the draft: edits by hand, an uploaded file, suggestions from the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core import taxonomy
from core.evaluate import suggestions
from core.taxonomy import Category, diff, resemblance, versions
from core.taxonomy.diff import Draft
from core.taxonomy.versions import KeptDraft
from core.ui import frame, progress, taxonomy_columns, taxonomy_facets, uploads
from core.ui.frame import View
from core.words import percent, ranged

TOP = "(the top level)"
EDITS = ("Add", "Rename", "Move", "Merge", "Split", "Describe", "Remove")


def change(view: View, edit: Callable[[Draft], Draft]) -> None:
    """Apply an edit to the client's draft, begun here where there is none, keep it, and draw the page anew."""
    kept_draft = versions.begun_draft(view.db, view.task)
    versions.keep(view.db, view.task, replace(kept_draft, draft=edit(kept_draft.draft)))
    st.rerun()


def by_hand(view: View, draft: Draft) -> None:
    """One edit at a time; each goes to the draft only."""
    kind = st.radio("What to do", EDITS, EDITS.index("Add"), key="edit-kind", horizontal=True)
    labels = [category.label for category in draft.categories]
    with frame.guard():
        edit = _FORMS[kind](draft, labels)
        if st.button(f"{kind} in the draft", type="primary", key="edit-apply", icon=":material/edit:"):
            change(view, edit)


def _category(labels: list[str], key: str) -> str:
    return st.selectbox("Category", labels, key=key)


def _parent(labels: list[str], key: str, words: str) -> str | None:
    picked = st.selectbox(words, [TOP, *labels], key=key)
    return None if picked == TOP else picked


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _add(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    left, right = st.columns(2)
    with left:
        name = st.text_input("Name", key=f"add-name-{len(labels)}")  # empty again once it is added
        parent = _parent(labels, "add-parent", "Under")
    with right:
        description = st.text_input(
            "Description", key=f"add-description-{len(labels)}", help="What belongs in it; the teacher reads it."
        )
        examples = st.text_area("Examples, one a line", key=f"add-examples-{len(labels)}", height=68)
    return lambda draft: diff.add(draft, name, parent, description, _lines(examples))


def _rename(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    left, right = st.columns(2)
    with left:
        label = _category(labels, "rename-label")
    name = right.text_input("New name", key="rename-name")
    return lambda draft: diff.rename(draft, label, name)


def _move(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    left, right = st.columns(2)
    with left:
        label = _category(labels, "move-label")
    with right:
        parent = _parent(labels, "move-parent", "To under")
    return lambda draft: diff.move(draft, label, parent)


def _merge(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    left, right = st.columns(2)
    picked = left.multiselect("Categories", labels, key="merge-labels", placeholder="Choose two or more")
    name = right.text_input("Name of the merged category", key="merge-name")
    return lambda draft: diff.merge(draft, picked, name)


def _split(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    left, right = st.columns(2)
    with left:
        label = _category(labels, "split-label")
    names = right.text_area("Names of its parts, one a line", key="split-names", height=68)
    return lambda draft: diff.split(draft, label, _lines(names))


def _describe(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    left, right = st.columns(2)
    with left:
        label = _category(labels, "describe-label")
    old = next(category for category in draft.categories if category.label == label)
    with left:
        description = st.text_area("Description", old.description, key=f"description-{label}", height=90)
    examples = right.text_area("Examples, one a line", "\n".join(old.examples), key=f"examples-{label}", height=175)
    return lambda draft: diff.describe(draft, label, description, _lines(examples))


def _remove(draft: Draft, labels: list[str]) -> Callable[[Draft], Draft]:
    label = _category(labels, "remove-label")
    st.caption("What is below it moves up a level. Its assets will be asked about again.")
    return lambda draft: diff.remove(draft, label)


_FORMS = dict(zip(EDITS, (_add, _rename, _move, _merge, _split, _describe, _remove)))


def from_file(view: View, has_draft: bool) -> None:
    """Upload another version; it becomes the draft."""
    path = uploads.upload("The new version (CSV, TSV, XLSX, JSON, Parquet)", "version-file")
    if path is None:
        st.caption("The whole taxonomy as it should be. Nothing is saved before you have seen what changes.")
        return
    with frame.guard():
        file = taxonomy_columns.read(path, "version")
        if file is None:
            return
        if file.has_facets:
            taxonomy_facets.show(view, file, path.name)
            return
        if has_draft:
            st.caption("It takes the place of the draft you have.")
        if st.button("Compare with the version in use", type="primary", icon=":material/difference:"):
            base = versions.in_use(view.db, view.task)
            draft = diff.compare(taxonomy.load(view.db, base), file.categories)
            versions.keep(view.db, view.task, KeptDraft(base, path.name, draft))
            st.rerun()


def suggested(view: View, draft: Draft, running: bool) -> None:
    """Pairs that are one, categories that are two; one click makes the edit in the draft."""
    labels = {category.label for category in draft.categories}
    pairs = [double for double in suggestions.pairs(view.db, view.task) if {double.first, double.second} <= labels]
    st.markdown("**These two are one?**")
    if not pairs:
        st.caption("No two categories are confused either way, as far as the newest judged student's test assets show.")
    for number, pair in enumerate(pairs):
        _pair(view, number, pair)
    st.markdown("**This one is two?**")
    doubled = suggestions.doubles(view.db, view.task)
    for number, double in enumerate(doubled[0] if doubled else []):
        if double.label in labels:
            _double(view, number, double)
    if doubled is not None and not doubled[0]:
        st.caption("No category with 40 assets or more falls in two groups.")
    if doubled is None:
        st.caption("This compares the words of each category's assets and sees whether they form two groups.")
    if st.button(
        "Look again" if doubled else "Look for categories that are two", disabled=running, icon=":material/search:"
    ):
        progress.start(view, "suggestions", {"task_id": view.task.id})


def _pair(view: View, number: int, pair: suggestions.Pair) -> None:
    with st.container(border=True):
        st.text(
            f"{pair.first}  +  {pair.second}: on {pair.swapped:,} of {pair.assets:,} test assets, {percent(pair.share)} "
            f"({ranged(pair.low, pair.high)}, measured), teacher and student say one and the other."
        )
        table = [
            {"text": text, "teacher says": teacher, "student says": student} for text, teacher, student in pair.examples
        ]
        st.dataframe(
            table, hide_index=True, key=f"pair-{number}", column_config={"text": st.column_config.TextColumn(width=420)}
        )
        if st.button("Merge them in the draft", key=f"merge-{number}", icon=":material/merge:"):
            name = f"{pair.first} and {pair.second}"
            change(view, lambda draft: diff.merge(draft, [pair.first, pair.second], name))


def _double(view: View, number: int, double: suggestions.Double) -> None:
    with st.container(border=True):
        st.text(
            f"{double.label}: {double.looked_at:,} of its assets fall in two groups (measured, p = {double.p:.1g})."
        )
        sides = st.columns(2)
        for side, part in zip(sides, double.parts):
            side.caption(frame.plain(f"{part.name} · {percent(part.share)}"))
            side.dataframe({"text": list(part.examples)}, hide_index=True, key=f"part-{number}-{part.name}")
        if st.button("Split it in the draft", key=f"split-{number}", icon=":material/call_split:"):
            parts = [Category("", part.name, examples=part.examples) for part in double.parts]
            change(view, lambda draft: diff.split(draft, double.label, parts))


def guesses(view: View, kept_draft: KeptDraft) -> None:
    """What two files cannot show for sure: each guess is taken only where a person says so."""
    proposals = resemblance.proposals(kept_draft.draft)
    if not proposals:
        return
    st.markdown("**Is this what happened?**")
    st.caption(
        "Two files cannot tell a rename from one category gone and another come. What you confirm keeps its labels."
    )
    for number, guess in enumerate(proposals[:20]):
        left, right = st.columns([5, 1], vertical_alignment="center")
        before, after = " + ".join(guess.before), " + ".join(guess.after)
        left.text(f"{guess.kind}: {before} → {after}  ({guess.why})")
        if right.button("Yes", key=f"guess-{number}-{before}-{after}", width="stretch"):
            change(view, lambda draft, guess=guess: resemblance.accept(draft, guess))
    if len(proposals) > 1 and st.button(f"Yes to all {len(proposals):,}", key="guess-all"):
        change(view, lambda draft: _all(draft, proposals))


def _all(draft: Draft, proposals: list[resemblance.Proposal]) -> Draft:
    for guess in proposals:
        draft = resemblance.accept(draft, guess)
    return draft
