"""Requests under names and from pages that are not ours, to a dashboard and a service that really run.

broken = dashboard(MENU, home)      # by page, "" where every request was refused
broken = service(home, client)      # by address
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import run
from tests.deploy.test_server import Server
from tests.pages.test_hosts import FOREIGN, status

ORIGINS = ("http://evil.example", "null", "http://127.0.0.1.evil.example", "file://")
ASKED = {
    "/classify": {"text": "boots"},
    "/write": {"brief": "boots"},
    "/v1/chat/completions": {"model": "m", "messages": []},
}
LOOKED_AT = ("/health", "/metrics", "/docs", "/openapi.json")
# What a page of somebody else's can have a browser send without asking the server first.
SIMPLE = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")


@contextmanager
def _dashboard(home: Path) -> Iterator[int]:
    """A dashboard of its own on that workspace; its port."""
    os.environ["UNDERSTUDY_HOME"] = str(home)
    before, run.python = run.python, lambda: sys.executable
    port = run.free_port()
    process = run.start_dashboard(port)
    try:
        end = time.monotonic() + 120
        while "200" not in status(port, f"127.0.0.1:{port}", "/_stcore/health"):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("The dashboard does not start.")
            time.sleep(0.2)
        yield port
    finally:
        run.python = before
        process.kill()
        process.wait()


def dashboard(keys: Iterable[str], home: Path) -> dict[str, str]:
    """What was answered that should have been refused, by page: its address under other names, and the connection that drives it
    for pages of somebody else's."""
    with _dashboard(home) as port:
        own = f"127.0.0.1:{port}"
        driven = [origin for origin in ORIGINS if " 101 " in status(port, own, origin=origin)]
        found = {key: f"a page of {driven[0]} is let in" if driven else "" for key in keys}
        for key in found:
            path = "/" if key == "overview" else f"/{key}"
            if " 200 " not in status(port, own, path):
                found[key] = found[key] or "it does not answer under its own name"
            for host in FOREIGN:
                said = status(port, host, path)
                if said.split()[1:2] not in (["400"], ["403"]):
                    found[key] = found[key] or f"{host!r} is answered: {said}"
    return found


def service(home: Path, client: str) -> dict[str, str]:
    """The same of a service without a token, by address; and what a page of somebody else's can make a browser send."""
    made = Server(home, "--client", client)
    try:
        found = {}
        for path in (*ASKED, *LOOKED_AT):
            body = ASKED.get(path)
            broken = ""
            for host in FOREIGN[:7]:
                code, _, _ = made.ask(path, body, Host=host)
                broken = broken or (f"{host!r} is answered: {code}" if code not in (400, 403) else "")
            for origin in ORIGINS:
                _, _, told = made.ask(path, body, Origin=origin)
                if told.get("Access-Control-Allow-Origin"):
                    broken = broken or f"a page of {origin} may read the answer"
                for kind in SIMPLE if body else ():
                    code, _, _ = made.ask(path, json.dumps(body).encode(), Origin=origin, Content_Type=kind)
                    if code < 400:
                        broken = broken or f"a page of {origin} can ask as {kind or 'no type'!r}: {code}"
            found[path] = broken
    finally:
        made.process.kill()
        made.process.wait()
    return found
