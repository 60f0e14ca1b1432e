"""The base model that a task's students build on: what it is and can do, and the form that exchanges it."""

from __future__ import annotations

import streamlit as st

from core import settings
from core.errors import InputError
from core.ui import frame
from core.write import base

SMALL = 400_000_000  # parameters, below which it writes short lines only


def built_on(view: frame.View) -> None:
    """What students build on, its size and licence, and what a model of that size can do."""
    name = settings.get(view.db, base.SETTING, view.task)
    try:
        size = base.SIZE if name == base.PACKAGED else base.parameters(base.prepared(name))
    except InputError as error:
        st.warning(frame.plain(str(error)), icon=":material/warning:")
        return
    about = f"Students build on {base.named(name)}, {_millions(size)} parameters (licence: {base.licence(name)})."
    if size < SMALL:
        about += (
            " A model of that size writes short lines of low risk, as drafts, and no summaries in its own words; one of 0.5 to 2 "
            "billion parameters from a folder lifts that, and takes as many times longer to train."
        )
    st.caption(frame.plain(about))


def _millions(size: int) -> str:
    return f"{size / 1e9:,.1f} billion" if size >= 1e9 else f"{size / 1e6:,.0f} million"


def show(view: frame.View) -> None:
    """The form, folded."""
    with st.expander("Which model students build on"), st.form("base-model", border=False):
        name = settings.get(view.db, base.SETTING, view.task)
        typed = st.text_input(
            "Base model",
            "" if name == base.PACKAGED else name,
            placeholder="Packaged: SmolLM2-135M-Instruct (English, Apache-2.0)",
            help="Empty for the packaged one, or: a folder on this machine in the Hugging Face layout (config.json, "
            "tokenizer.json, model.safetensors); a .gguf file; or org/name of the hub, which is downloaded once. Of the kinds "
            f"{', '.join(base.ARCHITECTURES)}. Students trained before keep theirs.",
        )
        accepted = st.checkbox("I have read the model's terms of use and accept them (Gemma asks for it)")
        if not st.form_submit_button("Check and save"):
            return
        with st.spinner("Reading the model …"):
            base.choose(view.db, view.task, typed, accepted=accepted)
    st.success("Saved for students you train from now on.", icon=":material/check_circle:")
