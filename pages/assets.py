"""Assets: upload a taxonomy and assets, correct the guessed columns, import, see problems by row and a profile of the data."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from core.ingest import assets
from core.ingest.matching import WAYS
from core.ui import (
    data_profile,
    family_choice,
    frame,
    label_names,
    latency_unit,
    progress,
    taxonomy_columns,
    taxonomy_use,
    uploads,
)
from core.ui.frame import View
from core.ui.taxonomy_columns import pick

ASSET_ROLES = {
    "id": ("Asset id", "Without one, an id is made from the text."),
    "label": ("Teacher's label", "Labels bought before: they become a recorded teacher."),
    "gold": ("Gold label", "What a person decided."),
    "split": ("Split", "train, calibration or test. Without one, assets are split for you."),
    "confidence": ("Confidence", "How sure the teacher was, 0 to 1."),
    "tokens_in": ("Tokens in", "Tokens sent to the teacher for this asset."),
    "tokens_out": ("Tokens out", "Tokens the teacher wrote."),
    "latency_ms": ("Latency", "How long the teacher took."),
}


def main() -> None:
    with frame.page("assets") as view:
        running = progress.active(view, "import_assets")
        left, right = st.columns(2, gap="large")
        with left:
            _taxonomy(view)
        with right:
            path = _assets(view, running)
        # How an earlier file failed is of no use beside a new one.
        progress.watch(view, "import_assets", expected=running, about={"path": str(path)} if path else None)
        label_names.settle(view)
        data_profile.show(view)


def _taxonomy(view: View) -> None:
    st.subheader("Taxonomy", anchor=False)
    path = uploads.upload("Taxonomy file (CSV, TSV, XLSX, JSON, Parquet)", "taxonomy-file")
    with frame.guard():
        taxonomy_use.in_use(view, path is not None)
        if path is None:
            return
        found = taxonomy_columns.read(path, "taxonomy")
        if found:
            taxonomy_use.use(view, found.categories, path.name)
            data_profile.categories(found.categories)


def _assets(view: View, running: bool) -> Path | None:
    """The upload, its columns and the button; returns the file on show."""
    st.subheader("Assets", anchor=False)
    path = uploads.upload("Assets file (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "assets-file")
    with frame.guard():
        if path is None:
            st.caption("One row an asset. Several text columns (headline, body, call to action) are read together.")
            return None
        how = uploads.read_as(path, "assets")
        seen = uploads.preview(str(path), how)
        uploads.doubts(path, seen.doubts, "assets")
        key = uploads.as_read(path, how)
        mapping = latency_unit.ask(seen, _columns(seen, key), f"assets-unit-{key}")
        family_choice.tell(seen, mapping)
        if st.button("Import assets", type="primary", disabled=running or not mapping.text):
            params = {"client_id": view.client_id, "path": str(path), "filename": path.name, "mapping": asdict(mapping)}
            params["read_as"] = asdict(how)
            progress.start(view, "import_assets", params)
        if not mapping.text and seen.guess.text:
            st.caption("Choose at least one text column.")
        elif not mapping.text:
            st.warning("No column of the file holds text: add one with each asset's words, such as headline or body.")
        with st.expander("The first rows of the file"):
            st.dataframe(pd.DataFrame(seen.rows).astype(str), hide_index=True)
    return path


def _columns(seen: assets.Preview, path: str) -> assets.Mapping:
    text = st.multiselect(
        "Text columns",
        seen.columns,
        default=[column for column in seen.guess.text if column in seen.columns],
        key=f"assets-text-{path}",
        help="What the teacher and the student read, in this order.",
    )
    picked = {}
    with st.expander("Other columns as understood: correct them here"):
        sides = st.columns(2)
        for place, (role, (label, help)) in enumerate(ASSET_ROLES.items()):
            with sides[place % 2]:
                picked[role] = pick(label, seen.columns, getattr(seen.guess, role), f"assets-{role}-{path}", help)
        family = family_choice.ask(seen, picked["id"], f"assets-family-{path}")
        picked["labels_are"] = _labels_are(path, bool(picked["label"] or picked["gold"]))
    return replace(seen.guess, text=tuple(text), **picked, **family)


def _labels_are(path: str, any_labels: bool) -> str | None:
    """Whether the labels are names or codes of the taxonomy, where a person says so."""
    return st.selectbox(
        "Labels are written as",
        [None, *WAYS],
        format_func=lambda way: way or "names or codes: whichever more of them are",
        key=f"assets-labels-are-{path}",
        disabled=not any_labels,
        help="A column of labels is read one way throughout: as names of the taxonomy or as its codes.",
    )


main()
