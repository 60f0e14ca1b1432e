"""Which names the dashboard answers to: a real server, asked for the connection that drives it and for everything else."""

from __future__ import annotations

import socket
import sys
import time
import tomllib
from pathlib import Path

import pytest

import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def port(workspace, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOSTS", "desk.agency.example")
    monkeypatch.setattr(run, "python", lambda: sys.executable)
    free = run.free_port()
    process = run.start_dashboard(free)
    end = time.monotonic() + 60
    while "200" not in status(free, f"127.0.0.1:{free}", "/_stcore/health"):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.2)
    yield free
    process.kill()
    process.wait()


OWN = ("127.0.0.1", "127.0.0.1:8501", "localhost:8501", "LOCALHOST", "[::1]", "[::1]:8501", "desk.agency.example")
FOREIGN = (
    "evil.example",
    "evil.example:8501",
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
    "[::2]:8501",
    "[::ffff:10.0.0.1]",
    "127.0.0.1@evil.example",
    "evil.example/127.0.0.1",
    "127.0.0.1, evil.example",
    "127.0.0.1\r\nHost: evil.example",
    "",
)
UPLOAD = "/_stcore/upload_file/session/file"
PATHS = (
    "/",
    "/_stcore/health",
    "/_stcore/host-config",
    "/media/x.csv",
    "/static/x.js",
    "/component/x/y",
    "/teacher",
    UPLOAD,
)


def status(port: int, host: str, path: str = "/_stcore/stream", origin: str = "", method: str = "GET") -> str:
    """The first line of the answer to a request, for a WebSocket where it is one."""
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: streamlit\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{upgrade if path.endswith('stream') else ''}"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as asked:
            asked.sendall(f"{head}{f'Origin: {origin}' + chr(13) + chr(10) if origin else ''}\r\n".encode())
            return asked.recv(4096).decode("latin-1").split("\r\n")[0]
    except OSError:
        return ""


def test_the_dashboard_answers_to_names_of_this_machine_alone(port):
    for host in (f"127.0.0.1:{port}", "localhost:8501", f"[::1]:{port}", "desk.agency.example"):
        assert " 101 " in status(port, host, origin=f"http://{host}"), host
        assert " 101 " in status(port, host), host
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        assert " 403 " in status(port, host, origin=f"http://{host}"), host
        assert " 403 " in status(port, host), host


def test_everything_else_is_refused_under_another_name_as_well(port):
    for path in PATHS:
        assert " 403 " not in status(port, f"127.0.0.1:{port}", path), path
        for host in FOREIGN:
            assert status(port, host, path).split()[1] in ("400", "403"), (host, path)
    for host in OWN:
        assert " 200 " in status(port, host, "/"), host
    for method in ("PUT", "DELETE", "OPTIONS", "HEAD"):
        assert " 403 " in status(port, "evil.example", UPLOAD, method=method), method


def test_started_without_run_py_it_is_as_careful_and_no_table_hands_on_formulas():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["allowedHosts"] == ["127.0.0.1", "localhost", "::1"]
    assert config["client"]["disableDataExport"] is True
