"""Options that say how a file is read, through the commands that take them, on files where they change the outcome."""

from __future__ import annotations

import csv
import json

from core.__main__ import main
from tests.ingest.test_workbooks import saved

SHEETS = {"Jan": [["id", "text"], ["1", "save off deal"]], "Feb": [["id", "text"], ["2", "join team"], ["3", "beach"]]}


def scored(tmp_path, capsys, source, *options: str) -> list[dict]:
    out = tmp_path / "out.csv"
    asked = ["score", "--client", "Small", "--input", str(source), "--output", str(out), "--student", "1", *options]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(out.open(encoding="utf-8-sig", newline="")))
    assert told["rows"] == len(rows)
    return rows


def test_score_reads_as_it_is_told(judged_small, tmp_path, capsys):
    book = saved(tmp_path / "a.xlsx", **SHEETS)
    for sheet, ids in (("Jan", ["1"]), ("Feb", ["2", "3"])):
        assert [row["id"] for row in scored(tmp_path, capsys, book, "--sheet", sheet)] == ids
    path = tmp_path / "a.csv"
    path.write_bytes("made by hand|on Friday\nid|text\n1|Zażółć, gęślą\n2|x|y\n".encode("cp1250"))
    told = ("--encoding", "cp1250", "--delimiter", "pipe", "--header-row", "2", "--problems", str(tmp_path / "p.csv"))
    assert [row["text"] for row in scored(tmp_path, capsys, path, *told)] == ["Zażółć, gęślą"]
    assert "it was left out" in (tmp_path / "p.csv").read_text("utf-8-sig")
