"""The client report: it says what Compare says, opens without internet, and no word of an asset becomes markup in it."""

from __future__ import annotations

import html as standard
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import __main__ as cli
from core import tasks
from core.errors import InputError
from core.money.outlook import Swing
from core.report import brand, charts, content, html, svg, workbook
from core.train.registry import all_students
from core.ui.compare_first import TABS
from tests.pages.conftest import ROOT, ask, no_worker, open_page  # noqa: F401

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def report(filled) -> content.Report:
    return content.gather(filled, tasks.get(filled, 2), str(all_students(filled, tasks.get(filled, 2))[0]["id"]))


def words(text: str) -> str:
    """What a reader sees of HTML or of Markdown."""
    text = standard.unescape(re.sub(r"<[^>]+>", " ", text)).replace("\xa0", " ")
    return " ".join(re.sub(r"\\(.)", r"\1", text).replace("**", "").split())


def test_every_figure_of_compare_stands_in_the_report(open_page, report):  # noqa: F811
    shown = words(re.sub(r"<script.*?</script>", " ", html.render(report), flags=re.DOTALL))
    app = open_page("compare")
    assert [(one.label, one.value) for one in report.headlines] == [(m.label, words(m.value)) for m in app.metric][:3]
    verdict = next(box for boxes in (app.success, app.info, app.warning) for box in boxes)
    for part in (report.title, report.for_100):
        assert words(part) in words(verdict.value) and words(part) in shown
    titles: list[str] = []
    for question in TABS:
        ask(app, question)
        titles += [one.value for one in app.subheader if any(word in one.value for word in ("%", "$", " ms", "second"))]
    assert len(titles) >= 6
    for title in titles:
        assert words(title) in shown, title


def test_it_needs_nothing_from_elsewhere_runs_nothing_and_draws_every_chart(report):
    made = html.render(report)
    assert len(made.encode()) < 500_000 and "<script" not in made
    tags = " ".join(re.findall(r"<[a-z][^>]*>|<style>.*?</style>", made, re.DOTALL))
    assert not re.search(r"""\s(?:src|href|on\w+)\s*=\s*["']?(?!data:)|url\(|@import|https?://""", tags)
    drawn = [answer for _, some in report.chapters for answer in some if answer.figure]
    assert made.count("<svg") == len(drawn) + len(report.pairs) >= 9


def test_a_chart_drawn_still_has_every_bar_mark_and_word_inside_its_frame(report):
    for _, some in report.chapters:
        for answer in some:
            if not answer.figure:
                continue
            made = svg.draw(answer.figure, 900, answer.title)
            tree = ElementTree.fromstring(made)
            bars = sum(len(trace.x) for trace in answer.figure.data if trace.type == "bar")
            assert len(tree.findall("rect")) >= bars
            high = answer.figure.layout.height
            for word in tree.findall("text"):
                assert -5 <= float(word.get("x")) <= 905 and -5 <= float(word.get("y")) <= high + 5, (
                    answer.name,
                    word.text,
                )
            assert "nan" not in made and "inf" not in re.sub(r">[^<]*<", "><", made)
            keep_apart(tree)


def keep_apart(tree: ElementTree.Element) -> None:
    """No two words of a drawing that lie level stand on each other."""
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}
    boxes = []
    for word in tree.findall("text"):
        said = "".join(word.itertext())
        if said and not word.get("transform"):
            wide = len(said) * svg.LETTER * 0.45
            x, y = float(word.get("x")) - shift[word.get("text-anchor")] * wide, float(word.get("y"))
            clash = [other for other, left, right, line in boxes if abs(line - y) < 8 and left < x + wide and x < right]
            assert not clash, (said, clash)
            boxes.append((said, x, x + wide, y))


def test_words_of_ends_on_one_side_of_the_result_keep_apart_and_a_mark_is_named_above_the_rows():
    ends = [(772.0, 771.999), (772.001, 772.002), (700.0, 800.0), (700.0, 772.0), (900.0, 800.0)]
    drawn = svg.draw(
        charts.tornado([Swing(str(n), f"Row {n}", "0.05", "0.2", *one) for n, one in enumerate(ends)], 772.0)
    )
    keep_apart(ElementTree.fromstring(drawn))
    assert drawn.count(">0.05<") == drawn.count(">0.2<") == len(ends)
    rows = pd.DataFrame(
        [(f"Row {n}", 0.5, 0.2, 0.8, 9) for n in range(5)], columns=["label", "value", "low", "high", "n"]
    )
    figure = charts.layout(charts.shares(rows, "label", "value", "low", "high", "n"), "", "")
    charts.mark(figure, 0.7, "floor 70 %")
    (named,) = (word for word in ElementTree.fromstring(svg.draw(figure)).findall("text") if word.text == "floor 70 %")
    assert float(named.get("y")) < 20


def test_a_share_of_few_rows_has_no_decimals_in_a_table_and_one_creative_is_shown_once(report):
    rows = html._frame(pd.DataFrame({"who": ["a", "b"], "share": [0.2, 0.2], "n": [5, 500]}), ("share",))
    assert rows[1:] == [["a", "20 %", "5"], ["b", "20.0 %", "500"]]
    assert content._beginning("Softly Pulse & Pine! Lipstick, now") == content._beginning(
        "SOFTLY pulse & pine lipstick – now"
    )


def test_the_sample_report_in_the_docs_has_the_words_of_today():
    kept = (ROOT / "docs/sample-report.html").read_text(encoding="utf-8")
    template = (ROOT / "core/report/report.html.j2").read_text(encoding="utf-8")
    for part in re.findall(r"<h[12][^>]*>[^<{]+</h[12]>|<p class=\"quiet\">The <b>teacher.*?</p>", template):
        assert part in kept, "make it anew: see README, `report`"
    for text in (*content.LIMITS, *content.METHOD[1:]):
        assert words(text) in words(kept), "make it anew: see README, `report`"


def test_the_client_is_told_nothing_that_the_agency_should_do_and_nothing_in_a_programmers_words(report):
    made = html.render(report)
    front = words(made.partition("Appendix")[0])
    for told in (report.title, report.for_100, report.lead, report.goes_back, "The teacher is the large model"):
        assert words(told) in front
    assert "Next:" not in made and words(report.next) not in words(made)
    cells = re.findall(r"<td>([^<]*)</td>", made)
    assert not {"False", "True", "none", "None", "nan"} & set(cells) and not [
        c for c in cells if re.fullmatch(r"\d{4,}", c)
    ]


def test_results_come_one_a_row(report):
    rows = report.results
    assert list(rows.columns) == ["asset", "text", "teacher", "student", "confidence", "agrees", "answered by"]
    assert len(rows) == rows["asset"].nunique() and set(rows["agrees"]) <= {"yes", "no"}
    assert ((rows["teacher"] == rows["student"]) == (rows["agrees"] == "yes")).all()


def test_hostile_words_stay_words(filled, report):
    filled.execute("update assets set text = ? || text", [HOSTILE])
    filled.execute("update clients set name = ?", [HOSTILE])
    filled.execute("update categories set label = label || ?, name = name || ?", [HOSTILE, HOSTILE])
    filled.conn.commit()
    hostile = content.gather(filled, tasks.get(filled, 2), str(all_students(filled, tasks.get(filled, 2))[0]["id"]))
    made = html.render(hostile)
    assert "&lt;script&gt;" in made and HOSTILE not in made and "<img src=x" not in made
    assert made.count("<script") == html.render(report).count("<script")


def test_the_workbook_has_the_same_figures_and_no_formulas(report):
    answer = report.chapters[0][1][0]
    sheet = pd.DataFrame({"category": ["=1+1", "@x"], "n": [3, 4], "agreement": [0.5, None]})
    bad = replace(report, chapters=[("How?", [replace(answer, table=sheet)])])
    book = openpyxl.load_workbook(io.BytesIO(workbook.workbook(bad)))
    cells = [cell for row in book[answer.name].iter_rows(min_row=2) for cell in row]
    assert [cell.value for cell in cells] == ["'=1+1", 3, 0.5, "'@x", 4, None] and all(
        c.data_type != "f" for c in cells
    )
    whole = openpyxl.load_workbook(io.BytesIO(workbook.workbook(report)))
    summary = {row[0]: row[1] for row in whole["Summary"].iter_rows(values_only=True)}
    assert all(summary[one.label] == one.value for one in report.headlines)
    money = {row[0]: row[2] for row in whole["formula sheet"].iter_rows(min_row=2, values_only=True)}
    assert len(money) > 10 and {one.name for _, some in report.chapters for one in some} <= set(whole.sheetnames)


def test_the_brand_is_on_the_cover_and_bad_pictures_are_refused(filled):
    picture = (ROOT / "static" / "icon.png").read_bytes()
    brand.keep(filled, "North & Co", "#aa0055", picture)
    made = html.render(
        content.gather(filled, tasks.get(filled, 2), str(all_students(filled, tasks.get(filled, 2))[0]["id"]))
    )
    assert "North &amp; Co" in made and "--brand: #aa0055" in made and "data:image/png;base64," in made
    assert (
        brand.keep(filled, "North & Co", "#aa0055").logo and not brand.keep(filled, "", "#aa0055", drop_logo=True).logo
    )
    for colour, logo in (
        ("red", None),
        ("#12345", None),
        ("#aa0055", b"<svg onload=alert(1)>"),
        ("#aa0055", picture * 5000),
    ):
        with pytest.raises(InputError):
            brand.keep(filled, "", colour, logo)


def test_the_command_writes_both_kinds(filled, tmp_path, capsys):
    student = str(all_students(filled, tasks.get(filled, 2))[0]["id"])
    for name in ("r.html", "r.xlsx", "r.csv"):
        to = tmp_path / "new" / name
        assert cli.main(["report", "--client", "Northwind", "--student", student, "--to", str(to), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["bytes"] == to.stat().st_size > 1000
    assert cli.main(["report", "--client", "Northwind", "--to", str(tmp_path / "r.pdf")]) == 2
    assert "HTML, XLSX or CSV" in capsys.readouterr().err


def test_settings_keep_brand_and_terms(open_page, filled):  # noqa: F811
    app: AppTest = open_page("settings", task=tasks.get(filled, 2))
    next(t for t in app.text_input if t.label == "Agency").input("North & Co")
    app.text_area[0].input("Checked by legal on 2026-11-01: allowed.")
    next(b for b in app.button if b.label == "Save" and b.form_id == "brand").click().run()
    assert brand.brand(filled).agency == "North & Co"
    report = content.gather(filled, tasks.get(filled, 2), str(all_students(filled, tasks.get(filled, 2))[0]["id"]))
    assert report.licence == "Checked by legal on 2026-11-01: allowed."
