"""Settings: what counts as good enough, and which sentence encoder new students build on."""

import streamlit as st

from core import settings, weights
from core.ui import brand_form, frame
from core.words import percent


def main() -> None:
    with frame.page("settings") as view:
        _learning(view)
        brand_form.show(view)
        st.caption(frame.plain(f"Everything this program keeps is in {settings.home()}."))


def _learning(view: frame.View) -> None:
    with st.form("settings"):
        target = st.number_input(
            "Target agreement (%)",
            50.0,
            99.9,
            100 * settings.get(view.db, "target_agreement"),
            0.5,
            format="%.1f",
            help="A student replaces the teacher when it agrees with it at least this often; `auto` trains until one does, "
            "and the fallback threshold is certified for it. A client's own is set on Compare, among the rules of its verdict.",
        )
        if own := settings.own(view.db, "target_agreement"):
            names = ", ".join(f"{name} {percent(value, 1)}" for name, value in own.items())
            st.caption(frame.plain(f"Clients with a target of their own, to which this one does not apply: {names}."))
        kept = settings.get(view.db, "encoder")
        folder = st.text_input(
            "Sentence encoder",
            "" if kept == "packaged" else kept,
            placeholder="Packaged: all-MiniLM-L6-v2 (English, Apache-2.0)",
            help="Empty for the packaged encoder, or a folder on this machine in the Hugging Face layout (config.json, "
            "tokenizer.json, model.safetensors), for example a multilingual one. Students trained before keep theirs.",
        )
        if st.form_submit_button("Save", type="primary"):
            name = folder.strip() or "packaged"
            weights.source_folder(name)
            settings.put(view.db, "target_agreement", target / 100)
            settings.put(view.db, "encoder", name)
            st.success("Saved. It holds for students trained from now on.", icon=":material/check:")


main()
