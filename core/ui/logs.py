"""The part of the Assets page that takes a log of a large model's calls: what it holds, and the button that brings it in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import streamlit as st

from core import taxonomy
from core.assets import imports
from core.exchanges import logs, patterns
from core.ui import frame, progress, uploads
from core.ui.frame import View, plain
from core.words import counted

KINDS = ["jsonl", "json", "ndjson", "csv", "tsv", "txt", "log"]


def section(view: View) -> None:
    """The uploader, what the log holds by its first calls, and its import."""
    running = progress.active(view, "import_log")
    with st.expander("Or bring in a log of what a large model was asked", expanded=running):
        st.caption(
            "OpenAI's batch files (requests and results), chat logs, Anthropic's batches and messages, Langfuse exports. Each call "
            "becomes an asset with the label it was given; what could not be read is listed by row."
        )
        files = st.file_uploader("Log files", type=KINDS, accept_multiple_files=True, key="log-files")
        paths = [imports.keep_upload(file.name, file.getvalue()) for file in files or []]
        if paths:
            with frame.guard():
                _import(view, paths, running)
    progress.watch(view, "import_log", expected=running)


def _import(view: View, paths: list[Path], running: bool) -> None:
    more, pattern = [str(path) for path in paths[1:]], patterns.of(view.db, view.task)
    version = taxonomy.latest(view.db, view.task)
    seen = uploads.look(logs.look_at, paths[0], more, view.task.id, pattern and asdict(pattern), version)
    st.write(f"This is {seen.kind}. Of the first {counted(seen.looked_at, 'call')}, {seen.read:,} name a category.")
    for why, n in seen.reasons.items():
        st.caption(plain(f"{n:,}: {patterns.told(why)}"))
    if seen.pattern is None:
        st.warning("No prompt pattern can be told from the log: set one by hand.")
        frame.link("connections", "Set the task's prompt pattern")
        return
    st.caption("Read by the pattern that its prompts share:" if seen.guessed else "Read by the task's prompt pattern:")
    st.code(seen.pattern.template[:1_500], language=None, wrap_lines=True)
    frame.link("connections", "Change the pattern")
    if st.button("Import the log", type="primary", disabled=running or not seen.read, key="log-import"):
        names = " + ".join(path.name for path in paths)
        params = {"task_id": view.task.id, "paths": list(map(str, paths)), "filename": names}
        progress.start(view, "import_log", params | {"pattern": asdict(seen.pattern)})
