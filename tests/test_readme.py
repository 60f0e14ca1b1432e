"""Every command of the README is run, in order, as a reader would type it."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from core import database, settings
from core.__main__ import main
from core.assets import sample
from core.write import sample as written
from tests.write import copy

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    ((?:python3 run\.py|\.venv/bin/python)\b.*)$", README, re.MULTILINE)
# The app, the suite itself and the server: tests/test_run.py starts the first, whoever reads this is in the second, and
# tests/deploy/test_server.py starts the third.
STARTED_ELSEWHERE = {
    "python3 run.py",
    "python3 run.py test",
    "python3 run.py serve --client Demo",
}
WRITING = [one for one in COMMANDS if "--client Ottermoor" in one or "sample --pairs" in one]


def test_the_readme_starts_with_its_two_commands():
    assert COMMANDS[0] == "python3 run.py" and "python3 run.py test" in COMMANDS
    assert all(word in (ROOT / "tests/test_run.py").read_text() for word in ("--no-browser", "SIGINT"))


@pytest.mark.timeout(1800)  # some thirty commands, maybe on a busy machine
def test_every_command_does_what_the_readme_says(tmp_path, encoders, monkeypatch, capsys):
    sample.write(tmp_path / "data" / "sample", 650)  # the first rows of the sample; tests/browser walks the whole of it
    others = [one for one in COMMANDS if one not in {*STARTED_ELSEWHERE, *WRITING} and "tests.bench" not in one]
    monkeypatch.chdir(tmp_path)
    outputs = _outputs(others, capsys)
    found = json.loads(outputs["distil"])
    assert found["students"][0]["agreement"]["n"] > 100 and found["verdict"]["decision"]
    assert "%" in outputs["classify"] and (tmp_path / "scored.csv").exists() and (tmp_path / "more-assets").is_dir()
    assert (tmp_path / "exported" / "predict.py").exists()


def test_every_command_about_writing_does_what_the_readme_says(tmp_path, encoders, monkeypatch, capsys):
    """Upon a part of the sample's pairs; words in common are those of a base model of two layers."""
    written.write(tmp_path / "data" / "sample", 200)
    settings.put(database.connect(), "base_model", str(copy.base(tmp_path / "base")))
    monkeypatch.chdir(tmp_path)
    outputs = _outputs(WRITING, capsys)
    found = json.loads(outputs["distil"])
    assert found["pairs"]["imported"] == 200 and found["students"][-1]["kind"] == "retrieve" and found["chosen"]
    assert "passed" in outputs["write"] or "stopped" in outputs["write"]
    assert "Verdict" in outputs["blind"]
    assert (tmp_path / "more-pairs" / "voice-guide.json").exists()


def _outputs(commands: list[str], capsys) -> dict[str, str]:
    """What each command says, by its name; one after the other in this process, which starts once for all of them."""
    outputs = {}
    for command in commands:
        words = shlex.split(command)
        assert words[:2] == ["python3", "run.py"]
        status = main(words[2:])
        said = capsys.readouterr()
        assert status == 0, f"{command}\n{said.err}"
        outputs[words[2]] = said.out
    return outputs


@pytest.mark.parametrize("command", [c for c in COMMANDS if "tests.bench" in c])
def test_benchmarks_named_in_the_readme_exist(command, monkeypatch, capsys):
    module = importlib.import_module(shlex.split(command)[2])
    monkeypatch.setattr(sys, "argv", ["benchmark", "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0 and "usage" in capsys.readouterr().out


def test_files_and_pictures_the_readme_names_are_there():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_each_kind_of_change_has_one_place_that_is_there():
    table = README.partition("| to add or change | go to |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [row.strip("|").split("|") for row in table.splitlines()]
    places = [re.findall(r"`([^`]+)`", place) for _, place in rows]
    assert len(rows) == 12 and all(len(named) == 1 for named in places)
    for (what, place), (named,) in zip(rows, places):
        path = ROOT / named
        assert path.is_dir() and list(path.glob("*.py")) if place.strip().startswith("a file in") else path.is_file(), (
            what
        )
