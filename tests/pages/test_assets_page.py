"""The Assets page: which taxonomy is in use and what another costs, files that cannot be used, fresh figures."""

from __future__ import annotations

from core import db as database
from core import jobs
from core.ingest import taxonomy
from tests.pages.clients import bring_in_many, write_files
from tests.pages.test_pages import links, shown

TAXONOMY, ASSETS = 0, 1
NEXT = b"name,description\nContest,Win something\nSeasonal sale,Cheaper for a while\n"


def button(app, label):
    return next(one for one in app.button if one.label == label)


def upload(app, place: int, name: str, data: bytes):
    app.file_uploader[place].set_value((name, data, "text/csv")).run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def figures(app) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def test_the_version_in_use_is_named_and_its_own_file_changes_nothing(open_page, filled, tmp_path):
    file, _ = write_files(tmp_path / "again")
    app = open_page("assets")
    assert "Version 1 is in use: 4 categories, from taxonomy.csv." in shown(app)
    upload(app, TAXONOMY, "copy.csv", file.read_bytes())
    assert "This taxonomy is in use already." in shown(app)
    assert button(app, "Use this taxonomy").disabled
    assert "will not hold" not in shown(app)


def test_another_taxonomy_says_how_many_labels_will_not_hold(open_page, filled):
    app = upload(open_page("assets"), TAXONOMY, "next.csv", NEXT)
    assert "the 360 labels under the version in use will not hold" in shown(app)
    assert "Change the taxonomy and keep the labels" in links(app)
    button(app, "Use this taxonomy").click().run()
    assert "Version 2 is in use: 2 categories, from next.csv." in shown(app)
    assert [one.value for one in app.toast] == ["Taxonomy saved."]
    assert button(app, "Use this taxonomy").disabled and "will not hold" not in shown(app)
    assert len(list(filled.query("select id from taxonomies"))) == 2


def test_gold_labels_and_splits_are_those_of_now(open_page, db):
    client = bring_in_many(db, "Northwind", 60)
    app = open_page("assets")
    assert figures(app)["Gold labels"] == "0"
    assert "Splits: not yet 60" in [one.label for one in app.expander]
    (category, *_) = taxonomy.load(db, taxonomy.latest(db, client))
    db.execute(
        "insert into reviews (asset_id, reviewer, category_id, created, mode) select id, 'Ada', ?, ?, 'queue' from assets limit 11",
        [category.id, database.now()],
    )
    db.execute("update assets set split = case when id % 3 then 'train' else 'test' end")
    db.conn.commit()
    app.run()
    assert figures(app)["Gold labels"] == "11"
    assert "Splits: train 40, test 20" in [one.label for one in app.expander]
