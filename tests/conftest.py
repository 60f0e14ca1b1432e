"""Fixtures every test shares: a workspace of its own, and the public data where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core import db as database

SHARED = Path(os.environ.get("UNDERSTUDY_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch) -> Path:
    """An empty workspace, so that no test sees another's data or a person's."""
    folder = tmp_path / "workspace"
    monkeypatch.setenv("UNDERSTUDY_HOME", str(folder))
    return folder


@pytest.fixture
def db(workspace):
    connection = database.connect()
    yield connection
    connection.close()


@pytest.fixture
def shared_data() -> Path:
    """The folder of public data sets (UNDERSTUDY_TEST_DATA); tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"public data sets not found at {SHARED}")
    return SHARED
