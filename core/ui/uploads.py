"""Uploaded files, copied to the workspace at once: a session may be dropped while a person thinks."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.ingest import assets
from core.ingest.assets import Preview
from core.ingest.problems import AS_FOUND, NO_HEADER, Doubt, ReadAs

TABLES = [
    "csv",
    "tsv",
    "txt",
    "xlsx",
    "xlsm",
    "json",
    "jsonl",
    "ndjson",
    "parquet",
]  # whatever open_table reads, everywhere


def upload(label: str, key: str) -> Path | None:
    """An uploader of a table of any kind; the path of the kept copy, or None while there is none."""
    file = st.file_uploader(label, type=TABLES, key=key)
    if file is None:
        return None
    kept = st.session_state.setdefault("kept-uploads", {})
    if file.file_id not in kept or not Path(kept[file.file_id]).exists():
        kept[file.file_id] = str(assets.keep_upload(file.name, file.getvalue()))
    return Path(kept[file.file_id])


@st.cache_data(max_entries=8, show_spinner="Reading the file …")
def preview(path: str, read_as: ReadAs = AS_FOUND) -> Preview:
    """What a kept upload holds, looked up once for all sessions, outside this process. InputError where it cannot be read."""
    return assets.preview_apart(Path(path), read_as)


def read_as(path: Path) -> ReadAs:
    """How the person on this page wants a kept upload read: what `doubts` asked, so far."""
    chosen = {option: st.session_state.get(_key(option, path)) for option in ("sheet", "encoding", "delimiter")}
    header = st.session_state.get(_key("header", path))
    return ReadAs(**chosen, header=(0 if header == NO_HEADER else int(header)) if header else None)


def doubts(path: Path, found: list[Doubt]) -> None:
    """Ask what a file leaves open: a select box for each doubt with the lines in question below it."""
    for doubt in found:
        st.selectbox(doubt.what, doubt.choices, index=doubt.choices.index(doubt.chosen), key=_key(doubt.option, path))
        if doubt.lines:
            st.code("\n".join(doubt.lines), language=None)


def _key(option: str, path: Path) -> str:
    return f"read-{option}-{path}"
