"""Settings: what counts as good enough, which encoder new students build on, what models cost, how reports look, backups."""

import streamlit as st

from core import settings
from core.encoders import encoder
from core.train import members
from core.ui import backup_block, brand_form, frame, image_form, price_form
from core.words import percent

ENTRY = {
    "place": 130,
    "section": "House",
    "name": "Settings",
    "icon": "tune",
    "title": "Settings",
    "sentence": "What counts as good enough, which base model students build on, and what models cost.",
    "needs_client": False,
    "of_client": False,
}
# setting -> label, packaged model
ENCODERS = {
    "encoder": ("Base model", "all-MiniLM-L6-v2"),
    "large_encoder": ("Large base model", "all-mpnet-base-v2"),
}


def main() -> None:
    with frame.page("settings") as view:
        _learning(view)
        image_form.show(view)
        price_form.show(view)
        brand_form.show(view)
        backup_block.show(view)
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
            names = ", ".join(f"{name} {percent(value)}" for name, value in own.items())
            st.caption(frame.plain(f"This target does not apply to clients with one of their own: {names}."))
        chosen = {key: _encoder(view, key) for key in ENCODERS}
        if st.form_submit_button("Save", type="primary"):
            for name in chosen.values():
                encoder.check(name)
            settings.put(view.db, "target_agreement", target / 100)
            for key, name in chosen.items():
                settings.put(view.db, key, name)
            st.success("Saved for students you train from now on.", icon=":material/check:")


def _encoder(view: frame.View, key: str) -> str:
    """Asks for the encoder that the setting `key` names; returns the name to keep."""
    label, placeholder = ENCODERS[key]
    readers = ", ".join(kind for kind in members.ladder() if key in members.bases(kind))
    value, packaged = settings.get(view.db, key), settings.DEFAULTS[key]
    folder = st.text_input(
        label,
        "" if value == packaged else value,
        placeholder=f"Packaged: {placeholder} (English, Apache-2.0)",
        help=f"Students that read with it: {readers}. Empty for the packaged one, or a folder on this machine in the Hugging Face "
        "layout (config.json, tokenizer.json, model.safetensors), for example a multilingual one. Students trained before keep "
        "theirs.",
    )
    return folder.strip() or packaged


main()
