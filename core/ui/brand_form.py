"""How reports look, and what is known of the teacher's terms: forms of the Settings page."""

from __future__ import annotations

import streamlit as st

from core import settings
from core.report import brand
from core.ui import frame


def show(view: frame.View) -> None:
    """The agency's name, logo and colour; the chosen client's note on its teacher's terms."""
    stored = brand.brand(view.db)
    with st.form("brand"):
        st.subheader("Reports", anchor=False)
        agency = st.text_input("Agency", stored.agency, max_chars=80, placeholder="Shown on the cover")
        logo = st.file_uploader("Logo (PNG or JPEG)", type=["png", "jpg", "jpeg"])
        drop = st.checkbox("Remove the logo") if stored.logo else False
        colour = st.color_picker("Colour", stored.colour)
        terms = None
        if view.client_id is not None:
            terms = st.text_area(
                frame.plain(f"The teacher's terms ({view.client})"),
                settings.get(view.db, "teacher_terms", view.client_id),
                placeholder="Do the terms of the teacher's provider let its answers train a model? Say who checked, and when.",
                max_chars=2000,
            )
        if st.form_submit_button("Save"):
            brand.keep(view.db, agency, colour, logo.getvalue() if logo else None, drop_logo=drop)
            if terms is not None and view.client_id is not None:
                settings.put(view.db, "teacher_terms", " ".join(terms.split()), view.client_id)
            st.success("Saved for reports you make from now on.", icon=":material/check:")
