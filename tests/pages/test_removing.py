"""Undoing, deleting and renaming from the pages, and by the commands that do the same."""

from __future__ import annotations

import json

import pytest

from core import __main__ as cli
from core import jobs, tasks
from core.train.registry import all_students, set_live
from core.wires import connections
from tests.pages.test_pages import shown


def press(app, label: str):
    next(button for button in app.button if button.label.replace("\\", "").startswith(label)).click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def count(db, table: str) -> int:
    return db.execute(f"select count(*) from {table}").fetchone()[0]


def test_an_import_is_undone_after_saying_what_goes(open_page, filled):
    set_live(filled, 1)
    app = press(open_page("assets"), "Undo …")
    said = shown(app).replace("\\", "")
    assert "Gone with import 1" in said and "labels of teachers" not in said, "labels of the file are counted once"
    assert "360 assets and 360 labels that came with files" in said and "linear 1, which is live, learned from" in said
    assert count(filled, "assets") == 360
    press(press(app, "No, keep it"), "Undo …")
    press(app, "Yes, undo import 1")
    assert not app.error and (count(filled, "assets"), count(filled, "imports")) == (0, 0)
    assert [row["live"] for row in all_students(filled, tasks.get(filled, 2))] == [1]
    for page in ("overview", "teacher", "student", "compare", "try_one", "deploy", "review"):
        open_page(page)
    app = press(press(open_page("student"), "Delete …"), "Yes, delete linear 1")  # though there is nothing to train on
    assert not app.error and not all_students(filled, tasks.get(filled, 2))


def test_nothing_goes_while_a_job_runs_and_the_page_says_so(open_page, filled):
    app = press(open_page("assets"), "Undo …")
    jobs.start(filled, "curve", {"task_id": 2}, task=tasks.get(filled, 2))
    press(app, "Yes, undo")
    assert "under way or waiting" in app.error[0].value and count(filled, "assets") == 360


def test_a_student_and_a_client_are_deleted_from_their_pages(open_page, filled):
    app = press(press(open_page("student"), "Delete …"), "Yes, delete linear 1")
    assert not app.error and not all_students(filled, tasks.get(filled, 2))
    app = press(open_page("overview"), "Rename")
    assert "needs a name" in app.error[0].value
    next(field for field in app.text_input if field.label == "Its new name").input("  North  *wind* ").run()
    press(app, "Rename")
    assert app.query_params["client"] == "North *wind*"
    press(press(app, "Delete …"), "Yes, delete North *wind*")
    assert not app.error and not count(filled, "clients") and "client" not in app.query_params


def test_a_renamed_connection_keeps_its_runs(open_page, filled):
    one = connections.save(filled, 1, "GPT", "openai", "gpt-6.1-sol", base_url="http://127.0.0.1:9/v1")
    filled.execute("update label_runs set teacher = 'connection:GPT'")
    filled.conn.commit()
    app = open_page("connections")
    app.text_input(key=f"name-{one.id}").input("The big one").run()
    press(app, "Rename it")
    assert [c.name for c in connections.all(filled, 1)] == ["The big one"]
    assert filled.execute("select teacher from label_runs").fetchall() == [("connection:The big one",)]


def told(capsys, *words: str) -> dict:
    assert cli.main([*words, "--client", "Northwind", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_commands_say_what_goes_and_remove_it_only_with_yes(filled, capsys):
    set_live(filled, 1)
    for words in (("imports", "--delete-assets", "A-0001,A-0002"), ("imports", "--undo", "1"), ("clients", "--delete")):
        before = count(filled, "assets")
        found = told(capsys, *words)
        assert not found["removed"] and found["sentences"] and count(filled, "assets") == before
        assert told(capsys, *words, "--yes")["removed"] or words[0] == "clients"
        if words[1] == "--undo":
            assert cli.main(["students", "--delete", "1", "--yes", "--client", "Northwind"]) == 2, "the live one stays"
            assert told(capsys, "students", "--delete", "1", "--yes", "--even-live")["removed"]
    assert not count(filled, "clients")


@pytest.mark.parametrize("words", (("clients", "--rename", "Acme"), ("connections", "--rename", "GPT", "Other")))
def test_commands_rename(filled, capsys, words):
    connections.save(filled, 1, "GPT", "openai", "gpt-6.1-sol")
    assert words[-1] in json.dumps(told(capsys, *words))
