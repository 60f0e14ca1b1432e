"""The engines on a real student: several processes and Ray give what one process gives, and a kill costs the shards in flight."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import db as database
from core import distil, settings
from core.deploy import engines, scoring
from core.errors import InputError
from tests import small

ROWS = 60_000
# The command line with small shards and processes from the first one on.
PROGRAM = """
import sys
from core import __main__ as cli
from core.deploy import engines, scoring
scoring.SHARD, engines.PAYS = 1000, 0
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client with a live linear student in a workspace of its own, kept for all tests here."""
    folder = tmp_path_factory.mktemp("engines")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder / "workspace"))
        taxonomy, assets = small.files(folder)
        distil.distil(
            database.connect(),
            taxonomy=taxonomy,
            assets=assets,
            client="Small",
            teacher="recorded:label",
            student="linear",
            target=0.8,
        )
    return folder


@pytest.fixture
def db(client, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(client / "workspace"))
    connection = database.connect()
    yield connection
    connection.close()


def write_rows(path: Path, count: int) -> Path:
    texts = [row["text"] for row in small.rows(500, seed=2)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "note"])
        writer.writerows((i, f"{texts[i % 500]} {i % 9001}" if i % 50 else "", "=1+1") for i in range(count))
    return path


def score(db, source: Path, output: Path, **more) -> dict:
    return scoring.score(db, client_id=database.client_id(db, "Small"), input=source, output=output, **more)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_several_processes_give_what_one_gives(db, tmp_path, monkeypatch, suffix):
    source = write_rows(tmp_path / "in.csv", 5_000)
    alone = score(db, source, tmp_path / f"alone{suffix}")
    monkeypatch.setattr(scoring, "SHARD", 300)
    monkeypatch.setattr(engines, "PAYS", 0.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    made = []
    monkeypatch.setattr(engines._Process, "end", lambda self, end=engines._Process.end: (made.append(self), end(self)))
    together = score(db, source, tmp_path / f"together{suffix}")
    assert len(made) == 2, "no processes were started"
    assert all(together[name] == alone[name] for name in ("rows", "handled", "without_text"))
    assert (together["rows"], together["without_text"]) == (5_000, 100) and together["handled"] > 1_000
    if suffix == ".csv":
        assert (tmp_path / "together.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    else:
        import pyarrow.parquet as pq

        assert pq.read_table(tmp_path / "together.parquet").equals(pq.read_table(tmp_path / "alone.parquet"))


def test_a_process_that_dies_is_told_and_none_is_left_behind(db, tmp_path, monkeypatch):
    source = write_rows(tmp_path / "in.csv", 3_000)
    monkeypatch.setattr(scoring, "SHARD", 300)
    monkeypatch.setattr(engines, "PAYS", 0.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    serving = []
    begin = engines._Process.__init__

    def watched(self, task):
        begin(self, task)
        serving.append(self)
        if len(serving) == 2:
            os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(engines._Process, "__init__", watched)
    with pytest.raises(RuntimeError, match="ended with status -9"):
        score(db, source, tmp_path / "out.csv")
    assert not any(process._process.is_alive() for process in serving)
    assert not (tmp_path / "out.csv").exists()


def test_killed_in_the_middle_a_run_carries_on_and_ends_as_if_it_had_not_been(db, tmp_path):
    source = write_rows(tmp_path / "in.csv", ROWS)
    output, parts = tmp_path / "out.csv", tmp_path / ".out.csv.parts"
    command = [sys.executable, "-c", PROGRAM, "score", "--client", "Small", "--json"]
    command += ["--input", str(source), "--output", str(output)]
    process = subprocess.Popen(command, cwd=settings.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(parts.glob("0*.json"))) < 8:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not output.exists()
    # Marked, same in size, a finished part shows in the output whether it was taken over or made again.
    first = next(parts.glob("000000-*.csv"))
    first.write_bytes(first.read_bytes().replace(b"Travel", b"MARKED"))
    done = subprocess.run(command, cwd=settings.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["rows"], parts.exists()) == (ROWS, False) and 8 * 1000 <= result["taken_over"] < ROWS
    score(db, source, tmp_path / "whole.csv")
    made, whole = output.read_bytes(), (tmp_path / "whole.csv").read_bytes()
    assert b"MARKED" in made and made.replace(b"MARKED", b"Travel") == whole


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed (requirements-ray.txt)")
def test_ray_gives_what_one_process_gives(db, tmp_path, monkeypatch):
    source = write_rows(tmp_path / "in.csv", 3_000)
    alone = score(db, source, tmp_path / "alone.csv")
    monkeypatch.setattr(scoring, "SHARD", 500)
    told = []
    progress = lambda done, total, message="", spent=0.0: told.append((message, done))  # noqa: E731
    by_ray = score(db, source, tmp_path / "ray.csv", engine="ray", progress=progress)
    assert all(by_ray[name] == alone[name] for name in ("rows", "handled", "without_text"))
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert sorted(done for message, done in told if message == "Scoring") == list(range(0, 3_001, 500))
    assert not (tmp_path / ".ray.csv.parts").exists()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_without_ray_it_says_how_to_install_it(db, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_rows(tmp_path / "in.csv", 10)
    with pytest.raises(InputError, match=r"\.venv/bin/pip install -r requirements-ray\.txt"):
        score(db, source, tmp_path / "out.csv", engine="ray")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in.csv"]
