"""What a hosted teacher is asked: the instructions, shown and changed in versions, and exactly what is sent about one asset."""

from __future__ import annotations

import streamlit as st

from core.ingest import taxonomy
from core.label import prompts
from core.label.teachers import Asset, make
from core.ui import frame


def show(view: frame.View, teacher: str) -> None:
    """The prompt, folded away."""
    prompt = prompts.current(view.db, view.client_id)
    with st.expander("What it is asked", icon=":material/edit_note:"):
        with st.form(f"prompt-{prompt.version}", border=False):
            instructions = st.text_area(
                "Instructions",
                prompt.instructions,
                height=160,
                help="The categories with their descriptions follow by themselves, then the asset.",
            )
            examples = st.number_input(
                "Examples decided by people",
                0,
                prompts.MOST_EXAMPLES,
                prompt.gold_examples,
                help="So many assets that people have settled are shown with their categories, training assets only.",
            )
            saved = st.form_submit_button("Save as a new version")
        if saved and prompts.save(view.db, view.client_id, instructions, int(examples)).version != prompt.version:
            st.rerun()
        version = f"Version {prompt.version}" if prompt.version else "The wording that comes with the program"
        st.caption(
            f"{version}. Another wording is another run: labels bought under this one stay, and are not mixed "
            "with new ones."
        )
        if st.toggle("Show exactly what is sent about the first asset", key="prompt-whole"):
            _whole(view, teacher)


def _whole(view: frame.View, teacher: str) -> None:
    row = view.db.execute(
        "select id, text from assets where client_id = ? order by id limit 1", [view.client_id]
    ).fetchone()
    made = make(view.db, view.client_id, teacher, taxonomy.load(view.db, taxonomy.latest(view.db, view.client_id)))
    ((_, request),) = made.asking.requests([Asset(*row)])
    for role, text in (("instructions", request.system), *request.turns):
        st.caption("The same for every asset" if role == "instructions" else "For this asset")
        st.code(
            text,
            language=None,
            wrap_lines=True,
            height=200 if role == "instructions" and text.count("\n") > 8 else "content",
        )
