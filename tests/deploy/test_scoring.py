import csv
import datetime
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import jobs
from core.deploy import scoring
from core.errors import InputError
from core.evaluate import run
from tests.evaluate.conftest import insert_assets


@pytest.fixture
def live(client):
    """A live student with a certified threshold: sure answers (0.6 and up) are handled, 0.40 falls back."""
    insert_assets(client, "calibration", 300, 25, start=100)
    insert_assets(client, "test", 200, 20, start=1000)
    run.evaluate(client.db, client.student_id)
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
    result = scoring.score(client.db, client_id=client.client_id, input=source, output=tmp_path / out, **more)
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
    _, out = score(client, tmp_path, 'text\n0 0.9 shoes\n""\n1 0.5 x\n', student=client.student_id)
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


def test_chunks_hold_every_row_in_order_and_equal_texts_are_asked_once_a_chunk(live, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 100)
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
    scoring.score(live.db, client_id=live.client_id, input=tmp_path / "in.parquet", output=out)
    scored = pq.read_table(out)
    assert scored.schema.types[:4] == table.schema.types
    assert scored.to_pylist() == [
        {"spend": 1234567.891, "day": day, "headline": "1 0.9 a", "n": 1}
        | {"category": "Offer", "confidence": pytest.approx(0.9), "handled": True},
        {"spend": None, "day": day, "headline": None, "n": 2, "category": None, "confidence": None, "handled": False},
    ]
    scoring.score(live.db, client_id=live.client_id, input=tmp_path / "in.parquet", output=tmp_path / "out.csv")
    assert read_csv(tmp_path / "out.csv")[0]["spend"] == "1234567.891"


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
        ("text\n0 0.9 x\n", {"out": "out.xlsx"}, r"ending in '\.xlsx' cannot be written"),
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
    assert (result["rows"], result["problems"]) == (2, 1)


def test_a_crash_keeps_the_output_of_before_and_no_half_file(live, tmp_path, monkeypatch):
    _, out = score(live, tmp_path, "text\n0 0.9 x\n")
    before = out.read_bytes()
    monkeypatch.setattr(scoring, "CHUNK", 1)

    def progress(done, total, message="", spent_usd=0.0):
        if done == 2:
            raise jobs.Cancelled

    with pytest.raises(jobs.Cancelled):
        score(live, tmp_path, "text\n0 0.9 x\n1 0.9 y\n2 0.9 z\n", progress=progress)
    assert out.read_bytes() == before
    assert not list(tmp_path.glob(".*part"))


def test_the_job_writes_into_the_workspace_and_tells_how_far_it_is(live, tmp_path, workspace):
    source = tmp_path / "in.csv"
    source.write_text("text\n0 0.9 x\n1 0.9 y\n")
    told = []
    result = scoring.score_job(
        live.db,
        {"client_id": live.client_id, "student": "live", "input": str(source)},
        lambda done, total, message="", spent_usd=0.0: told.append((done, total)),
    )
    assert told == [(0, 2), (2, 2)]
    assert result["output"] == str(workspace / "output" / "in-scored.csv")
    assert len(read_csv(workspace / "output" / "in-scored.csv")) == 2
