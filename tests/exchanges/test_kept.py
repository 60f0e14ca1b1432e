"""Calls that were passed on, as they are kept: answers become labels once, and everything goes with the client."""

from __future__ import annotations

import pytest

from core import database, removal, tasks, taxonomy
from core.exchanges import kept, patterns
from core.exchanges.exchange import Exchange, Said
from core.exchanges.patterns import Matched, Pattern, Reading
from core.label import runs
from tests import small

ROWS = small.rows(30, seed=6)


@pytest.fixture
def task(db, tmp_path) -> tasks.Task:
    made = small.fill(db, tmp_path / "files", small.rows(40))
    patterns.put(db, made, Pattern("Ad: {asset}"))
    return made


def passed(db, task: tasks.Task, text: str, answer: str, model: str = "big-1") -> kept.Outcome:
    said = Said(answer, model, 50, 2, 40)
    exchange = Exchange((("user", f"Ad: {text}"),), said, model, 640.0)
    told = Reading(db, task, patterns.of(db, task))(exchange)
    return (
        kept.Outcome("kept", exchange, ((task.id, told),))
        if isinstance(told, Matched)
        else kept.Outcome(told, exchange)
    )


def labels(db, teacher: str) -> dict[str, str]:
    rows = db.execute(
        """select a.text, c.label from labels l join label_runs r on r.id = l.run_id and r.teacher = ?
           join assets a on a.id = l.asset_id join categories c on c.id = l.category_id""",
        [teacher],
    )
    return dict(rows.fetchall())


def test_a_days_answers_are_one_import_that_can_be_taken_back(db, task):
    for part in (ROWS[:10], ROWS[10:20], ROWS[5:25]):
        kept.write(db, task.client_id, [passed(db, task, row["text"], row["label"]) for row in part])
        kept.take(db, task.client_id)
    assert labels(db, "recorded:big-1") == {row["text"]: row["label"] for row in ROWS[:25]}
    (told,) = [one for one in removal.imports(db, task.client_id) if one["filename"].startswith("Calls passed on")]
    assert (told["rows"], told["assets"]) == (25, 25)
    removal.undo_import(db, task.client_id, told["id"])
    assert (
        not labels(db, "recorded:big-1")
        and not db.execute("select 1 from recordings where source = 'big-1'").fetchone()
    )


def test_taking_that_was_killed_halfway_adds_nothing_when_it_is_done_again(db, task, monkeypatch):
    kept.write(db, task.client_id, [passed(db, task, row["text"], row["label"]) for row in ROWS])
    with monkeypatch.context() as patch:
        patch.setattr(kept.logs, "taken_over", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            kept.take(db, task.client_id)
    kept.write(db, task.client_id, [passed(db, task, ROWS[0]["text"], ROWS[0]["label"])])
    assert kept.take(db, task.client_id)["assets"] == 0 and len(labels(db, "recorded:big-1")) == 30


def test_an_answer_that_changed_takes_the_place_of_the_one_before_and_models_are_apart(db, task):
    text, other = ROWS[0]["text"], {"Sale": "Travel"}.get(ROWS[0]["label"], "Sale")
    for answer, model in ((ROWS[0]["label"], "big-1"), (other, "big-1"), (other, "big-2")):
        kept.write(db, task.client_id, [passed(db, task, text, answer, model)])
        kept.take(db, task.client_id)
    assert labels(db, "recorded:big-1") == labels(db, "recorded:big-2") == {text: other}
    assert len([one for one in runs.runs(db, task) if one["count"]]) == 2


def test_a_text_that_is_there_already_is_labelled_and_copies_are_found(db, task):
    there = small.rows(40)[3]["text"]
    kept.write(
        db, task.client_id, [passed(db, task, f"{there.upper()}!", "Sale"), passed(db, task, ROWS[1]["text"], "Sale")]
    )
    kept.take(db, task.client_id)
    (copies,) = db.execute(
        "select count(*) from assets where group_id = (select group_id from assets where text = ?)", [there]
    ).fetchone()
    assert copies == 2


def test_everything_goes_with_the_task_and_the_client(db, task):
    other = tasks.add(db, task.client_id, "Topic")
    taxonomy.save(db, other, [taxonomy.Category(label="A", name="A")], "a.csv")
    outcomes = [passed(db, task, row["text"], row["label"]) for row in ROWS]
    kept.write(
        db, task.client_id, [*outcomes, kept.Outcome("no pattern", outcomes[0].exchange), kept.Outcome("failed")]
    )
    assert kept.counts(db, task.client_id) == {"kept": 30, "failed": 1, "no pattern": 1}
    assert len(kept.last(db, task.client_id)) == 10 and kept.waiting(db, task.client_id) == 30
    removal.remove_task(db, task)
    assert kept.waiting(db, task.client_id) == 0 and patterns.of_client(db, task.client_id) == []
    removal.remove_client(db, task.client_id)
    for table in ("passed_answers", "passed_last", "passed_counts", "settings"):
        assert not db.execute(f"select 1 from {table} where client_id = ?", [task.client_id]).fetchone(), table


def test_a_workspace_made_before_gets_the_column_of_cached_tokens(db):
    for table in ("recordings", "recordings_before"):
        db.execute(f"alter table {table} drop column tokens_cached")
    for table in ("passed_answers", "passed_last", "passed_counts"):
        db.execute(f"drop table {table}")
    database.s016_passed_on(db)
    assert "tokens_cached" in db["recordings"].columns_dict and db["passed_last"].exists()
