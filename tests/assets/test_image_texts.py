"""Words on images put right or read later: texts follow, nothing else moves, and it can be taken back."""

from __future__ import annotations

import pytest

from core import jobs, removal, tasks
from core.assets import copies, image_texts
from core.assets.image_import import import_images
from core.errors import InputError
from core.images import kept, reading, words
from core.images.words import Word
from tests.assets.test_image_import import assets, put, table
from tests.images import pictures


@pytest.fixture
def task(db):
    return tasks.of(db, "Acme")


def sha_of(db, external_id: str) -> str:
    return db.execute("select image from assets where external_id = ?", [external_id]).fetchone()[0]


def groups(db) -> list[tuple]:
    return db.execute("select external_id, group_id, split, image from assets order by id").fetchall()


def in_order(db, client_id: int) -> None:
    """What is kept to find copies by is of the texts there are: hashes, and bands for each different text."""
    rows = db.execute(
        "select a.id, text, text_hash, bands from assets a left join asset_bands b on b.asset_id = a.id"
    ).fetchall()
    assert copies._made_of(rows) == [(id, text_hash, packed) for id, _, text_hash, packed in rows]
    assert {row[2] for row in rows} == {row[2] for row in rows if row[3]}


@pytest.fixture
def there(db, task, tmp_path):
    """One image of two assets, with words typed of one; another image that says the same; and another creative."""
    same = pictures.saved(pictures.drawn(seed=1))
    put(db, task, tmp_path / "in" / "a.png", "Haif price\non boots", same)
    put(
        db,
        task,
        tmp_path / "in" / "b.png",
        "Haif price\non boots",
        pictures.saved(pictures.drawn(seed=1, size=(600, 500))),
    )
    put(db, task, tmp_path / "in" / "c.png", "New phone plan")
    rows = [
        ("id", "file", "headline"),
        ("1", "a.png", ""),
        ("2", "a.png", "Typed"),
        ("3", "b.png", ""),
        ("4", "c.png", ""),
    ]
    table(tmp_path / "in" / "rows.csv", *rows)
    import_images(db, task, tmp_path / "in")
    return tmp_path / "in"


def test_a_correction_changes_the_texts_of_the_image_and_no_more(db, task, there):
    before, grouped = assets(db), groups(db)
    sha = sha_of(db, "1")
    assert image_texts.correct(db, task.client_id, sha, " Half  price\n\non boots\n", "Ada") == 2
    assert assets(db) == before | {"1": "Half price\non boots", "2": "Typed\nHalf price\non boots"}
    assert groups(db) == grouped
    in_order(db, task.client_id)
    [first, second] = reading.known(db, task.client_id, [sha])[sha]
    assert first == Word("Half price", (5, 0, 90, 20), 20, 1.0) and second.confidence == 0.9
    assert image_texts.latest(db, task.client_id, sha).reviewer == "Ada"
    again = import_images(db, task, there)
    assert (again.unchanged, again.problems) == (4, 0), "the same import finds the words put right"
    image_texts.correct(db, task.client_id, sha, "Half price\non boots\nUntil May", "Bob")
    assert image_texts.undo(db, task.client_id, sha) == 2 and assets(db)["1"] == "Half price\non boots"
    image_texts.undo(db, task.client_id, sha)
    assert assets(db) == before and image_texts.latest(db, task.client_id, sha) is None
    in_order(db, task.client_id)
    told = db.execute(
        "select detail ->> '$.words' from audit_trail where what like 'words on image%' order by id"
    ).fetchall()
    assert told == [("put right",), ("put right",), ("taken back",), ("taken back",)]
    with pytest.raises(InputError, match="Nobody has put"):
        image_texts.undo(db, task.client_id, sha)


def test_what_is_no_correction(db, task, there):
    sha, before = sha_of(db, "1"), assets(db)
    for text, who, why in (
        ("Haif price\non boots", "Ada", "as they were"),
        ("Half price", " ", "Nobody is named"),
        (" \n", "Ada", "Nothing would be left"),
    ):
        with pytest.raises(InputError, match=why):
            image_texts.correct(db, task.client_id, sha, text, who)
    with pytest.raises(InputError, match="not there any more"):
        image_texts.correct(db, task.client_id, "0" * 64, "Half price", "Ada")
    assert assets(db) == before and not db["image_corrections"].count


def test_corrections_go_with_their_images(db, task, there):
    for external_id in ("1", "4"):
        image_texts.correct(db, task.client_id, sha_of(db, external_id), "Other words", "Ada")
    removal.remove_assets(db, task.client_id, ["4"])
    assert db["image_corrections"].count == 1
    removal.remove_client(db, task.client_id)
    assert not db["image_corrections"].count


def test_texts_from_before_large_words_were_marked_stay_as_they_are(db, task, tmp_path):
    put(db, task, tmp_path / "in" / "a.png", "Half price\non boots\nand more")
    sha = kept.sha256((tmp_path / "in" / "a.png").read_bytes())
    sizes = [
        Word("Half price", (0, 0, 9, 60), 60, 0.9),
        *(Word(one, (0, 0, 9, 20), 20, 0.9) for one in ("on boots", "and more")),
    ]
    with db.atomic():
        db.execute("update images set words = ?", [words.to_json(sizes)])
    import_images(db, task, tmp_path / "in")
    assert assets(db) == {"a.png": "# Half price\non boots\nand more"}
    with db.atomic():
        db.execute("update assets set text = ?", [words.plain_of(sizes)])
    again = import_images(db, task, tmp_path / "in")
    assert (again.unchanged, again.problems) == (1, 0) and assets(db) == {"a.png": words.plain_of(sizes)}
    image_texts.correct(db, task.client_id, sha, "Half prices\non boots\nand more", "Ada")
    assert assets(db) == {"a.png": "Half prices\non boots\nand more"}
    assert db.execute("select extra ->> '$.\"large words on the image\"' from assets").fetchone()[0] == "Half prices"


def test_images_without_words_are_read_when_there_is_a_reader(db, task, there, monkeypatch):
    """A stand-in for the reader's processes answers; what a person put right is not asked for."""
    asked, broken = [], sha_of(db, "3")

    class Readers(reading.Readers):
        def ask(self, path):
            asked.append(path.stem)
            if path.stem == broken:
                return {"what": "brings the reader down."}
            return {"words": words.to_json([Word("Read anew", (0, 0, 9, 9), 9, 0.9)])}

    monkeypatch.setattr(reading, "Readers", Readers)
    monkeypatch.setattr(reading, "reader", lambda: "rapidocr 99")
    monkeypatch.setattr(words, "installed", lambda: True)
    image_texts.correct(db, task.client_id, sha_of(db, "4"), "By a person", "Ada")
    with db.atomic():
        db.execute("update images set words = null, read_by = null where sha256 = ?", [sha_of(db, "1")])
        db.execute("update assets set text = 'Typed' where external_id = '2'")
    assert image_texts.unread(db, task.client_id) == 2
    told = jobs.run_here(db, "read_images", {"task_id": task.id}, task).result
    assert told == {"read": 1, "unreadable": 1, "changed": 2} and len(asked) == 2
    assert assets(db) == {
        "1": "Haif price\non boots\nRead anew", "2": "Typed\nRead anew", "3": "Haif price\non boots", "4": "By a person",
    }  # fmt: skip
    assert image_texts.unread(db, task.client_id) == 1
