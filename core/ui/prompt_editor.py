"""What a hosted teacher is asked: the instructions, shown and changed in versions, and exactly what is sent about one asset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import streamlit as st

from core import taxonomy
from core.evaluate.agreement import share
from core.label import prompts
from core.label.joint import JointAsset
from core.label.teachers import for_labels
from core.label.teachers.joint import Joint
from core.tasks import Task
from core.ui import frame
from core.wires.wire import CallError
from core.words import percent, ranged


def show(view: frame.View, teacher: str, facets: Sequence[Task]) -> None:
    """The prompt, folded away; `facets`: the tasks that are asked about together."""
    prompt = prompts.current(view.db, view.task)
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
        if saved and prompts.save(view.db, view.task, instructions, int(examples)).version != prompt.version:
            st.rerun()
        version = f"Version {prompt.version}" if prompt.version else "The wording that comes with the program"
        st.caption(
            f"{version}. Another wording is another run: labels bought under this one stay, and are not mixed "
            "with new ones."
        )
        hint = "Above 150 categories an asset is asked about with the few dozen that are nearest to it."
        if st.button("Check the short list", key="short-list", help=hint):
            st.text(_short_list(view, teacher))
        if st.toggle("Show exactly what is sent about the first asset", key="prompt-whole"):
            _whole(view, teacher, facets)


def _short_list(view: frame.View, teacher: str) -> str:
    """How often the short list of an asset holds its category, where that is known."""
    categories = taxonomy.load(view.db, taxonomy.latest(view.db, view.task))
    asked = for_labels(view.db, view.task, teacher, categories).asking
    if not asked.shortlisting:
        return f"None is needed: every asset is asked about with all {len(asked.categories):,} categories."
    known = prompts.known(view.db, view.task, asked.categories)
    if not known:
        return "Nothing to check it on: settle some assets on the Review page, or bring labels in a file."
    holds = share(asked.short_listed(known))
    most, of, n = asked.params.shortlist, len(asked.categories), holds.n
    return (
        f"The short list of {most} of {of:,} categories, with their parents, holds the right one for {percent(holds.value)} of "
        f"{n:,} assets ({ranged(holds.low, holds.high)}; measured). Where it does not, the model can say so "
        "and gets a list three times as long."
    )


def _whole(view: frame.View, teacher: str, facets: Sequence[Task]) -> None:
    row = view.db.execute(
        "select id, text from assets where client_id = ? order by id limit 1", [view.task.client_id]
    ).fetchone()
    alone = [
        for_labels(view.db, task, teacher, taxonomy.load(view.db, taxonomy.latest(view.db, task))) for task in facets
    ]
    asked = Joint(list(zip(facets, alone)), [0] * len(facets)).asking
    first = alone[0].seen(view.db, [JointAsset(*row, tuple(range(len(facets))))])
    ((_, request),) = asked.requests(first)
    parts = [("instructions", request.system), *request.turns]
    if request.questions:  # a decision model: the text by itself, and a question a facet
        asks = (json.dumps(asdict(one), ensure_ascii=False, indent=1) for one in request.questions)
        parts = [("instructions", "\n".join(asks)), *request.turns]
    for role, text in parts:
        st.caption("The same for every asset" if role == "instructions" else "For this asset")
        st.code(
            text,
            language=None,
            wrap_lines=True,
            height=200 if role == "instructions" and text.count("\n") > 8 else "content",
        )
    for one in request.pictures:
        st.caption(f"The image, {one.width:,} by {one.height:,} pixels as it is sent: about {one.tokens:,} tokens")
        with suppress(CallError):  # its file is gone, which the run says of it
            st.image(one.jpeg(), width=min(one.width, 480))
