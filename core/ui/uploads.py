"""Uploaded files, copied to the workspace at once: a session may be dropped while a person thinks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.ingest import assets
from core.ingest.assets import Preview

TAXONOMIES = ["csv", "tsv", "txt", "xlsx", "json"]
TABLES = ["csv", "tsv", "txt", "xlsx", "jsonl", "ndjson", "parquet"]


def upload(label: str, kinds: list[str], key: str) -> Path | None:
    """A file uploader; the path of the kept copy, or None while there is none."""
    file = st.file_uploader(label, type=kinds, key=key)
    if file is None:
        return None
    kept = st.session_state.setdefault("kept-uploads", {})
    if file.file_id not in kept or not Path(kept[file.file_id]).exists():
        kept[file.file_id] = str(assets.keep_upload(file.name, file.getvalue()))
    return Path(kept[file.file_id])


@st.cache_data(max_entries=8, show_spinner="Reading the file …")
def preview(path: str) -> Preview:
    """What a kept upload holds, read once for all sessions. InputError where it cannot be read."""
    return assets.preview(Path(path))
