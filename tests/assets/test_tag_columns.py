"""Cells that hold several tags, taken apart as the column shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tasks, taxonomy
from core.assets import imports
from core.assets.tag_columns import MARKS, Reader, reader
from core.label import labelling, runs
from core.taxonomy import Category, Matcher, StoredCategory, tagsets

NAMES = ["Food", "Food, drink", "Travel", "B|W", "Cars; bikes", "Warm", "n/a"]
MATCH = Matcher([StoredCategory(name, name, id=number) for number, name in enumerate(NAMES, 1)])
PLAIN = st.lists(st.sampled_from(["Food", "Travel", "Warm"]), min_size=1, max_size=3, unique=True)


def read(cells, cell):
    return reader(dict.fromkeys(cells, 1), MATCH).read(cell)


@given(st.lists(PLAIN, min_size=1, max_size=20), st.sampled_from(MARKS), st.sampled_from(["", " "]))
def test_what_was_joined_by_any_mark_comes_apart_again(rows, mark, space):
    cells = [f"{mark}{space}".join(row) for row in rows]
    cells += [f"Food{mark}Travel"] * 2  # one cell at least shows the mark
    read_by = reader(dict.fromkeys(cells, 1), MATCH)
    for row, cell in zip(rows, cells):
        assert read_by.split(cell) == row
        assert read_by.read(cell).categories == tuple(sorted(NAMES.index(name) + 1 for name in row))


@given(st.lists(st.sampled_from(NAMES), max_size=6), st.sampled_from(MARKS))
def test_a_name_that_holds_the_mark_stays_whole(row, mark):
    cells = Reader(MATCH, mark, NAMES)
    tags = cells.read(mark.join(row))
    assert set(tags.categories or ()) >= {NAMES.index(name) + 1 for name in row} - {1} and not tags.unknown


@given(st.text(max_size=60), st.sampled_from(MARKS))
def test_any_cell_is_read_and_nothing_is_lost(cell, mark):
    tags = Reader(MATCH, mark, NAMES).read(cell)
    assert len(set(tags.categories or ())) == len(tags.categories or ())
    assert tags.categories is None or tags.categories == () or all(0 < id <= len(NAMES) for id in tags.categories)


def test_lists_as_programs_write_them_and_no_tag_at_all():
    cells = ["['Food, drink', 'Travel']", '["Warm"]', "[]", "Warm, Travel"]
    assert [read(cells, cell).categories for cell in cells] == [(2, 3), (6,), (), (3, 6)]
    assert read(cells, "no tag").categories == () and read(cells, "").categories is None
    assert read(cells, ", ,").categories is None


def test_doubled_tags_count_once_and_unknown_ones_are_told_apart():
    tags = read(["Food;Warm"], "Warm; warm;Funny ;Food")
    assert tags.categories == (1, 6) and tags.unknown == ("Funny",) and tags.doubled == ("warm",)


@pytest.fixture
def task(db):
    made = tasks.of(db, "Northwind", "Mood", kind="choose_several")
    taxonomy.save(db, made, [Category(name, name) for name in ("Food, drink", "Travel", "Warm")], "tags.csv")
    return made


def test_a_file_of_tags_comes_in_with_its_problems_by_row(db, task, tmp_path):
    rows = ['a,"Food, drink;Travel"', "b,Warm;Warm", "c,Travel;Funny;Warm", "d,Funny", "e,", "f,[]"]
    file = tmp_path / "assets.csv"
    file.write_text("text,label\n" + "".join(f"ad number {row}\n" for row in rows), encoding="utf-8")
    summary = imports.import_assets(db, task, file)
    told = [tuple(row) for row in db.execute("select row, what, remark from import_problems order by row").fetchall()]
    assert summary.imported == 6 and summary.problems == 2 and summary.unknown[0].value == "Funny"
    assert (4, "The label Funny is no category of the taxonomy; its other tags were kept.", 0) in told
    assert (5, "The label Funny is no category of the taxonomy; the asset was kept without it.", 0) in told
    assert [what for _, what, remark in told if remark] == ["1 cell names a tag twice; it counts once."]
    frame = runs.labelled(db, labelling.label(db, task, "recorded:label"))
    names = tagsets.labels(db, taxonomy.latest(db, task))
    said = dict(zip(frame.text.str[-1], frame.category_id.map(names)))
    assert said == {"a": "Food, drink; Travel", "b": "Warm", "c": "Travel; Warm", "f": "No tag"}


def test_labels_that_came_before_the_taxonomy_are_read_when_it_is_there(db, tmp_path):
    task = tasks.of(db, "Northwind", "Mood", kind="choose_several")
    file = tmp_path / "assets.csv"
    file.write_text("text,label\none ad,Warm|Travel\ntwo ads,Warm\n", encoding="utf-8")
    imports.import_assets(db, task, file)
    taxonomy.save(db, task, [Category(name, name) for name in ("Travel", "Warm")], "tags.csv")
    frame = runs.labelled(db, labelling.label(db, task, "recorded:label"))
    names = tagsets.labels(db, taxonomy.latest(db, task))
    assert frame.category_id.map(names).tolist() == ["Travel; Warm", "Warm"]


def test_shares_beside_the_tags_are_the_teachers_distribution(db, task, tmp_path):
    file = tmp_path / "assets.csv"
    head = "text,label,share_food_drink,share_travel,share_warm\n"
    file.write_text(f"{head}one ad,Warm;Travel,0.1,0.4,0.9\ntwo ads,Warm,0,0.2,x\n", encoding="utf-8")
    imports.import_assets(db, task, file)
    frame = runs.labelled(db, labelling.label(db, task, "recorded:label"), distributions=True)
    import numpy as np

    assert np.frombuffer(frame.distribution[0], np.float16).round(2).tolist() == pytest.approx(
        [0.1, 0.4, 0.9], abs=1e-3
    )
    assert frame.distribution[1] is None
