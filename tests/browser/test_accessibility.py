"""axe-core over every page, filled, in the light look and in the dark one: no serious violation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from core.ui.compare_first import TABS
from core.ui.menu import MENU
from tests.browser.conftest import VIEWPORT, App
from tests.browser.screenshots import visit

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.timeout(600)

SERIOUS = ("serious", "critical")
# The two looks are one page in other colours: in the dark only what depends on those is looked at again.
OPTIONS = {
    "light": {"resultTypes": ["violations"]},
    "dark": {
        "resultTypes": ["violations"],
        "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    },
}


@pytest.fixture(scope="module")
def app(filled_workspace, tmp_path_factory) -> Iterator[App]:
    """The dashboard of a client taken to a verdict, which these tests look at and leave as it is."""
    running = App(shutil.copytree(filled_workspace, tmp_path_factory.mktemp("looked-at") / "workspace")).start()
    yield running
    running.stop()


def violations(page, look: str) -> list[str]:
    """Serious and critical violations on the page, one line each with the first places they are at."""
    found = axe_playwright.Axe().run(page, options=OPTIONS[look]).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in SERIOUS
    ]


def looked_at(page) -> dict[str, list[str]]:
    """What is wrong with the page as it stands, in both schemes."""
    found = {}
    for look, background in (("dark", "rgb(21, 24, 29)"), ("light", "rgb(255, 255, 255)")):
        page.emulate_media(color_scheme=look)
        expect(page.get_by_test_id("stApp")).to_have_css("background-color", background)
        charts = page.locator(".js-plotly-plot").count()
        page.wait_for_timeout(
            500 if charts else 200
        )  # they are drawn anew in the other colours, all else fades to them
        found[look] = violations(page, look)
    return found


def test_no_page_has_a_serious_violation_in_light_or_dark(app, browser):
    context = browser.new_context(viewport=VIEWPORT)
    page, found = context.new_page(), {}
    for key in MENU:
        visit(page, app, key)
        found[key] = looked_at(page)
        if key == "compare":
            for question in TABS[1:]:
                page.get_by_role("tab", name=question, exact=True).click()
                expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()
                expect(page.locator("[data-stale=true]")).to_have_count(0)  # those are drawn pale
                found[f"compare: {question}"] = looked_at(page)
    context.close()
    assert not [(where, look, lines) for where, looks in found.items() for look, lines in looks.items() if lines]


def test_the_questions_of_compare_are_reached_by_keyboard(app, browser):
    context = browser.new_context(viewport=VIEWPORT)
    page = context.new_page()
    visit(page, app, "compare")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "tab":
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Compare with other models' list prices")).to_be_visible()
    context.close()
