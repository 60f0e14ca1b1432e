"""The Vendor page of a task that writes: empty, a file of drafts, what does not match, the blind test."""

from __future__ import annotations

import json

import pytest

from core import jobs
from core.database import now
from core.write import vendors
from tests.pages import hostile
from tests.pages.test_names_stay_text import check
from tests.pages.test_pages import links, press, shown
from tests.write import drafted


@pytest.fixture
def task(db, tmp_path):
    return drafted.task(db, tmp_path, 120)


def judged(db, task, name: str = "Copy Co", outside: tuple[str, ...] = ("Not asked for",)) -> list[str]:
    """A vendor's measured drafts of all test briefs but the first, as rows; the briefs."""
    briefs = list(vendors.test_briefs(db, task))
    counts = {"rows": 9, "answered": 8, "again": 0, "outside": outside, "missing": briefs[:1], "problems": []}
    row = {"task_id": task.id, "name": name, "source": "file:a.csv", "usd_per_1000": 4.0, "seconds": None}
    figures = drafted.FIGURES | {"stops": {"length": 0.1}}
    row |= {"counts": json.dumps(counts), "figures": json.dumps(figures), "created": now()}
    test = db["writing_tests"].insert(row).last_pk
    answers = [
        {"test_id": test, "brief": brief, "text": f"Line for {brief}", "passed": 1, "gates": "[]"}
        for brief in briefs[1:]
    ]
    db["writing_answers"].insert_all(answers)
    db.conn.commit()
    return briefs


def test_without_pairs_it_leads_to_where_they_come_from(open_page, db, task):
    db.execute("update pairs set split = 'train'")
    db.conn.commit()
    assert links(open_page("vendor", task=task)) == ["Bring in pairs"]


def test_a_file_is_looked_at_and_measured_by_a_job(open_page, db, task):
    app = open_page("vendor", task=task)
    assert "18 briefs" in shown(app) or "briefs that no student learned from" in shown(app)
    brief = next(iter(vendors.test_briefs(db, task)))
    app.file_uploader[0].set_value(("a.csv", f'brief,draft\n"{brief}",A line\n'.encode(), "text/csv")).run()
    assert [box.value for box in app.main.selectbox if box.label.startswith("Column")] == ["brief", "draft"]
    press(app, "Measure these drafts")
    assert "needs a name" in app.error[0].value and not jobs.active(db, task)
    app.text_input(key="vendor-name").input("Copy Co").run()
    press(app, "Measure these drafts")
    [job] = jobs.active(db, task)
    assert (job.kind, job.params["name"], job.params["brief"]) == ("vendor_drafts", "Copy Co", "brief")


def test_a_vendor_stands_beside_student_and_people_with_what_did_not_match(open_page, db, task):
    judged(db, task)
    app = open_page("vendor", task=task)
    assert "There is no student yet" in shown(app)
    writer = drafted.writer(db, task)
    db.conn.commit()
    app = open_page("vendor", task=task)
    assert {"Copy Co", "Student", "People, approved copy"} <= set(app.dataframe[0].value.columns)
    assert "It costs" in app.info[0].value and "1 brief of the file not among them" in shown(app)
    press(app, "Put its drafts into the blind test")
    beside = "select count(*) from blind_pairs where against = 'vendor:Copy Co' and writer_id is"
    assert db.execute(f"{beside} null").fetchone()[0] >= 5 and not db.execute(f"{beside} not null").fetchone()[0]
    assert "The drafts of Copy Co beside approved copy" in shown(app)
    there = [pair for pair in drafted.pairs.load(db, task) if pair.split == "test"][:6]
    drafted.blind_pairs.put(db, task, writer, [(one, f"Draft: {one.brief}") for one in there], 0)
    db.conn.commit()
    press(app, "Put its drafts into the blind test")
    assert db.execute(f"{beside} not null").fetchone()[0] >= 5
    press(app, "Forget these drafts")
    assert not db["writing_tests"].count


def test_no_text_is_markup(open_page, db, task):
    judged(db, task, hostile.PIECES[0][:60], tuple(hostile.PIECES))
    drafted.writer(db, task)
    db.conn.commit()
    check(open_page("vendor", task=task))
    check(open_page("compare", task=task))
