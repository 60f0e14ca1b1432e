"""Bad input and the sentence each gets. `python -m tests.tables.test_bad_input` prints the table."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest

from core import tasks, taxonomy
from core.assets import imports, profiles, reading
from core.errors import InputError
from core.tables import files
from core.tasks import Task

HEAD = b"id,text,label\n"
TAXONOMY = b"id,name,parent\n1,Shoes,\n2,Hats,\n"


def workbook(rows: list[list], title: str = "Ads") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def patched(data: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one member of its archive changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == member else old.read(name))
    return out.getvalue()


def zip_bomb() -> bytes:
    return patched(workbook([["text"]]), "xl/worksheets/sheet1.xml", lambda _: b" " * 60_000_000)


def laughing_workbook() -> bytes:
    lol = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return patched(
        workbook([["text"], ["x"]]), "xl/worksheets/sheet1.xml", lambda xml: lol + xml.replace(b">x<", b">&b;<")
    )


@dataclass(frozen=True)
class Case:
    """A file, and what a person reads: one sentence for the whole file (`row` None, nothing imported), or one of a row."""

    name: str
    filename: str
    data: Callable[[], bytes]
    what: str
    todo: str
    row: int | None = None
    imported: int = 0


def case(
    name: str, filename: str, data: bytes | Callable[[], bytes], what: str, todo: str, row=None, imported=0
) -> Case:
    return Case(name, filename, data if callable(data) else lambda: data, what, todo, row, imported)


AS_CSV = "Save it as CSV (UTF-8) or as an Excel workbook (.xlsx) without a password."
EXPORT = "Export the table itself, as CSV (UTF-8) or as an Excel workbook (.xlsx)."
RESAVE = "Open it in Excel, save it as .xlsx or CSV, and try again."
WHOLE_FILE = [
    case("empty file", "a.csv", b"", "The file is empty.", "Export it again and check that it holds rows."),
    case("blank lines only", "a.csv", b"\n\n , \n", "The file holds no rows.",
         "Choose a file with a header row and data below it."),
    case("header only", "a.csv", HEAD, "The file has a header but no rows.",
         "Add a row for each asset below the header."),
    case("no text column", "a.csv", b"id,price,label\n1,2.50,Shoes\n2,3.75,Hats\n", "No column of text was found.",
         "Name one text, or choose it from: id, price, label."),
    case("picture renamed .csv", "a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9,
         "The file is a PNG image, not a table.", EXPORT),
    case("binary renamed .csv", "a.csv", bytes(range(256)) * 40, "The file holds binary data, not text.", AS_CSV),
    case("old or encrypted Excel", "a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
         "The file is an old or password-protected Excel workbook, not a table.", AS_CSV),
    case("broken workbook", "a.xlsx", b"PK\x03\x04" + b"x" * 500, "The file cannot be read as an Excel workbook.",
         RESAVE),
    case("ZIP bomb as .xlsx", "a.xlsx", zip_bomb,
         "The workbook unpacks to 60 MB, more than a file of its size should; it was not opened.",
         "Save the sheet as CSV (UTF-8) and import that."),
    case("XML bomb in a workbook", "a.xlsx", laughing_workbook, "The file cannot be read as an Excel workbook.",
         RESAVE),
    case("broken Parquet", "a.parquet", b"PAR1" + b"x" * 100, "The file cannot be read as Parquet.",
         "Save it as CSV (UTF-8)."),
    case("no row usable", "a.jsonl", b"nonsense\n{]\n", "The file holds no JSON object.",
         'Write one object a row: {"text": "...", "label": "..."}.'),
    case("no row with text", "a.csv", HEAD + b"1,,Shoes\n2, ,Hats\n",
         "Not one row of the file could be used: The row has no text; it was left out.",
         "Fill in the text or delete the row."),
    case("one endless line", "a.csv", b"id,text\n1," + b"x" * 4_100_000,
         "One line is longer than 4,000,000 characters.",
         "This is no table, or its line breaks are missing: export it again."),
]  # fmt: skip
RAGGED = "Put text that holds the delimiter or a line break in quotation marks and give every column its cell."
BY_ROW = [
    case("row too long", "a.csv", HEAD + b"1,good,Shoes\n2,bad,row,Hats\n",
         "The row has 4 cells, the header has 3; it was left out.", RAGGED, 3, 1),
    case("row too short", "a.csv", HEAD + b"1,good,Shoes\n2\n",
         "The row has 1 cell, the header has 3; it was left out.", RAGGED, 3, 1),
    case("quotation mark left open", "a.csv", HEAD + b'1,good,Shoes\n2,"bad,Hats\n3,fine,Hats\n',
         "1 row has quotation marks that nothing closes or that stand inside a text (first in row 3); they were kept as text.",
         "Nothing, if the texts are right as they are.", None, 3),
    case("a 1 MB cell", "a.csv", HEAD + b"1," + b"word " * 200_000 + b"x,Shoes\n2,good,Hats\n",
         "The text has 1,000,001 characters; it was cut to 20,000.", "Shorten it if the end matters.", 2, 2),
    case("NUL bytes", "a.csv", HEAD + b"1,go\0od,Shoes\n", "The row holds NUL bytes; they were removed.",
         "Check the program the file came from.", 2, 1),
    case("damaged characters", "a.csv", HEAD + "1,größer äöüß éàè çñ,Shoes\n".encode() + b"2,caf\xe9,Hats\n",
         "The row holds characters that cannot be read; they are shown as �.",
         "Export the file again as UTF-8 if they matter.", 3, 2),
    case("half a character in JSON", "a.jsonl", rb'{"id": "1", "text": "smile \ud83d", "label": "Shoes"}',
         "The row holds characters that cannot be read; they are shown as �.",
         "Export the file again as UTF-8 if they matter.", 1, 1),
    case("a line that is no JSON", "a.jsonl", b'{"id": "1", "text": "good", "label": "Shoes"}\n[1, 2]\n',
         "The row is no JSON object; it was left out.", 'Write one object a row: {"text": "...", "label": "..."}.', 2,
         1),
    case("one id, two texts", "a.csv", HEAD + b"1,first,Shoes\n1,second,Hats\n",
         "The id 1 stands in an earlier row with another text; this row was left out.",
         "Give the new text an id of its own.", 3, 1),
    case("no text", "a.csv", HEAD + b"1,good,Shoes\n2, ,Hats\n", "The row has no text; it was left out.",
         "Fill in the text or delete the row.", 3, 1),
    case("no id", "a.csv", HEAD + b",good,Shoes\n", "The row has no id; it was given one made from its text.",
         "Give every row an id.", 2, 1),
    case("an endless id", "a.csv", HEAD + b"1,good,Hats\n" + b"9" * 300 + b",good,Shoes\n",
         "The id is longer than 200 characters; the row was left out.", "Use a short id.", 3, 1),
    case("unknown label", "a.csv", HEAD + b"1,good,Boots\n",
         "The label Boots is no category of the taxonomy; the asset was kept without it.",
         "Correct the label, or add the category to the taxonomy and import this file again.", 2, 1),
    case("unknown split", "a.csv", b"id,text,split\n1,good,later\n",
         "The split later is not known; the asset gets one later.", "Write train, calibration or test.", 2, 1),
    case("confidence out of range", "a.csv", b"id,text,label,confidence\n1,good,Shoes,193\n",
         "193 is no number between 0 and 1; it was left out.", "Correct it or leave the cell empty.", 2, 1),
]  # fmt: skip
TAXONOMIES = [
    case("cyclic parents", "t.csv", b"id,name,parent\n1,A,3\n2,B,1\n3,C,2\n",
         "The parents go round in a circle (A > C > B > A); A was taken as top level.",
         "Correct the parent of one of them.", 2, 3),
    case("two categories of one name", "t.csv", b"name,parent\nShoes,\nHats,\nshoes,\n",
         "shoes stands twice under one parent, first in row 2; this row was left out.",
         "Rename one of them or delete the row.", 4, 2),
    case("its own parent", "t.csv", b"id,name,parent\n1,A,1\n2,B,1\n",
         "A is its own parent; it was taken as top level.", "Leave the parent empty if that is meant.", 2, 2),
    case("unknown parent id", "t.csv", b"id,name,parent\n1,A,\n2,B,1\n3,C,77\n",
         "No category has the id 77, given as parent of C; it was taken as top level.",
         "Add the parent's row or correct the id.", 4, 3),
    case("category without a name", "t.csv", b"id,name\n1,A\n2,\n", "The category has no name; it was left out.",
         "Fill in the name or delete the row.", 3, 1),
    case("one id twice", "t.csv", b"id,name\n1,A\n1,B\n", "The id 1 is used twice; this row was left out.",
         "Give each category its own id.", 3, 1),
    case("two parents fit", "t.csv", b"name,parent\nX,A\nX,B\nA,\nB,\nY,X\n",
         "The parent X of Y fits several categories; it was taken as top level.",
         "Name the parent by its id, or as Grandparent > Parent.", 6, 5),
    case("no column of names", "t.csv", b"price,size\n1,2\n", "No column of category names was found.",
         "Name it name, or choose it from: price, size."),
    case("JSON cut short", "t.json", b'[{"name": "A"',
         "The file is no valid JSON: Expecting ',' delimiter in line 1, column 14.",
         "Correct it there, or export it again."),
    case("JSON without categories", "t.json", b'{"version": 3}', "The file holds no list of categories.",
         'Write [{"name": "...", "parent": "..."}, ...].'),
]  # fmt: skip
ids = {"ids": lambda case: case.name.replace(" ", "-")}


def write(folder: Path, case: Case) -> Path:
    path = folder / case.filename
    path.write_bytes(case.data())
    return path


def client_with_taxonomy(db, folder: Path) -> Task:
    client = tasks.of(db, "Acme")
    path = folder / "taxonomy.csv"
    path.write_bytes(TAXONOMY)
    taxonomy.save(db, client, taxonomy.read(path).categories, path.name)
    return client


def listed(db, import_id: int) -> list[tuple]:
    return db.execute("select row, what, todo from import_problems where import_id = ?", [import_id]).fetchall()


@pytest.mark.parametrize("case", WHOLE_FILE, **ids)
def test_a_file_that_cannot_be_used_is_refused_with_one_sentence_and_nothing_is_written(case, db, tmp_path):
    client = client_with_taxonomy(db, tmp_path)
    with pytest.raises(InputError) as error:
        imports.import_assets(db, client, write(tmp_path, case))
    assert (error.value.what, error.value.todo, error.value.where) == (case.what, case.todo, case.filename)
    assert db.execute("select (select count(*) from assets) + (select count(*) from imports)").fetchone() == (0,)


@pytest.mark.parametrize("case", BY_ROW, **ids)
def test_a_bad_row_is_listed_and_the_good_ones_are_imported(case, db, tmp_path):
    client = client_with_taxonomy(db, tmp_path)
    summary = imports.import_assets(db, client, write(tmp_path, case))
    assert listed(db, summary.import_id) == [(case.row, case.what, case.todo)]
    assert (summary.imported, summary.problems) == (case.imported, 1)


@pytest.mark.parametrize("case", TAXONOMIES, **ids)
def test_a_bad_taxonomy_is_refused_or_its_bad_rows_are_listed(case, tmp_path):
    path = write(tmp_path, case)
    if case.row is None:
        with pytest.raises(InputError) as error:
            taxonomy.read(path)
        assert (error.value.what, error.value.todo) == (case.what, case.todo)
    else:
        found = taxonomy.read(path)
        assert [(p.row, p.what, p.todo) for p in found.problems] == [(case.row, case.what, case.todo)]
        assert len(found.categories) == case.imported


def test_formulas_and_markup_stay_text_and_are_defused_on_the_way_out(db, tmp_path):
    hostile = ['=HYPERLINK("http://x","y")', "<script>alert(1)</script>", "@SUM(A1)", "**bold** [link](javascript:x)"]
    path = tmp_path / "a.jsonl"
    path.write_text(
        "\n".join(json.dumps({"id": f"={i}", "text": text}) for i, text in enumerate(hostile))
        + '\n{"id": "=0", "text": "b"}'
    )
    client = tasks.of(db, "Acme")
    summary = imports.import_assets(db, client, path)
    assert [row[0] for row in db.execute("select text from assets order by id")] == hostile
    assert profiles.problems_csv(db, summary.import_id).splitlines()[1].startswith("5,id,The id =0 stands")
    book = tmp_path / "b.xlsx"
    sheet = openpyxl.Workbook()
    for row, text in enumerate(["text", *hostile], 1):
        sheet.active.cell(row, 1, text).data_type = "s"
    sheet.save(book)
    assert [cells for _, cells in files.open_table(book).records(files.Problems())] == [[text] for text in hostile]


def test_more_rows_or_bytes_than_can_be_read_are_refused(db, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + b"1,a,\n2,b,\n3,c,\n")
    client = tasks.of(db, "Acme")
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    with pytest.raises(InputError, match=r"The file has more than 2 rows\. Split it into several files"):
        imports.import_assets(db, client, path)
    with pytest.raises(InputError, match=r"The file is 0 MB, at most 0 MB can be read\. Split it"):
        files.open_table(path, max_bytes=10)
    assert db["assets"].count == 0


def test_five_thousand_categories_are_read_saved_and_matched(db, tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"{i},Category {i},{i % 70 if i >= 70 else ''}" for i in range(5_000)]
    path.write_text("id,name,parent\n" + "\n".join(lines))
    found = taxonomy.read(path)
    assert (len(found.categories), found.problems) == (5_000, [])
    stored = taxonomy.load(db, taxonomy.save(db, tasks.of(db, "Acme"), found.categories, "t.csv"))
    match = taxonomy.Matcher(stored)
    assert match("CATEGORY  4999") == stored[4_999].id


def main() -> None:
    print("| input | what | what to do |\n|---|---|---|")
    for one in [*WHOLE_FILE, *BY_ROW, *TAXONOMIES]:
        where = f"row {one.row}: " if one.row else ""
        print(f"| {one.name} | {where}{one.what} | {one.todo} |")


if __name__ == "__main__":
    main()
