"""What a page holds belongs to its client: files, choices and words do not follow to another client."""

from __future__ import annotations

import pytest

from core import tasks
from core.ui.menu import MENU
from tests.pages.clients import bring_in, write_files

CHANGED = {
    "text_input": lambda one: one.set_value("typed for Northwind"),
    "text_area": lambda one: one.set_value("typed for Northwind"),
    "number_input": lambda one: one.set_value((one.max if one.value == one.min else one.min) or 1),
    "selectbox": lambda one: one.select_index(len(one.options) - 1),
    "multiselect": lambda one: one.set_value(one.options[:1] if not one.value else []),
    "radio": lambda one: one.set_value(one.options[-1]),
    "checkbox": lambda one: one.set_value(not one.value),
    "toggle": lambda one: one.set_value(not one.value),
}


def held(app) -> dict[str, list]:
    """The values of all widgets of the page itself."""
    return {kind: [one.value for one in app.main.get(kind)] for kind in CHANGED} | {
        "files": [one.value for one in app.main.get("file_uploader")]
    }


def switch(app, name: str):
    return app.sidebar.selectbox[0].select(next(o for o in app.sidebar.selectbox[0].options if o == name)).run()


@pytest.fixture
def two(filled, tmp_path):
    """A second client with the same files as the filled one."""
    bring_in(filled, "Southgate", tmp_path / "files")
    return filled


# One grey point, as a PNG.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c636800000082008177cd72b60000000049454e44"
    "ae426082"
)


@pytest.mark.parametrize("key", MENU)
def test_nothing_a_page_holds_follows_to_another_client(open_page, two, key):
    north, south = (tasks.of(two, name) for name in ("Northwind", "Southgate"))
    fresh = held(open_page(key, task=south))
    app = open_page(key, task=north)
    for kind, change in CHANGED.items():
        for one in app.main.get(kind):
            worded = kind == "selectbox" and key in (
                "student",
                "connections",
            )  # AppTest cannot choose where options have words
            if not one.disabled and not worded:
                change(one)
    for one in app.main.get("file_uploader") if key != "settings" else ():  # takes pictures
        if one.key == "image-files":
            one.set_value([("ad.png", PICTURE, "image/png")])
        else:
            one.set_value(("file.csv", b"name\nShoes\n", "text/csv"))
    app.run()
    assert not app.exception
    app.session_state["anything-kept"] = "for Northwind"
    switch(app, "Southgate")
    assert not app.exception
    assert held(app) == fresh
    assert "anything-kept" not in app.session_state


def test_a_file_uploaded_for_one_client_cannot_be_imported_into_another(open_page, two, tmp_path):
    _, assets = write_files(tmp_path / "own", rows=20, seed=9)
    app = open_page("assets", task=tasks.of(two, "Northwind"))
    app.file_uploader(key="assets-file").set_value(("own.csv", assets.read_bytes(), "text/csv")).run()
    assert any(button.label == "Import assets" for button in app.button)
    switch(app, "Southgate")
    assert not any(button.label == "Import assets" for button in app.button)
    switch(app, "Northwind")
    assert not any(button.label == "Import assets" for button in app.button), "it was put away with its client"
