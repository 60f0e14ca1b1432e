"""Several people over a real OpenID provider: the first administrator gives a reviewer one client, who sees that alone until the
role is taken away; the link of a download that is passed on opens for nobody else."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from contextlib import closing

import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Page, expect

from core import audit, database, people, tasks
from core.audit import Asked
from tests.browser.conftest import VIEWPORT, App

ADMIN, REVIEWER = "ada@agency.example", "rev@agency.example"


@pytest.fixture
def shared(workspace, monkeypatch):
    """The dashboard with logins by a provider of its own, which knows two people by name and lets anybody be anybody."""
    with run_server_in_thread(user_claims=claims_of(ADMIN, REVIEWER)) as provider:
        running = App(workspace)
        for name, value in with_login(running, provider.server_port).items():
            monkeypatch.setenv(name, value)
        yield running.start()
        running.stop()


def claims_of(*addresses: str) -> list[User]:
    """What the provider says of these people."""
    return [User(sub=one, claims={"email": one, "email_verified": True}) for one in addresses]


def with_login(app: App, provider: int) -> dict[str, str]:
    """The environment in which an app that is not started yet has logins by the provider on this port."""
    app.url = f"http://localhost:{app.port}"
    home = app.home.parent / "person"
    (home / ".streamlit").mkdir(parents=True)
    (home / ".streamlit" / "secrets.toml").write_text(
        f"""[auth]
        redirect_uri = "{app.url}/oauth2callback"
        cookie_secret = "{"c" * 64}"
        client_id = "understudy"
        client_secret = "secret"
        server_metadata_url = "http://localhost:{provider}/.well-known/openid-configuration"
        """
    )
    return {"HOME": str(home), "UNDERSTUDY_LOGIN": "1", "UNDERSTUDY_ADMIN": ADMIN}


def log_in(page: Page, app: App, who: str) -> None:
    page.goto(app.url)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name=who).click()


def status(url: str, cookies: list[dict]) -> int:
    said = "; ".join(f"{one['name']}={one['value']}" for one in cookies)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Cookie": said}), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_people_log_in_and_see_what_is_theirs(shared, browser):
    with closing(database.connect()) as db:
        for name in ("Northwind", "Secret"):
            tasks.of(db, name)
        contexts = [browser.new_context(viewport=VIEWPORT, accept_downloads=True) for _ in range(2)]
        ada, rev = [one.new_page() for one in contexts]
        for one in contexts:
            one.set_default_timeout(120_000)  # the first page of a fresh server imports half the program

        log_in(rev, shared, REVIEWER)
        expect(rev.get_by_text("has no way in here")).to_be_visible()
        log_in(ada, shared, ADMIN)
        expect(ada.get_by_text("Logged in as ada")).to_be_visible()
        assert people.find(db, ADMIN).administrator

        ada.goto(f"{shared.url}/people")
        ada.get_by_label("Address").fill(REVIEWER)
        ada.get_by_role("button", name="Let in").click()
        expect(ada.get_by_text("no client yet; has not logged in yet")).to_be_visible()
        people.give(db, people.find(db, REVIEWER), tasks.of(db, "Northwind").client_id, "reviewer")

        rev.goto(f"{shared.url}/review?client=Northwind")
        expect(rev.get_by_role("heading", name="Settle the labels most worth settling")).to_be_visible()
        expect(rev.get_by_role("link", name="Teacher")).to_have_count(0)
        rev.goto(f"{shared.url}/?client=Secret")
        expect(rev.get_by_text("There is no client called “Secret” here")).to_be_visible()
        rev.goto(f"{shared.url}/teacher?client=Northwind")
        expect(rev.get_by_text("The page Teacher is for managers, and you are reviewer here")).to_be_visible()

        ada.goto(f"{shared.url}/audit")
        with ada.expect_download() as download:
            ada.get_by_role("button", name="Download CSV").click()
        link = download.value.url
        assert status(link, contexts[0].cookies()) == 200
        assert status(link, contexts[1].cookies()) == 403 and status(link, []) == 403
        upload = f"{shared.url}/_stcore/upload_file/session/file"
        assert status(upload, []) == 403

        rev.goto(f"{shared.url}/review?client=Northwind")
        expect(rev.get_by_role("heading", name="Settle the labels most worth settling")).to_be_visible()
        people.remove(db, REVIEWER)
        rev.get_by_role("link", name="Overview").first.click()  # an open session's next click
        expect(rev.get_by_text("has no way in here")).to_be_visible()
        told = {(row["who"], row["action"]) for row in audit.rows(db, Asked())}
        assert {(ADMIN, "login"), (REVIEWER, "login"), (ADMIN, "person"), (ADMIN, "download")} <= told
        for one in contexts:
            one.close()
        assert not re.search(r"Traceback", (shared.home / "app.log").read_text())
