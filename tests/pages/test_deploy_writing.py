"""The Deploy page of a task that writes, and the file of briefs on the Write page: empty, filled, with hostile words."""

from __future__ import annotations

import json

import pytest

from core import jobs, settings, tasks
from core.database import client_id
from core.write import training
from core.write.training import LIVE
from tests.pages.test_pages import press, shown
from tests.write import copy, drafted

NASTY = "<img src=x onerror=alert(1)> **[x](y)** =1+1"


@pytest.fixture
def task(db):
    return tasks.add(db, client_id(db, "Northwind"), "Slogans", "write")


def judged(writer_id: int, text: str, stopped: list[str]) -> None:
    rows = [{"brief": NASTY, "text": text, "stopped": stopped, "near": False}]
    (settings.home() / "writers" / str(writer_id) / "judged.json").write_text(json.dumps(rows))


def test_without_a_student_the_page_sends_to_training(open_page, task):
    assert "There is no student to put to work yet." in shown(open_page("deploy", task=task))


def test_versions_are_listed_and_one_goes_live_once_what_changes_was_read(open_page, db, task, encoders):
    first, second = drafted.retrieving(db, task), drafted.retrieving(db, task, live=False)
    judged(first, "Old words", ["length"])
    judged(second, NASTY, [])
    app = open_page("deploy", task=task)
    assert f"Live: retrieve {first}" in [one.value for one in app.subheader]
    assert list(app.dataframe[0].value["Student"]) == [f"retrieve {second}", f"retrieve {first}"]
    assert "/write" in " ".join(code.value for code in app.code)
    press(app, "Make live …")
    assert "1 briefs more and 0 fewer" in shown(app) and training.find(db, task)["id"] == first
    press(app, f"No, keep retrieve {first}")
    assert training.find(db, task)["id"] == first
    press(app, "Make live …")
    press(app, f"Yes, make retrieve {second} live")
    assert training.find(db, task)["id"] == second
    press(app, f"Roll back to retrieve {first} …")
    press(app, f"Yes, make retrieve {first} live")
    assert training.find(db, task)["id"] == first and len(LIVE.history(db, task)) == 3


def test_a_file_of_briefs_is_queued_and_its_drafts_can_be_downloaded(open_page, db, task, encoders, tmp_path):
    drafted.retrieving(db, task)
    app = open_page("write", task=task)
    path = copy.file(tmp_path, [{"brief": NASTY}, {"brief": "Norden, soap"}], "briefs.csv")
    next(one for one in app.file_uploader if one.label.startswith("Briefs (")).set_value(
        ("briefs.csv", path.read_bytes(), "text/csv")
    ).run()
    press(app, "Write drafts of this file")
    [job] = jobs.active(db, task)
    assert (job.kind, job.params["columns"], job.params["count"]) == ("briefs", ["brief"], 3)
    jobs.cancel(db, job.id)
    jobs.run_here(db, "briefs", job.params | {"count": 2}, task)
    app = open_page("write", task=task)
    assert "briefs-drafts-1.xlsx: 2 rows" in shown(app) and not app.exception
