"""A small workspace with everything that is kept in it: a trained student, an image, served answers, a key that must stay."""

from __future__ import annotations

import io
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from core import database, jobs
from core.images import kept
from core.watch import served
from core.wires import connections
from core.wires.wire import Params
from tests import small

SECRET = "sk-thekeythatstays0123456789"


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """Made once; tests work on copies of it."""
    folder = tmp_path_factory.mktemp("keeping") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder))
        with closing(database.connect()) as db:
            task = small.fill(db, folder.parent / "files", small.rows(120))
            run = jobs.run_here(db, "label", {"task_id": task.id, "teacher": "recorded:label"}, task=task).result
            params = {"task_id": task.id, "run_id": run["run_id"], "kind": "linear", "target": 0.7}
            jobs.run_here(db, "train", params, task=task)
            picture = io.BytesIO()
            Image.new("RGB", (40, 30), "navy").save(picture, "PNG")
            row = kept.keep(task.client_id, picture.getvalue())
            kept.enter(db, [row])
            db.execute("update assets set image = ? where id = 1", [row[1]])
            connections.save(db, task.client_id, "GPT", "openai", "m", key_source="secrets:own", params=Params())
            text = "a text that was served"
            answer = served.Row(
                1.0, task.id, 1, served.hash_of(text), "Sale", 0.9, True, False, "student", 0.0, 0.0, "live", text
            )
            with closing(served.answers(task.client_id)) as file:
                served.write(file, [answer])
    (folder / "secrets.toml").write_text(f'own = "{SECRET}"\n')
    (folder / "logs").mkdir(exist_ok=True)
    (folder / "logs" / "app.log").write_text("a line")
    return folder


@pytest.fixture
def home(made, tmp_path, monkeypatch) -> Path:
    """A copy of the workspace, in use."""
    home = tmp_path / "home"
    shutil.copytree(made, home)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(home))
    return home
