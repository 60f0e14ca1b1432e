"""Pages run without a browser: a small client taken through every step once, and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import database, jobs
from tests.pages.clients import bring_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def filled_workspace(tmp_path_factory) -> Path:
    """A workspace with one client taken to a verdict by the jobs that the pages start."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder))
        db = database.connect()
        client = bring_in(db, "Northwind", folder / "files")
        done = jobs.run_here(db, "label", {"client_id": client, "teacher": "recorded:recorded_label"}, client_id=client)
        run = done.result["run_id"]
        params = {"client_id": client, "run_id": run, "kind": "linear", "target": 0.9}
        jobs.run_here(db, "train", params, client_id=client)
        db.close()
    return folder


@pytest.fixture
def filled(workspace, filled_workspace):
    """The filled workspace, this test's own copy; the open database."""
    shutil.copytree(filled_workspace, workspace, dirs_exist_ok=True)
    db = database.connect()
    yield db
    db.close()


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

    def opened(key: str, **selection) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        for name, value in selection.items():
            app.session_state[name] = value
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
