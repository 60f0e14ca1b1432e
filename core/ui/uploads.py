"""Uploaded files, copied to the workspace at once: a session may be dropped while a person thinks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.ingest.assets import keep_upload

TABLES = ["csv", "tsv", "txt", "xlsx", "jsonl", "ndjson", "parquet"]


def upload(label: str, kinds: list[str], key: str) -> Path | None:
    """A file uploader; the path of the kept copy, or None while there is none."""
    file = st.file_uploader(label, type=kinds, key=key)
    if file is None:
        return None
    kept = st.session_state.setdefault("kept-uploads", {})
    if file.file_id not in kept or not Path(kept[file.file_id]).exists():
        kept[file.file_id] = str(keep_upload(file.name, file.getvalue()))
    return Path(kept[file.file_id])


def name_of(path: Path) -> str:
    """The name a kept upload had on the person's own disk."""
    return path.name.partition("-")[2]
