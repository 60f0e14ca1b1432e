"""Images on the pages: brought in, shown beside their words, whatever they are called."""

from __future__ import annotations

import base64
import csv
import io
import zipfile
from functools import partial

import pytest

from core import distil, jobs, tasks
from core.evaluate.disagreements import results
from core.images import kept, reading, words
from core.images.words import Word
from core.report import content, html
from core.train.registry import set_live
from tests.images import pictures
from tests.pages.test_pages import ask, shown

NAME = "<img src=evil onerror=1> [evil](http://evil.example) $evil$.png"


def give(db, task) -> None:
    """All assets of a client one image."""
    data = pictures.saved(pictures.drawn())
    kept.enter(db, [kept.keep(task.client_id, data)])
    with db.atomic():
        db.execute("update assets set image = ? where client_id = ?", [kept.sha256(data), task.client_id])


def test_images_come_in_on_the_assets_page(open_page, db, tmp_path):
    task = tasks.of(db, "Acme")
    data = pictures.saved(pictures.drawn("Half price"))
    kept.enter(db, [kept.keep(task.client_id, data)])
    with db.atomic():
        found = words.to_json([Word("Half price <b>today</b>", (1, 1, 90, 30), 30, 0.9)])
        db.execute("update images set words = ?", [found])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(NAME, data)
        archive.writestr("bad.png", b"")
    app = open_page("assets", task)
    uploader = next(one for one in app.file_uploader if one.label == "Images")
    uploader.set_value([("creatives.zip", out.getvalue(), "application/zip")]).run()
    rows = next(one for one in app.file_uploader if one.label.startswith("Table that names"))
    rows.set_value(("rows.csv", f'file,label\n"{NAME}",Sale\nbad.png,Sale\n'.encode(), "text/csv")).run()
    assert not app.exception, [error.value for error in app.exception]
    next(one for one in app.button if one.label == "Import the images").click().run()
    [job] = jobs.active(db, task)
    told = jobs.run_here(db, "import_images", job.params, task).result
    assert (told["imported"], told["problems"], told["rows"]) == (1, 1, 2)
    app = open_page("assets", task)
    table = next(one.value for one in app.dataframe if "Image" in one.value)
    assert table["Asset"].tolist() == [NAME]
    cell = base64.b64decode(table["Image"][0].partition(",")[2]).decode()
    assert cell.startswith("<svg") and base64.b64decode(cell.split("base64,")[1].partition('"')[0]).startswith(
        b"\xff\xd8"
    )
    told = next(one.value for one in app.dataframe if "What to do" in one.value)
    assert told["What"].tolist() == ["bad.png is empty. The row was left out."]


def test_the_reader_is_asked_for_where_there_is_none(open_page, db, monkeypatch):
    def missing():
        raise reading.WITHOUT_READER

    monkeypatch.setattr(reading, "reader", missing)
    assert "requirements-images" in shown(open_page("assets", tasks.of(db, "Acme")))


def test_images_are_classified_on_the_deploy_page_and_named_in_exports(open_page, filled):
    task = tasks.named(filled, "Northwind")
    give(filled, task)
    student = filled.execute("select id from students where task_id = ?", [task.id]).fetchone()[0]
    set_live(filled, student)
    found = words.to_json([Word("Half price <b>today</b>", (1, 1, 90, 30), 30, 0.9)])
    filled.execute("update images set words = ?", [found])
    filled.conn.commit()
    app = open_page("deploy", task)
    assert "-F image=@creative.png" in " ".join(one.value for one in app.code)
    uploader = next(one for one in app.file_uploader if one.label.startswith("Images, alone"))
    uploader.set_value([(NAME, pictures.saved(pictures.drawn()), "image/png"), ("bad.png", b"", "image/png")]).run()
    next(one for one in app.button if one.label == "Classify the images").click().run()
    assert not app.exception
    [job] = jobs.active(filled, task)
    told = jobs.run_here(
        filled, "score", job.params | {"output": job.params["output"].replace(".xlsx", ".csv")}, task
    ).result
    assert (told["rows"], told["left_out"]) == (1, 1)
    with open(told["output"], encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["image file"] == NAME and row["words on the image"] == "Half price <b>today</b>" and row["category"]
    table = results(filled, student)
    assert table["image file"].tolist() == table["asset"].tolist(), "the id, where the table names no other"
    assert f'<img src="data:image/jpeg;base64,{encoded_thumbnail(task)}" alt="The image of asset ' in html.render(
        content.of(filled, task, str(student))
    )


def encoded_thumbnail(task) -> str:
    sha = kept.sha256(pictures.saved(pictures.drawn()))
    return base64.b64encode(kept.thumbnail(task.client_id, sha).read_bytes()).decode()


@pytest.mark.parametrize("page", ["review", "compare", "try_one"])
def test_an_image_stands_beside_its_words(open_page, filled, page):
    task = tasks.named(filled, "Northwind")
    give(filled, task)
    jobs.run_here(filled, "review_queue", {"task_id": task.id}, task)
    app = open_page(page, task, reviewer="Ada")
    if page == "try_one":
        assert any("Or an image" in one.label for one in app.file_uploader)
        text = filled.execute("select text from assets where client_id = ? limit 1", [task.client_id]).fetchone()[0]
        app.text_area(key="try-text").set_value(text)
        next(one for one in app.button if one.label == "Ask student and teacher").click().run()
    if page == "compare":
        ask(app, "Where does it differ?")
        assert any("Image" in one.value for one in app.dataframe)
    else:
        assert app.get("image")
    if page == "try_one":
        why = next(one for one in app.expander if one.label.startswith("Why this tag"))
        assert len(why.get("image")) == len(why.text) > 0, "each of the nearest has its own"
    assert not app.exception


def test_words_are_put_right_beside_the_image(open_page, filled):
    task = tasks.named(filled, "Northwind")
    give(filled, task)
    asset = asset_of(filled, task)
    before, count = (
        asset["text"],
        filled.execute("select count(*) from assets where client_id = ?", [task.client_id]).fetchone(),
    )
    app = open_page("assets", task, reviewer="Ada")
    key = next(one.key for one in app.dataframe if "Image" in one.value)
    app.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    area = next(one for one in app.text_area if one.label.startswith("Words on the image"))
    assert area.value == ""
    area.set_value("Added <b>by hand</b>").run()
    next(one for one in app.button if one.label == "Save the words").click().run()
    assert not app.exception and asset_of(filled, task)["text"] == before + "\nAdded <b>by hand</b>"
    assert "Put right by Ada" in shown(app)
    next(one for one in app.button if one.label == "Take it back").click().run()
    assert asset_of(filled, task)["text"] == before and count


def asset_of(db, task) -> dict:
    return next(db.query("select * from assets where client_id = ? order by id limit 1", [task.client_id]))


def test_the_second_sample_client_is_one_click_from_a_verdict_on_both_facets(open_page, db, monkeypatch):
    """Fewer creatives and the cheapest student, where nothing reads images."""
    monkeypatch.setattr(words, "installed", lambda: False)
    monkeypatch.setattr(reading, "reader", lambda: (_ for _ in ()).throw(reading.WITHOUT_READER))
    monkeypatch.setitem(distil.IMAGES_SAMPLE, "student", "linear")
    monkeypatch.setattr(distil.sample_pictured, "write", partial(distil.sample_pictured.write, rows=80))
    app = open_page("overview")
    assert "so their words come typed" in shown(app)
    app.button(key="sample-images").click().run()
    [job] = jobs.active(db)
    told = jobs.run_here(db, "distil", job.params, tasks.get(db, job.task_id)).result
    assert set(told["tasks"]) == {"Topic", "Funnel stage"} and told["assets"]["imported"] == 80
    for one in told["tasks"].values():
        assert one["labels"]["count"] > 70 and one["verdict"]["decision"]
    text, copied = db.execute("select text, (select count(*) from images) from assets limit 1").fetchone()
    assert text and copied == 80
    app = open_page("overview")
    assert not any(one.key == "sample-images" for one in app.button)
