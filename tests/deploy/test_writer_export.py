"""A writing student taken along: what is in the folder, that it drafts without Understudy, and that a file that has lost what was
learned is refused."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core import __main__ as cli
from core import settings
from core.deploy import writer_export
from core.errors import InputError
from core.write import drafting, gguf_file, pairs, use
from tests.write import copy, drafted

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (requirements-write.lock)")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A model that has learned a little."""
    return drafted.learned(tmp_path_factory.mktemp("models"))


@pytest.fixture
def taught(encoders, db, tmp_path, models):
    """A task with a student of each kind that lines have, judged by nobody; (task, row by kind)."""
    return drafted.taught(db, tmp_path, models)


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """write.py in an interpreter that knows nothing of this program."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    line = [sys.executable, "write.py", *arguments]
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_an_exported_student_drafts_by_itself_and_its_drafts_come_back_as_pairs(taught, db, tmp_path, capsys):
    task, rows = taught
    to = tmp_path / "out"
    line = ["export", "--client", "Northwind", "--task", task.name, "--to", str(to)]
    assert cli.main([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parity"]["n"] > 10 and abs(told["parity"]["file"] / told["parity"]["here"] - 1) < 0.01
    assert not [file for file in told["files"] if file.endswith((".bin", ".pt", ".pkl", ".pickle"))]
    assert (to / "requirements.txt").read_text().count("==") <= 7
    card = (to / "MODEL_CARD.md").read_text()
    assert "must not" in card and "people's copy" in card and "known.json" in card and "not stated" in card

    brief = "Elvira Jura 7, soap for town number 7"
    done = ran(to, "--brief", brief, "--drafts", "8")
    assert done.returncode == 0, done.stderr
    drafts = json.loads(done.stdout)["drafts"]
    here = use.writer_of(rows["choose"])
    assert {gate["name"] for one in drafts for gate in one["gates"]} == {
        gate.name for one in here.drafts([brief], 8)[0] for gate in one.findings
    }
    briefs = tmp_path / "briefs.csv"
    briefs.write_text("brief\n" + "\n".join(f'"{row["brief"]}"' for row in copy.pairs(5, seed=3)))
    done = ran(to, "--input", str(briefs), "--output", str(tmp_path / "drafts.csv"))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "drafts.csv").open(encoding="utf-8-sig", newline="") as file:
        there = list(csv.DictReader(file))
    assert {row["brief"] for row in there} == {row["brief"] for row in copy.pairs(5, seed=3)}
    decided = [("approved", ""), ("", "Soap, as it was."), ("rejected", ""), ("", "")]
    edited = [row | dict(zip(("status", "final"), one)) for row, one in zip(there, decided)]
    file = copy.file(tmp_path, edited, "edited.csv")
    assert pairs.look(file).copy == "final"
    columns = pairs.find_columns(pairs.opened(file, []), [], "")
    brought = pairs.import_pairs(db, task, file, columns)
    assert brought.imported == 3
    assert "1 draft without a decision left out." in [one.what for one in brought.problems]
    back = {row["status"]: row for row in db.query("select * from pairs order by id desc limit 3")}
    assert (back["approved"]["copy"], back["approved"]["first_version"]) == (there[0]["draft"], there[0]["draft"])
    assert (back["edited"]["copy"], back["edited"]["first_version"]) == ("Soap, as it was.", there[1]["draft"])
    assert back["rejected"]["copy"] == there[2]["draft"]


def test_what_the_exported_gates_say_is_what_the_gates_here_say(taught, db, tmp_path):
    task, rows = taught
    row = rows["retrieve"]
    writer_export.export(db, task=task, student=row["id"], to=tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert not [name for name in archive.namelist() if name.endswith(".gguf")]
        archive.extractall(tmp_path / "out")
    assert "xllamacpp" not in (tmp_path / "out/requirements.txt").read_text()
    for brief in ("Elvira Jura 7, soap for town number 7", "Harrow, coffee with 20 % off until 3 May"):
        done = ran(tmp_path / "out", "--brief", brief, "--drafts", "4")
        assert done.returncode == 0, done.stderr
        [here] = drafting.load(settings.home() / row["path"]).drafts([brief], 4)
        assert json.loads(done.stdout)["drafts"] == [draft.as_dict() for draft in here]


def test_a_file_without_what_was_learned_is_refused_with_both_figures(taught, models, db, tmp_path, monkeypatch):
    """As when coarse rounding puts every weight back to where the base model had it: no error tells, but the loss."""
    task, rows = taught
    weights = gguf_file._weights
    monkeypatch.setattr(gguf_file, "_weights", lambda folder: weights(models.with_name("base")))
    with pytest.raises(InputError, match=r"\d\.\d+ nats a character, \d\.\d+ here") as refused:
        writer_export.export(db, task=task, student=rows["write"]["id"], to=tmp_path / "out")
    assert "lost" in str(refused.value) and not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))
