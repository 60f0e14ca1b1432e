"""The report of a client with several tasks: all of them first, then a chapter each, escaped as a report of one is."""

from __future__ import annotations

import re

import pytest

from core import __main__ as cli
from core import distil, tasks
from core.errors import InputError
from core.report import client, html
from tests import small


@pytest.fixture
def facets(db, tmp_path):
    file, assets = small.facet_files(tmp_path / "files")
    how = {"client": "North <wind>", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=file, assets=assets, **how)
    return tasks.client_named(db, "North <wind>")


def test_all_tasks_come_first_then_a_chapter_each(db, facets, tmp_path, capsys):
    tasks.add(db, facets, "Offer & price")
    report = client.of(db, facets)
    assert [part.task for part in report.parts] == ["Topic", "Intent"] and report.missing == ["Offer & price"]
    assert report.title.endswith("of 2 tasks a student can go to work.") and "All facets right" in report.joint
    assert cli.main(["report", "--client", "North <wind>", "--to", str(tmp_path / "all.html")]) == 0
    made = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert made == html.render(report) and "<wind>" not in made and "Offer &amp; price" in made
    assert re.findall(r'id="(task-\d)">([^<]+)<', made) == [("task-1", "Topic"), ("task-2", "Intent")]
    assert made.count("How this was measured") == 2 and made.count('href="#task-') == 2
    assert all(part.lead.replace(" %", "\u00a0%") in made for part in report.parts)
    capsys.readouterr()
    assert cli.main(["report", "--client", "North <wind>", "--to", str(tmp_path / "all.xlsx")]) != 0
    assert "Figures and rows are of one task. Name it with --task" in capsys.readouterr().err
    assert cli.main(["report", "--client", "North <wind>", "--task", "Topic", "--to", str(tmp_path / "one.html")]) == 0


def test_a_client_without_a_judged_student_is_told_so(db):
    task = tasks.of(db, "Northwind", "Topic")
    tasks.add(db, task.client_id, "Offer")
    with pytest.raises(InputError, match="No task of this client has a judged student yet"):
        client.of(db, task.client_id)
