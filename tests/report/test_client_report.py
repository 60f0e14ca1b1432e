"""The client report: it says what Compare says, opens without internet, and no word of an asset becomes markup in it."""

from __future__ import annotations

import html as standard
import io
import json
import re
from dataclasses import replace

import openpyxl
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import __main__ as cli
from core.errors import InputError
from core.report import brand, content, html, workbook
from core.train.run import all_students
from core.ui.compare_first import TABS
from tests.pages.conftest import ROOT, ask, filled, filled_workspace, no_worker, open_page  # noqa: F401

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def report(filled) -> content.Report:  # noqa: F811
    return content.gather(filled, 1, str(all_students(filled, 1)[0]["id"]))


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


def test_it_needs_nothing_from_elsewhere_and_stays_small(report):
    made = html.render(report)
    assert len(made.encode()) < 3_000_000
    outside = re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", made, flags=re.DOTALL)
    tags = " ".join(re.findall(r"<[a-z][^>]*>|<style>.*?</style>|<script>.*?</script>", outside, re.DOTALL))
    assert not re.search(r"""\s(?:src|href)\s*=\s*["']?(?!data:)|url\(|@import|https?://|fetch\(""", tags)
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', made, re.DOTALL)[1])
    assert set(re.findall(r'id="chart-([a-z-]+)"', made)) == set(figures) and len(figures) >= 6


def test_hostile_words_stay_words(filled, report):  # noqa: F811
    filled.execute("update assets set text = ? || text", [HOSTILE])
    filled.execute("update clients set name = ?", [HOSTILE])
    filled.execute("update categories set label = label || ?, name = name || ?", [HOSTILE, HOSTILE])
    filled.conn.commit()
    hostile = content.gather(filled, 1, str(all_students(filled, 1)[0]["id"]))
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


def test_the_brand_is_on_the_cover_and_bad_pictures_are_refused(filled):  # noqa: F811
    picture = (ROOT / "static" / "icon.png").read_bytes()
    brand.keep(filled, "North & Co", "#aa0055", picture)
    made = html.render(content.gather(filled, 1, str(all_students(filled, 1)[0]["id"])))
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


def test_the_command_writes_both_kinds(filled, tmp_path, capsys):  # noqa: F811
    student = str(all_students(filled, 1)[0]["id"])
    for name in ("r.html", "r.xlsx"):
        to = tmp_path / "new" / name
        assert cli.main(["report", "--client", "Northwind", "--student", student, "--to", str(to), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["bytes"] == to.stat().st_size > 5000
    assert cli.main(["report", "--client", "Northwind", "--to", str(tmp_path / "r.pdf")]) == 2
    assert "HTML or XLSX" in capsys.readouterr().err


def test_settings_keep_brand_and_terms(open_page, filled):  # noqa: F811
    app: AppTest = open_page("settings", client_id=1)
    next(t for t in app.text_input if t.label == "Agency").input("North & Co")
    app.text_area[0].input("Checked by legal on 2026-11-01: allowed.")
    next(b for b in app.button if b.label == "Save" and b.form_id == "brand").click().run()
    assert brand.brand(filled).agency == "North & Co"
    report = content.gather(filled, 1, str(all_students(filled, 1)[0]["id"]))
    assert report.licence == "Checked by legal on 2026-11-01: allowed."
