"""A workspace of the schema before tasks: one sentence when it is opened, and its labels come out as files that import again."""

from __future__ import annotations

import csv
import sqlite3

import pytest

from core import database, rescue, tasks, taxonomy
from core.assets import imports
from core.errors import InputError

# The tables of that schema which hold what is taken along.
OLD = """
create table _sqlite_migrations (migration_set text, name text, applied_at text);
insert into _sqlite_migrations values ('understudy', 'm001_first_schema', '');
create table clients (id integer primary key, name text);
insert into clients values (1, 'Acme & Söhne'), (2, 'Empty');
create table taxonomies (id integer primary key, client_id integer, version integer);
insert into taxonomies values (1, 1, 1), (2, 1, 2);
create table categories (id integer primary key, taxonomy_id integer, position integer, label text, name text, key text,
    parent_id integer, description text, examples text, assignable integer);
insert into categories values (1, 1, 0, 'Old', 'Old', null, null, '', '[]', 1),
    (4, 2, 2, 'Retail', 'Retail', null, null, '', '[]', 0),
    (2, 2, 0, 'Sale', 'Sale', null, 4, 'Less money', '["50 % off; today"]', 1), (3, 2, 1, '=Offer', '=Offer', null, 4, '', '[]', 1);
create table assets (id integer primary key, client_id integer, external_id text, text text, group_id integer, split text,
    split_given integer, extra text);
insert into assets values (1, 1, '007', 'Half the price,
today only', 1, 'test', 1, '{"market": "DE"}'), (2, 1, 'b', 'An offer', 2, 'train', 0, null),
    (3, 1, 'c', 'an offer', 2, 'train', 0, null);
create table recordings (asset_id integer, source text, label text);
insert into recordings values (1, 'model', 'Sale'), (2, 'model', '=Offer');
create table label_runs (id integer primary key, client_id integer, teacher text);
insert into label_runs values (1, 1, 'connection:GPT'), (2, 1, 'connection:GPT'), (3, 1, 'recorded:model');
create table labels (run_id integer, asset_id integer, category_id integer);
insert into labels values (1, 1, 3), (2, 1, 2), (2, 2, 3), (3, 1, 2);
create table gold_labels (client_id integer, asset_id integer, label text);
insert into gold_labels values (1, 2, 'Sale')
"""


@pytest.fixture
def old(workspace):
    workspace.mkdir()
    with sqlite3.connect(workspace / "understudy.db") as db:
        db.executescript(OLD)
    db.close()
    return workspace


def test_an_old_workspace_is_not_opened_and_says_the_way_out(old):
    before = (old / "understudy.db").read_bytes()
    with pytest.raises(InputError, match=r"earlier version .* rescue --to FOLDER"):
        database.connect()
    assert (old / "understudy.db").read_bytes() == before


def test_its_taxonomy_assets_and_labels_import_again(old, tmp_path, monkeypatch):
    found, empty = rescue.files_of(old, tmp_path / "out")
    assert (found["assets"], found["labels"], empty["assets"]) == (3, ["model", "label by connection:GPT", "gold"], 0)
    folder = tmp_path / "out" / "1-Acme-S-hne"
    with (folder / "assets.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label by connection:GPT"] for row in rows] == ["Sale", "'=Offer", "'=Offer"], (
        "a copy has its group's label"
    )
    assert [row["split"] for row in rows] == ["test", "", ""] and rows[0]["market"] == "DE"
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "new"))
    db = database.connect()
    task = tasks.of(db, "Acme")
    categories = taxonomy.read(folder / "taxonomy.csv").categories
    taxonomy.save(db, task, categories, "taxonomy.csv")
    assert [(c.label, c.examples) for c in categories if c.assignable] == [
        ("Sale", ("50 % off; today",)),
        ("=Offer", ()),
    ]
    assert imports.import_assets(db, task, folder / "assets.csv").imported == 3
    stored = db.execute("select external_id, text from assets order by id").fetchall()
    assert stored[0] == ("007", "Half the price,\ntoday only")
    assert db.execute("select label from gold_labels").fetchall() == [("Sale",)]


def test_no_old_workspace_and_a_folder_in_use_get_a_sentence(old, tmp_path, workspace):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("")
    with pytest.raises(InputError, match="not empty"):
        rescue.files_of(old, tmp_path / "out")
    with pytest.raises(InputError, match="no workspace here"):
        rescue.files_of(tmp_path, tmp_path / "other")
    (workspace / "understudy.db").unlink()
    database.connect().close()
    with pytest.raises(InputError, match="no workspace of an earlier version"):
        rescue.files_of(workspace, tmp_path / "other")
