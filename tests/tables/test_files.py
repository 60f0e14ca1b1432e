"""Tables come back as they were written, whatever they were written in."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.escape import defuse
from core.tables import problems as problem_list
from core.tables.columns import KNOWN_ASSET_NAMES, guess_assets
from core.tables.encodings import is_mojibake
from core.tables.files import Problems, ReadAs, open_table

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = ["asset_id", "headline", "label", "channel"]
cell = st.text(alphabet="abcdefghijklmnopqrstuvwxyz ABC 019 ,;|\"'\n éüß€–=<>&", max_size=25).map(str.strip)
wide_cell = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="\ufeff\ufffd"), max_size=12
)


def tables(cells):
    return st.lists(st.lists(cells, min_size=4, max_size=4).filter(any), min_size=1, max_size=8)


def write_csv(path, rows, delimiter=",", encoding="utf-8", end="\r\n"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([NAMES, *rows])
    path.write_bytes(out.getvalue().encode(encoding))
    return path


@pytest.mark.parametrize(
    ("cell", "turned"), [("Spaß“", False), ("Größe und Maß–", False), ("CafÃ©", True), ("itâ€™s", True)]
)
def test_german_quotation_marks_are_no_text_turned_into_another_encoding(cell, turned):
    assert is_mojibake(cell) == turned


def read(path):
    table, problems = open_table(path, KNOWN_ASSET_NAMES), Problems()
    return table, list(table.records(problems)), problems


def same(rows):
    """Line breaks inside cells come back as written."""
    return [(number, list(row)) for number, row in enumerate(rows, 2)]


@quick
@given(
    rows=tables(cell),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_a_table_in_any_delimiter_and_encoding_comes_back_as_written(tmp_path, rows, delimiter, encoding):
    path = write_csv(tmp_path / "a.csv", rows, delimiter, encoding)
    if encoding == "cp1252":  # where the bytes happen to be UTF-8 as well, nobody can tell
        raw = path.read_bytes()
        assume(raw.isascii() or raw.decode("utf-8", "ignore").encode() != raw)
    told = (
        {"read_as": ReadAs(encoding="cp1252")} if encoding == "cp1252" else {}
    )  # from a letter or two nobody can tell
    table, problems = open_table(path, KNOWN_ASSET_NAMES, **told), Problems()
    records = list(table.records(problems))
    loose = [p for p in problems.listed if "would make a row" not in p.what]
    assert (table.columns, records, loose) == (NAMES, same(rows), [])


@quick
@given(
    rows=tables(wide_cell),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
)
def test_every_alphabet_comes_back_from_unicode_files(tmp_path, rows, encoding):
    if encoding in ("utf-16-le", "utf-16-be"):  # without a mark they are told by their zeros: mostly Latin text
        rows = [["id", "a plain English sentence of some length", "label", "channel"]] * 20 + rows
    table, records, problems = read(write_csv(tmp_path / "a.csv", rows, encoding=encoding))
    assert (table.columns, records, problems.count) == (NAMES, same(rows), 0)


@quick
@given(rows=tables(wide_cell))
def test_json_lines_excel_and_parquet_come_back_as_written(tmp_path, rows):
    objects = [dict(zip(NAMES, row)) for row in rows]
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(o) for o in objects), encoding="utf-8")
    assert read(lines)[1] == [(number, row) for number, row in enumerate(rows, 1)]
    whole = tmp_path / "a.json"
    whole.write_text(json.dumps({"ads": objects}), encoding="utf-8")
    assert [cells for _, cells in read(whole)[1]] == rows
    parquet = tmp_path / "a.parquet"
    pd.DataFrame(objects).to_parquet(parquet)
    assert read(parquet)[1] == same(rows)


def test_excel_rows_keep_their_numbers_numbers_lose_their_zeros_and_the_first_visible_sheet_is_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet("Ads")
    for row, values in {1: ["asset_id", "text"], 2: [17.0, "Café für alle"], 5: [18.5, "=not a formula"]}.items():
        for column, value in enumerate(values, 1):
            sheet.cell(row, column, value).data_type = "n" if isinstance(value, float) else "s"
    book.save(tmp_path / "a.xlsx")
    (tmp_path / "a.xlsx").rename(tmp_path / "a.csv")  # what a file is decides, not what it is called
    table, records, _ = read(tmp_path / "a.csv")
    assert (table.kind, records) == ("xlsx", [(2, ["17", "Café für alle"]), (5, ["18.5", "=not a formula"])])


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"two\nlines",A\n\n"3 short words",B,C\nlast,D\n')
    _, records, problems = read(path)
    assert records == [(2, ["two\nlines", "A"]), (5, ["last", "D"])]
    assert [p.row for p in problems.listed] == [4]


def test_an_open_quotation_mark_far_from_the_end_is_text_and_costs_no_row(tmp_path):
    path = tmp_path / "a.csv"
    lines = [f"{i},text {i},x" for i in range(5_000)]
    lines[9] = '9,"text 9,x'
    path.write_text("id,text,label\n" + "\n".join(lines))
    _, records, problems = read(path)
    assert (len(records), records[9], [p.row for p in problems.listed]) == (5_000, (11, ["9", '"text 9', "x"]), [None])


def test_one_column_of_text_may_hold_any_delimiter(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\nOne, two; three\nFour\n")
    assert read(path)[1] == [(2, ["One, two; three"]), (3, ["Four"])]


def test_a_title_above_the_header_is_passed_over_and_columns_get_unique_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Campaign export,,,,\n\nheadline,headline,,label,\nA,B,C,D,\n")
    table, records, _ = read(path)
    assert table.columns == ["headline", "headline (2)", "column 3", "label"]
    assert records == [(4, ["A", "B", "C", "D"])]


def test_other_alphabets_in_their_old_encodings_are_read(tmp_path):
    path = tmp_path / "a.csv"
    text = "Скидки на обувь и одежду до конца недели, успейте купить сегодня"
    path.write_bytes(("text;label\n" + f"{text};обувь\n" * 20).encode("cp1251"))
    assert read(path)[1][0] == (2, [text, "обувь"])


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        (["text", "label"], [], {"text": ("text",), "label": "label"}),
        (
            [
                *("asset_id", "file_name", "headline", "body", "cta", "channel", "market", "recorded_label"),
                *("recorded_confidence", "tokens_in", "tokens_out", "latency_ms", "gold_label"),
            ],
            [],
            {
                "text": ("headline", "body", "cta"),
                "id": "asset_id",
                "label": "recorded_label",
                "confidence": "recorded_confidence",
                "tokens_in": "tokens_in",
                "tokens_out": "tokens_out",
                "latency_ms": "latency_ms",
                "gold": "gold_label",
            },
        ),
        (["Ad ID", "Headline 1", "Headline 2", "Description", "Set"], [],
         {"text": ("Headline 1", "Headline 2", "Description"), "id": "Ad ID", "split": "Set"}),
        (["Nr", "Werbetext", "Marke"], [["1", "Jetzt neue Schuhe entdecken", "Zeta"]], {"text": ("Werbetext",), "id": "Nr"}),
        (["price", "clicks"], [["1.0", "20"], ["", "7"]], {"text": ()}),
        (["prompt_tokens", "completionTokens", "Ad Copy", "Ground Truth"], [],
         {"text": ("Ad Copy",), "tokens_in": "prompt_tokens", "tokens_out": "completionTokens", "gold": "Ground Truth"}),
    ],
)  # fmt: skip
def test_columns_are_guessed_from_names_then_from_contents(columns, rows, expected):
    guess = guess_assets(columns, rows)
    assert {k: v for k, v in vars(guess).items() if v is not None} == expected


def test_only_what_a_spreadsheet_would_run_is_defused():
    assert [defuse(c) for c in ("=1+1", "+49 30 123", "-5", "+3.2", "@x", "\t=1", " =1", "plain", "", "a=b")] == [
        "'=1+1", "'+49 30 123", "-5", "+3.2", "'@x", "'\t=1", "' =1", "plain", "", "a=b",
    ]  # fmt: skip


def test_problems_are_counted_beyond_those_kept(monkeypatch):
    monkeypatch.setattr(problem_list, "KEPT_PROBLEMS", 3)
    problems = Problems()
    for row in range(10):
        problems.add(row, None, "what", "todo")
    assert (len(problems.listed), problems.count) == (3, 10)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass"))),
    start=st.sampled_from([b"", b"PK\x03\x04", b"PAR1", b"\xff\xfe", b"text,label\n", b'{"text": ', b'text\n"']),
    suffix=st.sampled_from(["csv", "tsv", "xlsx", "json", "jsonl", "parquet", "txt"]),
)
def test_whatever_the_bytes_a_file_is_read_or_refused_with_a_sentence(tmp_path, data, start, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(start + data)
    try:
        table = open_table(path)
        for number, cells in table.records(Problems()):
            assert number > 0 and len(cells) == len(table.columns)
    except InputError as error:
        assert error.what and error.todo


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_damaged_workbook_is_read_or_refused_with_a_sentence(tmp_path, cut):
    book = openpyxl.Workbook()
    for i in range(30):
        book.active.append([f"text {i}", i])
    path = tmp_path / "a.xlsx"
    book.save(path)
    data = bytearray(path.read_bytes())
    place = len(data) * cut // 100
    data[place : place + 40] = bytes(40)
    path.write_bytes(bytes(data))
    try:
        list(open_table(path).records(Problems()))
    except InputError as error:
        assert error.what and error.todo
