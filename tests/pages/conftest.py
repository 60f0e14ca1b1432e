"""Pages run without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import jobs
from core.tasks import Task

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def no_worker(monkeypatch) -> list[bool]:
    """Pages may ask for a worker; none is started. The list grows by one with each request."""
    asked: list[bool] = []
    monkeypatch.setattr(jobs, "start_worker", lambda: asked.append(True))
    monkeypatch.setattr(jobs, "worker_alive", lambda: False)
    return asked


@pytest.fixture
def open_page(workspace, no_worker):
    """Open a page of the menu as a person would: the app first, then the page. Fails on an error of the page."""

    def opened(key: str, task: Task | None = None, reviewer: str | None = None) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        if task:
            app.session_state["client_id"], app.session_state["task_id"] = task.client_id, task.id
        if reviewer:
            app.session_state["reviewer-name"] = reviewer
        app.run()
        if key != "overview":
            app.switch_page(f"pages/{key}.py").run()
        assert not app.exception, [error.value for error in app.exception]
        return app

    return opened


def ask(app: AppTest, question: str) -> AppTest:
    """Another tab of Compare: AppTest knows tabs as containers, their choice is in the session."""
    app.session_state["compare-tab"] = question
    app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app
