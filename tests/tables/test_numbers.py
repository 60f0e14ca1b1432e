"""Numbers as people write them are read one way a column; what cannot be told is said, and no unit is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import tasks
from core.assets import imports
from core.tables.columns import Mapping, guess_assets
from core.tables.numbers import AMOUNT, COUNT, LATENCY, SHARE, NumberColumn, unit_of
from core.tables.problems import Problems


def read(kind, cells, name="column", **more):
    problems = Problems()
    column = NumberColumn(name, kind, cells, **more)
    column.tell(problems)
    return [column.read(cell, 2, problems) for cell in cells], [problem.what for problem in problems.listed]


@pytest.mark.parametrize(
    ("kind", "name", "cells", "expected"),
    [
        (COUNT, "tokens", ["1,200", "850", "1,234,567"], [1200, 850, 1234567]),
        (COUNT, "tokens", ["1.200", "850"], [1200, 850]),
        (COUNT, "tokens", ["1 200", "1\u00a0200", "1\u202f200", "1’200", "1'200"], [1200] * 5),
        (COUNT, "tokens", ["1200.0", "1.2k", "1e3", "14 tokens"], [1200, 1200, 1000, 14]),
        (SHARE, "confidence", ["0,93", "0.5", "93%", "93,5 %", "1.000"], [0.93, 0.5, 0.93, 0.935, 1]),
        (SHARE, "confidence", ["93", "91", "100", "0"], [0.93, 0.91, 1, 0]),
        (LATENCY, "latency_ms", ["1,200", "2,300"], [1200, 2300]),
        (LATENCY, "latency_ms", ["1.200", "850"], [1200, 850]),
        (LATENCY, "latency_ms", ["1.234,5", "2.300"], [1234.5, 2300]),
        (LATENCY, "latency_s", ["1.200", "2.300"], [1200, 2300]),
        (LATENCY, "Latency (s)", ["1,2", "2,345"], [1200, 2345]),
        (LATENCY, "latency", ["850 ms", "1.2 s", "1,5 sec."], [850, 1200, 1500]),
        (AMOUNT, "price", ["0,012", "1,5"], [0.012, 1.5]),
    ],
)
def test_a_column_is_read_as_its_cells_are_written(kind, name, cells, expected):
    assert read(kind, cells, name) == (pytest.approx(expected), [])


def test_what_is_no_number_of_its_column_is_listed():
    values, said = read(COUNT, ["1.5", "-1", "abc", "1,2"])
    assert values == [None] * 4 and len(said) == 4
    # Ones to fives are grades, and 0.93 among 93s is anyone's guess.
    assert read(SHARE, ["4", "5", "3"])[0] == [None] * 3
    assert read(SHARE, ["93", "88", "0.93"])[0] == [0.93, 0.88, None]


def test_where_both_readings_are_likely_the_column_says_how_it_was_read_and_other_columns_help():
    assert read(LATENCY, ["120,500"], "latency_ms") == (
        [120_500],
        ["120,500 can be read in two ways; it was read as 120,500."],
    )
    assert read(LATENCY, ["120,500"], "latency_ms", elsewhere={","}) == ([120.5], [])


def test_a_unit_is_found_in_the_name_or_asked_for():
    names = ["latency_ms", "latencyMs", "Latency [s]", "duration_seconds", "latencys", "latency", "pixels", "ms"]
    assert [unit_of(name) for name in names] == ["ms", "ms", "s", "s", "s", None, None, None]
    values, said = read(LATENCY, ["2.3", "1.1", "850 ms"], "latency")
    assert values == [None, None, 850]
    assert said == [
        "The column latency does not say its unit: 2.3 may be seconds or milliseconds; such latencies were left out."
    ]
    assert read(LATENCY, ["2.3"], "latency", unit="s") == ([2300], [])


GROUPS = st.sampled_from([",", ".", " ", "\u00a0", "’", ""])


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.integers(0, 10**9), min_size=1, max_size=20), group=GROUPS)
def test_counts_come_back_whatever_groups_their_thousands(values, group):
    cells = [f"{value:,}".replace(",", group) for value in values]
    assert read(COUNT, cells) == (values, [])


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.decimals(0, 10**7, places=2), min_size=1, max_size=20),
    style=st.sampled_from([(",", "."), (".", ","), ("", "."), ("", ","), (" ", ","), ("’", ".")]),
)
def test_amounts_of_two_decimals_come_back_whatever_the_country(values, style):
    group, mark = style
    cells = [f"{value:,.2f}".replace(",", "G").replace(".", mark).replace("G", group) for value in values]
    assert read(AMOUNT, cells) == (pytest.approx([float(value) for value in values]), [])


def test_an_import_keeps_the_tokens_and_asks_for_the_unit(db, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text,label,tokens_in,latency\n1,red shoes,Shoes,"1,200",2.3\n2,a blue hat,Hats,"1,950",1.1\n')
    client = tasks.of(db, "Acme")
    summary = imports.import_assets(db, client, path)
    recorded = "select tokens_in, latency_ms from recordings order by asset_id"
    assert db.execute(recorded).fetchall() == [(1200, None), (1950, None)]
    assert db.execute("select count(*) from import_problems where import_id = ?", [summary.import_id]).fetchone() == (
        1,
    )
    mapping = Mapping(
        text=("text",), id="id", label="label", tokens_in="tokens_in", latency_ms="latency", latency_unit="s"
    )
    assert imports.import_assets(db, client, path, mapping).problems == 0
    assert db.execute(recorded).fetchall() == [(1200, 2300), (1950, 1100)]


def test_a_duration_is_a_latency_only_beside_a_models_figures():
    assert guess_assets(["text", "label", "tokens_in", "duration_seconds"], []).latency_ms == "duration_seconds"
    assert guess_assets(["headline", "duration_seconds"], []).latency_ms is None
