"""Pictures of every page for the documentation: the sample client run in a workspace of its own, empty, busy and filled.

python -m tests.browser.screenshots [--writing | --watch] [folder]    (default: docs/screens; takes as long as the sample's run)

With --writing only the pages of its second task, which writes, with the nearest approved copy as its student: half a minute. With
--watch only the Watch page, in a week that is played (tests/watch/week.py): at the alarm, and after the lesson.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from core import database, jobs
from core.distil import sample_pairs
from core.train.registry import set_live
from core.ui.menu import MENU
from core.write import blind_pairs, pairs, training, use
from tests import small
from tests.browser.conftest import ARGUMENTS, CHROMIUM, ROOT, VIEWPORT, App
from tests.watch import week

BRIEF = """Ottermoor, social, offer
Product: oak folding chair
For: small kitchens
Say: folds flat
Ask: £39 until 12 May"""
SETTLE = 1500  # ms for fonts and charts to come to rest after a page stopped loading


def main(folder: Path, what: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["UNDERSTUDY_HOME"] = str(Path(scratch) / "workspace")
        if what == "--watch":
            return watched(folder, Path(scratch) / "workspace")
        with sync_playwright() as playwright:
            drawn(playwright, folder, what == "--writing")


def drawn(playwright: Playwright, folder: Path, writing: bool) -> None:
    """The sample client's pages, or those of its task that writes."""
    if writing:
        taught()
    app = App(Path(os.environ["UNDERSTUDY_HOME"])).start()
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    try:
        if writing:
            return walk_writing(app, chromium.new_page(viewport=VIEWPORT), folder)
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


def taught() -> None:
    """The sample client's task that writes, with a student at work, a blind test drawn up, and drafts at the desk."""
    with closing(database.connect()) as db:
        task = sample_pairs(db)
        training.train(db, task, "retrieve")
        blind_pairs.draw(db, task, "live", 40)
        for pair in pairs.load(db, task)[:6]:
            use.write(db, task, pair.brief)
        db.conn.commit()


def walk_writing(app: App, page: Page, folder: Path) -> None:
    """Every page that a task that writes has."""
    visit(page, app, "overview")
    shoot(page, folder / "writing-overview.png")
    for key in (key for key, item in MENU.items() if item.needs_client and "write" in item.kinds):
        visit(page, app, key)
        if key == "write":
            page.get_by_label("The brief").fill(BRIEF)
            page.get_by_role("button", name="Write drafts", exact=True).click()
            expect(page.get_by_text("passed").first).to_be_visible(timeout=60_000)
        if key == "blind":
            page.get_by_label("Your name").fill("Ana")
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name="Both fine")).to_be_visible(timeout=60_000)
        shoot(page, folder / f"writing-{key}.png")
        if key == "blind":
            page.get_by_text("Drafts' desk", exact=True).first.click()
            expect(page.get_by_role("button", name="Approve")).to_be_visible(timeout=60_000)
            shoot(page, folder / "writing-desk.png")


def watched(folder: Path, home: Path) -> None:
    """The Watch page of a week in which the work changes: played first, a copy of the workspace kept of each moment."""
    names = {"5": "watch-broken", "learned": "watch-learned", str(week.DAYS): "watch"}
    with closing(database.connect()) as db:
        task = small.fill(db, home / "files", small.rows(700), client="Northwind")
        run = jobs.run_here(db, "label", {"task_id": task.id, "teacher": "recorded:label"}, task).result
        params = {"task_id": task.id, "run_id": run["run_id"], "kind": "linear", "target": 0.9}
        jobs.run_here(db, "train", params, task)
        set_live(db, 1)

        def told(moment: str, state: str) -> None:
            if moment in names:
                db.execute("pragma wal_checkpoint(truncate)")
                shutil.copytree(home, home.with_name(moment))

        week.play(db, task, time.time() - week.DAYS * week.DAY, told)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for moment, name in names.items():
            os.environ["UNDERSTUDY_HOME"] = str(home.with_name(moment))
            app = App(home.with_name(moment)).start()
            page = chromium.new_page(viewport=VIEWPORT)
            visit(page, app, "watch")
            shoot(page, folder / f"{name}.png")
            app.stop()
            jobs.stop_worker()
        chromium.close()


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
    named = [one for one in sys.argv[1:] if not one.startswith("--")]
    asked = next((one for one in sys.argv[1:] if one.startswith("--")), "")
    main(Path(named[0]) if named else ROOT / "docs" / "screens", asked)
