"""Compare of a client whose assets have several facets."""

from __future__ import annotations

import pytest

from core import distil, jobs, settings, tasks
from core.evaluate import joint_money
from core.review import queue
from core.wires import connections
from core.wires.wire import OwnPrice, Params
from tests import small
from tests.pages.test_hosted import button
from tests.pages.test_pages import shown
from tests.wires import servers


def test_compare_shows_all_facets_in_a_fold(open_page, db, tmp_path):
    facets, assets = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=facets, assets=assets, **how)
    app = open_page("compare")
    assert any(one.label.startswith("All 2 facets of an asset right: ") for one in app.expander)
    (table,) = [one.value for one in app.dataframe if "Facet" in one.value]
    assert table["Facet"].tolist() == ["Topic", "Intent", "All together"]
    shown_money = {one.label: one.value for one in app.metric}
    assert {"A month with students", "A month of the teacher", "Would save a month"} <= set(shown_money)
    assert any("with students and one call for whatever falls back" in one.value for one in app.caption)
    (costs,) = [one.value for one in app.dataframe if "Way of working" in one.value]
    assert costs["Way of working"].tolist() == list(joint_money.WAYS.values())


@pytest.fixture
def two_facets(db, tmp_path):
    """A client with students at work in Topic and Intent."""
    facets, assets = small.facet_files(tmp_path / "files")
    how = {"client": "Northwind", "teacher": "recorded", "student": "linear", "target": 0.6}
    distil.distil(db, taxonomy=facets, assets=assets, go_live=True, **how)
    return tasks.of_client(db, tasks.client_named(db, "Northwind"))


def test_each_facet_shows_its_own_part_of_a_file_that_brought_labels_for_all(open_page, two_facets):
    for task, column in zip(two_facets, ("topic", "intent_label")):
        said = shown(open_page("assets", task=task))
        assert f"of the column {column} taken as a teacher's answers" in said and "another task" not in said


def test_rows_of_several_facets_are_sent_to_the_teacher_from_the_page(open_page, db, two_facets):
    topic, intent = two_facets
    folder = settings.subfolder("output")
    (folder / "in.csv").write_text("text\nzzqx plonk\nwibble qqf\nzzqx plonk\n")
    params = {"task_id": topic.id, "beside": [intent.id], "student": "live", "input": str(folder / "in.csv")}
    params |= {"output": str(folder / "in-scored.csv"), "text_columns": ["text"]}
    assert jobs.run_here(db, "score", params, task=topic).result["teacher_waiting"] == [[[0, 1], 2, 20]]
    with servers.Server(servers.steady) as server:
        price = OwnPrice(2.0, 10.0)
        connections.save(
            db,
            topic.client_id,
            "Big",
            "openai",
            "big-1",
            base_url=server.url,
            params=Params(logprobs=False, price=price),
        )
        app = open_page("deploy", topic)
        assert "3 rows of 3 to the teacher, in one facet at least" in shown(app)
        button(app, "Send them to the teacher").click().run()
        assert not app.exception and not app.error
        (queued,) = jobs.active(db, topic)
        result = jobs.run_here(db, "send", queued.params, task=topic).result
        assert (result["by_teacher"], result["left"]) == (3, 0)
        assert dict(server.asked) == {"zzqx plonk": 1, "wibble qqf": 1}
        assert server.billed_in * 2e-6 + server.billed_out * 1e-5 <= queued.params["budget_usd"]


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
