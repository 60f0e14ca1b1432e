"""Versions: what is live when, going back, and two students compared on the same assets."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.evaluate import evaluation, going_live, versions
from core.train import registry
from tests.evaluate.conftest import insert_assets


@pytest.fixture
def two(client, workspace):
    """The rule student, wrong on every 20th test asset, and a second one that is wrong on every 60th only."""
    insert_assets(client, "train", 10, 999, start=0)
    insert_assets(client, "calibration", 300, 25, start=100)
    insert_assets(client, "test", 400, 20, start=1000)
    evaluation.evaluate(client.db, client.student_id)
    row = next(client.db.query("select * from students where id = 1"))
    client.db["students"].insert(row | {"id": 2, "path": "students/2", "kind": "embedding", "parent_id": 1})
    asked = client.student.answer
    client.student.answer = lambda texts: asked([_better(text) for text in texts])
    evaluation.evaluate(client.db, 2)
    for student in (1, 2):
        folder = workspace / "students" / str(student)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text("{}")
    return client


def _better(text: str) -> str:
    """Two of three assets the first student got wrong are put right."""
    _, sure, rest = text.split(" ", 2)
    number = int(rest.split()[1])
    return f"{number % 3} 0.7 {rest}" if sure == "0.4" and number % 60 else text


def live(db) -> list[int]:
    return [row["id"] for row in db.query("select id from students where live = 1")]


def test_rolling_back_twice_goes_back_two_steps_and_every_step_is_kept(two, workspace):
    third = workspace / "students" / "3"
    row = next(two.db.query("select * from students where id = 2"))
    two.db["students"].insert(row | {"id": 3, "path": "students/3"})
    third.mkdir()
    (third / "config.json").write_text("{}")
    for student in (1, 2, 2, 3):
        registry.set_live(two.db, student)
    assert [one["student_id"] for one in registry.history(two.db, two.task)] == [3, 2, 1]
    assert registry.before_live(two.db, two.task) == 2
    assert registry.roll_back(two.db, two.task) == 2
    assert live(two.db) == [2]
    assert registry.roll_back(two.db, two.task) == 1
    assert live(two.db) == [1]
    with pytest.raises(InputError, match="No other student was live before"):
        registry.roll_back(two.db, two.task)
    assert live(two.db) == [1]
    assert [one["student_id"] for one in registry.history(two.db, two.task)] == [1, 2, 3, 2, 1]


def test_a_student_whose_files_are_gone_is_not_put_to_work(two, workspace):
    registry.set_live(two.db, 1)
    registry.set_live(two.db, 2)
    (workspace / "students" / "1" / "config.json").unlink()
    for change in (lambda: registry.set_live(two.db, 1), lambda: registry.roll_back(two.db, two.task)):
        with pytest.raises(InputError, match="The files of linear 1 are missing"):
            change()
    assert live(two.db) == [2]
    assert [row["whole"] for row in versions.listed(two.db, two.task)] == [True, False]


def test_two_students_on_the_same_assets(two):
    found = versions.compare(two.db, 1, 2)
    (by,) = found.by
    assert (by.paired.n, by.paired.only_first, by.paired.only_second) == (400, 0, 13)
    assert by.first.value == pytest.approx(380 / 400)
    assert by.second.value == pytest.approx(393 / 400)
    assert found.changed == 13 == found.changes["assets"].sum()
    assert set(found.changes["first"]) <= {"Sale", "Offer", "Brand"}
    assert found.sentence.startswith(
        "embedding 2 agrees on 3.2 points more than linear 1 (98.3 % against 95.0 %; difference +"
    )
    assert "13 of 400 test assets would change category" in found.sentence
    turned = versions.compare(two.db, 2, 1)
    assert turned.sentence == found.sentence
    assert list(versions.table_of(found).columns) == ["measure", "linear 1", "embedding 2", "basis"]


def test_no_difference_is_said_as_none_shown(two):
    two.db.execute(
        "update predictions set category_id = (select category_id from predictions q where q.student_id = 1"
        " and q.asset_id = predictions.asset_id) where student_id = 2"
    )
    found = versions.compare(two.db, 1, 2)
    assert found.changed == 0 and found.by[0].paired.p == 1
    assert "No difference in agreement is shown between linear 1 and embedding 2" in found.sentence


@pytest.fixture
def two_teachers(two):
    """The second student learned from the built-in teacher, whose labels differ from the recorded ones on every fourth asset."""
    run_id = two.db["label_runs"].insert(
        {"task_id": two.task.id, "taxonomy_id": 1, "teacher": "built-in", "prompt_hash": "", "started": "2026"}
    )
    two.db.execute("update students set label_run_id = ? where id = 2", [run_id.last_pk])
    two.db.execute(
        "update predictions set teacher_category_id = (teacher_category_id - 1) % 3 + 2"
        " where student_id = 2 and asset_id % 4 = 0"
    )
    return two


def test_where_teachers_differ_every_asset_counts_and_each_figure_names_its_labels(two_teachers):
    found = versions.compare(two_teachers.db, 1, 2)
    assert found.apart == 100 and found.n == 400
    assert [one.paired.n for one in found.by] == [400, 400]
    assert [one.teacher for one in found.by] == ["recorded labels “label”", "built-in teacher"]
    assert [found.by[0].second.value, found.by[1].second.value] == [
        pytest.approx(393 / 400),
        pytest.approx(0.7375, abs=0.02),
    ]
    assert found.changed == 13, "what would change is counted over all of them"
    assert "Against recorded labels “label”: embedding 2 agrees on" in found.sentence
    assert "Against built-in teacher: " in found.sentence
    rows = list(versions.table_of(found)["measure"])
    assert "agreement with recorded labels “label”" in rows and "agreement with built-in teacher" in rows


def test_what_going_live_changes_is_said_over_all_test_assets(two_teachers):
    first = going_live.change(two_teachers.db, two_teachers.task, 1)
    assert first.old is None and first.lines[0] == "No student is at work yet; linear 1 would be the first."
    assert "It agrees with its teacher (recorded labels “label”) on 95.0 %" in first.lines[1]
    registry.set_live(two_teachers.db, 1)
    found = going_live.change(two_teachers.db, two_teachers.task, 2)
    assert (found.old, found.new, found.lines[0]) == (
        "linear 1",
        "embedding 2",
        "13 of 400 test assets would change category.",
    )
    gains = [line for line in found.lines if line.startswith("Against")]
    assert len(gains) == 2 and "linear 1 95.0 % (" in gains[0] and "embedding 2 98.3 % (" in gains[0]
    assert "change +3.2 points (+" in gains[0] and "linear 1 70.0 % (" in gains[1]


def test_what_cannot_be_compared_is_said(two):
    with pytest.raises(InputError, match="two students of one task"):
        versions.compare(two.db, 1, 1)
    two.db.execute("delete from predictions where student_id = 2")
    with pytest.raises(InputError, match="share no test assets"):
        versions.compare(two.db, 1, 2)


def test_what_a_student_was_made_from(two):
    made = versions.made_from(two.db, 2)
    assert (made["teacher"], made["taxonomy"], made["parent"]) == ("recorded:label", 1, "linear 1")
    assert versions.made_from(two.db, 1)["parent"] is None
