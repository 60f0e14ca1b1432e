"""The Assets page: which taxonomy is in use and what another costs, files that cannot be used, fresh figures."""

from __future__ import annotations

import json

import pytest

from core import database, jobs, tasks, taxonomy
from core.assets.imports import import_assets
from core.commands import reading
from core.tables.column_names import TAXONOMY_NAMES
from core.taxonomy.categories import Category
from core.ui import mapping, taxonomy_columns
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


FACETS = b"facet,name\nFormat,Video\nFormat,Static\nOffer,Yes\nOffer,No\n"


def test_every_role_that_a_taxonomy_file_knows_is_asked_about_on_the_page_and_by_command(open_page, db):
    assert set(taxonomy_columns.ROLES) == {*TAXONOMY_NAMES, "level"} == set(reading.TAXONOMY_COLUMNS)
    tasks.of(db, "Northwind")
    data = b"facet,name,pick\nFormat,Video,one\nFormat,Static,one\nOffer,Yes,several\nOffer,No,several\n"
    app = upload(open_page("assets"), TAXONOMY, "facets.csv", data)
    table = next(one.value for one in app.dataframe if "Facet" in one.value)
    assert table["An asset has"].tolist() == ["one", "several"] and not any(
        "Not used" in one.value for one in app.caption
    )


def test_a_file_of_facets_says_what_becomes_of_each_and_makes_their_tasks(open_page, db):
    task = tasks.of(db, "Northwind")
    app = upload(open_page("assets"), TAXONOMY, "facets.csv", FACETS)
    table = next(one.value for one in app.dataframe if "Facet" in one.value)
    assert table["Facet"].tolist() == ["Format", "Offer"]
    button(app, "Make a task of each facet").click().run()
    assert not app.exception and "2 tasks have their taxonomy now." in [one.value for one in app.success]
    assert [one.name for one in tasks.of_client(db, task.client_id)] == ["Format", "Offer"]
    assert button(app, "Make a task of each facet").disabled
    upload(app, ASSETS, "a.csv", b"id,headline,format,recorded_offer\n1,Watch it,Video,Yes\n2,Look,Static,No\n")
    assert [one.value for one in app.selectbox if one.label == "Offer"] == ["recorded_offer"]
    (card,) = [one for one in app.selectbox if one.label.replace("\\", "") == "recorded_offer"]
    assert card.value == "" and "another task's label" in card.options and "not used" not in card.options


def test_gold_labels_and_splits_are_those_of_now(open_page, db):
    client = bring_in_many(db, "Northwind", 60)
    app = open_page("assets")
    assert figures(app)["Gold labels"] == "0"
    assert "Splits: not yet 60" in [one.label for one in app.expander]
    (category, *_) = taxonomy.load(db, taxonomy.latest(db, client))
    db.execute(
        "insert into reviews (task_id, asset_id, reviewer, category_id, created, mode)"
        " select 2, id, 'Ada', ?, ?, 'queue' from assets limit 11",
        [category.id, database.now()],
    )
    db.execute("update assets set split = case when id % 3 then 'train' else 'test' end")
    db.conn.commit()
    app.run()
    assert figures(app)["Gold labels"] == "11"
    assert "Splits: train 40, test 20" in [one.label for one in app.expander]


def test_a_header_alone_is_refused_when_it_is_read(open_page, db):
    tasks.of(db, "Northwind")
    app = upload(open_page("assets"), ASSETS, "bare.csv", b"asset_id,headline\n")
    assert [error.value.replace("\\", "") for error in app.error] == [
        "bare.csv: The file has a header but no rows. Add a row for each asset below the header."
    ]
    assert "Import assets" not in [one.label for one in app.button]


def test_how_a_file_failed_is_not_shown_beside_another(open_page, db):
    client = tasks.of(db, "Northwind")
    app = upload(open_page("assets"), ASSETS, "blank.csv", b"asset_id,headline\nA-1,\nA-2,\n")
    role(app, "headline").set_value("text").run()
    button(app, "Import assets").click().run()
    (job,) = jobs.recent(db, client)
    db.execute("update jobs set state = 'failed', error = 'Not one row could be used.' where id = ?", [job.id])
    db.conn.commit()
    app.run()
    assert "Not one row" in "".join(error.value for error in app.error), "its own file is still on show"
    upload(app, ASSETS, "good.csv", b"asset_id,headline\nA-1,Buy one and get one free\n")
    assert not app.error and not button(app, "Import assets").disabled


def test_a_file_without_text_says_what_to_add(open_page, db):
    tasks.of(db, "Northwind")
    app = upload(open_page("assets"), ASSETS, "numbers.csv", b"id,price\n1,2.50\n2,3.75\n")
    assert "No column of the file holds text: add one with each asset's words" in shown(app)
    assert "Choose at least one text column." not in shown(app) and button(app, "Import assets").disabled
    upload(app, ASSETS, "texts.csv", b"id,headline\n1,Buy one and get one free\n")
    role(app, "headline").set_value("").run()
    assert "Choose at least one text column." in shown(app)


def test_one_of_a_kind_is_not_many(open_page, db, tmp_path):
    client = tasks.of(db, "Northwind")
    file = tmp_path / "one.csv"
    file.write_text("asset_id,headline\nA-1,Buy one and get one free\n")
    taxonomy.save(db, client, [taxonomy.Category("Contest", "Contest")], "one.csv")
    jobs.run_here(db, "import_assets", {"task_id": client.id, "path": str(file), "filename": "one.csv"}, task=client)
    app = upload(open_page("assets"), TAXONOMY, "two.csv", b"name\nGiveaway\n")
    said = shown(app)
    assert "1 category in the file." in said and "in use: 1 category," in said and "1 row read" in said


def test_columns_of_a_taxonomy_can_be_chosen_where_none_was_found(open_page, db):
    client = tasks.of(db, "Acme")
    app = open_page("assets", task=client)
    app.file_uploader(key="taxonomy-file").set_value(
        ("t.csv", b"alpha,beta\nShoes,For feet\nHats,For heads\n", "text/csv")
    ).run()
    assert not app.exception
    assert "choose it above" in "\n".join(str(one.value) for one in app.warning)
    next(box for box in app.selectbox if box.label == "Category name").select("alpha").run()
    next(button for button in app.button if button.label == "Use this taxonomy").click().run()
    assert [c.label for c in taxonomy.load(db, taxonomy.latest(db, client))] == ["Shoes", "Hats"]


def test_labels_that_are_near_are_settled_by_value_and_the_file_is_read_again(open_page, db, tmp_path):
    client = tasks.of(db, "Acme")
    (tmp_path / "t.csv").write_text("name\nDisney+\nCanal+\n")
    taxonomy.save(db, client, taxonomy.read(tmp_path / "t.csv").categories, "t.csv")
    path = tmp_path / "a.csv"
    path.write_text(
        "id,text,label\n1,stream one now,Disney\n2,stream two today,Disney\n3,stream three,Canal+\n4,fly away,Air\n"
    )
    params = {"task_id": client.id, "path": str(path), "filename": "a.csv", "mapping": None}
    jobs.run_here(db, "import_assets", params, task=client)
    app = open_page("assets", task=client)
    said = "\n".join(str(one.value) for one in app.text).replace("\\", "")
    assert "2 labels “Disney” are no category; near: Disney+" in said
    button = next(one for one in app.button if one.label == "Use these labels")
    assert button.disabled, "what is near is offered, not taken"
    app.toggle[0].set_value(True).run()
    next(one for one in app.button if one.label == "Use these labels").click().run()
    job = jobs.recent(db, client, limit=1)[0]
    assert job.params["accepted"] == {"Disney": "Disney+"}
    jobs.run_queued(job.id)
    assert db.execute("select count(*) from recordings").fetchone()[0] == 3
    assert "0 new, 4 there already, 2 labels taken anew" in shown(open_page("assets", task=client))


@pytest.mark.parametrize(("page", "key"), [("assets", "taxonomy-file"), ("assets", "assets-file")])
def test_every_uploader_takes_every_kind_of_table(open_page, db, page, key):
    app = open_page(page, task=tasks.of(db, "Acme"))
    kinds = ("csv", "tsv", "txt", "xlsx", "xlsm", "json", "jsonl", "ndjson", "parquet")
    assert {kind.lstrip(".") for kind in app.file_uploader(key=key).proto.type} == set(kinds)


def role(app, column: str):
    """The select box of a column's role."""
    return next(one for one in app.selectbox if one.label.replace("\\", "") == column)


def test_each_column_shows_values_and_the_role_it_is_given(open_page, filled):
    rows = "".join(
        f"{n},{n}00.5,Buy {n} of these and get one free,Seasonal sale,http://a.example/{n}\n" for n in range(30)
    )
    app = upload(open_page("assets"), ASSETS, "a.csv", f"nr,price,copy,label,link\n{rows}".encode())
    assert [role(app, name).value for name in ("nr", "price", "copy", "label", "link")] == [
        "id",
        "",
        "text",
        "label",
        "",
    ]
    said = "\n".join(one.value for one in app.caption).replace("\\", "")
    assert "belongs together" not in role(app, "link").options
    next(one for one in app.selectbox if one.label == "Belongs together").set_value(("link", None)).run()
    assert ["belongs together" in role(app, name).options for name in ("price", "link")] == [False, True]
    assert "Buy 0 of these and get one free" in said and "Buy 3 of these" not in said
    role(app, "price").set_value("label").run()
    assert "One column only can be the teacher's label: choose between price and label." in shown(app)
    assert "Import assets" not in [one.label for one in app.button]
    role(app, "label").set_value("gold").run()
    role(app, "price").set_value("").run()
    button(app, "Import assets").click().run()
    mapping = json.loads(filled.execute("select params from jobs order by id desc").fetchone()[0])["mapping"]
    assert (mapping["id"], mapping["text"], mapping["gold"], mapping["label"]) == ("nr", ["copy"], "label", None)


def test_a_wide_file_folds_what_is_not_used(open_page, filled):
    names = ["headline", *(f"metric {n}" for n in range(60))]
    app = upload(open_page("assets"), ASSETS, "w.csv", f"{','.join(names)}\nBuy one today{',1' * 60}\n".encode())
    assert "The other 60 columns: kept with each asset, read by nobody" in [one.label for one in app.expander]
    assert role(app, "headline").value == "text"


def box(app, label: str):
    return next(one for one in app.selectbox if label in one.label)


def test_what_a_file_leaves_open_is_asked_with_its_lines_and_the_columns_follow(open_page, filled):
    data = "Zoznam;Werbung\nNummer;Werbetext\n1;Schuhe für alle\n2;Hüte für alle\n".encode("mac-roman")
    app = upload(open_page("assets"), ASSETS, "a.csv", data)
    encoding = box(app, "encoding is not certain")
    assert "mac-roman: 1;Schuhe für alle" in "\n".join(one.value for one in app.code)
    encoding.select("mac-roman").run()
    assert not app.exception
    box(app, "column names").select("2").run()
    assert not app.exception
    assert role(app, "Werbetext").value == "text"
    button(app, "Import assets").click().run()
    assert not app.exception
    read = filled.execute("select params from jobs where kind = 'import_assets' order by id desc").fetchone()[0]
    assert '"encoding": "mac-roman"' in read and '"header": 2' in read


def test_a_file_read_without_doubt_can_still_be_read_another_way_and_serve_twice_on_the_page(open_page, filled):
    data = b"name,text\nShoes,red shoes for all\nHats,blue hats for all\n"
    app = upload(open_page("assets"), ASSETS, "a.csv", data)
    upload(app, TAXONOMY, "a.csv", data)
    [one for one in app.selectbox if one.label == "Cells are parted by"][-1].select("none").run()
    assert not app.exception
    assert role(app, "name,text")


def test_what_belongs_together_is_counted_before_the_import_and_can_be_chosen(open_page, db):
    tasks.of(db, "Northwind")
    names = [f"ACME_Line{n}_{market}_300x250_v1.png" for n in range(60) for market in ("UK", "DE")]
    rows = [f"A-{n},Offer {n * 17 % 120} of line {n // 2},C{n // 4}*,{name}" for n, name in enumerate(names)]
    app = upload(
        open_page("assets"), ASSETS, "a.csv", "\n".join(["asset_id,headline,master id,file_name", *rows]).encode()
    )

    def captions():
        return [one.value.replace("\\", "") for one in app.caption]

    assert "120 rows in 30 concepts (by master id); the largest has 4." in captions()
    box = next(one for one in app.selectbox if one.label == "Belongs together")
    assert box.options[-1] == "from the names in file_name" and box.options[0] == "(none)"
    box.select_index(len(box.options) - 1).run()
    assert "120 rows in 60 concepts (by the names in file_name); the largest has 2." in captions()
    next(one for one in app.selectbox if one.label == "Belongs together").select_index(0).run()
    assert not any("concepts (" in one for one in captions())


def test_the_templates_are_read_without_a_question_or_a_problem(db, tmp_path):
    from core.ui.uploads import TEMPLATES

    for kind, lines in TEMPLATES.items():
        (tmp_path / f"{kind}.csv").write_text(lines, "utf-8-sig")
    found = taxonomy.read(tmp_path / "taxonomy.csv")
    assert not found.problems and [one.key for one in found.categories if one.assignable] == ["R1", "R2"]
    client = tasks.of(db, "Acme")
    taxonomy.save(db, client, found.categories, "t.csv")
    params = {"task_id": client.id, "path": str(tmp_path / "assets.csv"), "filename": "assets.csv", "mapping": None}
    result = jobs.run_here(db, "import_assets", params, client).result
    assert (result["imported"], result["problems"], result["labels"]) == (2, 0, 2)


def test_assets_are_found_by_their_words(open_page, filled):
    app = open_page("assets")
    total = filled.execute("select count(*) from assets where text like '%weekend%'").fetchone()[0]
    next(one for one in app.text_input if one.label == "Search words or ids").input("weekend").run()
    assert not app.exception and f"{total} assets found" in shown(app)
    table = next(one.value for one in app.dataframe if "Words" in one.value)
    assert 0 < len(table) <= 50 and table["Words"].str.contains("weekend").all()


def test_an_import_counts_rows_as_its_preview_does_and_problems_apart_from_remarks(open_page, db, tmp_path):
    client = tasks.of(db, "Acme")
    rows = [f"a{n},Offer number {n} for everybody,{n}" for n in range(6)]
    (tmp_path / "r.csv").write_text("\n".join(["Ad report,,", "Ad ID,Headline,Clicks", *rows, "a7,,4", "Total,--,25"]))
    import_assets(db, client, tmp_path / "r.csv")
    app = open_page("assets")
    said = next(text.value for text in app.text if text.value.startswith("r.csv: "))
    assert said == "r.csv: 7 rows read, 6 new, 0 there already, 0 copies of another asset, 1 problem, 2 remarks"
    tables = {len(frame.value): list(frame.value["What"]) for frame in app.dataframe if "What" in frame.value.columns}
    assert "has no text" in tables[1][0] and any("Total" in what for what in tables[2])
    assert [one.label for one in app.expander if "emark" in one.label] == [
        "The 2 remarks by row: nothing to do, if what was done is right"
    ]


def test_a_long_value_on_a_card_ends_with_a_word_and_a_file_name_breaks_at_its_marks():
    text = "Our designers went back to the drawing board. See what they made. Credit cards"
    name = "NORTHWIND_NL_DISP_300x600_NewIn_V1_20260116.jpg"
    rows = [{"text": value} for value in (text, "x" * 90, name)]
    whole, endless, broken = mapping.samples(rows, "text")
    assert whole == "Our designers went back to the drawing board. See what they made…"
    assert len(endless) == mapping.LONGEST and endless.endswith("x…")
    assert broken.replace("\u200b", "") == name and broken.startswith("NORTHWIND_\u200bNL_\u200bDISP_\u200b300x600")


def test_names_that_carry_facets_are_taken_apart_where_a_person_says_so(open_page, db):
    topic = tasks.of(db, "Northwind", "Topic")
    market = tasks.add(db, topic.client_id, "Market")
    for task, names in ((topic, ("Boot", "Shoe")), (market, ("DE", "FR"))):
        taxonomy.save(db, task, [Category(name, name) for name in names], "t.csv")
    rows = [f"Acme_{p}_{m},The headline number {n}" for n in range(5) for p in ("Boot", "Shoe") for m in ("DE", "FR")]
    app = upload(open_page("assets"), ASSETS, "a.csv", "\n".join(["ad_name,headline", *rows]).encode())
    asked = next(one for one in app.selectbox if "3 parts by position" in one.label)
    assert asked.value == "whole names"
    asked.select("ad_name").run()
    assert any("20 of 20 names are made so." in one.value for one in app.caption)
    (table,) = [one.value for one in app.dataframe if "Part" in one.value]
    assert table["The commonest"].tolist() == ["Acme (20)", "Boot (10), Shoe (10)", "DE (10), FR (10)"]
    assert role(app, "ad_name 2") and next(one for one in app.selectbox if one.label == "Market").value == "ad_name 3"
