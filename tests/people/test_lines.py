"""Lines of the audit trail: what each command leaves, in whose name, with names and numbers and never a key; nothing twice."""

from __future__ import annotations

import json
from contextlib import closing

import keyring
import pytest

from core import __main__ as cli
from core import audit, database, people, removal, settings, tasks
from core.audit import Asked
from core.watch import rules
from core.wires import connections
from core.write import teacher_behind

CLIENT = "Small"
SECRET = "sk-test-0123456789"


def told(db) -> list[tuple[str, str, dict]]:
    """The trail, the oldest first: action, what, details."""
    return [(row["action"], row["what"], json.loads(row["detail"])) for row in reversed(audit.rows(db, Asked()))]


@pytest.fixture
def command(judged_small):
    """Run a command on the small client's judged task; the lines that it adds to the trail, as dicts."""

    def ran(*line: object, status: int = 0) -> list[dict]:
        with closing(database.connect()) as db:
            before = audit.count(db, Asked())
            assert cli.main([str(word) for word in line]) == status
            return audit.rows(db, Asked(), audit.count(db, Asked()) - before)[::-1]

    return ran


def test_each_command_leaves_its_line(command, tmp_path):
    small_client = ("--client", CLIENT)
    texts = tmp_path / "texts.csv"
    texts.write_text("id,text\n1,a train to the sea\n")
    lines = {
        ("students", "--go-live", 1): [("promote", "student 1")],
        ("report", "--to", tmp_path / "r.html"): [("download", "report (command)")],
        ("export", "--to", tmp_path / "student"): [("export", "export (command)")],
        ("score", "--input", texts, "--output", tmp_path / "scored.csv"): [("use", "score (command)")],
        ("archive", "--to", tmp_path / "all.zip"): [("export", "all of the client")],
        ("backup", "--to", tmp_path / "all-of-it.zip"): [("backup", str(tmp_path / "all-of-it.zip"))],
        ("review", "--export", tmp_path / "review.csv"): [("review", "Finding what to review")],
        ("label", "--teacher", "recorded:label"): [("label", "Labelling")],
        ("tasks", "--add", "Offer"): [("settings", "a task of its own")],
        ("tasks", "--task", "Offer", "--rename", "Deal"): [("settings", "the task's name")],
        ("tasks", "--task", "Deal", "--delete"): [],
        ("tasks", "--task", "Deal", "--delete", "--yes"): [("delete", "the task Deal")],
        ("imports", "--undo", 1, "--yes"): [("delete", "import 1 (assets.csv)")],
        ("clients", "--delete", "--yes"): [("delete", CLIENT)],
    }
    for line, expected in lines.items():
        found = command(*line, *small_client)
        assert [(row["action"], row["what"]) for row in found] == expected, line
        assert all(row["client"] == CLIENT or row["action"] == "backup" for row in found), line


def test_a_command_is_done_in_the_name_that_is_given_where_that_is_let_in(command, db, capsys):
    people.add(db, "ada@x.y")
    (line,) = command("tasks", "--client", CLIENT, "--add", "Offer", "--as", "ADA@x.y")
    assert line["who"].startswith("ada@x.y, ") and line["who"].endswith(" at this computer") and line["task"] == "Offer"
    assert command("tasks", "--client", CLIENT, "--add", "Format", "--as", "eve@x.y", status=2) == []
    assert "eve@x.y is not among the people" in capsys.readouterr().err


def test_a_key_that_is_kept_leaves_its_name_alone(db, monkeypatch):
    kept = {}
    monkeypatch.setattr(keyring, "set_password", lambda service, name, key: kept.update({name: key}))
    task = tasks.of(db, CLIENT)
    connections.put_key(db, task.client_id, "Big", SECRET)
    assert kept == {"Big": SECRET}
    assert told(db)[-1] == ("key", "Big", {"key": "keyring:Big"})
    assert SECRET not in audit.csv(db, Asked())


def test_what_may_be_spent_leaves_its_numbers(db):
    task = tasks.of(db, CLIENT)
    rules.put_watching(db, task, rules.Watching(share=0.05, broken="teacher"))
    rules.put_keeping(db, task.client_id, rules.Keeping(texts="asked", audit_usd=12.5))
    teacher_behind.put(db, task, teacher_behind.Rules(budget_usd=3.0))
    rules.put_watching(db, task, rules.Watching())
    settings.put(db, "voice_guide", {"tone": "Northwind's own secret words", "longest": 30}, task)
    assert told(db)[1:] == [
        ("budget", "watching", {"share": 0.05, "broken": "teacher"}),
        ("budget", "served keeping", {"texts": "asked", "audit_usd": 12.5}),
        ("budget", "teacher behind", {"budget_usd": 3.0}),
        ("budget", "watching", {"now": "default"}),
        ("settings", "voice guide", {"tone": "changed", "longest": 30}),
    ]
    assert "share 0.05" in audit.csv(db, Asked())


def test_clients_tasks_and_what_goes_leave_a_line_each(db):
    task = tasks.of(db, CLIENT)
    tasks.of(db, CLIENT)  # which is there
    offer = tasks.add(db, task.client_id, "Offer", "choose_several")
    offer = tasks.rename(db, offer, "Deal")
    removal.remove_task(db, offer)
    removal.remove_client(db, task.client_id)
    assert [line[:2] for line in told(db)] == [
        ("settings", "a client of its own"),
        ("settings", "a task of its own"),
        ("settings", "the task's name"),
        ("delete", "the task Deal"),
        ("delete", CLIENT),
    ]
    assert {row["client"] for row in audit.rows(db, Asked())} == {CLIENT}  # its name stays
    assert told(db)[2][2] == {"before": "Offer"}
