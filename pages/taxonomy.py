"""Taxonomy: edit or upload the next version, see what changes and what must be asked again, save it, take up suggestions."""

import streamlit as st

from core import taxonomy
from core.taxonomy import diff, versions
from core.ui import frame, progress, taxonomy_edit, taxonomy_plan, taxonomy_tree

ENTRY = {
    "place": 30,
    "section": "Teach",
    "name": "Taxonomy",
    "icon": "account_tree",
    "title": "Change the taxonomy",
    "sentence": "See what a change costs before you save it: only assets whose category is in doubt go back to the teacher.",
}
JOBS = ("taxonomy", "suggestions")


def main() -> None:
    with frame.page("taxonomy") as view:
        base = taxonomy.latest(view.db, view.task)
        if base is None:
            frame.nothing_yet("There is no taxonomy yet.", "assets", "Bring one in first")
        running = progress.active(view, *JOBS)
        taxonomy_plan.in_use(view)
        progress.watch(view, *JOBS, expected=running)
        kept_draft = versions.kept_draft(view.db, view.task)
        draft = kept_draft.draft if kept_draft else diff.begin(taxonomy.load(view.db, base))
        if kept_draft:
            _draft(view, kept_draft, running)
        else:
            taxonomy_plan.saved(view)
        tree, hand, file, suggested = st.tabs(["The tree", "Other edits", "Upload a file", "Suggestions"])
        with tree:
            taxonomy_tree.show(view, draft, taxonomy_edit.change)
        with hand:
            taxonomy_edit.by_hand(view, draft)
        with file:
            taxonomy_edit.from_file(view, kept_draft is not None)
        with suggested, frame.guard():
            taxonomy_edit.suggested(view, draft, running)


def _draft(view: frame.View, kept_draft: versions.KeptDraft, running: bool) -> None:
    with st.container(border=True), frame.guard():
        st.subheader("The draft: what changes", anchor=False)
        changes = taxonomy_plan.changes(kept_draft)
        taxonomy_edit.guesses(view, kept_draft)
        if changes:
            st.subheader("What it takes", anchor=False)
            taxonomy_plan.what_it_takes(view, kept_draft)
        taxonomy_plan.save_or_discard(view, running, bool(changes))


main()
