"""Five assets reviewed with the keyboard alone, in a real browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from core import review, tasks
from core.label import gold
from core.review.queue import build

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def client(filled):
    """A client with labels, a judged student and a list to review; made before the dashboard starts."""
    build(filled, tasks.get(filled, 2))
    return filled


def done(page: Page, count: int, total: int) -> None:
    """So many are done, and the next asset is drawn to its end: keys pressed earlier belong to the asset before."""
    expect(page.get_by_text(f"{count} of {total} decided or skipped")).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_visible()


def test_five_assets_by_keyboard_alone(client, page, app):
    total = review.listed(client, tasks.get(client, 2))["queue"]
    page.goto(f"{app.url}/review")
    name = page.get_by_label("Your name")
    expect(name).to_be_visible()
    for _ in range(60):  # to the field by Tab, as somebody without a mouse goes
        if name.evaluate("field => field === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type("Ana")
    page.keyboard.press("Tab")  # leaving the field takes the name
    done(page, 0, total)
    items = [
        row["asset_id"] for row in client.query("select asset_id from review_items where mode = 'queue' order by place")
    ]

    page.keyboard.press("1")
    done(page, 1, total)
    page.keyboard.press("2")
    done(page, 2, total)

    page.keyboard.press("n")
    expect(page.get_by_label("What should be known of this decision?")).to_be_focused()
    page.keyboard.type("sale 1 2 3 skip undo")  # in a field, keys are letters
    page.keyboard.press("Enter")
    expect(page.get_by_text("sale 1 2 3 skip undo")).to_be_visible()
    done(page, 2, total)
    page.keyboard.press("1")
    done(page, 3, total)

    page.keyboard.press("f")
    expect(page.get_by_role("combobox", name="Category")).to_be_focused()
    page.keyboard.type("launch")
    expect(page.get_by_role("option", name="Product launch")).to_be_visible()
    page.keyboard.press("Enter")
    done(page, 4, total)

    page.keyboard.press("s")
    done(page, 5, total)
    page.keyboard.press("u")
    done(page, 4, total)
    page.keyboard.press("1")
    done(page, 5, total)
    expect(page.get_by_text("decisions a minute")).to_be_visible()

    decided = client.execute("select asset_id, note, mode, reviewer from reviews order by id").fetchall()
    assert [row[0] for row in decided] == items[:5]
    assert [row[1] for row in decided] == ["", "", "sale 1 2 3 skip undo", "", ""]
    assert {row[2:] for row in decided} == {("queue", "Ana")}
    assert gold.labels(client, tasks.get(client, 2))[items[3]] == "Product launch"
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_fifteen_keys_typed_fast_are_fifteen_decisions_in_order(client, page, app):
    page.goto(f"{app.url}/review")
    expect(page.get_by_label("Your name")).to_be_visible()
    page.get_by_label("Your name").fill("Ana")
    page.keyboard.press("Enter")
    total = review.listed(client, tasks.get(client, 2))["queue"]
    done(page, 0, total)
    expect(page.get_by_label("Your name")).to_have_count(0)  # no field is left that a key could fall into
    items = [
        row["asset_id"] for row in client.query("select asset_id from review_items where mode = 'queue' order by place")
    ]
    assert total >= 15
    for key in "121212121212121":
        page.keyboard.press(key)
    expect(page.get_by_text("Waiting: ")).to_be_visible()
    expect(page.get_by_text(f"15 of {total} decided or skipped")).to_be_visible(timeout=120_000)
    decided = client.execute("select asset_id, category_id, reviewer from reviews order by id").fetchall()
    assert [row[0] for row in decided] == items[:15]
    likeliest = [[one["category_id"] for one in _suggested(client, asset)] for asset in items[:15]]
    assert [row[1] for row in decided] == [ids[place % 2] for place, ids in enumerate(likeliest)]
    assert {row[2] for row in decided} == {"Ana"}

    for key in "uu":
        page.keyboard.press(key)
    done(page, 13, total)
    for key in "f" + "launch":  # what is typed before the field is there goes into it
        page.keyboard.press(key)
    expect(page.get_by_role("option", name="Product launch")).to_be_visible()
    page.keyboard.press("Enter")
    done(page, 14, total)
    page.keyboard.press("s")
    done(page, 15, total)
    assert client["reviews"].count == 14 and client["review_skips"].count == 1

    page.get_by_text("Random sample", exact=True).click()  # the choice keeps the focus, the keys are heard all the same
    sample = review.listed(client, tasks.get(client, 2))["random"]
    done(page, 0, sample)
    page.keyboard.press("1")
    done(page, 1, sample)


def _suggested(db, asset_id: int) -> list[dict]:
    return json.loads(db.execute("select suggestions from review_items where asset_id = ?", [asset_id]).fetchone()[0])


def test_tags_by_keyboard_alone(tagged, page, app):
    task = tasks.named(tagged, "Northwind")
    build(tagged, task)
    total = review.listed(tagged, task)["queue"]
    page.goto(f"{app.url}/review")
    page.get_by_label("Your name").fill("Ana")
    page.keyboard.press("Enter")
    done(page, 0, total)
    first = review.next_item(tagged, task, "Ana", "queue", most=20)
    names = [one["label"] for one in first.suggestions]
    order = sorted(
        names, key=lambda name: next(one["category_id"] for one in first.suggestions if one["label"] == name)
    )
    given = {one["label"] for one in first.suggestions if one["given"]}
    for key in ("1", "2"):  # each takes a tag or lets go of it
        page.keyboard.press(key)
    wanted = given ^ set(names[:2])
    words = "; ".join(name for name in order if name in wanted) or "No tag"
    expect(page.get_by_role("button", name=f"Save: {words}")).to_be_visible()
    page.keyboard.press("Enter")
    done(page, 1, total)
    assert gold.labels(tagged, task) == {first.asset_id: words}
    for key in ("1", "Enter", "Enter"):  # typed faster than the page is drawn
        page.keyboard.press(key)
    done(page, 3, total)
    page.keyboard.press("u")
    done(page, 2, total)
    expect(page.get_by_test_id("stException")).to_have_count(0)
