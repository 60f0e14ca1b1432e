"""From an address to bought labels in a real browser: connect, test, try, run into the cap, raise it, finish, see the bill."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from core import database
from core.label.runs import runs
from tests.browser.test_journeys import Clicks, no_failure
from tests.pages.clients import bring_in
from tests.wires import servers

pytestmark = pytest.mark.timeout(900)
KEY = "sk-test-90ab12cd34"


@pytest.fixture
def server():
    with servers.Server(latency=0.05, key=KEY, models=("big-1",)) as running:
        yield running


def fill(page: Page, label: str, value: str) -> None:
    kind = "spinbutton" if "dollars" in label or label.startswith("Tokens") else "textbox"
    field = page.get_by_role(kind, name=label, exact=True)
    field.fill(value)
    field.press("Tab")
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()


def test_a_hosted_teacher_from_its_address_to_the_bill(page, app, workspace, server, tmp_path):
    db = database.connect()
    client = bring_in(db, "Northwind", tmp_path / "files")
    (workspace / "secrets.toml").write_text(f'BIG = "{KEY}"\n', encoding="utf-8")
    clicks = Clicks(page)
    page.goto(f"{app.url}/connections")
    fill(page, "Address", server.url)
    fill(page, "Model", "big-1")
    fill(page, "Name", "Big")
    page.get_by_role("combobox", name=re.compile("Where its key is")).click()
    page.get_by_role("option", name="In Streamlit's secrets.toml").click()
    page.get_by_role("combobox", name=re.compile("Name of the line")).click()
    page.get_by_role("option", name="BIG").click()
    expect(page.get_by_text(re.compile("big-1 is not on it"))).to_be_visible()
    page.get_by_text("My own").click()
    fill(page, "Tokens in", "2")
    fill(page, "Tokens out", "10")
    clicks.button("Save and test")
    expect(page.get_by_text(re.compile("big-1 answered in"))).to_be_visible()
    no_failure(page)

    clicks.link("Get labels with it")
    page.get_by_role("radiogroup").get_by_text("Big", exact=True).click()
    expect(page.get_by_text(re.compile("Guessed from the length"))).to_be_visible()
    clicks.button("Try it on 20 assets first")
    expect(page.get_by_text(re.compile("Measured on 20 labels"))).to_be_visible(timeout=240_000)

    fill(page, "Stop at (US dollars)", f"{5 * runs(db, client)[0]['spent_usd']:.4f}")
    clicks.button("Get 340 labels")
    expect(page.get_by_text(re.compile("Stopped at the cap"))).to_be_visible(timeout=240_000)
    (run,) = runs(db, client)
    assert run["state"] == "capped" and run["spent_usd"] <= run["budget_usd"]

    clicks.button("Raise the cap and carry on")
    expect(page.get_by_text("All 360 labels are in")).to_be_visible(timeout=240_000)
    assert set(server.asked.values()) == {1}, "an asset was bought twice"
    clicks.link("Ledger")
    expect(page.get_by_role("heading", name="Run by run")).to_be_visible()
    no_failure(page)
    assert clicks.count <= 6
