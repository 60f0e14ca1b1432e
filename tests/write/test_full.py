"""A disk or a memory that runs full while a student that writes is trained, saved, exported or at work: nothing is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core import settings
from core.deploy import writer_export
from core.errors import DISK_FULL, InputError, disk_full, outside
from core.write import known, language, training, tuning
from core.write.rungs import write as writing
from core.write.tuning import Recipe
from tests.full_disks import empty, fill, small_disk
from tests.write import copy, drafted
from tests.write.test_run import call

RECIPE = Recipe(2, 16, 3e-3)


@pytest.fixture
def disk(workspace):
    """The folder of the students, on a small disk of its own."""
    with small_disk(workspace / "writers", 32) as mounted:
        yield mounted


def first_fills(disk, real):
    """`real`, before whose first call the disk runs full."""
    calls = []

    def full(*given, **named):
        calls.append(given)
        if len(calls) == 1:
            fill(disk)
        return real(*given, **named)

    return full


def test_a_student_that_cannot_be_saved_is_no_student_and_is_made_by_the_same_command(
    disk, db, encoders, small_base, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(known.Known, "save", first_fills(disk, known.Known.save))
    line = ["distil", "--pairs", str(copy.file(tmp_path, copy.pairs(160))), "--brief-columns", "brief"]
    line += ["--copy-column", "copy", "--client", "Northwind", "--student", "retrieve", "--base-model", str(small_base)]
    status, _, said = call(capsys, *line)
    assert status == 2 and DISK_FULL[0] in said
    assert [tuple(row) for row in db.execute("select ready, live from writers")] == [(0, 0)] and db[
        "pairs"
    ].count == 160
    empty(disk)
    status, told, _ = call(capsys, *line)
    assert status == 0 and [one["id"] for one in told["students"]] == ["1"] and db["writers"].count == 1


def test_a_checkpoint_that_finds_no_room_leaves_the_one_before_and_training_goes_on_from_it(
    disk, small_base, monkeypatch
):
    monkeypatch.setattr(tuning, "CHECKPOINT_SECONDS", 0)
    learner = language.load(small_base, train=True)
    rows = [(learner.prompt(row["brief"]), learner.copy(row["copy"])) for row in copy.pairs(60)]

    def fills(done: int, total: int, message: str) -> None:
        if done == 3:
            fill(disk)

    with pytest.raises(Exception) as stopped:
        tuning.tune(learner, rows, RECIPE, disk / "checkpoint.pt", fills, lambda epoch: None)
    assert disk_full(stopped.value) and outside(stopped.value).what == DISK_FULL[0]
    assert [file.name for file in disk.iterdir() if file.name != "filler"] == ["checkpoint.pt"]
    empty(disk)
    steps = []
    again = language.load(small_base, train=True)
    tuning.tune(again, rows, RECIPE, disk / "checkpoint.pt", lambda done, *_: steps.append(done), lambda epoch: None)
    assert 0 < steps[0] < 4 and steps[-1] == 7


def test_a_model_that_finds_no_room_leaves_the_one_before(disk, small_base):
    learner = language.load(small_base, train=True)
    writing._save(learner, learner.model.dtype, small_base, disk, {"most": 24, "greedy": False})
    before = (disk / writing.MODEL / "model.safetensors").read_bytes()
    fill(disk)
    with pytest.raises(Exception) as stopped:
        writing._save(learner, learner.model.dtype, small_base, disk, {"most": 12, "greedy": False})
    assert disk_full(stopped.value)
    assert (disk / writing.MODEL / "model.safetensors").read_bytes() == before
    assert writing.writing_of(disk)[1]["most"] == 24


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_an_export_that_finds_no_room_leaves_nothing(db, encoders, tmp_path, name):
    task = drafted.task(db, tmp_path, 160)
    drafted.retrieving(db, task)
    with small_disk(tmp_path / "target", 32) as disk:
        fill(disk)
        with pytest.raises((InputError, OSError)) as stopped:
            writer_export.export(db, task=task, to=disk / name)
        assert "disk is full" in str(outside(stopped.value)).lower()
        assert [file.name for file in disk.iterdir()] == ["filler"]
        empty(disk)
    to = tmp_path / name
    assert (
        writer_export.export(db, task=task, to=to)["student"] == training.find(db, task, "live")["id"] and to.exists()
    )


LIMITED = """
import resource, sys
from pathlib import Path
import psutil
from core import database, tasks
from core.errors import outside
from core.write import use
db = database.connect()
task = tasks.named(db, "Northwind", "Slogans")
writer = use.writer_of(use.may_write(db, task, "live"))
writer.drafts([f"Norden {n}, soap" for n in range(20)], 8)  # what threads need is there
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 30_000_000, hard))
try:
    writer.drafts([f"Norden {n}, soap" for n in range(200)], 64)
except Exception as error:
    print(outside(error) or repr(error))
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
print(len(writer.drafts(["Norden, soap"], 1)[0]), "drafts afterwards")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_where_memory_runs_out_while_drafting_a_sentence_says_so_and_the_student_goes_on(
    db, encoders, small_base, tmp_path
):
    task = drafted.task(db, tmp_path, 160)
    found = drafted.retrieving(db, task, kind="write")
    folder = settings.home() / "writers" / str(found)
    learner = language.load(small_base)
    writing._save(learner, learner.model.dtype, small_base, folder, {"most": 24, "greedy": False})
    db["writers"].update(found, {"kind": "write"})
    db.conn.commit()
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("There is not enough memory for this."), done.stdout + done.stderr[-2000:]
    assert "1 drafts afterwards" in done.stdout, done.stdout + done.stderr[-2000:]
