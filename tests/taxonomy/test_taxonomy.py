"""Taxonomy files become categories as their authors meant them, and labels in the wild find their category."""

from __future__ import annotations

import json

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import tasks, taxonomy
from core.errors import InputError
from core.taxonomy import Category, Matcher

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder, text, name="t.csv", **options):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return taxonomy.read(path, **options)


def stored(db, categories):
    return taxonomy.load(db, taxonomy.save(db, tasks.of(db, "Acme"), categories, "t.csv"))


def test_the_iab_ad_product_taxonomy_imports_as_it_comes(shared_data):
    found = taxonomy.read(shared_data / "taxonomies" / "iab_ad_product_taxonomy_2.0.tsv")
    labels = {c.label: c for c in found.categories}
    assert (len(found.categories), len(labels)) == (583, 583)
    assert [(p.row, p.what) for p in found.problems] == [
        (2, "Ad Safety Risk is its own parent; it was taken as top level."),
        (39, "Aerospace and Defense is its own parent; it was taken as top level."),
    ]
    assert labels["Fitness Activities > Workout and Step Tracking Applications"].parent == "Fitness Activities"
    assert labels["Alcohol"].key == "1002" and all(c.assignable for c in found.categories)


def test_the_iab_content_taxonomy_with_two_header_rows_imports_as_it_comes(shared_data):
    found = taxonomy.read(shared_data / "taxonomies" / "iab_content_taxonomy_3.1.tsv")
    assert (len(found.categories), [p.what[:36] for p in found.problems]) == (
        704,
        ["1 row above the column names was left"[:36]],
    )
    named = {role: column for role, column in found.mapping.items() if column}
    assert named == {"name": "Name", "parent": "Parent", "key": "Unique ID"}
    assert found.categories[1] == Category(
        "Amusement and Theme Parks", "Amusement and Theme Parks", "Attractions", key="151"
    )
    assert sum(c.parent is None for c in found.categories) == 37


def test_a_file_whose_names_stand_in_a_label_column_is_understood(shared_data):
    found = taxonomy.read(shared_data / "pitt_image_ads" / "labels.csv")
    assert (len(found.categories), found.problems) == (38, [])
    political = next(c for c in found.categories if c.name == "Political candidates")
    assert (political.key, political.description) == ("37", "Political candidates (support or opposition)")


def test_parents_without_a_row_of_their_own_become_headings_nobody_can_be_assigned(tmp_path):
    found = read(
        tmp_path,
        "name,parent,description,examples\n"
        'Sneakers,Retail,Shoes for sport,"Run faster | Sneaker sale|New drop"\n'
        'Loans,Finance,,"Borrow now; Low rates"\nHats,Retail,,"one\ntwo"\n',
    )
    assert [(c.label, c.parent, c.assignable) for c in found.categories] == [
        ("Retail", None, False), ("Sneakers", "Retail", True), ("Finance", None, False), ("Loans", "Finance", True),
        ("Hats", "Retail", True),
    ]  # fmt: skip
    assert [c.examples for c in found.categories if c.assignable] == [
        ("Run faster", "Sneaker sale", "New drop"), ("Borrow now", "Low rates"), ("one", "two"),
    ]  # fmt: skip


def test_a_name_under_two_parents_is_told_apart_by_the_parents_label(tmp_path):
    found = read(tmp_path, "name,parent\nMen,\nWomen,\nShoes,Men\nShoes,Women\nSale,Men > Shoes\nBags,Women\n")
    assert [c.label for c in found.categories] == ["Men", "Women", "Men > Shoes", "Women > Shoes", "Sale", "Bags"]
    assert found.categories[4].parent == "Men > Shoes"


def test_a_column_a_level_is_understood(tmp_path):
    found = read(tmp_path, "Tier 1,Tier 2,Tier 3\nAutos,,\nAutos,Cars,\nAutos,Cars,Vans\nHome,Garden,\n")
    assert [(c.label, c.parent) for c in found.categories] == [
        ("Autos", None), ("Cars", "Autos"), ("Vans", "Cars"), ("Home", None), ("Garden", "Home"),
    ]  # fmt: skip


def test_excel_and_json_flat_or_nested_say_the_same(tmp_path):
    book = openpyxl.Workbook()
    for row in (["Category", "Parent", "Definition"], ["Shoes", None, "For feet"], ["Boots", "Shoes", None]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    expected = [Category("Shoes", "Shoes", None, "For feet"), Category("Boots", "Boots", "Shoes")]
    flat = [{"name": "Shoes", "description": "For feet"}, {"name": "Boots", "parent": "Shoes"}]
    nested = [{"name": "Shoes", "description": "For feet", "children": ["Boots"]}]
    assert taxonomy.read(tmp_path / "t.xlsx").categories == expected
    for value in (flat, nested, {"categories": flat}, {"name": "all", "children": nested}):
        assert read(tmp_path, json.dumps(value), "t.json").categories == expected


def test_columns_can_be_chosen_and_a_wrong_choice_is_told(tmp_path):
    text = "code,wording,upper\nA,Shoes,\nB,Boots,A\n"
    found = read(tmp_path, text, mapping={"name": "wording", "parent": "upper", "key": "code"})
    assert [(c.label, c.parent) for c in found.categories] == [("Shoes", None), ("Boots", "Shoes")]
    with pytest.raises(InputError, match=r"no column price\. Choose the name from: code, wording, upper"):
        read(tmp_path, text, mapping={"name": "price"})


def test_children_of_a_repeated_or_nameless_category_keep_a_parent(tmp_path):
    found = read(tmp_path, "id,name,parent\n1,Shoes,\n2,shoes,\n3,Boots,2\n4,Clogs,1\n")
    assert [(c.label, c.parent) for c in found.categories] == [("Shoes", None), ("Boots", "Shoes"), ("Clogs", "Shoes")]
    nested = json.dumps([{"name": "A", "children": [{"name": "", "children": [{"name": "B"}]}]}])
    assert [(c.label, c.parent) for c in read(tmp_path, nested, "t.json").categories] == [("A", None), ("B", "A")]


def test_saving_makes_versions_and_the_same_content_none(db, tmp_path):
    client = tasks.of(db, "Acme")
    found = read(tmp_path, "name,parent\nBoots,Shoes\nShoes,\n").categories
    assert taxonomy.latest(db, client) is None
    first = taxonomy.save(db, client, found, "t.csv")
    assert taxonomy.save(db, client, taxonomy.load(db, first), "again.csv") == first
    second = taxonomy.save(db, client, [*found, Category("Hats", "Hats")], "t.csv")
    assert taxonomy.latest(db, client) == second != first
    boots, shoes = taxonomy.load(db, first)
    assert (boots.parent, boots.parent_id, boots.position, shoes.position) == ("Shoes", shoes.id, 0, 1)
    with pytest.raises(InputError, match="Two categories are called Hats"):
        taxonomy.save(db, client, [Category("Hats", "Hats")] * 2, "t.csv")
    with pytest.raises(InputError, match="The parent Bags is not a category"):
        taxonomy.save(db, client, [Category("Totes", "Totes", "Bags")], "t.csv")


def test_labels_in_the_wild_find_their_category_only_where_it_is_the_only_one(db, tmp_path):
    found = read(
        tmp_path,
        "id,name,parent\n7,Men,\n8,Women,\n9,Shoes,Men\n10,Shoes,Women\n11,Hats & Caps,Men\n12,Loans,Finance\n",
    )
    categories = stored(db, found.categories)
    ids = {c.label: c.id for c in categories}
    match = Matcher(categories)
    cases = {
        "Men > Shoes": "Men > Shoes", "men>shoes": "Men > Shoes", "10": "Women > Shoes", "Shoes": None, "hats_caps": None,
        " HATS & CAPS ": "Hats & Caps", "Men > Hats & Caps": "Hats & Caps", "Finance": None, "finance > loans": "Loans",
        "": None, "Boots": None,
    }  # fmt: skip
    assert {text: match(text) for text in cases} == {text: ids.get(label) for text, label in cases.items()}


@quick
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["", "1", "2", "3", "4"]), st.text("abAB >é", max_size=4), st.text("ab1234 >", max_size=3)
        ),
        max_size=12,
    )
)
def test_whatever_the_rows_categories_form_a_tree_with_unique_labels(db, tmp_path, rows):
    text = "id,name,parent\n" + "".join(",".join(row) + "\n" for row in rows)
    try:
        found = read(tmp_path, text)
    except InputError as error:
        assert error.what and error.todo
        return
    parents = {c.label: c.parent for c in found.categories}
    assert len(parents) == len(found.categories)
    for label in parents:
        seen = set()
        while label is not None:
            assert label not in seen
            seen.add(label)
            label = parents[label]
    match = Matcher(stored(db, found.categories))
    assert all(match(c.label) for c in found.categories if c.assignable)


def test_the_version_in_use_is_known_again(db):
    client = tasks.of(db, "Acme")
    one, other = [taxonomy.Category("Shoes", "Shoes")], [taxonomy.Category("Hats", "Hats")]
    assert not taxonomy.is_in_use(db, client, one)
    first = taxonomy.save(db, client, one, "a.csv")
    assert taxonomy.is_in_use(db, client, one) and not taxonomy.is_in_use(db, client, other)
    assert taxonomy.is_in_use(db, client, taxonomy.load(db, first))
    taxonomy.save(db, client, other, "b.csv")
    assert not taxonomy.is_in_use(db, client, one), "an earlier version is not in use"
