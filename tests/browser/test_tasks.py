"""A second task: added on Overview, its categories uploaded, its labels taken from the same file, chosen beside the client."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.test_journeys import Clicks, choose_file, no_failure


def test_a_second_task_over_the_same_assets(filled, page, app, tmp_path):
    clicks = Clicks(page)
    offers = [f"A-{row:04d},Words of no matter {row},{'Yes' if row % 2 else 'No'}" for row in range(360)]
    known = dict(filled.execute("select external_id, text from assets").fetchall())
    rows = [
        f'{id},"{known[id]}",{line.rsplit(",", 1)[1]}' for line in offers if '"' not in known[id := line.split(",")[0]]
    ]
    (tmp_path / "offer.csv").write_text("name\nYes\nNo\n", encoding="utf-8")
    (tmp_path / "assets.csv").write_text("\n".join(["asset_id,headline,offer", *rows]), encoding="utf-8")
    page.goto(app.url)
    page.get_by_text("Add a task to a client").click()
    page.get_by_label("Task name").fill("Offer")
    clicks.button("Add task")
    expect(page.get_by_role("heading", name="Bring in a taxonomy and assets")).to_be_visible()
    expect(page).to_have_url(re.compile("task=Offer"))
    choose_file(page, "Taxonomy file", tmp_path / "offer.csv")
    clicks.button("Use this taxonomy")
    expect(page.get_by_text("Version 1 is in use: 2 categories")).to_be_visible()
    choose_file(page, "Assets file", tmp_path / "assets.csv")
    clicks.button("Import assets")
    expect(page.get_by_text(re.compile("0 new, 359 there already"))).to_be_visible(timeout=60_000)
    expect(page.get_by_text(re.compile("359 labels of the column offer taken"))).to_be_visible()
    page.reload()
    expect(page.get_by_text("Northwind · Offer")).to_be_visible()
    assert filled["assets"].count == 360
    no_failure(page)
