"""Scoring images: a folder or a ZIP, alone or with a table, read as an import reads them; each is answered or listed."""

from __future__ import annotations

import zipfile

import pytest

from core.deploy import inputs, scoring, shards
from core.deploy.inputs import Beside
from core.errors import InputError
from core.images import kept
from core.images.seen import sight_of
from tests.assets.test_image_import import put, table
from tests.deploy.test_scoring import live, read_csv
from tests.evaluate.conftest import client
from tests.images import pictures

__all__ = ["client", "live"]


def score(live, input, out, **more):
    return scoring.score(live.db, task=live.task, input=input, output=out, **more)


@pytest.fixture
def folder(live, tmp_path):
    """Five images: two of the same words, one without words, one damaged; answered by their words."""
    told = {"a.png": "0 0.9 shoes", "b.png": "2 0.4 hats", "sub/c.png": "0 0.9 shoes", "none.png": ""}
    for seed, (name, words) in enumerate(told.items()):
        put(live.db, live.task, tmp_path / "in" / name, words, pictures.saved(pictures.drawn(seed=seed)))
    (tmp_path / "in" / "broken.png").write_bytes(pictures.saved(pictures.drawn())[:500])
    return tmp_path / "in"


def test_a_folder_alone(live, folder, tmp_path):
    result = score(live, folder, tmp_path / "out.csv")
    rows = read_csv(tmp_path / "out.csv")
    assert [(row["image file"], row["words on the image"], row["category"], row["handled"]) for row in rows] == [
        ("a.png", "0 0.9 shoes", "Sale", "true"),
        ("b.png", "2 0.4 hats", "Brand", "false"),
        ("sub/c.png", "0 0.9 shoes", "Sale", "true"),
    ]
    assert (result["rows"], result["left_out"], result["problems"]) == (3, 2, 2), "of five files"
    assert {one["what"] for one in result["problem_list"]} == {
        "broken.png is damaged. It was left out.",
        "none.png has no words that can be read. It was left out.",
    }
    sights = [sight_of(text) for text in live.student.asked]
    assert [one.facts.width for one in sights] == [300, 300, 300], "equal words of different images are asked apart"
    assert sights[0].data() == (folder / "a.png").read_bytes()


def test_a_zip_with_a_table(live, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
    head = ("ad", "file", "headline")
    rows = table(
        tmp_path / "rows.csv",
        head,
        (7, "a", "1 0.9 now"),
        (8, "none", "1 0.8 typed"),
        (9, "gone", "1 0.9 x"),
        (10, "gone", ""),
    )
    images = Beside(rows)
    result = score(live, tmp_path / "in.zip", tmp_path / "out.xlsx", images=images, text_columns=["headline"])
    assert (result["rows"], result["left_out"], result["text_columns"]) == (3, 1, ["headline", "words on the image"])
    assert set(live.student.asked) == {"1 0.9 now\n0 0.9 shoes", "1 0.8 typed", "1 0.9 x"}
    said = [one["what"] for one in result["problem_list"]]
    assert any("sub/c.png stands in no row" in one for one in said) and any(
        "no image called gone" in one for one in said
    )
    score(live, tmp_path / "in.zip", tmp_path / "out.csv", images=images, text_columns=["headline"], id_column="ad")
    assert [(row["ad"], row["image file"]) for row in read_csv(tmp_path / "out.csv")] == [
        ("7", "a.png"),
        ("8", "none.png"),
        ("9", "gone"),
    ]
    for wrong, what in (
        ({"text_columns": ["body"]}, "no column 'body'"),
        ({"images": Beside(rows, "no")}, "no column 'no'"),
    ):
        with pytest.raises(InputError, match=what):
            score(live, tmp_path / "in.zip", tmp_path / "out.csv", **{"images": images} | wrong)
    with pytest.raises(InputError, match="goes with a folder or ZIP"):
        score(live, rows, tmp_path / "out.csv", images=images)


def test_stopped_it_carries_on_and_other_words_begin_anew(live, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD", 1)
    whole, done = shards.run, []

    def run(scoring, student, number, rows):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(number)
        return whole(scoring, student, number, rows)

    monkeypatch.setattr(shards, "run", run)
    with pytest.raises(KeyboardInterrupt):
        score(live, folder, tmp_path / "out.csv")
    monkeypatch.setattr(shards, "run", whole)
    assert score(live, folder, tmp_path / "out.csv")["taken_over"] == 2
    sha = kept.sha256((folder / "a.png").read_bytes())
    with live.db.atomic():
        live.db.execute("update images set words = replace(words, 'shoes', 'boots') where sha256 = ?", [sha])
    score(live, folder, tmp_path / "out.csv")
    assert read_csv(tmp_path / "out.csv")[0]["words on the image"] == "0 0.9 boots"
