"""Reports, dumps and hand-written lists come out as they were meant, and what is left out is said."""

from __future__ import annotations

import pytest

from core.tables.columns import KNOWN_ASSET_NAMES
from core.tables.files import Problems, open_table
from tests.tables.odd_files import FILES


@pytest.mark.parametrize("odd", FILES, ids=lambda odd: odd.name.replace(" ", "-"))
def test_an_odd_file_comes_out_as_meant(odd, tmp_path):
    path = tmp_path / f"a.{odd.suffix}"
    path.write_bytes(odd.data)
    table, problems = open_table(path, KNOWN_ASSET_NAMES), Problems()
    rows = [cells for _, cells in table.records(problems)]
    assert (table.columns, rows) == (odd.columns, odd.rows)
    assert table.left_out == odd.listed
    assert len([p for p in problems.listed if p.row is not None]) == odd.listed
