"""The law of reading: rows read and rows listed are the rows of the file, and texts come out as they went in.

For every kind of file that a real writer makes, and for files with stray quotation marks in them.
"""

from __future__ import annotations

import csv
import io
import json
from itertools import count as counter

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import tasks
from core.assets import imports
from core.tables.columns import KNOWN_ASSET_NAMES
from core.tables.files import Problems, open_table

law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ["id", "text", "label"]
count = counter()
LABELS = ["Shoes", "Hats", "Bags, big", 'The "best"']
text = st.text(alphabet="abcdefghij ABC 0123 ,;|\t\"'\n\\/é€–Żя秋=@", min_size=1, max_size=30).map(
    lambda cell: "\n".join(cell.split("\n")).strip()
)
PARTS = ["boots", "hats", "that", "stay", "dry", "27", "for", "rain,", "wind;", "snow"]
words = st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map(" ".join)


@st.composite
def tables(draw, cell=text, least=1, most=25):
    """Rows of id, text and label; no text is empty."""
    texts = draw(st.lists(cell.filter(lambda c: c.strip("-–\\/=@ ") and c != "\\N"), min_size=least, max_size=most))
    return [[f"A-{n:03}", one, draw(st.sampled_from(LABELS))] for n, one in enumerate(texts)]


def delimited(delimiter, quoting, end, encoding):
    def write(path, rows):
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([NAMES, *rows])
        path.write_bytes(out.getvalue().encode(encoding))

    return write


def excel(path, rows):
    book = openpyxl.Workbook()
    for row, cells in enumerate([NAMES, *rows], 1):
        for column, cell in enumerate(cells, 1):
            book.active.cell(row, column, cell).data_type = "s"
    book.save(path)


def json_lines(path, rows):
    path.write_text("\n".join(json.dumps(dict(zip(NAMES, row))) for row in rows), encoding="utf-8")


def whole_json(path, rows):
    path.write_text(json.dumps([dict(zip(NAMES, row)) for row in rows], ensure_ascii=False, indent=1), encoding="utf-8")


def parquet(path, rows):
    pd.DataFrame(rows, columns=NAMES).to_parquet(path)


WRITERS = {
    "commas.csv": delimited(",", csv.QUOTE_MINIMAL, "\r\n", "utf-8"),
    "all-quoted.csv": delimited(",", csv.QUOTE_ALL, "\n", "utf-8-sig"),
    "semicolons.csv": delimited(";", csv.QUOTE_MINIMAL, "\n", "utf-8"),
    "pipes.txt": delimited("|", csv.QUOTE_MINIMAL, "\n", "utf-8"),
    "tabs.tsv": delimited("\t", csv.QUOTE_MINIMAL, "\n", "utf-8"),
    "excel-text.csv": delimited("\t", csv.QUOTE_MINIMAL, "\r\n", "utf-16"),
    "book.xlsx": excel,
    "lines.jsonl": json_lines,
    "whole.json": whole_json,
    "table.parquet": parquet,
}


def read(path):
    table, problems = open_table(path, KNOWN_ASSET_NAMES), Problems()
    return table, [cells for _, cells in table.records(problems)], problems


@pytest.mark.parametrize("name", WRITERS)
@law
@given(rows=tables())
def test_every_kind_of_file_comes_back_as_a_real_writer_wrote_it(name, rows, tmp_path):
    path = tmp_path / name
    WRITERS[name](path, rows)
    table, found, problems = read(path)
    assert (table.columns, found, table.left_out) == (NAMES, rows, 0)
    assert [p for p in problems.listed if p.row is not None and "would make a row" not in p.what] == []


@settings(law, max_examples=15)
@given(rows=tables(), name=st.sampled_from(sorted(WRITERS)))
def test_rows_imported_and_rows_listed_are_the_rows_of_the_file(rows, name, tmp_path, db):
    path = tmp_path / name
    rows = [[i, one, label] if n % 4 else [i, "", label] for n, (i, one, label) in enumerate(rows, 1)]
    WRITERS[name](path, rows)
    client = tasks.of(db, f"client {next(count)}")
    if not any(one for _, one, _ in rows):
        return
    summary = imports.import_assets(db, client, path)
    listed = db.execute(
        "select count(distinct row) from import_problems where import_id = ? and what like '%left out%'",
        [summary.import_id],
    ).fetchone()[0]
    assert summary.rows == len(rows) == summary.imported + listed
    kept = [row[0] for row in db.execute("select text from assets where client_id = ? order by id", [client.client_id])]
    assert kept == [one for _, one, _ in rows if one]


@settings(law, max_examples=300)
@given(
    rows=tables(words, least=4, most=40),
    marks=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 40)), min_size=1, max_size=8),
    delimiter=st.sampled_from("\t|"),
)
def test_stray_quotation_marks_lose_no_row_and_no_text(rows, marks, delimiter, tmp_path):
    rows = [[i, one, label.replace('"', "")] for i, one, label in rows]
    for place, at in marks:
        row = rows[place % len(rows)]
        cut = at % (len(row[1]) + 1)
        row[1] = row[1][:cut] + '"' + row[1][cut:]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(delimiter.join(row) for row in [NAMES, *rows]) + "\n")
    table, found, _ = read(path)
    assert len(found) + table.left_out == len(rows)
    assert [cells[0] for cells in found] == [row[0] for row in rows]
    assert [cells[1].replace('"', "").strip() for cells in found] == [row[1].replace('"', "").strip() for row in rows]


@settings(law, max_examples=200)
@given(
    rows=tables(st.one_of(words, text.map(lambda cell: cell.replace("\\", "/"))), least=4, most=40),
    marks=st.lists(st.integers(0, 10_000), min_size=1, max_size=5),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_marks_put_into_a_quoted_file_lose_no_text_unsaid(rows, marks, quoting, tmp_path):
    path = tmp_path / "a.csv"
    delimited(",", quoting, "\n", "utf-8")(path, rows)
    data = path.read_bytes().decode()
    begin = len(data.split("\n", 1)[0]) + 1
    for at in marks:
        cut = begin + at % (len(data) - begin)
        data = data[:cut] + '"' + data[cut:]
    path.write_bytes(data.encode())
    _, found, problems = read(path)
    out = squeezed("".join(cell for cells in found for cell in cells))
    if not any(p.row is not None for p in problems.listed):
        assert out == squeezed(data[begin:])


def squeezed(text: str) -> str:
    """What is left of a text without what a delimited file is made of, and without white space."""
    return "".join(c for c in text if c not in '",' and not c.isspace())
