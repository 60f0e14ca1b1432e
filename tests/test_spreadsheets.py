"""Nothing that this program writes for spreadsheets runs there, whatever people and files say; read back it is what it was."""

from __future__ import annotations

import ast
import csv
import io
import re
import tempfile
import unicodedata
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import review, tasks, taxonomy
from core.assets import imports
from core.commands import reading
from core.deploy import shards
from core.errors import Problem
from core.escape import Cells, defuse, undefuse
from core.money import ledger
from core.report import workbook
from core.review import files
from core.tables.columns import Mapping
from core.tables.files import open_table
from core.tables.problems import Problems
from core.taxonomy import Category
from core.ui import charts
from tests.test_layers import ROOT

SIGNS = "=+-@＝＋－＠﹦⁼'\"\t\r\n \u00a0\u200b\ufeff\x0b1e.a;,|("
TEXTS = st.text(alphabet=SIGNS, max_size=6) | st.text(max_size=8)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def harmless(cell: str) -> bool:
    """Whether the cell is a number, or begins with no sign of a formula behind blanks, what nobody sees, and quotes."""
    rest = cell
    while rest and (rest[0] == '"' or unicodedata.category(rest[0]) in ("Cc", "Cf", "Zs", "Zl", "Zp")):
        if rest[0] in "\t\r\n":
            return False
        rest = rest[1:]
    return unicodedata.normalize("NFKC", rest[:1])[:1] not in set("=+-@") or bool(NUMBER.fullmatch(cell.strip(" ")))


def cells(written: str | bytes) -> list[str]:
    text = written.decode("utf-8-sig") if isinstance(written, bytes) else written
    return [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]


def by_cells(text: str) -> list[str]:
    out = io.StringIO(newline="")
    Cells(out).rows([[text, None, 1], [text, text]])
    return cells(out.getvalue())


def by_a_command(text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problems.csv"
        reading.write_problems(path, [(text, [Problem(1, text, text, text)])])
        return cells(path.read_bytes())


def by_scoring(text: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scored.csv"
        shards.write_csv(path, pa.table({"a": [text], "b": [text]}))
        return cells(shards.header([text]) + path.read_bytes())


def by_the_report(text: str) -> list[str]:
    made = workbook.written({"one": pd.DataFrame({text: [text, 1]})})
    return [str(cell.value) for row in openpyxl.load_workbook(io.BytesIO(made))["one"] for cell in row if cell.value]


WRITERS = {
    "cells": by_cells,
    "a command's problems": by_a_command,
    "scored assets": by_scoring,
    "the report's workbook": by_the_report,
    "a taxonomy": lambda text: cells(taxonomy.to_csv([Category(text, text, None, text, (text,), text)])),
    "the ledger": lambda text: cells(ledger.to_csv([{text: text, "client": text}])),
    "a page's table": lambda text: cells(charts.csv(pd.DataFrame({text: [text, None], "n": [1, 2]}))),
}


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=60)
@given(TEXTS)
@example("\ufeff=1+1")
@example(" \t=cmd|'/C calc'!A0")
@example('"=1+1"')
@example("+nan")
def test_no_cell_of_any_writer_runs(writer, text):
    assert [cell for cell in WRITERS[writer](text) if not harmless(cell)] == []


@given(st.text(alphabet=SIGNS, max_size=8) | st.text(max_size=8))
def test_what_was_defused_comes_back(text):
    assert undefuse(defuse(text)) == text and harmless(defuse(text))


@pytest.mark.parametrize("number", ["-5", "+3.2", " -0.5", "1e-7", "-1E+05", "-.5"])
def test_numbers_stay_numbers(number):
    assert defuse(number) == number


def test_every_csv_leaves_by_the_one_writer():
    writers = ("csv.writer", "csv.DictWriter", "to_csv", "to_excel", "write_csv", "Workbook")
    found = set()
    for file in [*Path(ROOT / "core").rglob("*.py"), *Path(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            name = next((name for name in writers if called == name or called.endswith(f".{name}")), None)
            if name and (
                name != "to_csv" or any(word.arg == "index" for word in node.keywords)
            ):  # our own have no index
                found.add((name, file.relative_to(ROOT).as_posix()))
    assert found == {
        ("csv.writer", "core/escape.py"),
        ("csv.writer", "core/deploy/exported_writer/write.py"),  # it goes along alone; each cell defused
        ("to_csv", "core/assets/sample.py"),  # made-up words
        ("to_csv", "core/assets/sample_pictured.py"),  # made-up words
        ("to_csv", "core/write/sample.py"),  # made-up words
        ("Workbook", "core/report/workbook.py"),
        ("Workbook", "core/deploy/scoring.py"),  # from parts that are CSV by that writer
        ("Workbook", "core/deploy/brief_files.py"),  # each cell defused
        ("Workbook", "core/tables/files.py"),  # the reader
    }


NASTY = ["=Sale", "@home", "-10 % off", "＋plus", "'=quoted", '"=1+1"', "=HYPERLINK(1)"]


@pytest.fixture
def nasty(db, tmp_path):
    """A client whose categories and ids all run in a spreadsheet."""
    client = tasks.of(db, "=Client")
    taxonomy.save(db, client, [Category(name, name) for name in NASTY], "=taxonomy.csv")
    with (tmp_path / "in.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(
            [["id", "text", "label"], *([f"{name} {n}", f"{name} words {n}", name] for n, name in enumerate(NASTY))]
        )
    imports.import_assets(db, client, tmp_path / "in.csv", Mapping(("text",), id="id", label="label"))
    return client


def test_decisions_come_back_for_the_assets_and_categories_they_were_made_for(db, nasty, tmp_path):
    rows = list(
        db.query(
            "select a.id, a.external_id, r.label from assets a join recordings r on r.asset_id = a.id order by a.id"
        )
    )
    ids = {c.label: c.id for c in taxonomy.load(db, taxonomy.latest(db, nasty))}
    for row in rows:
        review.decide(db, row["id"], "=ana", ids[row["label"]], "queue", note="-note")
    made = files.to_csv(db, nasty)
    assert len(cells(made)) > 9 * len(rows) and all(map(harmless, cells(made)))
    before = list(db.execute("select asset_id, category_id, reviewer, note from reviews order by asset_id"))
    db.execute("delete from reviews")
    (tmp_path / "review.csv").write_text(made, encoding="utf-8-sig", newline="")
    read = files.read(db, nasty, tmp_path / "review.csv")
    assert (read.new, read.problems) == (len(NASTY), [])
    assert list(db.execute("select asset_id, category_id, reviewer, note from reviews order by asset_id")) == before


def test_labels_that_were_defused_on_the_way_are_the_categories(db, nasty):
    match = taxonomy.Matcher(taxonomy.load(db, taxonomy.latest(db, nasty)))
    for name in NASTY:
        assert match.label(match(defuse(name))) == name and match.exact(defuse(name)), name


def test_our_own_reader_gives_back_what_was_written(tmp_path):
    rows = [[name, f"{n} words", name] for n, name in enumerate([*NASTY, "=a;b,c", '=say "x"', "-5", "+49 30 123"])]
    with (tmp_path / "out.csv").open("w", newline="", encoding="utf-8-sig") as out:
        table = Cells(out)
        table.row("id", "text", "label")
        table.rows(rows)
    read = open_table(tmp_path / "out.csv").records(Problems())
    assert [[undefuse(cell) for cell in found] for _, found in read] == rows
