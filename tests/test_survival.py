"""The real work killed with -9 in the middle: no answer is lost or asked for again, no training starts anew."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import jobs
from tests import small

ROOT = Path(__file__).resolve().parents[1]
# The command line with small steps and a small encoder, each step long enough to be killed in its middle.
PROGRAM = """
import sys, time
from core import __main__ as cli, settings, terminal
from core.evaluate import measure
from core.jobs import progress
from core.label import teachers
from core.train.members import transformer
whole = teachers.batches
teachers.batches = lambda db, sql, parameters: whole(db, sql, parameters, 5)
transformer.CHECKPOINT_SECONDS, transformer.MOST_EPOCHS, progress.TELL, measure.THROUGHPUT_SECONDS = 0, 2, 0, 0.05
settings.DEFAULTS['encoder'] = settings.DEFAULTS['large_encoder'] = sys.argv.pop(1)
def told(self, done, total, message="", spent=0.0):
    print(f"{message}|{done}", file=sys.stderr, flush=True)
    time.sleep(0.03)
terminal.Log.__call__ = told
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def command(tmp_path, tiny_encoder) -> list[str]:
    taxonomy, assets = small.files(tmp_path / "files", small.rows(100))
    options = ["--taxonomy", str(taxonomy), "--assets", str(assets), "--client", "Small", "--student", "transformer"]
    return [sys.executable, "-c", PROGRAM, tiny_encoder, "distil", *options, "--json"]


def run(command: list[str], kill_at: tuple[str, int] | None = None) -> list[tuple[str, int]]:
    """Run the command, killed with -9 once a phase has reached a number; what it reported, in order."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ.copy(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    told = []
    for line in process.stderr:
        message, bar, done = line.strip().rpartition("|")
        if not bar:
            continue
        told.append((message, int(done)))
        if kill_at and message.startswith(kill_at[0]) and int(done) >= kill_at[1]:
            process.kill()
            break
    process.stderr.close()
    assert process.wait(timeout=500) == (-9 if kill_at else 0)
    return told


def reached(told: list[tuple[str, int]], phase: str) -> list[int]:
    return [done for message, done in told if message.startswith(phase)]


def test_labelling_and_training_killed_twice_each_carry_on_where_they_were(db, command):
    labelling, training = "Labelling with built-in", "transformer: training"
    for at in (20, 50):
        run(command, (labelling, at))
        kept = {row["asset_id"]: row["created"] for row in db.query("select asset_id, created from labels")}
        assert len(kept) >= at
    first = reached(run(command, (training, 3)), training)
    assert first[0] == 0
    now = {row["asset_id"]: row["created"] for row in db.query("select asset_id, created from labels")}
    assert len(now) == 100 and kept.items() <= now.items(), "an answer was lost or asked for again"
    second = reached(run(command, (training, 6)), training)
    third = reached(run(command), training)
    assert second[0] >= 2 and third[0] >= 5, "training began again"
    assert [job.state for job in jobs.recent(db)] == ["done"]
    assert db.execute("select count(*) from students").fetchone()[0] == 1
