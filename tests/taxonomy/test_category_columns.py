"""Columns of a taxonomy file: guessed at once where that is possible, to be chosen always; what is written reads back as it was."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import taxonomy
from core.errors import InputError
from core.escape import defuse, undefuse
from core.tables.names import same
from core.taxonomy import Category, columns


def put(folder, text, name="t.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_the_first_iab_taxonomy_is_understood_at_once_and_by_choice(shared_data):
    path = shared_data / "reported" / "Content Taxonomy 1.0.tsv"
    found = taxonomy.read(path)
    chosen = {"name": "IAB Category", "key": "IAB Code", "level": "Tier"}
    assert {role: column for role, column in found.mapping.items() if column} == chosen
    assert found.categories == taxonomy.read(path, chosen).categories
    labels = {c.label: c for c in found.categories}
    assert sum(c.parent is None for c in found.categories) == 26 and len(labels) == 392
    assert (labels["Books & Literature"].parent, labels["Books & Literature"].key) == ("Arts & Entertainment", "IAB1-1")
    assert found.problems == []


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_columns_that_nothing_tells_apart_can_be_chosen(tmp_path, kind):
    rows = [{"alpha": "Shoes", "beta": "For feet"}, {"alpha": "Hats", "beta": "For heads"}]
    text = json.dumps(rows) if kind == "json" else "alpha,beta\nShoes,For feet\nHats,For heads\n"
    path = put(tmp_path, text, f"t.{kind}")
    seen = taxonomy.look(path)
    assert (seen.columns, seen.guess["name"]) == (["alpha", "beta"], None)
    with pytest.raises(InputError, match="choose it from: alpha, beta"):
        taxonomy.read(path)
    found = taxonomy.read(path, {"name": "alpha", "description": "beta"})
    assert found.categories == [
        Category("Shoes", "Shoes", None, "For feet"),
        Category("Hats", "Hats", None, "For heads"),
    ]


def test_levels_in_columns_of_any_name_can_be_chosen(tmp_path):
    path = put(tmp_path, "big,small,what\nRetail,Shoes,feet\nRetail,Hats,heads\n")
    found = taxonomy.read(path, {"tiers": ("big", "small"), "description": "what"})
    assert [(c.label, c.parent, c.description) for c in found.categories if c.assignable] == [
        ("Shoes", "Retail", "feet"),
        ("Hats", "Retail", "heads"),
    ]
    with pytest.raises(InputError, match=r"no column huge\. Choose the tiers from: big, small, what"):
        taxonomy.read(path, {"tiers": ("huge", "small")})


def test_a_column_of_levels_places_each_row_and_a_wrong_level_is_listed(tmp_path):
    text = "Level,Name\n1,Retail\n2,Shoes\n3,Boots\n2,Hats\nx,Odd\n1,Travel\n2,Flights\n"
    found = taxonomy.read(put(tmp_path, text), {"name": "Name", "level": "Level"})
    assert [(c.name, c.parent) for c in found.categories] == [
        ("Retail", None), ("Shoes", "Retail"), ("Boots", "Shoes"), ("Hats", "Retail"), ("Odd", None), ("Travel", None),
        ("Flights", "Travel"),
    ]  # fmt: skip
    assert [(problem.row, problem.what) for problem in found.problems] == [
        (6, "x is no level; the category was taken as top level.")
    ]


def test_whatever_is_cut_or_taken_apart_is_listed(tmp_path):
    text = f"Tier 1,Tier 2,Description\nRetail,Shoes,{'x' * 6000}\n"
    assert [p.column for p in taxonomy.read(put(tmp_path, text)).problems] == ["description"]
    text = "name,examples\nShoes," + " | ".join(f"example {i}" for i in range(60)) + "\n"
    assert [(p.row, p.column) for p in taxonomy.read(put(tmp_path, text)).problems] == [(2, "examples")]


def test_circles_and_own_parents_are_listed_and_always_broken_at_the_same_place(tmp_path):
    path = put(tmp_path, "name,parent\nA,B\nB,C\nC,A\nD,D\nE,A\n")
    found = [taxonomy.read(path) for _ in range(3)]
    assert [(p.row, p.what) for p in found[0].problems] == [
        (5, "D is its own parent; it was taken as top level."),
        (2, "The parents go round in a circle (A > B > C > A); A was taken as top level."),
    ]
    assert [(c.label, c.parent) for c in found[0].categories] == [
        ("A", None),
        ("B", "C"),
        ("C", "A"),
        ("D", None),
        ("E", "A"),
    ]
    assert found[0] == found[1] == found[2]


@given(st.text(st.sampled_from("=+-@'\t 1a.") | st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_defused_cell_gives_back_what_went_in(cell):
    assert undefuse(defuse(cell)) == cell
    assert defuse(cell)[:1] not in ("=", "@") and undefuse(cell) in (cell, cell[1:])


words = (
    st.text("=+-@'|;[]\"\\,ab1é>ก\u0301 ", min_size=1, max_size=8).map(lambda text: " ".join(text.split())).filter(bool)
)


@given(
    st.lists(
        st.tuples(
            words, st.none() | st.integers(0, 20), words | st.just(""), st.lists(words, max_size=3), st.booleans()
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda row: same(row[0]),
    )
)
def test_a_taxonomy_written_and_read_back_is_the_same(rows):
    names = [name.replace(">", "").strip() or f"n{place}" for place, (name, *_) in enumerate(rows)]
    names = [
        name if [same(n) for n in names].count(same(name)) == 1 else f"{name} {place}"
        for place, name in enumerate(names)
    ]
    categories = [
        Category(
            name,
            name,
            names[parent] if parent is not None and parent < place else None,
            said,
            tuple(examples),
            f"K{place}" if coded else None,
        )
        for place, (name, (_, parent, said, examples, coded)) in enumerate(zip(names, rows))
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(taxonomy.to_csv(categories), encoding="utf-8-sig", newline="")
        found = taxonomy.read(path)
    assert (found.categories, found.problems) == (categories, [])


@pytest.mark.parametrize("column", ["What belongs here", "Scope for editors"])
def test_a_column_of_sentences_describes_and_what_is_not_used_is_said(tmp_path, column):
    lines = [f"topic {n},Ads that speak of subject number {n},blue\n" for n in range(8)]
    found = taxonomy.read(put(tmp_path, f"name,{column},Colour\n{''.join(lines)}"))
    assert found.categories[3].description == "Ads that speak of subject number 3"
    assert columns.unused_columns(found.columns, found.mapping) == "Not used: Colour."
