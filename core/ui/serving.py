"""The commands that serve the live student over HTTP, ready to copy."""

from __future__ import annotations

import shlex

import streamlit as st

from core import settings, tasks
from core.images import kept
from core.train.registry import at_work
from core.ui import frame, token_block

WRITE = """curl http://127.0.0.1:8600/write -H "Content-Type: application/json" \\
  -d '{"brief": "Northwind, boots for wet weather", "drafts": 3}'"""
WRITE_TOKEN = """export UNDERSTUDY_TOKEN="$(openssl rand -hex 32)"    # before the server is started
curl http://127.0.0.1:8600/write -H "Authorization: Bearer $UNDERSTUDY_TOKEN" \\
  -H "Content-Type: application/json" -d '{"briefs": ["First brief", "Second brief"]}'"""
ASK = """curl http://127.0.0.1:8600/classify -H "Content-Type: application/json" \\
  -d '{"text": "Winter tyres fitted while you wait."}'"""
IMAGE = """curl http://127.0.0.1:8600/classify -F image=@creative.png -F text="What was typed beside it"

(printf '{"image": "'; base64 -w0 creative.png; printf '"}') | \\
  curl http://127.0.0.1:8600/classify -H "Content-Type: application/json" -d @-"""
TOKEN = """export UNDERSTUDY_TOKEN="$(openssl rand -hex 32)"    # before the server is started
curl http://127.0.0.1:8600/classify -H "Authorization: Bearer $UNDERSTUDY_TOKEN" \\
  -H "Content-Type: application/json" -d '{"texts": ["First asset", "Second asset"]}'"""


def section(view: frame.View) -> None:
    """The server's command, and how to ask it."""
    with st.container(border=True):
        st.subheader("Serve over HTTP", anchor=False)
        several = len(tasks.of_client(view.db, view.task.client_id)) > 1
        facets = [task.name for task in at_work(view.db, view.task.client_id)] if view.task.kind != "write" else []
        together = len(facets) > 1
        named = view.task.name if several and not together else None
        st.code(command(view.client, named), language="bash", wrap_lines=True)
        if together:
            st.caption(
                frame.plain(
                    f"It answers every facet of an asset at once: {', '.join(facets)}. --task NAME serves one alone."
                )
            )
        st.caption(
            "Run it in the folder Understudy is in. It answers on this machine until Ctrl-C, and when another student is put "
            "to work it takes that one over without dropping a request. Its documentation is at http://127.0.0.1:8600/docs."
        )
        with st.expander("Ask it, and what else it can do"):
            writes = view.task.kind == "write"
            st.code(WRITE if writes else ASK, language="bash", wrap_lines=True)
            if kept.any_of(view.db, view.task.client_id) and not writes:
                st.markdown(
                    "Of an image the words are read, and told with the answer as `words`; the text beside it may be left out. The "
                    "image itself is not kept. One of up to 3 MB may also come as base64:"
                )
                st.code(IMAGE, language="bash", wrap_lines=True)
            st.markdown(
                "With a token, which the server needs before `--host` lets other machines reach it: one of those below, or one for "
                "everything, which the server is started with:"
            )
            st.code(WRITE_TOKEN if writes else TOKEN, language="bash", wrap_lines=True)
            st.markdown(
                "`serve --task SORTS --write-task WRITES` answers `/classify` and `/write` in one server. `GET /metrics` is for "
                "Prometheus, `GET /health` for whoever watches the server."
                if writes
                else "`--fallback` asks the teacher where the student is not sure enough; `--fallback-budget 20` stops that at 20 "
                "US dollars a calendar month. `GET /metrics` is for Prometheus, `GET /health` for whoever watches the server."
            )

    token_block.show(view)


def passing_command(client: str, connection: str) -> str:
    """The line of a server that passes calls on to a connection."""
    return f"{command(client).replace(' --student live', '')} --pass-to={shlex.quote(connection)}"


def command(client: str, task: str | None = None) -> str:
    """The line that serves the live student of this client's task, which is named where there are several."""
    home = settings.home()
    prefix = "" if home == settings.ROOT / "data" / "workspace" else f"UNDERSTUDY_HOME={shlex.quote(str(home))} "
    whose = f"--client={shlex.quote(client)}" + (f" --task={shlex.quote(task)}" if task else "")
    return f"{prefix}python3 run.py serve --student live --port 8600 {whose}"
