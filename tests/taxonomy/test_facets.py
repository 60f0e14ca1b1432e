"""Files that hold several taxonomies, one a facet: read apart, told where a facet asks nothing, refused where it is no facet."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import __main__ as cli
from core import database, settings, tasks, taxonomy
from core.assets.label_columns import of_facet
from core.errors import InputError
from core.taxonomy import facets, versions
from tests import small


def read(tmp_path, text, name="facets.csv"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return taxonomy.read(file)


def names(file):
    return {facet: [one.name for one in categories] for facet, categories in file.facets.items()}


def test_each_facet_has_its_own_categories_also_where_names_and_codes_repeat(tmp_path):
    offers = "Offer,1,Discount,\nOffer,2,Other,\nOffer,3,Half price,Discount\n"
    file = read(tmp_path, f"facet,code,name,parent\nFormat,1,Video,\nFormat,2,Other,\n{offers}")
    assert names(file) == {"Format": ["Video", "Other"], "Offer": ["Discount", "Other", "Half price"]}
    assert file.problems == [] and file.facets["Offer"][2].parent == "Discount"


def test_a_facet_is_one_however_it_is_written_and_goes_on_below_its_first_row(tmp_path):
    file = read(tmp_path, "dimension,category\nFormat,Video\n,Static\nformat,Carousel\nOffer,Yes\n,No\n")
    assert names(file) == {"Format": ["Video", "Static", "Carousel"], "Offer": ["Yes", "No"]}
    (told,) = file.problems
    assert told.remark and told.what.startswith("2 rows name no facet")


def test_a_json_file_and_its_children_may_name_facets(tmp_path):
    items = [
        {"facet": "Topic", "name": "Food", "children": [{"name": "Sweets", "facet": "Topic"}]},
        {"facet": "Offer", "name": "Yes"},
        {"facet": "Offer", "name": "No"},
    ]
    file = read(tmp_path, json.dumps(items), "facets.json")
    assert names(file) == {"Topic": ["Food", "Sweets"], "Offer": ["Yes", "No"]}
    assert file.facets["Topic"][1].parent == "Food"


def test_a_facet_with_one_category_asks_nothing_and_is_left_out(tmp_path):
    file = read(tmp_path, "facet,name\nOffer,Yes\nOffer,No\nBrand,Northwind\n")
    assert list(file.facets) == ["Offer"]
    assert [one.what for one in file.problems] == ["The facet Brand has one category, Northwind; it was left out."]
    with pytest.raises(InputError, match="No facet of the file has two categories"):
        read(tmp_path, "facet,name\nBrand,Northwind\n")


def test_who_wants_one_taxonomy_of_a_file_of_several_is_told(tmp_path):
    file = read(tmp_path, "facet,name\nOffer,Yes\nOffer,No\nFormat,Video\nFormat,Static\n")
    with pytest.raises(InputError, match="The file holds 2 facets: Offer, Format"):
        assert file.categories


def test_a_facet_says_whether_an_asset_may_have_several_of_its_categories(tmp_path):
    file = read(tmp_path, "facet,pick,name\nOffer,one,Yes\nOffer,,No\nMood,several,Warm\nMood,,Loud\n")
    assert file.picks == {"Offer": "choose_one", "Mood": "choose_several"}
    assert read(tmp_path, "name,pick\nWarm,many\nLoud,many\n").picks == {"": "choose_several"}
    assert read(tmp_path, "name\nWarm\nLoud\n").picks == {}
    with pytest.raises(
        InputError, match="Row 2 says that an asset has one category of the facet Mood, row 3 that it may"
    ):
        read(tmp_path, "facet,pick,name\nMood,one,Warm\nMood,several,Loud\n")
    with pytest.raises(InputError, match="is given as twelve"):
        read(tmp_path, "facet,pick,name\nOffer,twelve,Yes\nOffer,one,No\n")


def test_a_facet_of_several_may_ask_for_one_at_least(db, tmp_path):
    text = "facet,pick,name\nMood,One or  more,Warm\nMood,,Loud\nTone,several,Dry\nTone,,Wry\n"
    file = read(tmp_path, text)
    assert file.picks == dict.fromkeys(("Mood", "Tone"), "choose_several") and file.some == {"Mood"}
    rows = [{"facet": "Mood", "pick": "at least one", "name": name} for name in ("Warm", "Loud")]
    (tmp_path / "t.json").write_text(json.dumps(rows), encoding="utf-8")
    assert taxonomy.read(tmp_path / "t.json").some == {"Mood"}
    client = database.client_id(db, "Northwind")
    facets.make(db, client, file, "facets.csv")
    assert {task.name: settings.get(db, "may_be_none", task) for task in tasks.of_client(db, client)} == {
        "Mood": False,
        "Tone": True,
    }
    with pytest.raises(
        InputError, match="Row 2 says that an asset has one or more of the facet Mood, row 3 that it may"
    ):
        read(tmp_path, "facet,pick,name\nMood,1+,Warm\nMood,several,Loud\n")


def test_two_tasks_differ_in_more_than_case_and_space(db, tmp_path):
    client = tasks.of(db, "Northwind", "Übung").client_id
    for name in ("übung", " Übung ", "ÜBUNG"):
        with pytest.raises(InputError, match="has a task Übung already"):
            tasks.add(db, client, name)
    file = read(tmp_path, "facet,name\nÜbung,A\n übung,B\nÜBUNG ,C\n")
    assert list(file.facets) == ["Übung"] and len(file.facets["Übung"]) == 3
    (planned,) = facets.make(db, client, file, "facets.csv")
    assert planned.task.name == "Übung" and len(tasks.of_client(db, client)) == 1


def test_too_many_facets_are_another_column(tmp_path):
    rows = "".join(f"F{number},A\nF{number},B\n" for number in range(51))
    with pytest.raises(InputError, match="51 facets, at most 50"):
        read(tmp_path, f"facet,name\n{rows}")


@given(st.lists(st.tuples(st.sampled_from(["", "A", "a ", "B"]), st.sampled_from(["x", "y", "z", ""])), min_size=1))
def test_every_row_is_a_category_or_is_listed(tmp_path_factory, rows):
    text = "facet,name,note\n" + "".join(f"{facet},{name},.\n" for facet, name in rows)
    try:
        file = read(tmp_path_factory.mktemp("facets"), text)
    except InputError:
        return
    listed = {one.row for one in file.problems if one.row is not None}
    dropped = [one for one in file.problems if one.column == "facet" and one.row is None and not one.remark]
    if not dropped:
        assert sum(map(len, file.facets.values())) + len(listed) == len(rows)


def test_the_column_of_a_facets_labels_is_found_by_its_name():
    columns = ["id", "text", "Format", "recorded_funnel_stage", "offer label", "offer_category"]
    assert of_facet("format", columns) == "Format"
    assert of_facet("Funnel stage", columns) == "recorded_funnel_stage"
    assert of_facet("Offer", columns) is None, "two could be meant"
    assert of_facet("Market", columns) is None


def stored(db, client_id):
    newest = {task.name: taxonomy.latest(db, task) for task in tasks.of_client(db, client_id)}
    return {name: [one.name for one in taxonomy.load(db, id)] if id else [] for name, id in newest.items()}


FORMATS = "facet,name\nFormat,Video\nFormat,Static\nOffer,Yes\nOffer,No\n"


def test_facets_become_tasks_and_a_first_task_nothing_was_done_with_is_one_of_them(db, tmp_path):
    client = database.client_id(db, "Northwind")
    assert [one.change for one in facets.make(db, client, read(tmp_path, FORMATS), "f.csv")] == ["new", "new"]
    assert stored(db, client) == {"Format": ["Video", "Static"], "Offer": ["Yes", "No"]}
    again = facets.make(db, client, read(tmp_path, FORMATS), "f.csv")
    assert [one.change for one in again] == ["same", "same"] and db["taxonomies"].count == 2


def test_a_facet_that_changed_becomes_a_draft_and_what_is_in_use_stays(db, tmp_path):
    client = database.client_id(db, "Northwind")
    facets.make(db, client, read(tmp_path, FORMATS), "f.csv")
    changed = facets.make(db, client, read(tmp_path, FORMATS + "Offer,Maybe\nMarket,DE\nMarket,FR\n"), "g.csv")
    assert [one.change for one in changed] == ["same", "changed", "new"]
    assert stored(db, client)["Offer"] == ["Yes", "No"]
    draft = versions.kept_draft(db, tasks.find(db, client, "Offer"))
    assert [one.label for one in draft.draft.categories] == ["Yes", "No", "Maybe"]


def test_a_facet_named_like_a_task_that_writes_changes_nothing(db, tmp_path):
    client = database.client_id(db, "Northwind")
    tasks.add(db, client, "Offer", "write")
    with pytest.raises(InputError, match="The client's task Offer is of the kind “Write”"):
        facets.make(db, client, read(tmp_path, FORMATS), "f.csv")
    assert stored(db, client) == {"Category": [], "Offer": []}


def test_forty_facets_become_forty_tasks_and_a_name_twice_is_one_facet(db, tmp_path):
    rows = "".join(f"F{number},one,A\nf{number},,B\n" for number in range(40))
    file = read(tmp_path, f"facet,pick,name\n{rows}")
    made = facets.make(db, database.client_id(db, "Northwind"), file, "facets.csv")
    assert len(made) == 40 == len(tasks.of_client(db, database.client_id(db, "Northwind")))


def test_a_facet_renamed_since_is_a_new_task_and_that_is_said(db, tmp_path):
    client = database.client_id(db, "Northwind")
    facets.make(db, client, read(tmp_path, "facet,pick,name\nMood,several,Warm\nMood,,Loud\n"), "facets.csv")
    again = read(tmp_path, "facet,pick,name\nTone,several,Warm\nTone,,Loud\n")
    (told,) = facets.renamed(db, client, again)
    assert told.what == (
        "The facet Tone has the categories of the task Mood, which the file does not name; it is a new task."
    )
    facets.make(db, client, again, "facets.csv")
    assert [(task.name, task.several) for task in tasks.of_client(db, client)] == [("Mood", True), ("Tone", True)]
    assert facets.renamed(db, client, again) == []


def test_a_task_of_another_kind_than_the_file_asks_for_is_left_alone(db, tmp_path):
    client = database.client_id(db, "Northwind")
    facets.make(db, client, read(tmp_path, "facet,name\nMood,Warm\nMood,Loud\n"), "facets.csv")
    with pytest.raises(InputError, match="is of the kind “Choose one category”, the file asks for “Choose several"):
        facets.make(db, client, read(tmp_path, "facet,pick,name\nMood,several,Warm\nMood,,Loud\n"), "facets.csv")
    assert not tasks.of_client(db, client)[0].several


def test_facets_are_read_off_names_by_what_stands_in_them(db, tmp_path, capsys):
    facets, _ = small.facet_files(tmp_path / "files")
    rows = [
        row | {"ad": f"Acme_{row['label']}_{intent}"} for row, intent in zip(small.rows(400), 200 * ("Buy", "Look"))
    ]
    _, assets = small.files(tmp_path / "named", [{k: v for k, v in row.items() if k != "label"} for row in rows])
    line = ["distil", "--taxonomy", str(facets), "--assets", str(assets), "--client", "Named", "--teacher", "recorded"]
    assert cli.main([*line, "--text-columns", "text", "--student", "linear", "--names", "ad", "--json"]) == 0
    said = capsys.readouterr()
    told = json.loads(said.out)["tasks"]
    assert {name: one["labels"]["count"] for name, one in told.items()} == {"Topic": 400, "Intent": 400}
    assert "400 of 400 names are made so." in said.err and "ad 3: 2 values: Buy (200), Look (200)" in said.err
