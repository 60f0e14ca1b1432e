"""The ways people walk through the dashboard, in a real browser against a real worker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core import database, jobs, tasks
from core.ui.menu import MENU
from tests.pages.clients import bring_in_many, write_files

LONG = 400_000  # ms: several times a whole run of the sample client on two cores, for slow machines
pytestmark = pytest.mark.timeout(900)


class Clicks:
    """Clicks as a person makes them, counted."""

    def __init__(self, page: Page):
        self.page, self.count = page, 0

    def button(self, name: str, **options) -> None:
        self.page.get_by_role("button", name=name, exact=True).click(**options)
        self.count += 1

    def link(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self.count += 1


def settled(page: Page) -> None:
    """The page has been drawn to its end, as a person waits for before the next step."""
    expect(page.get_by_text("Taxonomy saved.")).to_be_visible()
    drawn(page)


def drawn(page: Page) -> None:
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()


def choose_file(page: Page, label: str, file: Path) -> None:
    """By the uploader's label: they come one after the other, in no order."""
    page.get_by_test_id("stFileUploader").filter(has_text=label).locator("input[type=file]").set_input_files(file)


def no_failure(page: Page) -> None:
    """Neither an unexpected failure nor an error sentence is on the page."""
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_sample_client_reaches_a_verdict_in_six_clicks(encoders, page):
    clicks = Clicks(page)
    clicks.button("Run the sample client")
    expect(page.get_by_test_id("stProgress").first).to_be_visible()
    expect(page.get_by_role("button", name="Read the verdict")).to_be_visible(timeout=LONG)
    clicks.button("Read the verdict")
    expect(page.get_by_role("heading", name="Decide: is the student good enough?")).to_be_visible()
    expect(page.get_by_text(re.compile("^Next:")).first).to_be_visible()
    for name in ("Agreement", "Saving", "Speed-up"):
        expect(page.get_by_test_id("stMetricLabel").filter(has_text=name)).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    no_failure(page)
    assert clicks.count <= 6


def test_own_files_to_a_verdict(page, tmp_path):
    """Two files of one's own, whose labels teach a linear student; then one asset tried."""
    taxonomy, assets = write_files(tmp_path / "files", rows=420)
    clicks = Clicks(page)
    page.get_by_label("Client name").fill("Northwind Outdoor")
    clicks.button("Add client")
    expect(page.get_by_role("heading", name="Bring in a taxonomy and assets")).to_be_visible()
    drawn(page)
    choose_file(page, "Taxonomy file", taxonomy)
    clicks.button("Use this taxonomy")
    settled(page)
    choose_file(page, "Assets file", assets)
    clicks.button("Import assets")
    expect(page.get_by_text("420 rows read")).to_be_visible()

    expect(page.get_by_text(re.compile("a student can learn from them"))).to_be_visible()

    clicks.link("Student")
    page.get_by_role("radiogroup").get_by_text("Linear").click()
    clicks.button("Train")
    expect(page.get_by_role("heading", name="Students of this task")).to_be_visible(timeout=LONG)

    clicks.link("Compare")
    expect(page.get_by_text(re.compile("^Next:")).first).to_be_visible()
    no_failure(page)

    clicks.link("Try one")
    page.get_by_label("The asset's words").fill("weekend discount, half price on summer sale")
    page.get_by_label("The asset's words").press("Control+Enter")
    expect(page.get_by_text(re.compile("^Nobody asked it about this text"))).to_be_visible()
    expect(page.get_by_text(re.compile("^(Handled|Falls back)"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^\d+(\.\d)? ms$")).first).to_be_visible()
    no_failure(page)


def test_progress_survives_reload_and_restart_and_two_clicks_are_one_job(page, app):
    """In a workspace that has no encoder yet: the worker exports it first."""
    db = database.connect()
    bring_in_many(db, "Northwind", 40_000)
    page.goto(f"{app.url}/teacher")
    page.get_by_text("Built-in teacher").click()
    page.get_by_role("button", name="Get 40,000 labels").dblclick()
    doing = page.get_by_text(re.compile(r"Labelling .* of 40,000"))
    expect(doing).to_be_visible()
    assert [job.kind for job in jobs.recent(db)] == ["label"]

    page.reload()
    expect(doing).to_be_visible()
    expect(page.get_by_role("button", name="Get 40,000 labels")).to_be_disabled()
    app.stop()
    app.start()
    page.goto(f"{app.url}/teacher")
    expect(doing).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile("Labelling was paused at"))).to_be_visible()
    expect(page.get_by_role("button", name="Carry on")).to_be_visible()
    cancelled = jobs.recent(db)
    assert [job.state for job in cancelled] == ["cancelled"]
    assert 0 < db.execute("select count(*) from labels").fetchone()[0] < 40_000


def test_every_page_opens_by_its_own_address_on_a_fresh_server(page, app):
    for key in ("overview", "compare", "settings"):
        if key != "overview":  # which the server was started for
            app.stop()
            app.start()
            page.goto(f"{app.url}/{key}")
        expect(page.get_by_role("heading", name=MENU[key].title, exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="Try one", exact=True)).to_be_visible()
        no_failure(page)


def test_reload_and_a_second_tab_keep_the_client_they_show(page, app):
    db = database.connect()
    for name in ("Söhne & Co = 100 %", "Northwind"):
        tasks.of(db, name)
    page.goto(f"{app.url}/ledger")
    picker = page.get_by_test_id("stSelectbox").get_by_role("combobox")
    expect(picker).to_have_value("Northwind")
    picker.click()
    page.get_by_role("option", name="Söhne & Co = 100 %").click()
    expect(page).to_have_title("Söhne & Co = 100 % · Ledger · Understudy")
    page.get_by_role("link", name="Assets", exact=True).click()
    expect(page).to_have_title("Söhne & Co = 100 % · Assets · Understudy")
    other = page.context.new_page()
    other.goto(f"{app.url}/assets?client=Northwind")
    expect(other).to_have_title("Northwind · Assets · Understudy")
    tasks.of(db, "The newest")
    for tab, name in ((page, "Söhne & Co = 100 %"), (other, "Northwind")):
        tab.reload()
        expect(tab).to_have_title(f"{name} · Assets · Understudy")
        expect(tab.get_by_test_id("stMain").get_by_test_id("stCaptionContainer").first).to_contain_text(name)
        no_failure(tab)
    page.go_back()
    expect(page).to_have_title("Söhne & Co = 100 % · Ledger · Understudy")
