"""Parquet's types as the text a person would see, and files that unpack to more than a machine holds."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.tables.files import Problems, open_table
from tests.tables.test_workbooks import READ

NOON = datetime.datetime(2025, 3, 1, 12, 30, tzinfo=datetime.UTC)


def read(folder, table, **options):
    pq.write_table(table, folder / "a.parquet", **options)
    found, problems = open_table(folder / "a.parquet"), Problems()
    return found.columns, [cells for _, cells in found.records(problems)], [problem.what for problem in problems.listed]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("größer".encode(), pa.binary(), "größer"),
        ("größer".encode(), pa.large_binary(), "größer"),
        ("größer", pa.large_string(), "größer"),
        ("red", pa.dictionary(pa.int8(), pa.string()), "red"),
        (b"red", pa.dictionary(pa.int8(), pa.binary()), "red"),
        (9007199254740993, pa.int64(), "9007199254740993"),
        (18446744073709551615, pa.uint64(), "18446744073709551615"),
        (143.0, pa.float64(), "143"),
        (1.2e17, pa.float64(), "120000000000000000"),
        (float("nan"), pa.float64(), ""),
        (decimal.Decimal("1200.50"), pa.decimal128(10, 2), "1200.5"),
        (decimal.Decimal("1200"), pa.decimal128(10, 0), "1200"),
        (True, pa.bool_(), "true"),
        (NOON, pa.timestamp("ns", "UTC"), "2025-03-01 12:30:00+00:00"),
        (datetime.datetime(2025, 3, 1), pa.timestamp("us"), "2025-03-01"),
        (datetime.date(2025, 3, 1), pa.date32(), "2025-03-01"),
        (["Buy now", "Free delivery"], pa.list_(pa.string()), "Buy now\nFree delivery"),
        ([[1], [2]], pa.list_(pa.list_(pa.int64())), "[[1], [2]]"),
        (None, pa.null(), ""),
    ],
)
def test_every_type_is_read_as_text(tmp_path, value, kind, expected):
    table = pa.table({"text": ["words", "more"], "value": pa.array([value, None], kind)})
    assert read(tmp_path, table)[1] == [["words", expected], ["more", ""]]


def test_structs_are_dotted_columns_and_pandas_index_is_none(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b"], "label": pd.Categorical(["x", "y"])}, index=[7, 9])
    frame.to_parquet(tmp_path / "a.parquet")
    assert open_table(tmp_path / "a.parquet").columns == ["text", "label"]
    data = pa.struct([("text", pa.string()), ("meta", pa.struct([("market", pa.string())]))])
    rows = pa.table({"data": pa.array([{"text": "a", "meta": {"market": "DE"}}, None], data)})
    assert read(tmp_path, rows)[:2] == (["data.text", "data.meta.market"], [["a", "DE"]])


def test_pictures_are_no_text_and_a_damaged_character_is_said(tmp_path):
    table = pa.table({"text": ["a", "b"], "image": [bytes(range(128, 256)) * 9] * 2})
    assert read(tmp_path, table)[1:] == (
        [["a", ""], ["b", ""]],
        ["The column image holds bytes that are no text; it was left empty."],
    )
    table = pa.table({"text": [b"caf\xe9 noir", b"red", b"blue"]})
    assert read(tmp_path, table)[2] == ["The row holds characters that cannot be read; they are shown as \ufffd."]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads a process's peak memory")
@pytest.mark.parametrize("rows", [1, 3_000])
def test_a_bomb_is_refused_or_read_in_little_memory(tmp_path, rows):
    """One text of 200 MB, and one of 1 MB that stands in 3,000 rows, in a file of some kB."""
    long = pa.array(["word " * (40_000_000 if rows == 1 else 200_000)])
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), long)
    pq.write_table(pa.table({"text": repeated}), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "a.parquet"], capture_output=True, text=True, check=True
    )
    *said, _, kilobytes = done.stdout.splitlines()
    assert int(kilobytes) < 300_000
    assert bool(said) == (rows == 1)
    if said:
        assert said[0] == "The file unpacks from 0 MB to 200 MB; it was not opened."


def test_a_file_cut_short_is_refused_with_a_sentence(tmp_path):
    pq.write_table(pa.table({"text": ["words"] * 1000}), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    for length in (8, len(data) // 2, len(data) - 1):
        (tmp_path / "a.parquet").write_bytes(data[:length])
        with pytest.raises(InputError, match="The file cannot be read as Parquet"):
            list(open_table(tmp_path / "a.parquet").records(Problems()))
