"""Taxonomies written for the eye: merged cells, blocks whose first row alone is filled, indents."""

from __future__ import annotations

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.styles import Alignment

from core import taxonomy
from core.errors import InputError
from core.taxonomy import outlines

TREE = {
    "Retail": None,
    "Shoes": "Retail",
    "Boots": "Retail > Shoes",
    "Hats": "Retail",
    "Travel": None,
    "Flights": "Travel",
}


def parents(path):
    """name -> the path of its parent, whatever the labels are."""
    found = taxonomy.read(path)
    by_label = {c.label: c for c in found.categories}

    def line(category):
        above = by_label.get(category.parent)
        return [*(line(above) if above else []), category.name]

    return {c.name: " > ".join(line(c)[:-1]) or None for c in found.categories}, [p.what for p in found.problems]


@pytest.mark.parametrize(
    "text",
    [
        "Tier 1,Tier 2,Tier 3\nRetail,,\n,Shoes,\n,,Boots\n,Hats,\nTravel,,\n,Flights,\n",
        "Tier 1,Tier 2,Tier 3\nRetail,Shoes,\n,,Boots\n,Hats,\nTravel,Flights,\n",
        "Tier 1,Tier 2,Tier 3\nRetail,Shoes,\nRetail,,Boots\nRetail,Hats,\nTravel,Flights,\n",
        "Category\nRetail\n  Shoes\n    Boots\n  Hats\nTravel\n  Flights\n",
        "Category\nRetail\n\tShoes\n\t\tBoots\n\tHats\nTravel\n\tFlights\n",
        "Category\nRetail\n\u00a0\u00a0Shoes\n\u00a0\u00a0\u00a0\u00a0Boots\n\u00a0\u00a0Hats\nTravel\n\u00a0\u00a0Flights\n",
        "name;description\nRetail;shops\n  Shoes;for feet\n     Boots;high\n Hats;for heads\nTravel;away\n   Flights;by air\n",
    ],
)
def test_blank_tiers_take_the_value_above_and_indents_nest(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert parents(tmp_path / "t.csv") == (TREE, [])


def test_a_parent_that_stands_in_the_first_row_of_its_block_holds_for_the_block_and_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("Category,Subcategory\nRetail,Shoes\n,Hats\nTravel,\n,Flights\n")
    found, said = parents(tmp_path / "t.csv")
    assert found == {"Shoes": "Retail", "Hats": "Retail", "Travel": None, "Flights": "Travel", "Retail": None}
    assert said == [
        "The column Category is filled in the first row of each block only; the rows below took the value above."
    ]
    # Here an empty parent is the top level: the parents have rows of their own.
    (tmp_path / "t.csv").write_text("name,parent\nRetail,\nShoes,Retail\nTravel,\nFlights,Travel\n")
    assert parents(tmp_path / "t.csv") == (
        {"Retail": None, "Shoes": "Retail", "Travel": None, "Flights": "Travel"},
        [],
    )


def test_merged_cells_and_indents_of_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    for row in [["Tier 1", "Tier 2"], ["Retail", "Shoes"], [None, "Hats"], ["Travel", "Flights"]]:
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    book.save(tmp_path / "t.xlsx")
    expected = {"Shoes": "Retail", "Hats": "Retail", "Flights": "Travel", "Retail": None, "Travel": None}
    assert parents(tmp_path / "t.xlsx") == (expected, [])
    book = openpyxl.Workbook()
    for row, (name, step) in enumerate(
        [("Category", 0), ("Retail", 0), ("Shoes", 1), ("Boots", 2), ("Hats", 1), ("Travel", 0), ("Flights", 1)], 1
    ):
        book.active.cell(row, 1, name).alignment = Alignment(indent=step)
    book.save(tmp_path / "t.xlsx")
    assert parents(tmp_path / "t.xlsx") == (TREE, [])


def test_assets_taken_for_a_taxonomy_are_refused_before_they_fill_memory(tmp_path):
    (tmp_path / "t.csv").write_text("name,text\n" + "".join(f"n{i},words\n" for i in range(100_001)))
    with pytest.raises(InputError, match="The file has over 100,000 rows or 40 million characters: no taxonomy"):
        taxonomy.read(tmp_path / "t.csv")


paths = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=12)


@given(paths=paths)
def test_what_a_spreadsheet_leaves_out_of_repeated_tiers_comes_back(paths):
    """Tiers equal to those above are blanked from the left, as merged cells are; at least the last one stays."""
    width = max(map(len, paths))
    full = [[*path, *[""] * (width - len(path))] for path in paths]
    sparse, above = [], []
    for path, cells in zip(paths, full):
        same = next((i for i, (a, b) in enumerate(zip(path, above)) if a != b), min(len(path), len(above)))
        same = min(same, len(path) - 1)
        sparse.append([*[""] * same, *cells[same:]])
        above = path
    assert outlines.filled_down(sparse) == full
