import csv
import datetime
import errno
import os

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import jobs
from core.deploy import inputs, scoring, shards
from core.errors import InputError
from core.evaluate import evaluation
from core.tables.files import AS_FOUND, ReadAs
from tests.evaluate.conftest import insert_assets
from tests.tables.test_workbooks import saved


@pytest.fixture
def live(client):
    """A live student with a certified threshold: sure answers (0.6 and up) are handled, 0.40 falls back."""
    insert_assets(client, "calibration", 300, 25, start=100)
    insert_assets(client, "test", 200, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    client.db.execute("update students set live = 1")
    client.db.conn.commit()
    client.student.asked.clear()
    return client


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))


def score(client, tmp_path, content: str | bytes, *, name="in.csv", out="out.csv", **more):
    source = tmp_path / name
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    result = scoring.score(client.db, task=client.task, input=source, output=tmp_path / out, **more)
    return result, tmp_path / out


def test_every_row_gets_a_category_a_confidence_and_handled(live, tmp_path):
    result, out = score(live, tmp_path, "ad,text\n7,0 0.9 shoes\n8,2 0.4 hats\n9,\n")
    assert read_csv(out) == [
        {"ad": "7", "text": "0 0.9 shoes", "category": "Sale", "confidence": "0.9", "handled": "true"},
        {"ad": "8", "text": "2 0.4 hats", "category": "Brand", "confidence": "0.4", "handled": "false"},
        {"ad": "9", "text": "", "category": "", "confidence": "", "handled": "false"},
    ]
    assert (result["rows"], result["handled"], result["without_text"], result["problems"]) == (3, 1, 1, 0)
    assert result["student"] == live.student_id


def test_without_a_certificate_handled_stays_empty(client, tmp_path):
    result, out = score(client, tmp_path, 'text\n0 0.9 shoes\n""\n1 0.5 x\n', student=client.student_id)
    assert scoring.in_words(result) == f"2 rows. {scoring.UNCERTIFIED}"
    done = {**result, "certified": True, "handled": 1, "left_out": 1}
    assert scoring.in_words(done) == "2 rows, 1 handled by the student itself, 1 row left out"
    assert [row["handled"] for row in read_csv(out)] == ["", ""]  # a line without any cell is no row
    assert [row["category"] for row in read_csv(out)] == ["Sale", "Offer"]


@pytest.mark.parametrize(
    "content",
    ["text;ad\n0 0.9 Füße;1\n".encode("cp1252"), "text\tad\n0 0.9 Füße\t1\n".encode("utf-16")],
)
def test_encoding_and_delimiter_are_found(live, tmp_path, content):
    _, out = score(live, tmp_path, content)
    assert read_csv(out)[0]["text"] == "0 0.9 Füße"
    assert read_csv(out)[0]["category"] == "Sale"


def test_shards_hold_every_row_in_order_and_equal_texts_are_asked_once_a_shard(live, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD", 100)
    lines = "".join(f"{i},{i % 3} 0.9 same\n" for i in range(1050))
    result, out = score(live, tmp_path, f"id,text\n{lines}")
    rows = read_csv(out)
    assert [row["id"] for row in rows] == [str(i) for i in range(1050)]
    assert [row["category"] for row in rows] == [["Sale", "Offer", "Brand"][i % 3] for i in range(1050)]
    assert result["rows"] == result["handled"] == 1050
    assert len(live.student.asked) == 3 * 11


def test_parquet_keeps_types_and_gains_typed_answers(live, tmp_path):
    day = datetime.date(2026, 11, 1)
    table = pa.table({"spend": [1234567.891, None], "day": [day, day], "headline": ["1 0.9 a", None], "n": [1, 2]})
    pq.write_table(table, tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    scoring.score(live.db, task=live.task, input=tmp_path / "in.parquet", output=out)
    scored = pq.read_table(out)
    assert scored.schema.types[:4] == table.schema.types
    assert scored.to_pylist() == [
        {"spend": 1234567.891, "day": day, "headline": "1 0.9 a", "n": 1}
        | {"category": "Offer", "confidence": pytest.approx(0.9), "handled": True},
        {"spend": None, "day": day, "headline": None, "n": 2, "category": None, "confidence": None, "handled": False},
    ]
    scoring.score(live.db, task=live.task, input=tmp_path / "in.parquet", output=tmp_path / "out.csv")
    assert read_csv(tmp_path / "out.csv")[0]["spend"] == "1234567.891"


def test_a_workbook_comes_out_with_every_row_in_order_confidences_as_numbers_and_no_formula(
    live, tmp_path, monkeypatch
):
    monkeypatch.setattr(scoring, "SHEET", 2)
    rows = "1,=1+1,0 0.9 x\n007,b,2 0.4 y\n3,c,\n"
    _, out = score(live, tmp_path, f"id,note,text\n{rows}", out="out.xlsx", text_columns=["text"])
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["results 1", "results 2"]
    first, second = (list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets)
    assert first[0] == second[0] == ("id", "note", "text", "category", "confidence", "handled")
    assert first[1:] == [("1", "'=1+1", "0 0.9 x", "Sale", 0.9, "true"), ("007", "b", "2 0.4 y", "Brand", 0.4, "false")]
    assert second[1:] == [("3", "c", None, None, None, "false")]


def test_csv_in_parquet_out(live, tmp_path):
    _, out = score(live, tmp_path, "id,text\n1,0 0.9 x\n", out="out.parquet")
    assert pq.read_table(out).to_pylist()[0] | {"confidence": 0.9} == {
        "id": "1",
        "text": "0 0.9 x",
        "category": "Sale",
        "confidence": 0.9,
        "handled": True,
    }


def test_formulas_are_defused_in_csv(live, tmp_path):
    _, out = score(live, tmp_path, "id,text,note\n1,0 0.9 x,=cmd|' /C calc'!A0\n2,0 0.9 x,-5\n")
    assert [row["note"] for row in read_csv(out)] == ["'=cmd|' /C calc'!A0", "-5"]


def test_named_columns_are_used_and_the_id_comes_first(live, tmp_path):
    content = "text,alt,ref\n0 0.9 x,2 0.9 y,1\n"
    _, out = score(live, tmp_path, content, text_columns=["alt"], id_column="ref")
    assert list(read_csv(out)[0].items()) == [
        ("ref", "1"),
        ("text", "0 0.9 x"),
        ("alt", "2 0.9 y"),
        ("category", "Brand"),
        ("confidence", "0.9"),
        ("handled", "true"),
    ]


def test_the_columns_of_the_clients_last_import_are_read_again(live, tmp_path):
    live.db.execute("""update imports set mapping = '{"text": ["blurb"]}'""")
    live.db.conn.commit()
    result, out = score(live, tmp_path, "text,blurb\n0 0.9 x,2 0.9 y\n")
    assert result["text_columns"] == ["blurb"]
    assert read_csv(out)[0]["category"] == "Brand"
    assert score(live, tmp_path, "text\n0 0.9 x\n")[0]["text_columns"] == ["text"]  # not in this file: guessed


def test_columns_of_those_names_are_left_alone(live, tmp_path):
    _, out = score(live, tmp_path, "text,category,handled\n0 0.9 x,mine,yes\n")
    assert read_csv(out)[0] == {
        "text": "0 0.9 x",
        "category": "mine",
        "handled": "yes",
        "student_category": "Sale",
        "confidence": "0.9",
        "student_handled": "true",
    }


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        ("text\n", {}, "no row below its header"),
        ("", {}, "empty"),
        ("text\n0 0.9 x\n", {"out": "out.docx"}, r"ending in '\.docx' cannot be written"),
        ("text\n0 0.9 x\n", {"out": "no/folder.csv"}, "no such folder"),
        ("text\n0 0.9 x\n", {"out": "in.csv"}, "same file"),
        ("text\n0 0.9 x\n", {"text_columns": ["copy"]}, "no column 'copy'. The columns are: text"),
        ("text\n0 0.9 x\n", {"id_column": "ref"}, "no column 'ref'"),
        ("text\n0 0.9 x\n", {"student": 99}, "no student number 99"),
        ("year,count\n2024,1\n", {}, "No column of text"),
    ],
)
def test_what_cannot_be_scored_is_said_and_leaves_nothing_behind(live, tmp_path, content, more, said):
    before = set(os.listdir(tmp_path))
    with pytest.raises(InputError, match=said):
        score(live, tmp_path, content, **more)
    assert set(os.listdir(tmp_path)) - before == {"in.csv"}


def test_rows_that_cannot_be_read_are_counted_once(live, tmp_path):
    result, out = score(live, tmp_path, "id,text\n1,0 0.9 x\n2,1 0.9 y,and,more\n3,2 0.9 z\n")
    assert [row["id"] for row in read_csv(out)] == ["1", "3"]
    assert (result["rows"], result["left_out"], result["problems"]) == (2, 1, 1)
    assert [(one["row"], one["what"]) for one in result["problem_list"]] == [
        (3, "The row has 4 cells, the header has 2; it was left out.")
    ]


def test_an_input_is_read_as_it_is_said(live, tmp_path):
    content = "made by hand|on Friday\nid|text\n1|0 0.9 Zażółć\n2|1 0.9 gęślą\n".encode("cp1250")
    how = ReadAs(encoding="cp1250", delimiter="pipe", header=2)
    _, out = score(live, tmp_path, content, read_as=how)
    assert [(row["id"], row["text"]) for row in read_csv(out)] == [("1", "0 0.9 Zażółć"), ("2", "1 0.9 gęślą")]
    assert scoring.doubts(saved(tmp_path / "in.xlsx", **SHEETS))[0].option == "sheet"
    for sheet, texts in SHEETS.items():
        how = ReadAs(sheet=sheet)
        scoring.score(live.db, task=live.task, input=tmp_path / "in.xlsx", output=out, read_as=how)
        assert [row["text"] for row in read_csv(out)] == [text for _, text in texts[1:]]


SHEETS = {"Jan": [["id", "text"], ["1", "0 0.9 a"]], "Feb": [["id", "text"], ["2", "1 0.9 b"], ["3", "2 0.9 c"]]}
KINDS_OF_ROWS = ("{n},0 0.9 x", "{n},", "{n},1 0.9 y,more,cells", "{n}", '{n},"2 0.9 z"', '{n},0 0.9 un"closed')


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(KINDS_OF_ROWS), max_size=30), st.booleans())
def test_rows_out_and_rows_listed_are_the_rows_of_the_file(live, tmp_path, lines, said):
    rows = [line.replace("{n}", f"r{n}") for n, line in enumerate(["{n},0 0.9 x"] * 8 + lines)]
    content = "\n".join([*["a title"] * said, "id,text", *rows]) + "\n"
    how = ReadAs(encoding="utf-8", delimiter="comma", header=2) if said else AS_FOUND
    result, out = score(live, tmp_path, content, text_columns=["text"], read_as=how)
    ids = [row["id"] for row in read_csv(out)]
    assert result["rows"] == len(ids) and ids == sorted(ids, key=lambda id: int(id[1:]))
    listed = [one["row"] for one in result["problem_list"] if one["row"] and "left out" in one["what"]]
    assert result["rows"] + result["left_out"] == len(rows)
    assert {f"r{row - 2 - said}" for row in listed} == {f"r{n}" for n in range(len(rows))} - set(ids)


class Stop:
    """Progress that raises once so many rows are done."""

    def __init__(self, at: int, what: type[BaseException] = jobs.Cancelled):
        self.at, self.what = at, what

    def __call__(self, done, total, message="", spent_usd=0.0):
        if message == "Scoring" and done >= self.at:
            raise self.what


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture
def halved(live, tmp_path, monkeypatch):
    """A file of 1,000 different rows, of which a run stopped after 300 or 400 in shards of 100."""
    monkeypatch.setattr(inputs, "SHARD", 100)
    lines = "".join(f"{i},{i % 3} 0.9 row {i}\n" for i in range(1000))
    with pytest.raises(jobs.Cancelled):
        score(live, tmp_path, f"id,text\n{lines}", progress=Stop(300))
    return tmp_path / "in.csv", tmp_path / "out.csv"


def again(live, paths, **more):
    live.student.asked.clear()
    source, output = paths
    return scoring.score(live.db, task=live.task, input=source, output=output, **more)


def test_a_stopped_run_leaves_nothing_under_the_outputs_name_and_is_carried_on(live, halved):
    _, output = halved
    assert not output.exists() and leftovers(output.parent) == [".out.csv.parts"]
    told = []
    result = again(live, halved, progress=lambda done, total, message="", spent=0.0: told.append((message, done)))
    assert told[0] == ("Scoring", 300)
    assert (result["rows"], result["taken_over"], result["handled"]) == (1000, 300, 1000)
    assert live.student.asked == [f"{i % 3} 0.9 row {i}" for i in range(300, 1000)]
    carried_on = output.read_bytes()
    assert leftovers(output.parent) == []
    assert again(live, halved)["taken_over"] == 0
    assert output.read_bytes() == carried_on
    assert [row["id"] for row in read_csv(output)] == [str(i) for i in range(1000)]


def test_a_stopped_run_keeps_the_output_of_before(live, halved):
    _, output = halved
    again(live, halved)
    before = output.read_bytes()
    with pytest.raises(ZeroDivisionError):
        again(live, halved, progress=Stop(200, ZeroDivisionError))
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    "changed", ["input", "columns", "threshold", "half-written", "other columns kept", "read otherwise"]
)
def test_parts_of_another_making_are_not_taken_over(live, halved, changed, monkeypatch):
    source, output = halved
    more = {}
    if changed == "input":
        source.write_text(source.read_text().replace("0.9 row 5\n", "0.8 row 5\n"))
    elif changed == "columns":
        more = {"text_columns": ["text", "id"]}
    elif changed == "other columns kept":
        more = {"id_column": "text"}
    elif changed == "read otherwise":
        more = {"read_as": ReadAs(encoding="cp1250")}
    elif changed == "threshold":
        monkeypatch.setattr(scoring, "certified", lambda db, id: (0.95, ""))
    else:
        for part in (output.parent / ".out.csv.parts").glob("*.csv"):
            part.write_bytes(part.read_bytes()[:-5])
    assert again(live, halved, **more)["taken_over"] == 0
    assert len(live.student.asked) == 1000
    assert len(read_csv(output)) == 1000 and leftovers(output.parent) == []


def test_nothing_is_left_where_no_shard_was_finished(live, tmp_path):
    with pytest.raises(jobs.Cancelled):
        score(live, tmp_path, "text\n0 0.9 x\n", progress=Stop(0))
    assert leftovers(tmp_path) == []


def test_two_runs_do_not_write_one_file(live, halved):
    seen = []

    def second(done, total, message="", spent_usd=0.0):
        if not seen:
            with pytest.raises(InputError, match=r"out\.csv: Another run is writing this file"):
                again(live, halved)
            seen.append(True)

    assert again(live, halved, progress=second)["rows"] == 1000 and seen


def test_a_full_disk_is_said_and_what_is_done_stays(live, halved, monkeypatch):
    write_csv = shards.write_csv

    def full(path, table):
        if "000005-" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_csv(path, table)

    monkeypatch.setattr(shards, "write_csv", full)
    with pytest.raises(InputError, match="The disk is full"):
        again(live, halved)
    monkeypatch.setattr(shards, "write_csv", write_csv)
    assert again(live, halved)["taken_over"] == 500


def test_parquet_of_many_small_row_groups_and_large_cells(live, tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "SHARD", 100)
    monkeypatch.setattr(inputs, "SHARD_CHARACTERS", 20_000)
    monkeypatch.setattr(scoring, "JOINED", 3)
    texts = [f"{i % 3} 0.9 " + "long " * (100 if i > 600 else 1) for i in range(1000)]
    codes = pa.array([f"c{i % 7}" for i in range(1000)]).dictionary_encode()
    table = pa.table({"id": range(1000), "text": texts, "code": codes, "tags": [[i, i + 1] for i in range(1000)]})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=7)
    out = tmp_path / "out.parquet"
    result = again(live, (tmp_path / "in.parquet", out))
    scored = pq.read_table(out)
    assert result["rows"] == 1000 and scored.select(table.column_names).equals(table)
    assert scored["category"].to_pylist() == [["Sale", "Offer", "Brand"][i % 3] for i in range(1000)]


def test_the_job_writes_into_the_workspace_and_tells_how_far_it_is(live, tmp_path, workspace):
    source = tmp_path / "in.csv"
    source.write_text("text\n0 0.9 x\n1 0.9 y\n")
    told = []
    result = scoring.score_job(
        live.db,
        {"task_id": live.task.id, "student": "live", "input": str(source)},
        lambda done, total, message="", spent_usd=0.0: told.append((done, total, message)),
    )
    assert told[:2] == [(0, 2, "Scoring"), (2, 2, "Scoring")] and told[-1] == (1, 1, "Joining the parts")
    assert result["output"] == str(workspace / "output" / "in-scored.csv")
    assert len(read_csv(workspace / "output" / "in-scored.csv")) == 2
