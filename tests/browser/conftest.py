"""A dashboard of its own for each journey, and a real browser to walk it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import jobs

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("UNDERSTUDY_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
VIEWPORT = {"width": 1280, "height": 800}


class App:
    """The dashboard in a process of its own, on a free port; stop() and start() again are a crash and a new start."""

    def __init__(self, home: Path):
        self.home, self.process = home, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> App:
        """Start the server and wait until it answers (three minutes at most)."""
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            f"--server.port={self.port}",
            "--server.headless=true",
        ]
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = (self.home / "app.log").open("ab")
        environment = {**os.environ, "UNDERSTUDY_HOME": str(self.home)}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 180
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"The dashboard did not answer: {(self.home / 'app.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Kill the server as a crash would; the worker lives on."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)
        self.log.close()


@pytest.fixture
def app(workspace) -> Iterator[App]:
    running = App(workspace).start()
    yield running
    running.stop()
    jobs.stop_worker()


@pytest.fixture(scope="package")  # while it lives, its event loop runs in this thread, where other tests want their own
def browser():
    """Chromium; without one the journeys are skipped, or fail where CI=true."""
    if not Path(CHROMIUM).exists():
        reason = f"no Chromium at {CHROMIUM}: `apt-get install chromium`, or set UNDERSTUDY_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=120_000)  # ms: the first page of a fresh server imports half the program, on busy cores
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, app):
    """A fresh tab on the dashboard's first page, 1280 x 800."""
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(120_000)
    tab = context.new_page()
    elsewhere = []
    tab.on(
        "request",
        lambda asked: None if asked.url.startswith((app.url, "data:", "blob:")) else elsewhere.append(asked.url),
    )
    tab.goto(app.url)
    yield tab
    context.close()
    assert not elsewhere, "the dashboard asked other hosts"
