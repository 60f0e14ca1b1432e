"""Together: each role on each page, what is another client's, roles taken away while a page is open, and who does what."""

from __future__ import annotations

import sqlite3

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from core import audit, database, jobs, people, tasks, taxonomy
from core.audit import Asked
from core.errors import InputError
from core.people import rights
from core.review.queue import build
from core.taxonomy.categories import Category
from core.train.registry import all_students, set_live
from core.ui import access
from core.ui.address import HELD
from core.ui.menu import MENU
from core.watch import served
from tests.pages.test_pages import press
from tests.write import drafted


@pytest.fixture
def login(monkeypatch, db):
    """Log in as somebody, made with a role at a client where one is named; the seam stands in for the provider's claims."""
    monkeypatch.setenv("UNDERSTUDY_LOGIN", "1")

    def logged_in(address: str, role: str | None = None, client: str = "Northwind", **claims) -> None:
        said = {"is_logged_in": bool(address), "email": address} | claims
        monkeypatch.setattr(access, "claims", lambda: said)
        if role:
            person = people.add(db, address, administrator=role == rights.ADMINISTRATOR)
            if not person.administrator:
                people.give(db, person, database.client_id(db, client), role)

    return logged_in


def refused(app) -> str:
    return next((error.value for error in app.error if "The page" in error.value), "")


@pytest.mark.parametrize("role", [*rights.OF_CLIENT, rights.ADMINISTRATOR])
def test_a_role_opens_the_pages_of_the_table_and_no_others(login, open_page, db, role):
    tasks.of(db, "Northwind"), tasks.of(db, "Secret")
    login("x@agency.example", role)
    app = open_page("overview")
    clients = {"Northwind", "Secret"} if role == rights.ADMINISTRATOR else {"Northwind"}
    assert set(app.sidebar.selectbox[0].options) == clients
    assert bool(app.get("expander")) == (role == rights.ADMINISTRATOR)  # clients are added, renamed, deleted
    for key in MENU:
        app.switch_page(f"pages/{key}.py").run()
        assert not app.exception
        sees = rights.sees(role, key)
        assert bool(refused(app)) != sees, key
        assert bool(app.title) == sees, key
        assert "Secret" not in str([one.value for one in (*app.markdown, *app.caption)]) or len(clients) == 2


def test_nobody_and_strangers_see_nothing(login, open_page, db):
    tasks.of(db, "Northwind")
    people.add(db, "ada@x.y", administrator=True)
    for address, claims, title in (
        ("", {}, "Log in"),
        ("stranger@x.y", {}, "No way in"),
        ("ada@x.y", {"email_verified": False}, "No way in"),
        ("", {"is_logged_in": True}, "No way in"),
    ):
        login(address, **claims)
        app = open_page("teacher")
        assert [one.value for one in app.title] == [title]
        assert not app.selectbox and "Northwind" not in str(app)


def test_another_client_is_as_if_it_did_not_exist(login, open_page, db):
    tasks.of(db, "Northwind"), tasks.of(db, "Secret")
    login("m@x.y", "manager")
    app = open_page("overview")
    said = {}
    for name in ("Secret", "Nowhere"):
        app.query_params["client"] = name
        app.switch_page("pages/assets.py").run()
        said[name] = [error.value.replace(name, "…") for error in app.error]
        assert not app.title or "Secret" not in app.title[0].value
    assert said["Secret"] == said["Nowhere"] != []
    from core import removal

    removal.rename_client(db, tasks.of(db, "Secret").client_id, "Hidden")  # nor does its former name lead there
    app.query_params["client"] = "Secret"
    app.run()
    assert [error.value.replace("Secret", "…") for error in app.error] == said["Nowhere"]


def test_a_session_that_holds_another_client_loses_it(login, open_page, db):
    secret = tasks.of(db, "Secret")
    login("m@x.y", "manager")
    app = open_page("overview", task=secret)
    assert app.session_state["client_name"] == "Northwind" and "Secret" not in str(app)


def test_a_role_taken_away_is_gone_with_the_next_click(login, open_page, db):
    task = tasks.of(db, "Northwind")
    login("m@x.y", "manager")
    app = open_page("teacher")
    assert app.title
    person = people.find(db, "m@x.y")
    people.give(db, person, task.client_id, "viewer")
    app.run()
    assert "you are viewer" in refused(app) and not app.title
    people.give(db, person, task.client_id, None)
    app.run()
    assert "no role" in refused(app)
    people.remove(db, "m@x.y")
    app.run()
    assert [one.value for one in app.title] == ["No way in"]


def test_decisions_bear_the_name_of_who_is_logged_in_and_stop_with_the_role(login, filled, open_page):
    task = tasks.of(filled, "Northwind")
    build(filled, task)
    login("r@x.y", "reviewer")
    app = open_page("review", task=task, reviewer="somebody else")
    assert not [one for one in app.text_input if one.label == "Your name"]
    first = next(one for one in app.button if one.proto.shortcut == "1")
    first.click().run()
    assert not app.exception
    assert filled.execute("select reviewer from reviews where mode = 'queue'").fetchall() == [("r@x.y",)]
    assert [row["who"] for row in audit.rows(filled, Asked(action="review"))][:1] == ["r@x.y"]
    people.give(filled, people.find(filled, "r@x.y"), task.client_id, "viewer")
    next(one for one in app.button if one.proto.shortcut == "1").click().run()  # an old session's click
    assert filled.execute("select count(*) from reviews where mode = 'queue'").fetchone() == (1,)
    assert "you are viewer" in refused(app)


def test_a_viewer_reads_the_verdict_and_changes_nothing(login, filled, open_page):
    task = tasks.of(filled, "Northwind")
    login("v@x.y", "viewer")
    app = open_page("compare", task=task)
    assert app.title and app.get("download_button") and not refused(app)
    assert app.number_input[0].disabled  # a volume, which is kept as it is typed


DEEDS_OF = {  # what stands on the pages that a viewer reads, and is somebody else's to do
    "compare": {"Judge by these"},
    "watch": {"Keep this", "Erase what was written down"},
}


@pytest.mark.parametrize("role", ["viewer", "manager"])
def test_what_is_not_one_s_own_to_do_cannot_be_pressed(login, filled, open_page, monkeypatch, role):
    task = tasks.of(filled, "Northwind")
    (student,) = (row["id"] for row in all_students(filled, task))
    login("x@x.y", role)
    monkeypatch.setattr(served, "erase", lambda client_id: erased.append(client_id))
    erased: list[int] = []
    may = role == "manager"
    for key, deeds in DEEDS_OF.items():
        app = open_page(key, task=task)
        found = [one for one in app.button if one.label in deeds]
        assert found, [one.label for one in app.button]
        if key == "watch":
            app.checkbox(key="watch-erase-sure").check().run()
        for label in sorted(one.label for one in found):
            one = next(one for one in app.button if one.label == label)
            assert one.disabled != may, label
            assert may or "It takes the role manager" in one.help
            if may:
                one.click().run()
                assert not app.exception
        set_live(filled, student)  # which is what Watch is about
    assert erased == ([task.client_id] if may else [])
    told = [(row["action"], row["what"]) for row in audit.rows(filled, Asked(who="x@x.y"))]
    deeds = {("budget", "served keeping"), ("budget", "watching")}
    assert (deeds <= set(told)) == may


def test_a_manager_starts_jobs_and_a_viewer_none(login, filled, open_page, no_worker):
    task = tasks.of(filled, "Northwind")
    login("m@x.y", "manager")
    app = open_page("student", task=task)
    next(one for one in app.button if one.label.startswith("Train")).click().run()
    assert not app.exception and not app.error
    assert [(job.kind, job.who) for job in jobs.active(filled, task)] == [("train", "m@x.y")]
    assert [row["action"] for row in audit.rows(filled, Asked(who="m@x.y"))][:1] == ["train"]


def test_a_page_s_connection_writes_no_more_than_its_role(login, db):
    task = tasks.of(db, "Northwind")
    for role, table in (("viewer", "jobs"), ("reviewer", "settings")):
        login(f"{role}@x.y", role)
        mine = database.connect()
        access.limit(mine, task.client_id)
        assert mine.execute("select value from json_each('[1]')").fetchone() == (1,)
        with pytest.raises(sqlite3.DatabaseError) as caught:
            mine.execute(f"delete from {table}")
        assert isinstance(access.refused(caught.value), InputError)
        mine.close()


def test_the_people_page_lets_in_gives_a_role_and_removes(login, open_page, db):
    tasks.of(db, "Northwind")
    login("ada@x.y", "administrator")
    app = open_page("people")
    app.text_input[0].input("rev@x.y")
    next(one for one in app.button if one.label == "Let in").click().run()
    person = people.find(db, "rev@x.y")
    roles = next(one for one in app.selectbox if one.label == "Role there")
    roles.select("reviewer").run()
    app.button(key=f"save-{person.id}").click().run()
    assert people.roles_of(db, person) == {tasks.of(db, "Northwind").client_id: "reviewer"}
    app.button(key=f"remove-yes-{person.id}").click().run()
    assert people.find(db, "rev@x.y") is None
    ada = people.find(db, "ada@x.y")
    app.button(key=f"remove-yes-{ada.id}").click().run()
    assert "last administrator" in app.error[0].value and people.find(db, "ada@x.y")


def test_a_manager_reads_the_trail_of_own_clients_alone(login, open_page, db):
    one, other = tasks.of(db, "Northwind"), tasks.of(db, "Secret")
    audit.record(db, "export", task=one, what="theirs")
    audit.record(db, "export", task=other, what="hidden")
    audit.record(db, "backup", what="the house's")
    login("m@x.y", "manager")
    table = open_page("audit").dataframe[0].value
    assert set(table["Client"]) == {"Northwind"} and "theirs" in set(table["What"])


def test_a_manager_s_browser_that_chooses_another_client_gets_none_of_its_trail(login, open_page, db):
    one, other = tasks.of(db, "Northwind"), tasks.of(db, "Secret")
    audit.record(db, "export", task=one, what="theirs")
    audit.record(db, "export", task=other, what="hidden")
    login("m@x.y", "manager")
    app = open_page("audit")
    for sent in (str(other.client_id), other.client_id, f"{other.client_id})--"):
        app.session_state["audit-client"] = sent  # Streamlit hands on a text that is none of the choices
        app.run()
        assert not app.exception and set(app.dataframe[0].value["Client"]) == {"Northwind"}


@pytest.mark.parametrize("role", ["manager", "administrator"])
def test_a_session_whose_number_and_name_are_two_clients_shows_the_one_named(login, open_page, db, role):
    one, other = tasks.of(db, "Northwind"), tasks.of(db, "Secret")
    for task, label in ((one, "Sale"), (other, "Hidden")):
        taxonomy.save(db, task, [Category(label, label), Category(f"{label} too", f"{label} too")], "t.csv")
    login("m@x.y", role)
    app = open_page("overview", task=other)
    app.session_state["client_name"] = app.query_params["client"] = "Northwind"
    app.session_state["client_id"], app.session_state["task_id"] = other.client_id, other.id
    app.switch_page("pages/taxonomy.py").run()
    assert app.session_state["client_id"] == one.client_id and app.session_state["task_id"] == one.id
    assert "Hidden" not in str(app.main) and "Sale" in str(app.main)


def test_a_browser_cannot_set_what_the_session_remembers():
    """Streamlit keeps whatever a browser sends as a widget's state; what no widget reads is not in the session."""
    states = WidgetStates()
    for name in HELD | {"menu", "page", "greeted"}:
        states.widgets.add(id=name, string_value="2")
    session = SessionState()
    session.set_widgets_from_proto(states)
    assert not [name for name in (*HELD, "menu", "page", "greeted") if name in session]


def test_a_reviewer_judges_pairs_and_drafts(login, db, tmp_path, open_page):
    task = drafted.task(db, tmp_path)
    writer = drafted.writer(db, task)
    drafted.compared(db, task, writer, 20)
    drafted.draft(db, task, writer, "Line number 0", "Brief 0")
    client = db.execute("select name from clients where id = ?", [task.client_id]).fetchone()[0]
    login("r@x.y", "reviewer", client)
    app = open_page("blind", task=task)
    press(app, "Left")
    app.radio[0].set_value("Drafts' desk").run()
    press(app, "Approve")
    assert not app.exception and not app.error
    for table in ("blind_answers", "draft_decisions"):
        assert db.execute(f"select reviewer from {table}").fetchall() == [("r@x.y",)]
    told = [row["what"].split()[0] for row in audit.rows(db, Asked(who="r@x.y", action="review"))]
    assert told == ["draft", "pair"]


def _part_of_a_page() -> None:
    import streamlit as st

    from core.ui import frame

    st.session_state[frame.PAGE] = "teacher"
    with frame.guard():
        st.text("drawn")


def test_a_part_of_a_page_that_is_not_one_s_own_any_more_is_not_drawn(login, db):
    tasks.of(db, "Northwind")
    login("v@x.y", "viewer")
    app = AppTest.from_function(_part_of_a_page, default_timeout=120).run()
    assert not app.exception and not app.text and "you are viewer" in app.error[0].value


def test_alone_nobody_logs_in(open_page, db):
    tasks.of(db, "Northwind")
    app = open_page("overview")
    assert app.title[0].value == MENU["overview"].title
    assert not [one for one in app.button if one.label in ("Log in", "Log out")]
    assert "nobody logs in" in open_page("people").info[0].value
