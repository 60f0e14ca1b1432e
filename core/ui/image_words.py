"""An asset's image and its words side by side on the page Assets, to be put right; and the button that reads images anew."""

from __future__ import annotations

import streamlit as st

from core import review
from core.assets import image_texts
from core.images import kept, reading, words
from core.ui import frame, progress, reviewer
from core.ui.frame import View, plain
from core.words import counted

STAYS = (
    "The asset stays in the group of copies that it is in, and keeps its split and its labels. Students learn from the "
    "words as they are now when they are trained next."
)


def unread(view: View) -> None:
    """Where images were not read by the reader there is, how many, and the button that has them read."""
    count = image_texts.unread(view.db, view.task.client_id)
    running = progress.active(view, "read_images")
    if count and not running:
        have = "image was" if count == 1 else "images were"
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.text(f"{count:,} {have} brought in when there was no reader of words, or an older one.")
            if st.button("Read again", icon=":material/refresh:", help="What people put right stays."):
                progress.start(view, "read_images", {"task_id": view.task.id})
    progress.watch(view, "read_images", expected=running)


def show(view: View, asset_ids: list[int]) -> None:
    """Of one asset that is ticked and has an image, that and its words."""
    seen = kept.sights(view.db, view.task.client_id, asset_ids) if len(asset_ids) == 1 else {}
    for asset_id, sight in seen.items():
        with st.container(border=True):
            st.subheader("The words on its image", anchor=False)
            left, right = st.columns(2, gap="large")
            if sight.source.exists():
                left.image(sight.data())
            else:
                left.warning("The image's file is not there any more.", icon=":material/broken_image:")
            with right, frame.guard():
                _edit(view, asset_id, sight.sha256)


def _edit(view: View, asset_id: int, sha: str) -> None:
    client_id = view.task.client_id
    found = reading.known(view.db, client_id, [sha]).get(sha, [])
    holds = image_texts.latest(view.db, client_id, sha)
    key = f"image-words-{sha}-{holds.id if holds else 0}"
    text = st.text_area("Words on the image, a piece of text a line", words.plain_of(found), height=260, key=key)
    if holds:
        said = f"Put right by {holds.reviewer} on {holds.created[:10]}."
        if labels := image_texts.labels_of_earlier_words(view.db, asset_id, holds.created):
            said += f" {counted(labels, 'label')} of this asset {'is' if labels == 1 else 'are'} of its earlier words."
        st.caption(plain(said))
    who = reviewer.name(st.container(), review.reviewers(view.db, view.task))
    with st.container(horizontal=True):
        if st.button("Save the words", type="primary", disabled=not who, key=f"save-{key}"):
            image_texts.correct(view.db, client_id, sha, text, who)
            st.rerun()
        if holds and st.button("Take it back", key=f"undo-{key}"):
            image_texts.undo(view.db, client_id, sha)
            st.rerun()
    st.caption(STAYS)
