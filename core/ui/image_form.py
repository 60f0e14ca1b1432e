"""What students look at images with: what is set, its licence, and the form that exchanges it."""

from __future__ import annotations

import streamlit as st

from core import settings
from core.errors import InputError
from core.images import encoder
from core.ui import frame

NONE = "No image model is set: of assets with images, students read words and facts (size, shape, placement, colours)."


def reads(view: frame.View) -> str:
    """What students read of images, in a sentence or two; "" where the encoder that is set cannot be used, which is said here."""
    name = settings.get(view.db, encoder.SETTING)
    if not name:
        return NONE
    try:
        return f"Students look at images with {name} (licence: {encoder.licence(name)}), beside words and facts."
    except InputError as error:
        st.warning(frame.plain(str(error)), icon=":material/warning:")
        return ""


def show(view: frame.View) -> None:
    """What is set, and the form."""
    with st.form("image-encoder"):
        if told := reads(view):
            st.caption(frame.plain(told))
        name = st.text_input(
            "Image model",
            settings.get(view.db, encoder.SETTING),
            placeholder="None",
            help="Empty for none, or: a folder on this machine with a CLIP or SigLIP model (config.json, preprocessor_config.json, "
            "model.safetensors, tokenizer.json) or with vision_model.onnx; or org/name of the hub, which is downloaded once. Look "
            "at its licence. Students trained before keep theirs.",
        )
        if not st.form_submit_button("Check and save"):
            return
        with st.spinner("Reading the model …"):
            encoder.choose(view.db, name)
    st.success("Saved for students you train from now on.", icon=":material/check:")
