"""Compare of a client whose assets have several facets."""

from __future__ import annotations

import pytest

from core import distil, tasks
from core.review import queue
from tests import small


def test_compare_shows_all_facets_in_a_fold(open_page, db, tmp_path):
    facets, assets = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=facets, assets=assets, **how)
    app = open_page("compare")
    assert any(one.label.startswith("All 2 facets of an asset right: ") for one in app.expander)
    (table,) = [one.value for one in app.dataframe if "Facet" in one.value]
    assert table["Facet"].tolist() == ["Topic", "Intent", "All together"]


@pytest.fixture
def two_facets(db, tmp_path):
    """A client with students at work in Topic and Intent."""
    facets, assets = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=facets, assets=assets, go_live=True, **how)
    return tasks.of_client(db, tasks.client_named(db, "Northwind"))


def test_try_one_shows_every_facet_the_task_at_hand_first_and_the_nearest_labelled_assets(open_page, two_facets):
    app = open_page("try_one")
    app.text_area[0].set_value("flights hotel beach look now")
    app.button[-1].click().run()
    assert not app.exception
    (table,) = [one.value for one in app.dataframe if "The student says" in one.value]
    assert dict(zip(table["Facet"], table["The student says"])) == {"Topic": "Travel", "Intent": "Look"}
    assert set(table["What becomes of it"]) <= {"Handled", "Falls back"}
    why = next(one for one in app.expander if one.label.startswith("Why this tag"))
    assert len(why.text) == 3 and [one.value for one in why.markdown].count(":gray-badge[Travel]") >= 2


def test_the_overview_shows_the_clients_tasks_as_rows(open_page, two_facets):
    app = open_page("overview")
    assert not app.exception
    words = [one.value for one in app.text]
    assert {"Northwind", "Topic", "Intent"} <= set(words) and words.count("Northwind") == 1
    assert {"Agreement", "Handled", "Saving", "Verdict", "Next step"} <= {one.value for one in app.caption}
    ranges = [one.help for one in app.text if one.help and one.help.startswith("Range ")]
    assert len(ranges) == 2 and all(", n = " in one for one in ranges), "each task's agreement with its range"
    next(one for one in app.button if one.key == f"open-{two_facets[1].id}").click().run()


def test_review_goes_through_all_facets_of_an_asset_by_keyboard(open_page, db, two_facets):
    for task in two_facets:
        queue.build(db, task)
    app = open_page("review")
    next(one for one in app.text_input if one.label == "Your name").input("Ann").run()
    app.button_group[0].set_value("All facets of an asset").run()
    assert not app.exception
    before = db["reviews"].count
    next(one for one in app.button if str(one.key).startswith("pick-1-queue-")).click().run()
    assert not app.exception and db["reviews"].count == before + 1
    next(one for one in app.button if str(one.key).startswith("undo-queue-")).click().run()
    assert not app.exception and db["reviews"].count == before
