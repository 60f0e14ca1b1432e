"""The client is in the address: a page opened anew, or in a second tab, shows whom it showed, and never another in silence."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core import __main__ as cli
from core import removal, tasks
from core.ui.menu import MENU
from tests.pages.conftest import ROOT

ODD = 'Brand & Söhne = 100 % "A?b#c" <b>*x*</b> 日本'


@pytest.fixture
def two(db):
    """Two clients, the second one the newest."""
    return [tasks.of(db, name) for name in (ODD, "Northwind")]


@pytest.fixture
def at(workspace, no_worker):
    """A fresh session on a page of an address."""

    def opened(key: str, client: str | None) -> AppTest:
        app = AppTest.from_file(str(ROOT / "pages" / f"{key}.py"), default_timeout=120)
        if client is not None:
            app.query_params["client"] = client
        app.run()
        assert not app.exception, [error.value for error in app.exception]
        return app

    return opened


@pytest.mark.parametrize("key", MENU)
def test_a_fresh_session_shows_the_client_of_its_address(at, two, key):
    app = at(key, ODD)
    assert app.sidebar.selectbox[0].value == two[0].client_id
    assert app.query_params["client"] == ODD
    if MENU[key].of_client:
        assert "Brand" in app.main.caption[0].value


def test_an_address_without_a_client_gets_the_newest_and_says_so(at, two):
    assert at("assets", None).query_params["client"] == "Northwind"


def test_another_client_picked_is_in_the_address_and_in_every_link(open_page, two):
    app = open_page("assets", task=two[1])
    app.sidebar.selectbox[0].select(ODD).run()
    assert app.query_params["client"] == ODD
    links = [one.proto.query_string for one in app.sidebar.get("page_link")]
    shown = [item for item in MENU.values() if not item.needs_client or "choose_one" in item.kinds]
    assert len(links) == len(shown) and all(one.startswith("client=Brand") for one in links)
    app.switch_page("pages/teacher.py").run()
    assert app.query_params["client"] == ODD and app.sidebar.selectbox[0].value == two[0].client_id


@pytest.mark.parametrize("key", ("overview", "compare", "ledger"))
def test_a_client_who_is_not_there_gets_a_sentence_and_nobodys_page(at, two, key):
    app = at(key, "Gone [x](http://example.invalid)")
    assert "There is no client called" in app.error[0].value and "\\[x\\]" in app.error[0].value
    assert app.sidebar.selectbox[0].value is None
    assert bool(app.title) is not MENU[key].needs_client
    assert app.query_params["client"].startswith("Gone"), "the address is not changed to another's"
    app.sidebar.selectbox[0].select("Northwind").run()
    assert app.query_params["client"] == "Northwind" and not app.error


def test_a_bookmark_from_before_a_renaming_leads_to_the_client_renamed(at, db, two, capsys):
    removal.rename_client(db, two[1].client_id, "Northwind Outdoor")
    app = at("assets", "northwind")
    assert not app.error and app.query_params["client"] == "Northwind Outdoor"
    assert cli.main(["students", "--client", "Northwind"]) == 2
    assert "Name it with --client: Northwind Outdoor" in capsys.readouterr().err
    other = tasks.of(db, "Northwind")  # the name means another client from now on
    assert at("assets", "Northwind").sidebar.selectbox[0].value == other.client_id
    removal.remove_client(db, other.client_id)
    assert "There is no client called" in at("assets", "Northwind").error[0].value


def test_a_client_renamed_elsewhere_stays_the_client_of_this_session(open_page, db, two):
    app = open_page("assets", task=two[1])
    db.execute("update clients set name = 'Southgate' where id = ?", [two[1].client_id])
    db.conn.commit()
    app.run()
    assert app.query_params["client"] == "Southgate" and not app.error
    removal.remove_client(db, two[1].client_id)
    app.run()
    assert "There is no client called “Southgate”" in app.error[0].value.replace("\\", "")


def test_names_are_found_whatever_their_case(at, two):
    app = at("assets", "NORTHWIND")
    assert app.query_params["client"] == "Northwind" and app.sidebar.selectbox[0].value == two[1].client_id
