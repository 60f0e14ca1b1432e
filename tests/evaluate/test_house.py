"""What all clients' students save: counted from files scored and the student's own sheet, and what needs somebody."""

from __future__ import annotations

import json
from dataclasses import replace

from core import database, tasks, taxonomy
from core.evaluate import house
from core.evaluate.comparison import comparison
from core.train.registry import set_live


def test_saving_is_rows_scored_by_the_prices_of_the_sheet(judged_small, db):
    assert house.money_of_tasks(db)[0].saved == {}
    set_live(db, 1)
    job = {"task_id": 2, "kind": "score", "params": "{}", "state": "done", "created": "", "finished": database.now()}
    for student, rows in ((1, 1000), (99, 500)):
        result = json.dumps({"rows": rows, "handled": rows // 2, "student": student})
        db["jobs"].insert(job | {"dedup": str(student), "result": result})
    sheet = comparison(db, 1)
    (one,) = house.money_of_tasks(db)
    prices, alone = sheet.economics.per_1000, sheet.verdict.decision == "replace"
    expected = (1.0 if alone else 0.5) * prices["teacher"] - prices["student"]
    assert abs(one.saved[house.months(1)[0]] - expected) < 1e-9
    assert one.filed == {house.months(1)[0]: 1500} and one.unpriced == 500, "a student that is gone has no price"
    assert one.agreement == sheet.figures.agreement.value
    waiting = replace(sheet, verdict=replace(sheet.verdict, decision="not_ready"))
    assert house._saved(waiting, 1000, 0) == 0, "what is not handed over costs nothing either"


def test_what_needs_somebody_is_said_with_its_page(judged_small, db):
    set_live(db, 1)
    assert not house.notices(db)
    categories = taxonomy.load(db, taxonomy.latest(db, tasks.get(db, 2)))
    taxonomy.save(db, tasks.get(db, 2), [*categories, taxonomy.Category("Contest", "Contest")], "next.csv")
    db.execute("update label_runs set state = 'capped'")
    db["jobs"].insert(
        {
            "task_id": 2,
            "kind": "score",
            "params": "{}",
            "dedup": "x",
            "state": "failed",
            "created": "",
            "error": "Empty.",
        }
    )
    said = {one.page: one.words for one in house.notices(db)}
    assert "version 1 of the taxonomy; version 2 is in use" in said["student"]
    assert "paused at its cap" in said["teacher"] and said["deploy"] == "Score failed: Empty."
