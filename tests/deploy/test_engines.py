"""Several processes on a real student give what one gives, and a kill costs the shards in flight."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from core import settings
from core.deploy import engines, inputs
from tests.deploy.conftest import score, write_rows

ROWS = 30_000
# The command line with small shards and processes from the first one on.
PROGRAM = """
import sys
from core import __main__ as cli
from core.deploy import engines, inputs
inputs.SHARD, engines.PAYS = 1000, 0
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_several_processes_give_what_one_gives(own, tmp_path, monkeypatch, suffix):
    source = write_rows(tmp_path / "in.csv", 5_000)
    alone = score(own, source, tmp_path / f"alone{suffix}")
    monkeypatch.setattr(inputs, "SHARD", 300)
    monkeypatch.setattr(engines, "PAYS", 0.0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    made = []
    monkeypatch.setattr(engines._Process, "end", lambda self, end=engines._Process.end: (made.append(self), end(self)))
    together = score(own, source, tmp_path / f"together{suffix}")
    assert len(made) == 2, "no processes were started"
    assert all(together[name] == alone[name] for name in ("rows", "handled", "without_text"))
    assert (together["rows"], together["without_text"]) == (5_000, 100) and together["handled"] > 1_000
    if suffix == ".csv":
        assert (tmp_path / "together.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    else:
        import pyarrow.parquet as pq

        assert pq.read_table(tmp_path / "together.parquet").equals(pq.read_table(tmp_path / "alone.parquet"))


def test_a_process_that_dies_is_told_and_none_is_left_behind(own, tmp_path, monkeypatch):
    source = write_rows(tmp_path / "in.csv", 3_000)
    monkeypatch.setattr(inputs, "SHARD", 300)
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
        score(own, source, tmp_path / "out.csv")
    assert not any(process._process.is_alive() for process in serving)
    assert not (tmp_path / "out.csv").exists()


def test_killed_in_the_middle_a_run_carries_on_and_ends_as_if_it_had_not_been(own, tmp_path):
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
    score(own, source, tmp_path / "whole.csv")
    made, whole = output.read_bytes(), (tmp_path / "whole.csv").read_bytes()
    assert b"MARKED" in made and made.replace(b"MARKED", b"Travel") == whole
