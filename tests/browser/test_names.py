"""Names full of markup in a real browser: the words are there as they were written, and nothing of them is drawn or linked."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from core import database
from tests.browser.test_journeys import no_failure
from tests.pages import hostile

pytestmark = pytest.mark.timeout(600)
DRAWN = ", ".join(
    f"[data-testid=stMarkdownContainer] {tag}:has-text('{hostile.WORD}')"
    # A nearest asset's label is a badge of ours; one made by a name would hold nothing but the word.
    for tag in ("em", "code", "h1", "h2", "li", ".katex", "span[style*=color]:not(.stMarkdownBadge)")
)
BADGES = f"[data-testid=stMarkdownContainer] .stMarkdownBadge:text-is('{hostile.WORD}')"
LED_AWAY = (
    "a[href*='://evil' i], a[href^=mailto], img[src*=evil], image[href*=evil]"  # the menu's links hold it in the query
)


@pytest.fixture
def named(workspace):
    db = database.connect()
    hostile.fill(db, workspace / "files")
    db.close()


def test_names_full_of_markup_are_words_in_the_browser(named, page, app):
    page.goto(f"{app.url}/review")
    name = page.get_by_label("Your name")
    expect(name).to_be_visible(timeout=120_000)
    name.fill(hostile.REVIEWERS[1])
    name.press("Tab")
    expect(page.get_by_text("[evil](http").first).to_be_visible()
    _all_words(page, "review")
    page.goto(f"{app.url}/teacher")
    expect(page.get_by_text("Recorded labels: bought :red[evil] `evil`").first).to_be_visible()
    _all_words(page, "teacher")


def _all_words(page, key: str) -> None:
    no_failure(page)
    assert page.locator(LED_AWAY).count() == 0, key
    assert page.locator(DRAWN).count() == 0, page.locator(DRAWN).first.inner_html()
    assert page.locator(BADGES).count() == 0, key
