"""The part of the Assets page that takes images: a ZIP or files of them, a table that names them, and the button."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.assets import imports, previews
from core.errors import InputError
from core.images import reading
from core.ui import frame, progress, uploads
from core.ui.frame import View, plain

KINDS = ["zip", "png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]
FOUND = "the one whose cells do"
GUESSED = "as guessed: a column called label or category"


def section(view: View) -> None:
    """The uploaders, which column says what, and the import."""
    running, path = progress.active(view, "import_images"), None
    with st.expander("Or bring in images: the words on them are read", icon=":material/image:", expanded=running):
        st.caption(
            "A ZIP, or single files, of PNG, JPEG, WebP, GIF, BMP or TIFF. Each image becomes an asset; a table beside them, or in "
            "the ZIP, may say more of each. What cannot be used is listed, the rest is imported."
        )
        left, right = st.columns(2, gap="large")
        with left:
            images = upload("Images", "image-files")
        with right:
            table = st.file_uploader(
                "Table that names the images (may be left out)", type=uploads.TABLES, key="image-rows"
            )
        with frame.guard():
            can_read()
            if images:
                path, name = images
                _import(view, path, name, table, running)
    # How earlier images failed is of no use beside new ones.
    progress.watch(view, "import_images", expected=running, about={"path": str(path)} if path else None)


def upload(label: str, key: str) -> tuple[Path, str] | None:
    """An uploader of images: their kept copy, and what they are called; None while there are none."""
    files = st.file_uploader(label, type=KINDS, accept_multiple_files=True, key=key)
    return _kept(files) if files else None


def can_read() -> None:
    """A sentence where nothing reads images."""
    try:
        reading.reader()
    except InputError as missing:
        st.info(plain(str(missing)), icon=":material/info:")


def _import(view: View, path: Path, name: str, table: UploadedFile | None, running: bool) -> None:
    """The button, and before it what the table's columns are."""
    rows = imports.keep_upload(table.name, table.getvalue(), imports.sha256_of(path)) if table else None
    params = {"task_id": view.task.id, "path": str(path), "filename": name, "rows": rows and str(rows)}
    params |= _columns(view, rows) if rows else {"image_column": None, "label": None}
    if st.button("Import the images", type="primary", disabled=running, key="images-import"):
        progress.start(view, "import_images", params | {"accepted": {}})


def _columns(view: View, rows: Path) -> dict[str, str | None]:
    """Which column names the images, and which holds labels."""
    seen = uploads.preview(view, rows, families=False)
    left, right = st.columns(2, gap="large")
    image = left.selectbox(
        "Column that names the images",
        [None, *seen.columns],
        format_func=lambda one: one or FOUND,
        key=f"image-column-{rows}",
    )
    label = right.selectbox(
        "Column of the teacher's labels",
        [None, *seen.columns],
        format_func=lambda one: one or GUESSED,
        key=f"image-label-{rows}",
    )
    st.dataframe(seen.rows[: previews.EXAMPLES], hide_index=True, key=f"image-rows-{rows}")
    return {"image_column": image, "label": label}


def _kept(files: list[UploadedFile]) -> tuple[Path, str]:
    """The upload on disk, and what it is called: a ZIP as it is, single files as one."""
    copies = st.session_state.setdefault("kept-images", {})
    key = tuple(file.file_id for file in files)
    if key not in copies or not copies[key].exists():
        one = len(files) == 1 and files[0].name.lower().endswith(".zip")
        copies[key] = imports.keep_upload(files[0].name, files[0].getvalue()) if one else _packed(files)
    return copies[key], files[0].name if len(files) == 1 else f"{len(files):,} images"


def _packed(files: list[UploadedFile]) -> Path:
    """Single files as one ZIP, the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.getvalue())
    return imports.keep_upload("images.zip", out.getvalue())
