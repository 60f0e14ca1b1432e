"""A vendor judged in a real browser: the blind pack out, its answers in, the scorecard, and our own base fine-tuned beside it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core import database, jobs, settings, tasks, weights
from tests.browser.test_journeys import Clicks, no_failure
from tests.pages.clients import WORDS, bring_in

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def judged(workspace, encoders):
    """A client with enough held-out assets to judge by, and a linear student; the large encoder is the small one."""
    db = database.connect()
    settings.put(db, "large_encoder", weights.PACKAGED)
    client = bring_in(db, "Northwind", workspace / "files", rows=500)
    teacher = {"task_id": client.id, "teacher": "recorded:recorded_label"}
    run = jobs.run_here(db, "label", teacher, client).result["run_id"]
    jobs.run_here(db, "train", {"task_id": client.id, "run_id": run, "kind": "linear", "target": 0.9}, client)
    yield db
    db.close()


def answered(pack: Path, folder: Path) -> Path:
    """What a vendor makes of the pack: it knows two of the four categories, and sends a file back."""
    with zipfile.ZipFile(pack) as packed:
        assets = next(name for name in packed.namelist() if name.endswith("assets.csv"))
        rows = list(csv.DictReader(io.StringIO(packed.read(assets).decode("utf-8-sig"))))
    assert rows and not any("label" in column for column in rows[0]), "the pack is not blind"
    known = list(WORDS)[:2]
    path = folder / "answers.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["asset_id", "label"])
        for row in rows:
            words = [sum(word in row["text"] for word in WORDS[name]) for name in known]
            table.writerow([row["asset_id"], known[words.index(max(words))]])
    return path


def test_a_vendor_from_the_blind_pack_to_training_our_own_base(judged, page, app, tmp_path):
    clicks = Clicks(page)
    page.goto(f"{app.url}/vendor")
    with page.expect_download() as pack:
        clicks.button("Download the pack")
    page.get_by_role("textbox", name="Vendor").fill("Acme")
    page.get_by_role("textbox", name="Vendor").press("Tab")
    page.locator("input[type=file]").first.set_input_files(answered(pack.value.path(), tmp_path))
    clicks.button("Judge these answers", timeout=60_000)
    expect(page.get_by_text(re.compile("not capable enough"))).to_be_visible(timeout=60_000)
    no_failure(page)

    train = "Train our small base model on these labels"
    clicks.button(train)
    expect(page.get_by_test_id("stProgress")).to_contain_text(re.compile("of \\d"), timeout=60_000)
    expect(page.get_by_role("button", name=train)).to_be_disabled()
    (job,) = jobs.active(judged, tasks.get(judged, 2))
    assert (job.kind, job.params["kind"]) == ("train", "transformer") and clicks.count <= 6
    clicks.button("Cancel")  # it takes minutes; tests/train sees it to its end
    expect(page.get_by_role("button", name=train)).to_be_enabled(timeout=60_000)
    no_failure(page)
