"""Uploaded files, copied to the workspace at once: a session may be dropped while a person thinks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from sqlite_utils import Database

from core import taxonomy
from core.assets import imports, previews
from core.assets.previews import Preview
from core.escape import plain
from core.tables.alphabets import WORDS
from core.tables.apart import apart
from core.tables.problems import AS_FOUND, NO_HEADER, Doubt, ReadAs
from core.tasks import Task
from core.ui.frame import View

R = TypeVar("R")
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


TEMPLATES = {  # a header and rows that show how it is meant
    "taxonomy": "category,parent,description,examples,code\n"
    "Seasonal sale,Retail,A price cut tied to a season or a day,Summer sale: half price | Black Week starts now,R1\n"
    "New collection,Retail,Shows new products at full price,Meet the spring range,R2\n",
    "assets": "asset_id,headline,body,label,campaign\n"
    "A-0001,Half price on all boots,Only this weekend in every shop,Seasonal sale,Winter boots\n"
    "A-0002,Meet the spring range,,New collection,Spring\n",
    "pairs": "brief,copy,status,channel\n"
    '"Northwind Outdoor, waterproof boots for autumn walks",Stay out longer. Come home dry.,approved,print\n'
    '"Northwind Outdoor, tents for two",More room for muddy shoes.,approved,social\n',
}


def template(kind: str) -> None:
    """A file to fill in, for somebody who has none yet: "taxonomy", "assets" or "pairs"."""
    st.download_button(
        "Download a template",
        TEMPLATES[kind].encode("utf-8-sig"),
        file_name=f"{kind}-template.csv",
        mime="text/csv",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
        key=f"template-{kind}",
    )


def upload(label: str, key: str) -> Path | None:
    """An uploader of a table of any kind; the path of the kept copy, or None while there is none."""
    file = st.file_uploader(label, type=TABLES, key=key)
    if file is None:
        return None
    copies = st.session_state.setdefault("kept-uploads", {})
    if file.file_id not in copies or not Path(copies[file.file_id]).exists():
        copies[file.file_id] = str(imports.keep_upload(file.name, file.getvalue()))
    return Path(copies[file.file_id])


def look(function: Callable[..., R], path: Path, *more: Any) -> R:
    """What `function(path, ...)` of core says of a kept upload: asked once for all sessions, outside this process.

    Raises InputError as the function does, and where the file takes too much memory or time.
    """
    return _look(function, f"{function.__module__}.{function.__name__}", str(path), *more)


@st.cache_data(max_entries=16, show_spinner="Reading the file …")
def _look(_function: Callable, name: str, path: str, *more: Any) -> Any:
    return apart(_function, Path(path), *more)


def preview(view: View, path: Path, how: ReadAs = AS_FOUND, *, families: bool = True) -> Preview:
    """What an upload of assets holds, its columns guessed by the client's categories, too."""
    return _preview(str(path), how, families, view.db, view.task, taxonomy.latest(view.db, view.task))


@st.cache_data(max_entries=8, show_spinner="Reading the file …")
def _preview(path: str, how: ReadAs, families: bool, _db: Database, _task: Task, version: int | None) -> Preview:
    return apart(previews.preview, Path(path), how, imports.label_forms(_db, _task), families=families)


def read_as(path: Path, place: str) -> ReadAs:
    """How the person wants the upload of this place on the page read: what `doubts` asked, so far."""
    chosen = {}
    for option in ("sheet", "encoding", "delimiter", "header", "names"):
        key = _key(option, path, place)
        answer = st.session_state.get(key)
        chosen[option] = answer if answer != st.session_state.get(f"{key}-found") else None
    header = chosen.pop("header")
    return ReadAs(**chosen, header=(0 if header == NO_HEADER else int(header)) if header else None)


def as_read(path: Path, how: ReadAs) -> str:
    """A key for what is asked about a file, another one where it is read another way: its columns may differ then."""
    return str(path) if how == AS_FOUND else f"{path} {how}"


def doubts(path: Path, doubtful: list[Doubt], place: str) -> None:
    """Ask what a file leaves open: a select box for each doubt with the lines in question; the rest can be said below."""
    for doubt in doubtful:
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
    _differently(path, {doubt.option for doubt in doubtful}, place)


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
