"""Assets: upload a taxonomy and assets, correct the guessed columns, import, see problems by row and a profile of the data."""

from dataclasses import asdict
from pathlib import Path

import streamlit as st

from core.taxonomy import facets
from core.ui import (
    asset_table,
    data_profile,
    facet_columns,
    family_choice,
    frame,
    image_files,
    image_words,
    label_names,
    latency_unit,
    logs,
    progress,
    removing,
    taxonomy_columns,
    taxonomy_facets,
    taxonomy_use,
    uploads,
)
from core.ui import mapping as columns
from core.ui.frame import View

ENTRY = {
    "place": 20,
    "section": "Teach",
    "name": "Assets",
    "icon": "photo_library",
    "title": "Bring in a taxonomy and assets",
    "sentence": "Two files: the categories you report on, and the assets to sort into them.",
}


def main() -> None:
    with frame.page("assets") as view:
        running = progress.active(view, "import_assets")
        left, right = st.columns(2, gap="large")
        with left:
            _taxonomy(view)
        with right:
            path = _file()
        if path:
            with frame.guard():
                _import(view, path, running)
        # How an earlier file failed is of no use beside a new one.
        progress.watch(view, "import_assets", expected=running, about={"path": str(path)} if path else None)
        image_files.section(view)
        image_words.unread(view)
        logs.section(view)
        label_names.settle(view)
        if data_profile.show(view):
            ticked = asset_table.show(view)
            image_words.show(view, ticked)
            removing.assets(view, ticked)
        removing.imports(view)


def _taxonomy(view: View) -> None:
    st.subheader("Taxonomy", anchor=False)
    path = uploads.upload("Taxonomy file (CSV, TSV, XLSX, JSON, Parquet)", "taxonomy-file")
    with frame.guard():
        taxonomy_use.in_use(view, path is not None)
        if path is None:
            uploads.template("taxonomy")
            return
        file = taxonomy_columns.read(path, "taxonomy")
        if file and file.has_facets:
            taxonomy_facets.show(view, file, path.name)
        elif file:
            facets.must_be(view.task, file.picks.get(""))
            taxonomy_use.use(view, file.categories, path.name)
            data_profile.categories(file.categories)


def _file() -> Path | None:
    """The uploaded file of assets."""
    st.subheader("Assets", anchor=False)
    path = uploads.upload("Assets file (CSV, TSV, XLSX, JSON, Parquet; up to 200 MB)", "assets-file")
    if path is None:
        st.caption("One row an asset. Several text columns (headline, body, call to action) are read together.")
        uploads.template("assets")
    return path


def _import(view: View, path: Path, running: bool) -> None:
    """The file as it is understood, to be corrected, and the button."""
    how = uploads.read_as(path, "assets")
    seen = uploads.preview(view, path, how)
    uploads.doubts(path, seen.doubts, "assets")
    facet_columns.names(seen)
    key = uploads.as_read(path, how)
    mapping = columns.ask(seen, key, facet_columns.held(view, seen, key))
    if mapping is None:
        return
    mapping = latency_unit.ask(seen, mapping, f"assets-unit-{key}")
    family_choice.tell(seen, mapping)
    others = facet_columns.ask(view, seen, mapping, key)
    if st.button("Import assets", type="primary", disabled=running or not mapping.text):
        params = {"task_id": view.task.id, "path": str(path), "filename": path.name, "mapping": asdict(mapping)}
        params |= {"read_as": asdict(how), "facets": others}
        progress.start(view, "import_assets", params)
    if not mapping.text and seen.guess.text:
        st.caption("Choose at least one text column.")
    elif not mapping.text:
        st.warning("No column of the file holds text: add one with each asset's words, such as headline or body.")


main()
