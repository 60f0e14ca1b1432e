"""Images as assets: every image and row is in or listed, copies by looks are one, and an import goes on where it was."""

from __future__ import annotations

import csv
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from core import jobs, removal, settings, tasks, taxonomy
from core.assets import image_import, profiles
from core.assets.image_import import import_images
from core.errors import InputError
from core.images import kept, reading, words
from core.images.words import Word
from tests.images import pictures

needs_reader = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="requirements-images.txt is not installed"
)


@pytest.fixture
def task(db):
    return tasks.of(db, "Acme")


def put(db, task, file: Path, text: str, data: bytes | None = None, size: int = 20) -> None:
    """An image in a folder, of which the words are known already: what was read is kept by content."""
    data = data if data is not None else pictures.saved(pictures.drawn(seed=sum(map(ord, text))))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    try:
        kept.enter(db, [kept.keep(task.client_id, data)])
    except image_import.Unfit:
        return
    found = [Word(line, (5, 30 * n, 90, size), size, 0.9) for n, line in enumerate(text.splitlines())]
    values = [words.to_json(found), task.client_id, kept.sha256(data)]
    with db.atomic():
        db.execute("update images set words = ?, read_by = 'a test' where client_id = ? and sha256 = ?", values)


def table(file: Path, *rows: tuple) -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(rows)
    return file


def assets(db) -> dict[str, str]:
    return dict(db.execute("select external_id, text from assets").fetchall())


def said(db, summary) -> list[str]:
    return [one.what for one in profiles.problems_of(db, summary.import_id) if not one.remark]


def test_a_folder_alone(db, task, tmp_path):
    put(db, task, tmp_path / "in" / "spring" / "a.png", "Half price\non boots")
    put(db, task, tmp_path / "in" / "b.jpg", "New phone plan")  # a PNG
    put(db, task, tmp_path / "in" / "wordless.png", "")
    put(db, task, tmp_path / "in" / "huge.png", "x", pictures.huge())
    put(db, task, tmp_path / "in" / "zero.gif", "x", b"")
    put(db, task, tmp_path / "in" / "notes.doc", "x", b"hello")
    summary = import_images(db, task, tmp_path / "in")
    assert assets(db) == {"b.jpg": "New phone plan", "spring/a.png": "Half price\non boots"}
    assert (summary.rows, summary.imported, summary.problems, summary.remarks) == (6, 2, 4, 1)
    assert [one.split(" ")[0] for one in said(db, summary)] == ["huge.png", "notes.doc", "wordless.png", "zero.gif"]
    [(extra, image)] = db.execute("select extra, image from assets where external_id = 'b.jpg'").fetchall()
    assert '"image size": "300x250"' in extra and '"image placement": "display 300x250"' in extra
    assert kept.original(task.client_id, image, "PNG").read_bytes() == (tmp_path / "in" / "b.jpg").read_bytes()
    again = import_images(db, task, tmp_path / "in")
    assert (again.imported, again.unchanged, again.import_id) == (0, 2, summary.import_id), (
        "the same again adds nothing"
    )


def test_a_table_whose_rows_name_the_images(db, task, tmp_path):
    for name in ("one.png", "two.png", "x/same.png", "y/same.png", "unnamed.png"):
        put(db, task, tmp_path / "in" / name, f"Words of {name}")
    put(db, task, tmp_path / "in" / "broken.png", "", pictures.huge())
    rows = table(
        tmp_path / "in" / "rows.csv",
        ("asset_id", "creative_file", "headline", "label", "market"),
        ("1", "ONE.PNG", "Typed", "Shoes", "DE"),
        ("2", "two", "", "Phones", "DE"),
        ("3", "same.png", "", "Phones", "UK"),
        ("4", "y\\same.png", "", "Phones", "UK"),
        ("5", "gone.png", "Typed alone", "Shoes", "UK"),
        ("6", "gone.png", "", "Shoes", "UK"),
        ("7", "broken.png", "", "Shoes", "UK"),
        ("8", "broken.png", "Typed, too", "Shoes", "UK"),
    )
    summary = import_images(db, task, tmp_path / "in")
    assert assets(db) == {
        "1": "Typed\nWords of one.png", "2": "Words of two.png", "4": "Words of y/same.png", "5": "Typed alone", "8": "Typed, too",
    }  # fmt: skip
    assert (summary.rows, summary.imported) == (8, 5)
    listed = profiles.problems_of(db, summary.import_id)
    assert {one.row for one in listed} == {4, 6, 7, 8, 9, None}
    assert [one.what.split(" ")[0] for one in listed if one.row is None] == ["unnamed.png", "x/same.png"]
    labels = dict(
        db.execute("select a.external_id, r.label from recordings r join assets a on a.id = r.asset_id").fetchall()
    )
    assert labels == {"1": "Shoes", "2": "Phones", "4": "Phones", "5": "Shoes", "8": "Shoes"}
    elsewhere = tmp_path / "rows.csv"
    shutil.move(rows, elsewhere)
    again = import_images(db, task, tmp_path / "in", rows=elsewhere, image_column="creative_file", label="label")
    assert (again.imported, again.unchanged) == (0, 5)
    with pytest.raises(InputError, match="no column 'nothing'"):
        import_images(db, task, tmp_path / "in", rows=elsewhere, image_column="nothing")


def test_a_table_of_paths(db, task, tmp_path):
    for name in ("north/a.png", "south/a.png", "A.png"):
        put(db, task, tmp_path / "in" / name, f"Words of {name}")
    put(db, task, tmp_path / "outside.png", "Not to be seen")
    paths = ("north/a.png", "south/a.png", "A.png", "../outside.png", "gone.png")
    rows = table(tmp_path / "in" / "rows.csv", ("path", "label"), *((one, "Shoes") for one in paths))
    summary = import_images(db, task, None, rows=rows, image_column="path")
    assert assets(db) == {name: f"Words of {name}" for name in paths[:3]}
    assert (summary.rows, summary.imported, summary.problems) == (5, 3, 2)
    assert import_images(db, task, None, rows=rows, image_column="path").unchanged == 3
    with pytest.raises(InputError, match="no column 'file'"):
        import_images(db, task, None, rows=rows, image_column="file")


def test_sizes_of_one_creative_are_one_and_never_split(db, task, tmp_path):
    one, other = pictures.drawn(seed=1, size=(600, 500)), pictures.drawn(seed=2, size=(600, 500))
    text = "Half price on all boots this week"
    put(db, task, tmp_path / "in" / "a.png", text, pictures.saved(one))
    put(db, task, tmp_path / "in" / "b.jpg", f"{text} only", pictures.saved(one.resize((300, 250)), "JPEG"))
    put(db, task, tmp_path / "in" / "c.png", "Meet the new spring range", pictures.saved(one.resize((336, 280))))
    put(db, task, tmp_path / "in" / "d.png", "Something else again", pictures.saved(other))
    summary = import_images(db, task, tmp_path / "in")
    groups = dict(db.execute("select external_id, group_id from assets").fetchall())
    assert groups["a.png"] == groups["b.jpg"] and summary.duplicates == 1
    assert len(set(groups.values())) == 3, "a template with other words is another creative"
    db.execute("update assets set split = 'test' where group_id = ?", [groups["a.png"]])
    put(db, task, tmp_path / "later" / "e.webp", f"{text} !!! now", pictures.saved(one.resize((480, 400)), "WEBP"))
    import_images(db, task, tmp_path / "later")
    [row] = db.execute("select group_id, split from assets where external_id = 'e.webp'").fetchall()
    assert row == (groups["a.png"], "test")


def test_what_is_no_import(db, task, tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no image that can be used"):
        import_images(db, task, tmp_path / "in")
    put(db, task, tmp_path / "in" / "a.png", "Words")
    table(tmp_path / "in" / "rows.csv", ("id", "headline"), ("1", "no image is named here"))
    with pytest.raises(InputError, match="No column of the table names the images"):
        import_images(db, task, tmp_path / "in")
    table(tmp_path / "in" / "more.csv", ("id", "file"), ("1", "a.png"))
    with pytest.raises(InputError, match="holds 2 tables"):
        import_images(db, task, tmp_path / "in")
    assert not db["assets"].count


def test_without_a_reader_typed_words_do_and_nothing_else_does(db, task, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "reader", lambda: (_ for _ in ()).throw(reading.WITHOUT_READER))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(pictures.saved(pictures.drawn("Sale")))
    with pytest.raises(InputError, match=r"requirements-images\.lock"):
        import_images(db, task, tmp_path / "in")
    table(tmp_path / "in" / "rows.csv", ("file", "headline"), ("a.png", "Typed"))
    summary = import_images(db, task, tmp_path / "in")
    assert assets(db) == {"a.png": "Typed"} and "could not be read" in said(db, summary)[0]


def test_what_is_removed_takes_its_images_along(db, task, tmp_path):
    put(db, task, tmp_path / "in" / "a.png", "Half price")
    put(db, task, tmp_path / "in" / "b.png", "New phone plan")
    summary = import_images(db, task, tmp_path / "in")
    removal.remove_assets(db, task.client_id, ["a.png"])
    left = {file.name for file in kept.folder(task.client_id).rglob("*.*")}
    [sha] = [row[0] for row in db.execute("select sha256 from images")]
    assert left == {f"{sha}.png", f"{sha}.small.jpg"}
    removal.undo_import(db, task.client_id, summary.import_id)
    assert not [*kept.folder(task.client_id).rglob("*.*")] and not db["images"].count
    (tmp_path / "in" / "b.png").unlink()
    put(db, task, tmp_path / "in" / "a.png", "Half price")
    import_images(db, task, tmp_path / "in")
    removal.remove_client(db, task.client_id)
    assert not kept.folder(task.client_id).exists() and not db["images"].count


@needs_reader
def test_a_zip_is_read_and_its_labels_teach(db, task, tmp_path, workspace):
    path, rows = tmp_path / "creatives.zip", [("file", "label")]
    with zipfile.ZipFile(path, "w") as archive:
        for n, (text, label) in enumerate(
            [("Running shoes", "Shoes"), ("New phone plan", "Phones"), ("Winter boots", "Shoes")]
        ):
            archive.writestr(f"ads/{n}.png", pictures.saved(pictures.drawn(text, seed=n)))
            rows.append((f"{n}.png", label))
        archive.writestr("../evil.png", pictures.saved(pictures.drawn("Evil")))
        archive.write(table(tmp_path / "rows.csv", *rows), "ads/rows.csv")
    taxonomy.save(
        db, task, taxonomy.read(table(tmp_path / "t.csv", ("category",), ("Shoes",), ("Phones",))).categories, "t.csv"
    )
    told = jobs.run_here(db, "import_images", {"task_id": task.id, "path": str(path)}, task).result
    assert assets(db) == {
        "ads/0.png": "Running shoes", "ads/1.png": "New phone plan", "ads/2.png": "Winter boots",
    }  # fmt: skip
    assert told["labels"] == 3 and told["imported"] == 3
    [found] = [words.from_json(row[0]) for row in db.execute("select words from images where words like '%phone%'")]
    assert found[0].confidence > 0.8 and 20 < found[0].size < 60 and found[0].box[0] < 40


@needs_reader
def test_an_import_that_was_killed_reads_nothing_twice(db, task, tmp_path):
    (tmp_path / "in").mkdir()
    for n in range(8):
        (tmp_path / "in" / f"{n}.png").write_bytes(pictures.saved(pictures.drawn(f"Offer {n}\nfor you", seed=n)))
    program = (
        "import sys; from core import database, jobs, tasks; db = database.connect(); task = tasks.of(db, 'Acme');"
        "jobs.run_here(db, 'import_images', {'task_id': task.id, 'path': sys.argv[1]}, task)"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "in")], cwd=settings.ROOT, start_new_session=True
    )
    read = "select count(*) from images where words is not null"
    deadline = time.monotonic() + 240
    while db.execute(read).fetchone()[0] < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = db.execute(read).fetchone()[0]
    assert 2 <= before < 8 and not db["assets"].count
    with db.atomic():
        db.execute("update images set read_by = 'before' where words is not null")
    told = jobs.run_here(db, "import_images", {"task_id": task.id, "path": str(tmp_path / "in")}, task).result
    assert told["imported"] == 8
    assert db.execute("select count(*) from images where read_by = 'before'").fetchone()[0] == before
