"""Pictures of every page for the documentation: the sample client run in a workspace of its own, empty, busy and filled.

python -m tests.browser.screenshots [folder]    (default: docs/screens; takes as long as the sample's run)
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from core import jobs
from core.ui.menu import MENU
from tests.browser.conftest import ARGUMENTS, CHROMIUM, ROOT, VIEWPORT, App

SETTLE = 1500  # ms for fonts and charts to come to rest after a page stopped loading


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        os.environ["UNDERSTUDY_HOME"] = str(Path(scratch) / "workspace")
        app = App(Path(os.environ["UNDERSTUDY_HOME"])).start()
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            walk(app, chromium.new_page(viewport=VIEWPORT), folder)
            dark = chromium.new_page(viewport=VIEWPORT, color_scheme="dark")
            for key in ("overview", "compare"):
                visit(dark, app, key)
                shoot(dark, folder / f"{key}-dark.png")
        finally:
            chromium.close()
            app.stop()
            jobs.stop_worker()


def walk(app: App, page: Page, folder: Path) -> None:
    """The first visit, the sample's run, then every page."""
    visit(page, app, "overview")
    shoot(page, folder / "overview-empty.png")
    page.get_by_role("button", name="Run the sample client").click()
    expect(page.get_by_text(re.compile("linear:|embedding:"))).to_be_visible(timeout=120_000)
    shoot(page, folder / "overview-busy.png")
    expect(page.get_by_role("button", name="Read the verdict")).to_be_visible(timeout=1_800_000)
    for key in MENU:
        visit(page, app, key)
        if key == "try_one":
            page.get_by_test_id("stMain").get_by_role("button").nth(1).click()
            expect(page.get_by_role("heading", name="Teacher")).to_be_visible(timeout=60_000)
        if key == "review":
            page.get_by_role("button", name="Find what to review").click()
            page.get_by_label("Your name").fill("Ana", timeout=300_000)
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name="Skip")).to_be_visible(timeout=60_000)
        shoot(page, folder / f"{key}.png")


def visit(page: Page, app: App, key: str) -> None:
    """Open a page and wait until it has stopped running and its charts are drawn."""
    page.goto(f"{app.url}/{'' if key == 'overview' else key}")
    expect(page.get_by_role("heading", name=MENU[key].title, exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=60_000)


def shoot(page: Page, path: Path) -> None:
    """Save the window as a PNG of 256 colours, which keeps it small."""
    page.wait_for_timeout(SETTLE)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens")
