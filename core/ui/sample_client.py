"""The sample clients on Overview: a click takes the first to a verdict, another brings in the briefs of its second task, which
writes, and one draws the second client, whose assets are images, and takes it to a verdict on two facets."""

from __future__ import annotations

import streamlit as st

from core import database, tasks
from core.assets.sample_facets import TOPIC
from core.distil import IMAGES_CLIENT, SAMPLE_CLIENT, sample_pairs
from core.images import words
from core.tasks import Task
from core.ui import address, frame, progress

NOTE = (
    "2,000 assets and a taxonomy of 40 categories. **Texts and labels are made up**; the labels stand in for those of a large "
    "model. It takes a minute or two to import them, train a student and judge it, here on this machine, without a key and "
    "without the internet."
)
WRITES = (
    "1,200 briefs with the copy approved for them, and a voice guide. **Brand, briefs and copy are made up.** One click brings "
    "them in; the next one trains a student that writes drafts."
)
IMAGES = (
    "400 creatives as images, drawn when you press the button: 20 categories, and the funnel stage of each, which words and "
    "look tell together. **Images, words and labels are made up**; the labels stand in for those of a large model. "
    "It takes {minutes} to draw and read them and to train a student for either, here on this machine."
)
READS, TYPED = "some minutes", "a minute or two"
WITHOUT_READER = (
    "The package that reads the words on images is not installed, so their words come typed, in the table beside them."
)


def run(view: frame.View, sample: Task | None, kind: str) -> None:
    """The box with the button that takes the sample client to a verdict."""
    with st.container(border=True):
        st.subheader("Start here: the sample client", anchor=False)
        st.write(NOTE)
        if sample:
            progress.watch(frame.View(view.db, SAMPLE_CLIENT, sample), "distil")
        if st.button("Run the sample client", type=kind, icon=":material/play_arrow:"):
            client = database.client_id(view.db, SAMPLE_CLIENT, synthetic=True)
            frame.open_client(view.db, client)
            progress.start(view, "distil", {"sample": True}, sample or tasks.of_client(view.db, client)[0])


def writes(view: frame.View) -> None:
    """The box with the button that brings in the pairs of the sample client's second task."""
    with st.container(border=True):
        st.subheader("The sample client also has copy to write", anchor=False)
        st.write(WRITES)
        if st.button("Bring in its briefs", icon=":material/edit_note:"):
            with st.spinner("Reading 1,200 briefs …"):
                task = sample_pairs(view.db)
            address.choose(task, SAMPLE_CLIENT, True)
            frame.go("write")


def images(view: frame.View, tasks_there: list[Task]) -> None:
    """The box with the button that draws the client with images and takes it to a verdict on both facets."""
    with st.container(border=True):
        st.subheader("The second sample client: assets that are images", anchor=False)
        st.write(IMAGES.format(minutes=READS if words.installed() else TYPED))
        if not words.installed():
            st.caption(WITHOUT_READER)
        first = tasks_there[0] if tasks_there else None
        if first:
            progress.watch(frame.View(view.db, IMAGES_CLIENT, first), "distil")
        if st.button("Draw and run it", icon=":material/image:", key="sample-images"):
            task = first or tasks.of(view.db, IMAGES_CLIENT, TOPIC, synthetic=True)
            frame.open_client(view.db, task.client_id)
            progress.start(view, "distil", {"sample": "images"}, task)
