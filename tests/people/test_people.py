"""People and roles: who is let in, what a role may do, that the house is never without an administrator; the trail of it."""

from __future__ import annotations

import json

import pytest

from core import audit, people, tasks
from core.audit import Asked
from core.errors import InputError
from core.people import rights
from core.ui.menu import MENU


def test_the_table_has_every_page_and_no_other():
    assert set(rights.PAGES) == set(MENU)
    assert all(rights.sees(rights.ADMINISTRATOR, page) for page in rights.PAGES)
    assert not any(rights.sees(None, page) for page in rights.PAGES)
    for table in (rights.PAGES, rights.DEEDS):
        assert {role for roles in table.values() for role in roles} <= set(rights.OF_CLIENT)
    with pytest.raises(KeyError):
        rights.may("viewer", "fly")


def test_every_job_is_a_deed_of_the_table():
    from core.jobs.kinds import KINDS

    assert {kind.deed for kind in KINDS.values()} <= set(rights.DEEDS)
    assert {kind.deed for kind in KINDS.values()} <= set(audit.ACTIONS)


def test_a_role_is_of_one_client_and_an_administrator_of_the_house(db):
    one, other = tasks.of(db, "Northwind"), tasks.of(db, "Other")
    ada = people.add(db, "Ada@Agency.example ", "Ada", administrator=True)
    rev = people.add(db, "rev@agency.example")
    people.give(db, rev, one.client_id, "reviewer")
    assert people.find(db, "ADA@agency.EXAMPLE") == ada and people.find(db, "nobody@agency.example") is None
    assert people.role_at(db, ada, other.client_id) == people.role_at(db, ada, None) == "administrator"
    assert people.role_at(db, rev, one.client_id) == people.role_at(db, rev, None) == "reviewer"
    assert people.role_at(db, rev, other.client_id) is None
    people.give(db, rev, one.client_id, None)
    assert people.role_at(db, rev, None) is None
    told = [(row["action"], row["what"], json.loads(row["detail"])) for row in reversed(audit.rows(db, Asked()))]
    assert told[-2:] == [
        ("role", "rev@agency.example", {"role": "reviewer", "before": "none"}),
        ("role", "rev@agency.example", {"role": "none", "before": "reviewer"}),
    ]


@pytest.mark.parametrize("address", ["", "ada", "@x.y", "a@", "a b@x.y", "a\n@x.y", "a" * 260 + "@x.y"])
def test_what_is_no_address_is_refused(db, address):
    with pytest.raises(InputError, match="no e-mail address"):
        people.add(db, address)


def test_the_last_administrator_stays(db):
    people.add(db, "ada@x.y", administrator=True)
    for goes in (lambda: people.remove(db, "ada@x.y"), lambda: people.make_administrator(db, "ada@x.y", False)):
        with pytest.raises(InputError, match="last administrator"):
            goes()
    people.add(db, "bob@x.y", administrator=True)
    people.remove(db, "ada@x.y")
    assert [one.address for one in people.everybody(db)] == ["bob@x.y"]


def test_only_the_address_named_at_the_start_becomes_the_first_administrator_and_only_the_first(db):
    assert people.logged_in(db, "eve@x.y", "ada@x.y") is None
    assert people.logged_in(db, "eve@x.y", "") is None
    assert people.logged_in(db, "ADA@x.y", "ada@x.y").administrator
    assert people.logged_in(db, "eve@x.y", "eve@x.y") is None  # there is one by now
    people.add(db, "rev@x.y")
    assert not people.logged_in(db, "rev@x.y", "rev@x.y").administrator


def test_a_removed_client_takes_its_roles_along(db):
    from core import removal

    task = tasks.of(db, "Northwind")
    rev = people.add(db, "rev@x.y")
    people.give(db, rev, task.client_id, "viewer")
    removal.remove_client(db, task.client_id)
    assert people.roles_of(db, rev) == {}
    assert audit.rows(db, Asked())[0]["action"] == "delete"


def test_the_trail_is_filtered_and_its_csv_runs_nothing(db):
    with audit.acting("=HYPERLINK(1)@x.y"):
        one, other = tasks.of(db, "Northwind"), tasks.of(db, "Other")
        audit.record(db, "export", task=one, what="+1", detail={"to": "@x"})
    audit.record(db, "label", task=other, what="run", detail={"budget_usd": 5})
    mine = Asked(frozenset({one.client_id}))
    assert [row["what"] for row in audit.rows(db, mine)] == ["+1", "a client of its own"]
    assert audit.count(db, Asked()) == 4
    assert audit.persons(db, frozenset({one.client_id})) == ["=HYPERLINK(1)@x.y"]
    assert audit.count(db, Asked(frozenset())) == 0
    assert audit.count(db, Asked(action="label")) == audit.count(db, Asked(words="BUDGET")) == 1
    line = audit.csv(db, mine).splitlines()[1]
    assert ",'=HYPERLINK(1)@x.y," in line and ",+1," in line and "to @x" in line


def test_deeds_leave_their_line(db):
    from core import jobs, settings
    from core.wires import connections

    task = tasks.of(db, "Northwind")
    with audit.acting("ada@x.y"):
        job = jobs.start(db, "label", {"teacher": "openai:m", "budget_usd": 3.0}, task)
        jobs.start(db, "label", {"teacher": "openai:m", "budget_usd": 3.0}, task)  # the same one
        settings.put(db, "target_agreement", 0.9, task)
        connections.save(db, 0, "Big", "openai", "m", key_source="env:BIG_KEY", key_given_again=True)
    assert job.who == "ada@x.y"
    told = [(row["action"], row["what"], row["detail"]) for row in reversed(audit.rows(db, Asked(who="ada@x.y")))]
    assert [one[:2] for one in told] == [
        ("label", "Labelling"),
        ("settings", "target agreement"),
        ("connection", "Big"),
        ("key", "Big"),
    ]
    assert json.loads(told[0][2]) == {"teacher": "openai:m", "budget_usd": 3.0}
    assert json.loads(told[1][2]) == {"now": 0.9} and "env:BIG_KEY" in told[3][2]
