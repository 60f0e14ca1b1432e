"""The audit trail: who acts, in the deed's own transaction, and nothing is ever taken back."""

from __future__ import annotations

import json
import sqlite3

import pytest

from core import audit, removal, tasks


def rows(db) -> list[dict]:
    return list(db.query("select * from audit_trail order by id"))


def test_a_deed_is_recorded_with_who_acts_and_whose_it_is(db):
    task = tasks.of(db, "Northwind")
    with audit.acting("ada@agency.example"):
        audit.record(db, "promote", task=task, what="student 3", detail={"before": 2})
    audit.record(db, "backup", what="all.zip")
    made, first, second = rows(db)
    assert (made["what"], made["client"]) == ("a client of its own", "Northwind")
    assert (first["who"], first["client"], first["task"], first["what"]) == (
        "ada@agency.example",
        "Northwind",
        task.name,
        "student 3",
    )
    assert json.loads(first["detail"]) == {"before": 2} and first["client_id"] == task.client_id
    assert second["who"].endswith(" at this computer") and second["client_id"] is None and second["client"] == ""
    with pytest.raises(KeyError):
        audit.record(db, "cheat")


def test_it_stands_with_its_deed_or_not_at_all(db):
    with pytest.raises(RuntimeError), db.atomic():
        audit.record(db, "export")
        raise RuntimeError
    assert rows(db) == []


def test_nothing_is_changed_or_taken_away_not_even_with_its_client(db):
    task = tasks.of(db, "Northwind")
    audit.record(db, "train", task=task)
    before = rows(db)
    for statement in ("delete from audit_trail", "update audit_trail set who = 'nobody'"):
        with pytest.raises(sqlite3.IntegrityError, match="keeps what it holds"):
            db.execute(statement)
    removal.remove_client(db, task.client_id)
    assert rows(db)[: len(before)] == before
