"""A writing student's money, verdict and figures, on the command line and in the report."""

from __future__ import annotations

import io
import json

import openpyxl
import pytest

from core import __main__ as cli
from core.evaluate.kept import assumptions_of, keep_assumptions
from core.money.economics import Assumptions
from core.report import content, html, workbook
from core.write import comparison, figures, measures, training
from tests.write import drafted


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path)


def compared(db, task) -> comparison.WritingComparison:
    return comparison.comparison(db, task, comparison.looked_at(db, task))


def test_money_follows_from_the_lines_it_shows(db, task):
    drafted.writer(db, task)
    keep_assumptions(db, task, Assumptions(paid_usd_1000=5.0, volume_per_month=20_000))
    sheet = compared(db, task).economics
    # 0.10 USD/h at 10 briefs a second and half its time: 0.1 / (10 x 3,600 x 0.5) x 1,000
    assert sheet.per_1000["student"] == pytest.approx(0.005556)
    assert sheet.per_1000["cascade"] == pytest.approx(0.005556 + 0.1 * 5)  # a brief in ten goes on to the teacher
    assert sheet.monthly == {"teacher": 100.0, "student": 0.11, "cascade": 10.11}
    labels = " ".join(f"{line.label} {line.note} {line.unit}" for line in compared(db, task).formulas)
    assert "1,000 briefs" in labels and "asset" not in labels and "classif" not in labels


def test_what_the_teachers_drafts_cost_goes_before_any_list_price(db, task):
    drafted.writer(db, task)
    assert compared(db, task).economics.line("teacher").basis == "estimated"
    for n in range(4):
        draft = drafted.draft(db, task, None, f"Line {n}", f"Brief {n}", author="teacher")
        row = {"draft_id": draft, "connection": "c", "model": "m", "asked": "a", "tokens_in": 500.0, "tokens_out": 30.0}
        db["teacher_drafts"].insert(row | {"cost_usd": 0.01, "latency_ms": 1500.0})
    result = compared(db, task)
    assert result.economics.line("teacher").basis == "measured" and result.economics.per_1000["teacher"] == 10.0
    assert result.measured.teacher_ms == 1500.0 and result.measured.tokens_basis == "measured"
    keep_assumptions(db, task, Assumptions())  # priced as a model after all
    assert assumptions_of(db, task).price_as == Assumptions().price_as


def test_the_step_of_each_verdict_has_a_price(db, task):
    drafted.writer(db, task)
    assert "207 comparisons" in compared(db, task).step.words and compared(db, task).step.usd == 207 / 2 / 60 * 40
    db.execute("update writers set refused = 'It may not.'")
    assert "500 more drafts of the teacher" in compared(db, task).step.words


def test_every_side_goes_through_the_same_measures(db, task):
    rouge = {"r1": 0.3, "lead3_r1": 0.2, "r2": 0.1, "lead3_r2": 0.05}
    drafted.writer(db, task, rouge=rouge)
    earlier = {one["name"]: one["figures"] for one in measures.as_json(compared(db, task).sides)}
    assert "rouge_1" not in earlier, "words as they stand do not stand beside stems"
    row = db.execute("select figures from writers").fetchone()
    assert figures.read(row[0]).rouge.r1 == 0.3, "its own verdict still weighs them"
    db.execute("update writers set figures = json_set(figures, '$.rouge.stems', json('true'))")
    sides = compared(db, task).sides
    told = {one["name"]: one["figures"] for one in measures.as_json(sides)}
    assert told["rouge_1"] == {"student": 0.3, "people": None, "shuffled": None, "lead3": 0.2}
    assert told["recall_at_10"]["shuffled"] == 0.1 and told["handled"]["student"]["low"] == 0.8
    assert measures.table(sides)["measure"].iloc[0] == "Passes every gate"


def test_compare_and_report_tell_the_same(db, task, tmp_path, capsys):
    examples = [{"brief": "=1+1", "text": "<b>A line</b>", "passed": False, "why": "It is <i>long</i>."}]
    writer = drafted.writer(db, task, examples=examples, stops={"length": 0.1}, licence="Apache-2.0")
    drafted.compared(db, task, writer, 10)
    db.conn.commit()
    line = ["--client", "Northwind", "--task", "Slogans", "--json"]
    assert cli.main(["compare", *line, "--assume", "volume_per_month=5000"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (
        told["verdict"]["decision"] == "drafts" and told["verdict"]["step"]["usd"] and told["licence"] == "Apache-2.0"
    )
    assert {one["name"] for one in told["measures"]} >= {"handled", "near_copies", "seconds"}
    assert cli.main(["compare", *line, "--rule", "target=0.9"]) == 2
    for kind in ("html", "xlsx", "csv"):
        assert cli.main(["report", *line, "--to", str(tmp_path / f"r.{kind}")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "It drafts, and a person decides." in page and "&lt;b&gt;A line" in page and "<b>A line" not in page
    assert "Apache-2.0" in page and "207 comparisons" in page
    book = openpyxl.load_workbook(io.BytesIO((tmp_path / "r.xlsx").read_bytes()))
    assert {"Summary", "results", "quality", "students", "formula sheet"} <= set(book.sheetnames)
    assert "'=1+1" in (tmp_path / "r.csv").read_text()
    report = content.of(db, task)
    assert html.render(report) and workbook.workbook(report)
    assert training.verdict_of(comparison.looked_at(db, task)).decision == report.decision
