"""A training that is killed goes on where it was when the same command is given again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from core import settings
from tests.write import copy


def test_a_killed_training_is_carried_on_by_the_same_command(small_base, encoders, db, tmp_path):
    line = [sys.executable, "-m", "core", "distil", "--pairs", str(copy.file(tmp_path, copy.pairs(160)))]
    line += ["--brief-columns", "brief", "--copy-column", "copy", "--client", "Northwind", "--student", "write"]
    line += ["--base-model", str(small_base), "--json"]
    run = {"cwd": settings.ROOT, "env": os.environ | {"PYTHONPATH": str(settings.ROOT)}, "text": True}
    started = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **run)
    folder = settings.home() / "writers" / "1"
    deadline = time.monotonic() + 240
    while not (folder / "checkpoint.pt").exists() and time.monotonic() < deadline:
        assert started.poll() is None, started.communicate()
        time.sleep(0.01)
    os.kill(started.pid, signal.SIGKILL)
    started.communicate()
    assert (folder / "checkpoint.pt").exists() and not db.execute("select ready from writers").fetchone()[0]
    before = json.loads((folder / "epochs.json").read_text())
    done = subprocess.run(line, capture_output=True, timeout=300, check=False, **run)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [one["id"] for one in told["students"]] == ["1"] and db["writers"].count == db["jobs"].count == 1
    after = json.loads((folder / "epochs.json").read_text())
    assert set(after) == {"0", "1", "2"} and before.items() <= after.items(), "what was judged is not judged again"
    assert not (folder / "checkpoint.pt").exists() and "pass 1 of 3: 0 of" not in done.stderr
