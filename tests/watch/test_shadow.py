"""A student that answers silently, over a file: every row is compared, known or listed; then ready, not yet, or no."""

from __future__ import annotations

import csv
import time

import pytest

from core.errors import InputError
from core.train.registry import set_live
from core.watch import rules, served, shadow, shadow_file, telling
from tests import small
from tests.watch import lived


@pytest.fixture
def task(judged_small, db):
    set_live(db, 1)
    return judged_small


def write(path, rows: list[dict]):
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def test_every_row_of_a_file_is_compared_known_or_without(task, db, tmp_path):
    rows = small.rows(300, seed=9)
    rows[3]["text"], rows[4]["label"], rows[5]["label"] = "", "", "No such category"
    rows.append(rows[10])
    path = write(tmp_path / "november.csv", rows)
    found = shadow_file.run(db, task, "live", path)
    assert found.rows == 301 == found.compared + found.before + found.empty
    assert (found.empty, found.before) == (3, 1)
    assert any("No such category" in problem.what for problem in found.problems.listed)
    again = shadow_file.run(db, task, "live", path)
    assert (again.compared, again.before) == (0, 298)
    (silent,) = shadow.shadows(db, task)
    assert silent.answers == 297 and silent.compared <= silent.handled <= 297
    assert silent.low <= silent.agreed / silent.compared <= silent.high


def test_texts_of_the_file_are_kept_only_where_the_client_says_so(task, db, tmp_path):
    shadow_file.run(db, task, "live", write(tmp_path / "a.csv", small.rows(40, seed=9)))
    rules.put_keeping(db, task.client_id, rules.Keeping(texts="asked"))
    shadow_file.run(db, task, "live", write(tmp_path / "b.csv", small.rows(40, seed=10)))
    file = served.there(task.client_id)
    kept = [text for (text,) in file.execute("select text from audits order by id")]
    file.close()
    assert kept[:40] == [None] * 40 and all(kept[40:])


def test_a_file_without_the_teachers_answers_is_refused_in_a_sentence(task, db, tmp_path):
    rows = [{"id": row["id"], "text": row["text"]} for row in small.rows(5)]
    with pytest.raises(InputError, match="No column holds the teacher's answers"):
        shadow_file.run(db, task, "live", write(tmp_path / "a.csv", rows))
    assert served.there(task.client_id) is None


@pytest.mark.parametrize(
    ("agreement", "answers", "verdict"), [(0.99, 600, shadow.READY), (0.99, 8, shadow.NOT_YET), (0.5, 600, shadow.NO)]
)
def test_the_verdict_waits_for_enough_and_believes_what_it_sees(task, db, agreement, answers, verdict):
    lived.live(db, task, days=1, a_day=answers, agreement=(agreement,), ends=time.time(), mode=served.SHADOW)
    (silent,) = shadow.shadows(db, task)
    assert silent.verdict == verdict
    assert {"ready": "Ready", "not yet": "Not yet", "no": "No:"}[verdict] in telling.of_shadow(silent)
