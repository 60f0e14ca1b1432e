"""Fixtures every test shares: a workspace of its own, and the public data where it is at hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from core import db as database
from core import settings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as core/__main__.py does, before torch is loaded

# How long one example takes depends on who else uses the machine; pytest's own time limit is enough.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")

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


@pytest.fixture(scope="session")
def _exported(tmp_path_factory) -> Path:
    """The packaged encoder, exported once for the whole test run (it takes seconds)."""
    from core import encoder

    home = tmp_path_factory.mktemp("encoder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        encoder.prepared()
    return home / "encoders"


@pytest.fixture(scope="session")
def _large(tmp_path_factory) -> Path:
    """The large encoder, exported once for all processes of the test run (it takes half a minute)."""
    from core import encoder, weights

    home = tmp_path_factory.getbasetemp().parent / "large"
    with FileLock(f"{home}.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        return encoder.prepared(weights.LARGE)


@pytest.fixture
def large_encoder(_large, workspace) -> Path:
    """The large encoder's folder, in the workspace: for tests whose training runs in a process of its own."""
    shutil.copytree(_large, workspace / "encoders" / _large.name, copy_function=os.link)
    return _large


@pytest.fixture
def encoders(_exported, workspace) -> Path:
    """A workspace that has its encoder already."""
    shutil.copytree(_exported, workspace / "encoders", copy_function=os.link, dirs_exist_ok=True)
    return workspace / "encoders"


# Files that take longest, dealt to the processes first: one left to the end would be waited for by the other alone.
LONGEST = (
    "tests/train/test_students",
    "tests/test_readme",
    "tests/browser/test_journeys",
    "tests/test_survival",
    "tests/browser",
    "tests/test_worker",
)


def pytest_configure() -> None:
    """Four small categories are learnt in a pass, and the large member reads by the small encoder unless a test says otherwise:
    how well they do as they are is for tests/bench to say."""
    from core.train.students import transformer
    from core.weights import PACKAGED

    transformer.MOST_EPOCHS, settings.DEFAULTS["large_encoder"] = 1, PACKAGED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the order is else as it was found."""

    def place(item: pytest.Item) -> int:
        return next((at for at, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    items.sort(key=place)
