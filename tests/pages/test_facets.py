"""Compare of a client whose assets have several facets."""

from __future__ import annotations

from core import distil
from tests import small


def test_compare_shows_all_facets_in_a_fold(open_page, db, tmp_path):
    facets, assets = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=facets, assets=assets, **how)
    app = open_page("compare")
    assert any(one.label.startswith("All 2 facets of an asset right: ") for one in app.expander)
    (table,) = [one.value for one in app.dataframe if "Facet" in one.value]
    assert table["Facet"].tolist() == ["Topic", "Intent", "All together"]
