"""Fixtures every test shares: a workspace of its own, and the public data where it is at hand."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import wraps
from pathlib import Path

import hypothesis
import keyring
import pytest
from filelock import FileLock
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
from sqlite_utils import Database

from core import database, settings, tasks
from core.tasks import Task
from core.weights import LARGE, PACKAGED

os.environ["UNDERSTUDY_KEY_VARIABLES"] = "BIG_KEY,MY_KEY,TEST_KEY,NO_SUCH_KEY,K"  # that tests keep keys in
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as core/__main__.py does, before torch is loaded
os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # scipy's, here and in every process a test starts: several tests run at once

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


class Store(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self):
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


@pytest.fixture
def store():
    before, store = keyring.get_keyring(), Store()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture(scope="session")
def _empty(_shared) -> Path:
    """The database of an empty workspace, migrated once for the whole test run."""
    home = _made_once(_shared / "empty", lambda home: database.connect().close())
    return home / "understudy.db"


@pytest.fixture
def db(workspace, _empty):
    if not (workspace / "understudy.db").exists():
        shutil.copy(_empty, settings.home())
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
def _shared(tmp_path_factory) -> Path:
    """A folder of this test run that all its processes see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def _exports(_shared) -> Path:
    """Where the packaged encoder is, once a test has had it exported: see _exported_once()."""
    global exports
    exports = _shared / "exports"
    return exports


@pytest.fixture(scope="session")
def _exported(_shared) -> Path:
    """The packaged encoder, exported once for the whole test run (it takes seconds)."""
    _prepared(_shared / "encoder", PACKAGED)
    return _shared / "encoder" / "encoders"


@pytest.fixture(scope="session")
def _large(_shared) -> Path:
    """The large encoder, exported once for the whole test run (it takes half a minute)."""
    return _prepared(_shared / "large", LARGE)


def _prepared(home: Path, name: str) -> Path:
    from core.encoders import encoder

    with FileLock(f"{home}.lock"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        return encoder.prepared(name)


def _made_once(home: Path, make: Callable[[Path], None]) -> Path:
    """The workspace `home` as `make` fills it: by the process of this test run that asks for it first."""
    made = Path(f"{home}.made")
    with FileLock(f"{home}.lock"), pytest.MonkeyPatch.context() as patch:
        if not made.exists():
            patch.setenv("UNDERSTUDY_HOME", str(home))
            make(home)
            made.touch()
    return home


@pytest.fixture
def large_encoder(_large, workspace) -> Path:
    """The large encoder's folder, in the workspace: for tests whose training runs in a process of its own."""
    shutil.copytree(_large, workspace / "encoders" / _large.name, copy_function=os.link)
    return _large


@pytest.fixture(scope="session")
def tiny_encoder(_shared) -> str:
    """The folder of an untrained encoder of one layer: where it matters how a training goes on, not what it comes to."""

    from tests import small

    return str(_made_once(_shared / "tiny", small.encoder))


@pytest.fixture
def encoders(_exported, workspace) -> Path:
    """A workspace that has its encoder already."""
    shutil.copytree(_exported, workspace / "encoders", copy_function=os.link, dirs_exist_ok=True)
    return workspace / "encoders"


def _judge(db: Database, client: Task, teacher: str) -> None:
    """The client's recorded labels and a judged linear student of them, by the jobs that the pages start."""
    from core import jobs

    run = jobs.run_here(db, "label", {"task_id": client.id, "teacher": teacher}, client)
    params = {"task_id": client.id, "run_id": run.result["run_id"], "kind": "linear", "target": 0.9}
    jobs.run_here(db, "train", params, client)


@pytest.fixture(scope="session")
def _judged_small(_shared) -> Path:
    """A workspace with the small client, its recorded labels and a judged linear student."""

    def make(home: Path) -> None:
        from tests import small

        with closing(database.connect()) as db:
            _judge(db, small.fill(db, home / "files", small.rows(700)), "recorded:label")

    return _made_once(_shared / "judged-small", make)


@pytest.fixture(scope="session")
def filled_workspace(_shared) -> Path:
    """A workspace with one client of the pages' tests taken to a verdict."""

    def make(home: Path) -> None:
        from tests.pages.clients import bring_in

        with closing(database.connect()) as db:
            _judge(db, bring_in(db, "Northwind", home / "files"), "recorded:recorded_label")

    return _made_once(_shared / "filled", make)


@pytest.fixture(scope="session")
def _tagged(_shared) -> Path:
    """A workspace with a client whose task Mood chooses several, taken to a verdict."""

    def make(home: Path) -> None:
        from core import distil
        from tests import small

        file, assets = small.tag_files(home / "files", small.tag_rows(700))
        how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
        with closing(database.connect()) as db:
            distil.distil(db, taxonomy=file, assets=assets, **how)

    return _made_once(_shared / "tagged", make)


@pytest.fixture
def tagged(workspace, _tagged) -> Iterator[Database]:
    """The workspace of the client whose task chooses several, this test's own copy; the open database."""
    shutil.copytree(_tagged, workspace, dirs_exist_ok=True)
    with closing(database.connect()) as db:
        yield db


@pytest.fixture
def filled(workspace, filled_workspace) -> Iterator[Database]:
    """The filled workspace, this test's own copy; the open database."""
    shutil.copytree(filled_workspace, workspace, dirs_exist_ok=True)
    with closing(database.connect()) as db:
        yield db


@pytest.fixture
def judged_small(workspace, _judged_small) -> Task:
    """The small client's task in a workspace where it has a judged linear student; to be asked for before `db`."""
    assert not workspace.exists(), "the database is open already"
    shutil.copytree(_judged_small, workspace)
    with closing(database.connect()) as db:
        return tasks.get(db, 2)


# Files that take longest, dealt to the processes first: one left to the end would be waited for by the other alone.
LONGEST = (
    "tests/browser/test_journeys",
    "tests/train/test_students",
    "tests/test_readme",
    "tests/browser",
    "tests/test_survival",
    "tests/deploy/test_export",
    "tests/test_rounds",
    "tests/label/test_faults",
    "tests/deploy",
    "tests/test_",
    "tests/train",
)


def pytest_configure() -> None:
    """Four small categories are learnt in a pass, and the large member reads by the small encoder unless a test says otherwise:
    how well they do as they are is for tests/bench to say. So is how fast: a throughput is measured for a moment."""
    from core.encoders import encoder

    encoder.prepared = _exported_once(encoder.prepared)  # before anything takes it from there by its name
    from core.evaluate import measure
    from core.train.members import transformer

    measure.THROUGHPUT_SECONDS = 0.05
    transformer.MOST_EPOCHS, settings.DEFAULTS["large_encoder"] = 1, PACKAGED
    database.connect = _unhurried(database.connect)


exports: Path | None = None  # see _exports()


def _exported_once(prepared: Callable[..., Path]) -> Callable[..., Path]:
    """`prepared`, but in this process the packaged encoder is exported by the first test of the run that reads with it, and copied
    into the workspaces of all others: it takes seconds, and many tests need it somewhere on their way."""

    @wraps(prepared)
    def found(name: str = PACKAGED) -> Path:
        if name != PACKAGED or exports is None:
            return prepared(name)
        with FileLock(f"{exports}.lock"):
            for made in exports.glob("*/encoder.onnx"):
                here = settings.subfolder("encoders") / made.parent.name
                if not here.exists():
                    shutil.copytree(made.parent, here)
            folder = prepared(name)
            if not (exports / folder.name).exists():
                shutil.copytree(folder, exports / folder.name)
            return folder

    return found


def _unhurried(connect: Callable[..., Database]) -> Callable[..., Database]:
    """`connect`, but what is written is left to the system to put on the disk, in this process: no test cuts the power, and waiting
    for the disk after every commit is a good part of all waiting. A killed process loses nothing by it."""

    @wraps(connect)
    def connected(path: Path | None = None) -> Database:
        db = connect(path)
        with suppress(sqlite3.Error):  # a damaged file is the test's own affair
            db.conn.execute("PRAGMA synchronous = OFF")
        return db

    return connected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the order is else as it was found."""

    def place(item: pytest.Item) -> int:
        return next((at for at, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    items.sort(key=place)
