"""Workbooks as people keep them: several sheets, merged cells, Excel's own escapes and errors, formats that change what is seen."""

from __future__ import annotations

import datetime
import io
import subprocess
import sys
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Alignment

from core.errors import InputError
from core.tables import workbooks
from core.tables.columns import KNOWN_ASSET_NAMES
from core.tables.files import Problems, ReadAs, open_table
from core.tables.sheet_xml import column_letters, column_of, unescaped

TABLE = [["id", "text", "label"], ["1", "red shoes for the summer", "Shoes"], ["2", "a blue hat", "Hats"]]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), max_size=9)


def read(path, read_as=ReadAs(), **more):  # noqa: B008
    table, problems = open_table(path, KNOWN_ASSET_NAMES, read_as=read_as, **more), Problems()
    records = [cells for _, cells in table.records(problems)]
    return table, records, [problem.what for problem in problems.listed]


def saved(path, change=None, **sheets):
    """A workbook by openpyxl; sheet names are the keywords."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if change:
        change(book)
    book.save(path)
    return path


def by_hand(path, rows, strings="", styles="", main=MAIN, office=OFFICE):
    """A workbook of one sheet from raw XML, as a writer of one's own might write it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        relation = f'<Relationship Id="{{}}" Type="{office}/{{}}" Target="{{}}"/>'
        relations = (
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
        )
        archive.writestr("_rels/.rels", relations.format(relation.format("r", "officeDocument", "xl/workbook.xml")))
        parts = relation.format("r1", "worksheet", "worksheets/sheet1.xml")
        if strings:
            parts += relation.format("r2", "sharedStrings", "/xl/sharedStrings.xml")
            archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{strings}</sst>')
        if styles:
            parts += relation.format("r3", "styles", "styles.xml")
            archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{main}">{styles}</styleSheet>')
        archive.writestr("xl/_rels/workbook.xml.rels", relations.format(parts))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}">{rows}</worksheet>')
    return path


def test_the_sheet_that_holds_the_table_is_read_and_the_others_are_named(tmp_path):
    path = saved(
        tmp_path / "a.xlsx",
        **{
            "Read me": [["Please do not change the ids."], ["Column", "Meaning"], ["text", "What the ad says"]],
            "Pivot": [["Row Labels", "Count of id"], ["Shoes", 1], ["Hats", 1], ["Grand Total", 2]],
            "Empty": [],
            "Ads": TABLE,
        },
    )
    table, records, said = read(path)
    assert (records, table.doubts[0].chosen) == (TABLE[1:], "Ads")
    assert table.doubts[0].choices == ("Read me", "Pivot", "Ads")
    assert said == ["The sheet Ads was read; left unread: Read me (2 rows), Pivot (3 rows)."]
    assert read(path, ReadAs(sheet="pivot"))[0].columns == ["Row Labels", "Count of id"]
    with pytest.raises(InputError, match=r"no sheet Feb\. Choose from: Read me, Pivot, Empty, Ads\."):
        read(path, ReadAs(sheet="Feb"))


def test_of_a_sheet_a_month_the_first_is_read_and_the_rest_is_said_with_its_rows(tmp_path):
    longer = [*TABLE, ["3", "another hat", "Hats"]]
    path = saved(tmp_path / "a.xlsx", Jan=TABLE, Feb=longer, Mar=TABLE)
    table, records, said = read(path)
    assert (table.doubts[0].chosen, len(records)) == ("Jan", 2)
    assert said == ["The sheet Jan was read; left unread: Feb (3 rows), Mar (2 rows)."]
    table, records, said = read(path, ReadAs(sheet="Feb"))
    assert len(records) == 3 and said == ["The sheet Feb was read; left unread: Jan (2 rows), Mar (2 rows)."]


def test_a_table_under_foreign_names_and_on_a_hidden_sheet(tmp_path):
    foreign = [
        ["Nr", "Werbetext", "Sparte"],
        *([str(i), f"Neue Schuhe für den Sommer, Nummer {i}", "Mode"] for i in range(70)),
    ]
    path = saved(tmp_path / "a.xlsx", Hinweise=[["Bitte nichts ändern"], ["Danke"]], Daten=foreign)
    assert read(path)[1] == foreign[1:]

    def hide(book):
        book["Daten"].sheet_state = "hidden"

    path = saved(tmp_path / "b.xlsx", hide, Hinweise=[["Bitte nichts ändern"], ["Danke"]], Daten=foreign)
    assert read(path)[1] == foreign[1:]
    chart = openpyxl.Workbook()
    chart.active.append(["id", "text"])
    chart.active.append([1, "words"])
    chart.create_chartsheet("Chart", 0)
    chart.save(tmp_path / "c.xlsx")
    assert read(tmp_path / "c.xlsx")[1] == [["1", "words"]]


def test_merged_cells_hold_the_value_in_every_row_they_span(tmp_path):
    def merge(book):
        book["S"].merge_cells("A2:A4")
        book["S"].merge_cells("A5:A1000")

    rows = [["category", "text"], ["Shoes", "one"], [None, "two"], [None, "three"], ["Hats", "four"], [None, "five"]]
    assert read(saved(tmp_path / "a.xlsx", merge, S=rows))[1] == [
        ["Shoes", "one"], ["Shoes", "two"], ["Shoes", "three"], ["Hats", "four"], ["Hats", "five"],
    ]  # fmt: skip


def test_excels_escapes_are_read_as_what_they_stand_for():
    assert unescaped("a_x000D_\nb_x000D_c\r\nd") == "a\nb\nc\nd"
    assert unescaped("_x005F_x000D_") == "_x000D_"
    assert unescaped("_xD83D__xDE00_ _x00zz_ _x41_ x_x0007_y") == "\U0001f600 _x00zz_ _x41_ xy"


@pytest.mark.parametrize("number", ["-1", "99", "x"])
def test_a_text_that_no_list_holds_makes_the_workbook_unreadable(tmp_path, number):
    cells = "".join(f'<row><c t="s"><v>{place}</v></c></row>' for place in ("0", "1", number))
    path = by_hand(tmp_path / "a.xlsx", f"<sheetData>{cells}</sheetData>", "<si><t>text</t></si><si><t>boots</t></si>")
    with pytest.raises(InputError, match="cannot be read as an Excel workbook"):
        read(path)


def test_strict_prefixed_and_sloppy_documents_are_read_alike(tmp_path):
    text = '<c t="inlineStr"><is><t>{}</t></is></c>'
    rows = f"""<dimension ref="A1:A1"/><sheetData>
        <row r="1">{text.format("text")}<c t="s"><v>0</v></c>{"".join(map(text.format, "abc"))}</row>
        <row><c t="s"><v>1</v></c><c r="D2"><v>7.0</v></c><c t="b"><v>1</v></c></row></sheetData>"""
    strings = "<si><t>label</t></si><si><r><t>red </t></r><r><rPr><b/></rPr><t>shoes</t></r><rPh><t>x</t></rPh></si>"
    strict = (
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    )
    expected = [["red shoes", "", "", "7", "TRUE"]]
    assert read(by_hand(tmp_path / "a.xlsx", rows, strings))[1] == expected
    assert read(by_hand(tmp_path / "b.xlsx", rows, strings, main=strict[0], office=strict[1]))[1] == expected
    path = by_hand(tmp_path / "c.xlsx", rows, strings)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "d.xlsm", "w") as new:
        for name in old.namelist():
            xml = old.read(name).decode()
            if "sheet1" in name:
                for tag in ("worksheet", "dimension", "sheetData", "row", "c", "is", "t", "v"):
                    xml = (
                        xml.replace(f"<{tag}>", f"<x:{tag}>")
                        .replace(f"<{tag} ", f"<x:{tag} ")
                        .replace(f"</{tag}>", f"</x:{tag}>")
                    )
                xml = xml.replace("xmlns=", "xmlns:x=")
            new.writestr(name, xml)
    assert read(tmp_path / "d.xlsm")[1] == expected


def test_errors_and_formulas_never_calculated_are_said_by_cell_and_left_empty(tmp_path):
    text = '<c t="inlineStr"><is><t>{}</t></is></c>'
    rows = f"""<sheetData><row r="1">{text.format("text")}{text.format("label")}</row>
        <row r="2">{text.format("red shoes")}<c r="B2"><f>VLOOKUP(A2,X!A:B,2,0)</f><v/></c></row>
        <row r="3">{text.format("a hat")}<c r="B3" t="e"><f>X()</f><v>#NAME?</v></c></row>
        <row r="4"><c r="A4" t="str"><f>"a"&amp;"b"</f><v>a cap</v></c><c t="str"><f>""</f><v></v></c></row>
        <row r="5">{text.format("#REF!")}{text.format("Hats")}</row></sheetData>"""
    _, records, said = read(by_hand(tmp_path / "a.xlsx", rows))
    assert records == [["red shoes", ""], ["a hat", ""], ["a cap", ""], ["", "Hats"]]
    assert said == [
        "Cell B2 holds a formula that was never calculated; it was left empty.",
        "Cell B3 holds the error #NAME?; it was left empty.",
        "The cell holds the error #REF!; it was left empty.",
    ]
    path = tmp_path / "b.csv"
    path.write_text("id,text,label\n1,#NAME?,Shoes\n2,a hat,#N/A\n3,#1 in hats,######\n")
    assert read(path)[1] == [["1", "", "Shoes"], ["2", "a hat", ""], ["3", "#1 in hats", ""]]


@pytest.mark.parametrize(
    ("value", "shown_as", "expected"),
    [
        (143, "00000", "00143"),
        (123456789, "000-00-0000", "123-45-6789"),
        (7, '"AD-"0000', "AD-0007"),
        (143.0, "General", "143"),
        (120000000000000000, "General", "120000000000000000"),
        (0.1 + 0.2, "General", "0.3"),
        (1200, "#,##0", "1200"),
        (0.93, "0%", "93%"),
        (0.285, "0.0%", "28.5%"),
        (True, "General", "TRUE"),
        (datetime.date(2025, 3, 1), "dd.mm.yyyy", "2025-03-01"),
        (datetime.datetime(2025, 3, 1, 14, 30), "yyyy-mm-dd h:mm", "2025-03-01 14:30"),
        (datetime.time(9, 5), "h:mm", "09:05"),
        (datetime.timedelta(hours=26, minutes=15), "[h]:mm:ss", "26:15:00"),
        (-5.25, '0.00_);[Red]("$"0.00)', "-5.25"),
    ],
)
def test_numbers_dates_and_times_are_read_as_people_see_them(tmp_path, value, shown_as, expected):
    def put(book):
        cell = book["S"].cell(2, 1, value)
        cell.number_format = shown_as

    assert read(saved(tmp_path / "a.xlsx", put, S=[["id", "text"], ["", "words"]]))[1] == [[expected, "words"]]


def test_days_counted_from_1904_rich_text_hidden_rows_and_indents(tmp_path):
    def change(book):
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        book["S"].cell(2, 2, datetime.date(2025, 3, 1))
        book["S"].cell(2, 1, CellRichText("red ", TextBlock(InlineFont(b=True), "shoes")))
        book["S"].row_dimensions[3].hidden = True
        book["S"].cell(3, 1, "a hat").alignment = Alignment(indent=2)

    path = saved(tmp_path / "a.xlsx", change, S=[["text", "day"]])
    _, records, said = read(path)
    assert records == [["red shoes", "2025-03-01"], ["a hat", ""]]
    assert said == ["1 hidden row of the sheet was read as well."]
    assert read(path, indents=True)[1][1] == ["    a hat", ""]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(WORDS, min_size=2, max_size=2).filter(any), min_size=1, max_size=6))
def test_texts_come_back_as_they_were_written(tmp_path, rows):
    book = openpyxl.Workbook()
    for number, row in enumerate([["text", "label"], *rows], 1):
        for column, text in enumerate(row, 1):
            book.active.cell(number, column, text).data_type = "s"
    book.save(tmp_path / "a.xlsx")
    _, records, said = read(tmp_path / "a.xlsx")
    assert records == [["" if cell.startswith("#") and said else unescaped(cell) for cell in row] for row in rows]


def test_columns_have_letters():
    assert [column_letters(n) for n in (0, 25, 26, 701, 702, 16383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert all(column_of(f"{column_letters(n)}7") == n for n in range(0, 16384, 97))


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["report.csv"], r"The file is a ZIP archive \(report.csv\), not a table. Unpack it"),
        (["xl/workbook.bin"], r"The file is a binary Excel workbook \(.xlsb\), not a table. Save it as CSV"),
        (["word/document.xml"], "The file is a Word document, not a table."),
        (["mimetype", "content.xml"], "The file is an OpenDocument file, not a table."),
    ],
)
def test_other_zip_archives_are_named_as_what_they_are(tmp_path, names, what):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    with pytest.raises(InputError, match=what):
        open_table(tmp_path / "a.xlsx")


def _pieces(kind: str):
    """Raw XML of a bomb: (pieces of the sheet, pieces of the shared strings)."""
    block, head = b"word " * 20_000, b'<worksheet><sheetData><row r="1"><c t="inlineStr"><is><t>text</t></is></c></row>'
    noise = [bytes([97 + i * j % 26 for j in range(997)]) + block for i in range(50)]
    row, end = b'<row><c t="s"><v>0</v></c></row>', b"</sheetData></worksheet>"
    if kind == "cell":
        return [head, b'<row><c t="inlineStr"><is><t>', *noise * 80, b"</t></is></c></row>", end], []
    if kind == "tag":
        return [head, b'<row x="', *noise * 80, b'"/>', end], []
    if kind == "runs":
        return [head, row, end], [
            b"<sst><si>",
            *(b"<r><t>" + piece + b"</t></r>" for piece in noise * 35),
            b"</si></sst>",
        ]
    return [head, row * 6_000, end], [b"<sst><si><t>", *noise[:9], b"</t></si></sst>"]


READ = """
import sys, time
from core.errors import InputError
from core.tables.files import Problems, open_table
begun = time.monotonic()
try:
    for _ in open_table(sys.argv[1], {"text"}).records(Problems()): pass
except InputError as error:
    print(error.what)
print(time.monotonic() - begun)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads a process's peak memory")
@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("cell", "one cell, in row 2, holds more than 1,000,000 characters"),
        ("tag", "one tag is larger than a whole row may be"),
        ("runs", "one cell holds more than 1,000,000 characters"),
        ("repeated", "the sheet has more than 50,000,000 cells or 2,000,000,000 characters"),
    ],
)
def test_a_bomb_is_refused_before_it_takes_memory(tmp_path, kind, what):
    """400 MB in a file of a few; the process stays small, and all but the last answer at once."""
    path, base = tmp_path / "bomb.xlsx", by_hand(tmp_path / "a.xlsx", "<sheetData/>", "<si><t>x</t></si>")
    sheet, strings = _pieces(kind)
    with zipfile.ZipFile(base) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            pieces = sheet if "sheet1" in name else strings if "sharedStrings" in name else []
            with new.open(name, "w") as part:
                for piece in pieces or [old.read(name)]:
                    part.write(piece)
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=True)
    said, seconds, kilobytes = done.stdout.splitlines()
    assert said == f"The workbook holds more than can be read: {what}."
    assert int(kilobytes) < 300_000
    assert float(seconds) < (2 if kind != "repeated" else 60)


def test_shared_strings_beyond_their_limit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MAX_STRINGS", 10_000)
    path = saved(tmp_path / "a.xlsx", S=[["text"], *([f"some words {i}"] for i in range(10))])
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    strings = "".join(f"<si><t>{'x' * 50}{i}</t></si>" for i in range(300))
    assert names
    with pytest.raises(InputError, match="its shared strings unpack to more than"):
        open_table(by_hand(tmp_path / "b.xlsx", "<sheetData/>", strings))


def test_a_workbook_in_memory_of_its_writer_keeps_its_name_whatever_it_is_called(tmp_path):
    out = io.BytesIO()
    book = openpyxl.Workbook()
    for row in TABLE:
        book.active.append(row)
    book.save(out)
    (tmp_path / "a.csv").write_bytes(out.getvalue())
    assert read(tmp_path / "a.csv")[1] == TABLE[1:]
