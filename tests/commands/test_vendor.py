"""The vendor command from the blind pack to the scorecard, as a person types it."""

import csv
import io
import json
import zipfile

import pytest

from core.__main__ import main
from tests import small


@pytest.fixture
def client(judged_small) -> int:
    return judged_small


def vendor(*words: str) -> int:
    return main(["vendor", *words, "--client", "Small"])


def rows_of(path) -> list[dict]:
    with zipfile.ZipFile(path) as packed:
        return list(csv.DictReader(io.StringIO(packed.read("assets.csv").decode("utf-8-sig"))))


def test_pack_answers_scorecard(client, tmp_path, capsys):
    pack = tmp_path / "out" / "pack.zip"
    assert vendor("pack", "--to", str(pack)) == 0
    assets = rows_of(pack)
    answers = tmp_path / "answers.csv"
    with answers.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["ref", "verdict"])
        for row in assets:
            best = max(small.WORDS, key=lambda name: sum(word in row["text"] for word in small.WORDS[name]))
            table.writerow([row["asset_id"], best if len(row["text"]) % 4 else "Misc"])
    assert vendor("import", "--name", "Acme", "--file", str(answers)) == 2
    assert "No column of asset ids was found." in capsys.readouterr().err
    columns = ("--id-column", "ref", "--label-column", "verdict")
    assert vendor("import", "--name", "Acme", "--file", str(answers), *columns, "--price-per-1000", "0.5") == 0
    said = capsys.readouterr().out
    assert f"Acme, {len(assets)} assets asked:" in said and "The answer Misc is no category" in said
    assert vendor("scorecard") == 0
    text = capsys.readouterr().out
    assert "Acme is not capable enough" in text and "linear 1" in text and "$0.50, assumed" in text
    assert vendor("scorecard", "--name", "acme", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    assert card["judged"] == len(assets) and card["verdict"]["decision"] == "not_capable"
    assert [row["kind"] for row in card["rows"]] == ["vendor", "student", "teacher"]
    assert vendor("list") == 0 and "Acme" in capsys.readouterr().out
    assert vendor("remove", "--name", "Acme") == 0
    assert vendor("scorecard") == 2
    assert "No vendor's answers are here yet." in capsys.readouterr().err


def test_near_answers_are_offered_and_taken_as_told(client, tmp_path, capsys):
    assert vendor("pack", "--to", str(tmp_path / "pack.zip"), "--size", "20") == 0
    rows = [
        [row["asset_id"], ("Sales", "Travels", "Odd")[n % 3]] for n, row in enumerate(rows_of(tmp_path / "pack.zip"))
    ]
    answers, meant = tmp_path / "answers.csv", tmp_path / "map.csv"
    answers.write_text("made by Acme;\nasset_id;label\n" + "\n".join(";".join(row) for row in [*rows, ["X", "Sale"]]))
    meant.write_text("value,category\nOdd,Hiring\n")
    asked = ("import", "--name", "Acme", "--file", str(answers), "--delimiter", ";", "--header-row", "2")
    assert vendor(*asked, "--labels-map", str(meant)) == 0
    said = capsys.readouterr().out
    assert "7 labels “Sales” are no category; near: Sale." in said and "--accept-near takes what is near" in said
    problems = tmp_path / "problems.csv"
    assert vendor(*asked, "--labels-map", str(meant), "--accept-near", "--problems", str(problems)) == 0
    assert "20 taken for categories as accepted" in capsys.readouterr().out
    assert "The id X is no asset of this blind pack" in problems.read_text("utf-8-sig")


def test_a_smaller_pack_is_a_set_of_its_own(client, tmp_path, capsys):
    assert vendor("pack", "--to", str(tmp_path / "all.zip")) == 0
    assert vendor("pack", "--to", str(tmp_path / "few.zip"), "--size", "30") == 0
    assert len(rows_of(tmp_path / "few.zip")) == 30
    assert "30 assets without labels, version 1 of the taxonomy, in" in capsys.readouterr().out
    assert vendor("sets") == 0 and "set 2: 30 assets, taxonomy version 1, " in capsys.readouterr().out
    assert vendor("sets", "--json") == 0
    sizes = [row["size"] for row in json.loads(capsys.readouterr().out)["sets"]]
    assert sizes[0] == 30 < sizes[1]
    assert vendor("pack", "--to", str(tmp_path / "again.zip"), "--set", "2") == 0
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "few.zip").read_bytes()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["pack"], "--to is missing."),
        (["import"], "--name is missing."),
        (["import", "--name", "Acme"], "--file is missing."),
        (["import", "--name", "Acme", "--file", "nowhere.csv"], "There is no such file."),
        (["import", "--name", "Acme", "--run", "99"], "This client has no label run 99."),
        (["pack", "--to", "x.zip", "--set", "99"], "This client has no blind pack 99."),
        (["remove"], "--name is missing."),
    ],
)
def test_what_is_missing_is_said(client, capsys, words, what):
    assert vendor(*words) == 2
    assert what in capsys.readouterr().err
