"""The taxonomy command does what the page does, and saves nothing without a yes."""

from __future__ import annotations

import json

import pytest

from core import __main__ as cli
from core import tasks, taxonomy
from core.label.labelling import label
from core.label.runs import runs
from tests import small


@pytest.fixture
def said(db, tmp_path, capsys):
    client = small.fill(db, tmp_path)
    label(db, client, "recorded:label")

    def call(*words, status=0):
        assert cli.main(["taxonomy", *map(str, words), "--client", "Small", "--json"]) == status
        out, err = capsys.readouterr()
        return json.loads(out) if status == 0 else err

    return call


def test_a_version_is_written_edited_compared_and_applied(db, said, tmp_path):
    file = tmp_path / "next.csv"
    assert said("write", file)["categories"] == 4
    assert said("diff", file)["changes"] == []
    text = file.read_text(encoding="utf-8-sig")
    file.write_text("\n".join(line for line in text.replace("Sale", "Promotions").splitlines() if "Travel" not in line))
    found = said("diff", file)
    assert [(c["kind"], c["before"], c["after"]) for c in found["changes"]] == [
        ("added", [], ["Promotions"]), ("removed", ["Sale"], []), ("removed", ["Travel"], []),
    ]  # fmt: skip
    assert [(g["kind"], g["before"], g["after"]) for g in found["guesses"]] == [("renamed", ["Sale"], ["Promotions"])]
    surer = said("diff", file, "--accept", "1")
    assert surer["guesses"] == [] and surer["plan"]["ask"] < found["plan"]["ask"]
    assert "Read what taxonomy diff says" in said("apply", file, "--accept", "all", status=2)
    assert "no guess 7" in said("apply", file, "--yes", "--accept", "7", status=2)
    assert taxonomy.latest(db, tasks.get(db, 2)) == 1
    done = said("apply", file, "--yes", "--became", "Sale=Promotions")
    assert done["version"] == 2 and done["runs"][0]["carried"] == surer["plan"]["keep"]
    assert runs(db, tasks.get(db, 2))[0]["count"] == surer["plan"]["keep"]
    assert [row["version"] for row in said("versions")["versions"]] == [2, 1]


def test_what_is_missing_is_said(said, tmp_path):
    assert "needs a file" in said("diff", status=2)
    assert "no such file" in said("diff", tmp_path / "none.csv", status=2)
    (tmp_path / "there.csv").write_text("name\nSale\n")
    assert "there already" in said("write", tmp_path / "there.csv", status=2)
    assert "no category Boats" in said("diff", tmp_path / "there.csv", "--became", "Boats=Sale", status=2)
    assert said("suggestions") == {"client": "Small", "one": [], "two": None}
