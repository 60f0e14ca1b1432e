"""Trying an asset that is an image: its words are read into the field, and the image of known words stands beside them."""

from __future__ import annotations

import streamlit as st

from core.assets.duplicates import form_hash, normal_form
from core.assets.rows import join_text
from core.errors import InputError
from core.images import kept, looking, reading, words
from core.images.seen import Seen, Sight
from core.images.sources import Unfit
from core.ui.frame import View, plain
from core.ui.image_files import KINDS

UPLOAD, ERROR = "try-image", "try-image-error"
SHOWN = "try-image-shown"  # the words, the thumbnail and the sight of the image that was uploaded


def upload(view: View, into: str) -> None:
    """Of a client with images, the uploader of one, whose words go into the field of the key `into`."""
    if not kept.any_of(view.db, view.task.client_id):
        return
    st.file_uploader(
        "Or an image: its words are read into the field below",
        type=KINDS[1:],
        key=UPLOAD,
        on_change=_read,
        args=(into,),
    )
    if failed := st.session_state.pop(ERROR, None):
        st.error(plain(failed), icon=":material/error:")


def seen(view: View, text: str) -> str:
    """The text with the image at hand, which is shown: the one that was uploaded, else that of an asset with these words."""
    shown = st.session_state.get(SHOWN)
    if shown and shown[0] == text.strip():
        st.image(shown[1])
        return Seen(text, shown[2])
    found = kept.of_text(view.db, view.task.client_id, form_hash(normal_form(text)))
    if found is None:
        return text
    st.image(kept.thumbnail(view.task.client_id, found.sha256).read_bytes())
    return Seen(text, found)


def _read(into: str) -> None:
    file = st.session_state[UPLOAD]
    if file is None:
        return
    data = file.getvalue()
    try:
        looked = looking.look(data)
        text = join_text([words.text_of(reading.read_one(data))])
    except Unfit as why:
        st.session_state[ERROR] = f"The image {why.what} {why.todo}"
    except InputError as why:
        st.session_state[ERROR] = str(why)
    else:
        if not text:
            st.session_state[ERROR] = "The image has no words that can be read."
        st.session_state[into] = text
        st.session_state[SHOWN] = text, looked.thumbnail, Sight(kept.sha256(data), looked.facts, data)
