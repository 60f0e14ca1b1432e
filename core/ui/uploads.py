"""Uploaded files, copied to the workspace at once: a session may be dropped while a person thinks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from core.escape import plain
from core.ingest import assets
from core.ingest.alphabets import WORDS
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


DELIMITERS = ("comma", "semicolon", "tab", "pipe", "none")
JSON = (".json", ".jsonl", ".ndjson")
TYPED = (".xlsx", ".xlsm", ".parquet")  # they carry their encoding


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


def read_as(path: Path, place: str) -> ReadAs:
    """How the person wants the upload of this place on the page read: what `doubts` asked, so far."""
    chosen = {}
    for option in ("sheet", "encoding", "delimiter", "header"):
        key = _key(option, path, place)
        said = st.session_state.get(key)
        chosen[option] = said if said != st.session_state.get(f"{key}-found") else None
    header = chosen.pop("header")
    return ReadAs(**chosen, header=(0 if header == NO_HEADER else int(header)) if header else None)


def as_read(path: Path, how: ReadAs) -> str:
    """A key for what is asked about a file, another one where it is read another way: its columns may differ then."""
    return str(path) if how == AS_FOUND else f"{path} {how}"


def doubts(path: Path, found: list[Doubt], place: str) -> None:
    """Ask what a file leaves open: a select box for each doubt with the lines in question; the rest can be said below."""
    for doubt in found:
        st.session_state.setdefault(f"{_key(doubt.option, path, place)}-found", doubt.chosen)
        words = WORDS if doubt.option == "encoding" else {}
        st.selectbox(
            plain(doubt.what),
            doubt.choices,
            index=doubt.choices.index(doubt.chosen),
            key=_key(doubt.option, path, place),
            format_func=partial(_in_words, words=words),
        )
        if doubt.lines:
            st.code("\n".join(doubt.lines), language=None)
    _differently(path, {doubt.option for doubt in found}, place)


def _in_words(choice: str, words: dict[str, str]) -> str:
    return f"{choice}: {words[choice]}" if choice in words else choice


def _differently(path: Path, asked: set[str], place: str) -> None:
    """Encoding, delimiter and header row, for a file that was read wrongly without a doubt."""
    kind = path.suffix.lower()
    options = {
        "encoding": ("Encoding", ["utf-8", *WORDS], kind not in TYPED),
        "delimiter": ("Cells are parted by", [*DELIMITERS], kind not in TYPED and kind not in JSON),
        "header": ("Row of the column names", [NO_HEADER, *map(str, range(1, 31))], kind not in (*JSON, ".parquet")),
    }
    left = {option: parts for option, parts in options.items() if parts[2] and option not in asked}
    if not left:
        return
    with st.expander("Not read as it should be? Say how"):
        for option, (label, choices, _) in left.items():
            st.selectbox(
                label,
                [None, *choices],
                key=_key(option, path, place),
                format_func=lambda choice: "as found" if choice is None else _in_words(choice, WORDS),
            )


def _key(option: str, path: Path, place: str) -> str:
    return f"{place}-read-{option}-{path}"
