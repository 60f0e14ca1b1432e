"""The walk through the second sample client, whose assets are images, and its pictures for the documentation.

    python -m tests.browser.image_screens [folder] [--in WORKSPACE]    (default: docs/screens, a workspace of its own)

Overview, its button, a verdict on both facets; the words of an image beside it on Assets; Compare; Try one with an image. It takes
as long as the images take to be read. In a workspace where that was done it goes on from there.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from core import database, jobs
from core.distil import IMAGES_CLIENT
from tests.browser.conftest import ARGUMENTS, CHROMIUM, ROOT, VIEWPORT, App
from tests.browser.screenshots import shoot, visit

LONG = 3_600_000  # ms
FIRST_ROW = {"x": 15, "y": 75}  # of a table: where it is ticked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "screens")
    parser.add_argument("--in", dest="workspace", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=120_000)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        home = asked.workspace or Path(scratch) / "workspace"
        os.environ["UNDERSTUDY_HOME"] = str(home)
        app = App(home).start()
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            page = chromium.new_page(viewport=VIEWPORT)
            page.set_default_timeout(120_000)
            walk(app, page, asked.folder)
        finally:
            chromium.close()
            app.stop()
            jobs.stop_worker()


def walk(app: App, page: Page, folder: Path) -> None:
    """From the button to an image tried."""
    visit(page, app, "overview")
    button = page.get_by_role("button", name="Draw and run it")
    if button.count():
        shoot(page, folder / "images-overview.png")
        button.click()
        expect(button).to_have_count(0, timeout=LONG)
    visit(page, app, "assets")
    table = page.get_by_test_id("stDataFrame").filter(visible=True).last
    table.scroll_into_view_if_needed()
    table.click(position=FIRST_ROW)
    words = page.get_by_label("Words on the image, a piece of text a line")
    words.scroll_into_view_if_needed()
    page.get_by_label("Your name").fill("Ana")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Save the words")).to_be_enabled()
    shoot(page, folder / "images-words.png")
    visit(page, app, "compare")
    shoot(page, folder / "images-compare.png")
    visit(page, app, "try_one")
    with closing(database.connect()) as db:
        query = """select c.id, i.sha256 from images i join clients c on c.id = i.client_id
                   where c.name = ? and i.width > i.height and i.format = 'PNG' limit 1"""
        client_id, sha = db.execute(query, [IMAGES_CLIENT]).fetchone()
    page.locator("input[type=file]").first.set_input_files(
        Path(os.environ["UNDERSTUDY_HOME"]) / "images" / str(client_id) / sha[:2] / f"{sha}.png"
    )
    expect(page.get_by_label("The asset's words")).not_to_be_empty(timeout=LONG)
    page.get_by_role("button", name="Ask student and teacher").click()
    expect(page.get_by_role("heading", name="Teacher")).to_be_visible()
    shoot(page, folder / "images-try-one.png")


if __name__ == "__main__":
    main()
